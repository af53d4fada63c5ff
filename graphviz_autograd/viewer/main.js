/**
 * Where the page begins: reads what it holds, or is given, builds the page, and listens.
 *
 * @typedef {{
 *   title: string, theme: string, own: boolean, rankdir: string, saved: boolean,
 *   shapes: boolean, inputs: boolean, attrs: number, legend: boolean,
 * }} Settings
 */

import { given, tell } from "./around.js";
import * as closing from "./closing.js";
import { Explorer } from "./explorer.js";
import { download, pngBlob, svgText } from "./exports.js";
import { read as readGraph } from "./graph.js";
import { read as readHash, written } from "./hash.js";
import { listen } from "./keys.js";
import { layersOf, VERIFY } from "./layers.js";
import { Layouts } from "./layout.js";
import { measuring, page } from "./page.js";
import { searching } from "./search.js";
import { sectioned } from "./sections.js";
import { onSystemChange, wear } from "./theme.js";
import { step } from "./walking.js";

const TWICE = 400;  // milliseconds between the two clicks of a double one, where the browser does not say
const NEAR = 8;  // pixels between them

/** @param {string} id */
function held(id) {
  return document.getElementById(id)?.textContent ?? "";
}

/**
 * Builds the page; done when the first picture stands.
 * @param {Settings} settings
 * @param {string} text  the graph, as `Graph.to_json` writes it
 */
async function start(settings, text) {
  const { rankdir, shapes, inputs, attrs, legend } = settings;
  const layouts = new Layouts(held("viz"), held("worker"), { rankdir });
  const graph = sectioned(readGraph(text));
  const layers = layersOf(graph);
  /** @type {import("./hash.js").State} */
  const first = {
    closed: closing.atFirst(graph), selected: null, view: null, saved: settings.saved,
    clones: graph.meta.clones !== false, layer: layers.has(VERIFY) ? VERIFY : "", theme: settings.theme,
  };
  const state = readHash(address(), first, (id) => graph.byId.get(id)?.kind === "group");
  if (state.selected !== null && !graph.byId.has(state.selected)) state.selected = null;
  const parts = page({ title: settings.title, own: settings.own, legend, layers: [...layers.keys()] });
  if (!hasOption(parts.theme, state.theme)) state.theme = first.theme;
  wear(state.theme);
  const explorer = new Explorer(graph, parts, {
    layouts, layers, state, measure: measuring(), changed: later(() => remember(state, first)),
    showing: { shapes, inputs, attrs, saved: state.saved, clones: state.clones },
  });
  connect(explorer, settings);
  const { view } = state;
  explorer.colourBy(layers.has(state.layer) ? state.layer : "");
  parts.layer.value = explorer.state.layer;
  parts.theme.value = state.theme;
  parts.saved.checked = state.saved;
  parts.clones.checked = state.clones;
  await explorer.show({
    then: () => explorer.view.camera.set(view ?? explorer.view.opening(explorer.start)),
  });
  remember(state, first);
  new ResizeObserver(() => explorer.view.camera.resized(explorer.view.layout)).observe(parts.canvas);
}

/** @param {HTMLSelectElement} choice @param {string} value */
function hasOption(choice, value) {
  return [...choice.options].some((option) => option.value === value);
}

/** @param {Explorer} explorer @param {Settings} settings */
function connect(explorer, settings) {
  const { page: parts, view, state } = explorer;
  parts.open.addEventListener("click", () => explorer.openMost());
  parts.close.addEventListener("click", () => explorer.closeAll());
  parts.fit.addEventListener("click", () => view.fit());
  parts.keys.addEventListener("click", () => parts.help.showModal());
  parts.layer.addEventListener("change", () => explorer.colourBy(parts.layer.value));
  for (const name of /** @type {("saved" | "clones")[]} */ (["saved", "clones"])) {
    parts[name].addEventListener("change", () => {
      state[name] = parts[name].checked;
      void explorer.show({ anchor: state.selected });
    });
  }
  parts.theme.addEventListener("change", () => {
    state.theme = parts.theme.value;
    wear(state.theme);
    explorer.changed();
    explorer.minimap.update();
  });
  onSystemChange(() => wear(state.theme));
  const name = settings.title.replace(/[^\p{L}\p{N}_.-]+/gu, "_").slice(0, 80) || "graph";
  for (const { button, format, part } of parts.saving) {
    button.addEventListener("click", () => {
      parts.save.hidePopover();
      const blob = format === "png" ? pngBlob(view, part)
        : Promise.resolve(new Blob([svgText(view, part)], { type: "image/svg+xml" }));
      blob.then((done) => download(done, `${name}.${format}`), (error) => explorer.say(String(error)));
    });
  }
  searching(parts.field, parts.results, explorer.graph, {
    go: (node) => explorer.go(node), leave: () => parts.canvas.focus(),
  });
  pointing(explorer);
  typing(explorer, settings.rankdir);
  addEventListener("unhandledrejection", ({ reason }) => explorer.say(String(reason)));
}

/** What the mouse does. @param {Explorer} explorer */
function pointing(explorer) {
  const { view, graph } = explorer;
  /** @type {{node: import("./graph.js").Node, key: string, event: MouseEvent} | null} */
  let first = null;  // the click that may become a double one
  let waiting = 0;
  const canvas = explorer.page.canvas;
  const at = (/** @type {Event} */ event) => {
    const element = /** @type {Element} */ (event.target).closest("[data-node]");
    return element instanceof SVGElement ? element : null;
  };
  canvas.addEventListener("click", (event) => {
    if (view.camera.dragged) return;
    const element = at(event);
    if (!element) return explorer.select(null);
    const node = graph.node(Number(element.dataset.node));
    const key = element.dataset.key ?? "";
    first = { node, key, event };
    explorer.select(node.id, key);
    view.focus(key);
    waiting = setTimeout(() => explorer.reveal(), TWICE);  // until then nothing moves away
  });
  document.addEventListener("pointerdown", () => clearTimeout(waiting), { capture: true });
  document.addEventListener("keydown", () => {
    first = null;
    clearTimeout(waiting);
  }, { capture: true });
  // What the first click of two opens may lie where the second one falls.
  document.addEventListener("click", (event) => {
    const before = first;
    first = null;
    if (!before || !isSecond(event, before.event)) return;
    event.stopPropagation();
    view.focus(before.key);  // the second press may have fallen on what takes no keys
    explorer.toggle(before.node);
  }, { capture: true });
  canvas.addEventListener("pointerover", (event) => {
    explorer.hover(at(event));
  });
  canvas.addEventListener("pointerleave", () => explorer.hover(null));
}

/** Whether a click makes a double one of the one before. @param {MouseEvent} event @param {MouseEvent} before */
function isSecond(event, before) {
  const soon = event.detail === 2 || (event.detail === 1 && event.timeStamp - before.timeStamp < TWICE);
  return soon && Math.hypot(event.clientX - before.clientX, event.clientY - before.clientY) < NEAR;
}

/** What the keyboard does. @param {Explorer} explorer @param {string} rankdir */
function typing(explorer, rankdir) {
  const { page: parts, view, graph } = explorer;
  const pan = 60;
  const zoom = { "+": "in", "=": "in", "-": "out", "_": "out" };
  listen({
    "/": () => parts.field.focus(),
    "?": () => parts.help.showModal(),
    "f": () => view.fit(),
    "e": () => explorer.openMost(),
    "c": () => explorer.closeAll(),
    "Escape": () => explorer.select(null),
    "Shift+ArrowLeft": () => view.camera.pan(pan, 0),
    "Shift+ArrowRight": () => view.camera.pan(-pan, 0),
    "Shift+ArrowUp": () => view.camera.pan(0, pan),
    "Shift+ArrowDown": () => view.camera.pan(0, -pan),
    ...Object.fromEntries(Object.entries(zoom).map(([key, way]) =>
      [key, () => view.camera.step(/** @type {"in" | "out"} */ (way))])),
  }, (event) => {
    const focused = document.activeElement;
    const element = focused instanceof SVGElement ? focused.closest("[data-node]") : null;
    const onCanvas = focused === parts.canvas;
    if (event.key.startsWith("Arrow") && !event.shiftKey && (element || onCanvas)) {
      const key = element instanceof SVGElement ? element.dataset.key ?? "" : "";
      const next = element ? step(view, key, event.key, rankdir) : view.picture.boxes[0]?.key;
      if (next) view.focus(next, { reveal: true });
      return true;
    }
    if (!(element instanceof SVGElement)) return false;
    const node = graph.node(Number(element.dataset.node));
    if (event.key === "Enter" && node.kind === "group") explorer.toggle(node);
    else if (event.key === "Enter" || event.key === " ") {
      explorer.select(node.id, element.dataset.key);
      explorer.reveal();
    } else return false;
    return true;
  });
}

/** @param {import("./hash.js").State} state @param {import("./hash.js").State} first */
function remember(state, first) {
  if (location.protocol === "about:") return;  // in a notebook's frame there is no address
  history.replaceState(null, "", `#${written(state, first)}`);
}

/** What stands behind the "#" of the page's address. */
function address() {
  return location.protocol === "about:" ? "" : location.hash;
}

/**
 * A call that is made a moment later, once however often it was asked for.
 * @param {() => void} call
 */
function later(call) {
  let waiting = 0;
  return () => {
    clearTimeout(waiting);
    waiting = setTimeout(call, 120);
  };
}

/**
 * Begins with the graph that the page holds, or with the one that the page around it gives.
 * @param {boolean} alone
 */
async function begin(alone) {
  /** @type {Settings} */
  const settings = JSON.parse(held("settings"));
  if (alone) return start(settings, held("graph"));
  wear(settings.theme);
  const { graph, title = settings.title, theme = settings.theme, saved } = await given();
  document.title = title;
  return start({ ...settings, title, theme, saved: saved ?? settings.saved }, graph);
}

const root = document.documentElement;
const alone = document.getElementById("graph") !== null;
try {
  await begin(alone);
  root.dataset.state = "ready";
  if (!alone) tell({ gva: "ready" });
} catch (error) {
  root.dataset.state = "failed";
  document.body.append(`This page could not be shown: ${error}`);
  if (!alone) tell({ gva: "failed", reason: String(error) });
  throw error;
}
