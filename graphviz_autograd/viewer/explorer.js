/**
 * One graph on one page: what is closed, selected and coloured, and what a person does about it.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./hash.js").State} State
 * @typedef {import("./layers.js").Layer} Layer
 * @typedef {ReturnType<typeof import("./page.js").page>} Page
 * @typedef {import("./picture.js").Showing} Showing
 */

import * as closing from "./closing.js";
import { scaleOf } from "./colours.js";
import { svg } from "./dom.js";
import { textOf, withGroups } from "./layers.js";
import { Superseded } from "./layout.js";
import { isFirst } from "./found.js";
import { canRepeat } from "./leaves.js";
import { fill as fillLegend } from "./legend.js";
import { fill as fillMeanings } from "./meanings.js";
import { Minimap } from "./minimap.js";
import { fill as fillPanel } from "./panel.js";
import { gradientPath } from "./paths.js";
import { picture } from "./picture.js";
import { View } from "./view.js";
import { about } from "./words.js";

const LATE = 300;  // milliseconds of work from which on it is told

export class Explorer {
  /**
   * @param {Graph} graph
   * @param {Page} page
   * @param {{
   *   layouts: import("./layout.js").Layouts, layers: Map<string, Layer>, state: State,
   *   showing: Showing, measure: (text: string) => number, changed: () => void,
   * }} rest
   */
  constructor(graph, page, { layouts, layers, state, showing, measure, changed }) {
    this.graph = graph;
    this.page = page;
    this.layouts = layouts;
    this.layers = layers;
    this.state = state;
    this.showing = showing;
    this.measure = measure;
    this.changed = changed;
    /** @type {string[]} keys of the boxes that the selection lights from */
    this.chosen = [];
    this.view = new View(page.canvas, () => {
      this.state.view = this.view.camera.view;
      this.minimap.update();
      this.changed();
    });
    this.minimap = new Minimap(page.minimap, this.view);
    page.clonesLabel.hidden = !canRepeat(graph);  // once for all: the tools keep their height
    /** @type {import("./colours.js").Scale | null} */
    this.scale = null;
    /** @type {Layer | null} */
    this.layer = null;
    this.turn = 0;
    this.waiting = 0;
    this.counts = counted(graph);
    /** @type {number | undefined} where one looks first: at a fault, or at the root */
    this.start = graph.nodes.find((node) => node.data.verify?.first)?.id ?? graph.outputs[0];
  }

  /**
   * Lays out what is visible now and draws it.
   * @param {{anchor?: number | null, then?: () => void}} [options]  then: once it is drawn
   */
  async show({ anchor = null, then } = {}) {
    const turn = ++this.turn;
    const began = performance.now();
    this.page.canvas.setAttribute("aria-busy", "true");
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => this.say("Laying out …", { busy: true }), LATE);
    const { saved, clones } = this.state;
    const showing = { ...this.showing, saved, clones };
    const drawn = picture(this.graph, this.state.closed, showing, this.measure);
    try {
      const { layout, note } = await this.layouts.of(drawn);
      if (turn !== this.turn) return;
      clearTimeout(this.waiting);
      this.view.draw(drawn, layout, anchor);
      this.#keep();
      fillMeanings(this.page.meanings, drawn);
      this.page.clones.disabled = !drawn.shared;
      this.#dress();
      then?.();
      this.page.canvas.setAttribute("aria-busy", "false");
      this.say([this.#counts(), ...(note ? [note] : [])].join(" · "));
      this.page.status.dataset.took = (performance.now() - began).toFixed(0);
      this.changed();
      this.minimap.update();
    } catch (error) {
      if (error instanceof Superseded) return;
      clearTimeout(this.waiting);
      this.page.canvas.setAttribute("aria-busy", "false");
      throw error;
    }
  }

  /** What is selected is to be seen: it, or the group that holds it. */
  #keep() {
    const { selected } = this.state;
    if (selected === null) return;
    const shown = this.view.picture.box.get(selected) ?? selected;
    this.state.selected = this.view.placeOf(shown) ? shown : null;
  }

  /** As `gva` counts on the command line. */
  #counts() {
    const said = (/** @type {number} */ count, /** @type {string} */ one, /** @type {string} */ many) =>
      `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
    const { ops, leaves, saved } = this.counts;
    const nodes = [said(ops, "op", "ops"), said(leaves, "leaf", "leaves")];
    if (this.state.saved) nodes.push(said(saved, "saved tensor", "saved tensors"));
    return `${nodes.join(", ")} · ${said(this.view.picture.boxes.length, "box", "boxes")}`;
  }

  /** @param {string} text @param {{busy?: boolean}} [options]  busy: it is at work */
  say(text, { busy = false } = {}) {
    this.page.status.textContent = text;
    this.page.status.classList.toggle("busy", busy);
  }

  // ---- opening and closing

  /** @param {Node} node */
  isOpen(node) {
    return !this.state.closed.has(node.id);
  }

  /** @param {Node} node */
  toggle(node) {
    if (node.kind !== "group") return;
    const closed = new Set(this.state.closed);
    if (!closed.delete(node.id)) closed.add(node.id);
    this.#close(closed, node.id);
  }

  /** @param {Node} node  a group: all in it, or all blocks of a repeat */
  openAll(node) {
    if (node.op === "repeat") {
      this.#close(closing.unrolled(this.graph, this.state.closed, node.id), node.id);
    } else {
      this.openMost(node.id);
    }
  }

  /** @param {number} [within]  a group; else everywhere */
  openMost(within) {
    if (within === undefined) this.state.selected = null;  // or its light would dim all that opens
    const { closed, whole } = closing.opened(this.graph, this.state.closed, { within });
    this.#close(closed, within ?? null, whole ? "" : `opened as far as ${closing.MOST} boxes go`);
  }

  closeAll() {
    this.state.selected = null;
    this.#close(closing.all(this.graph), null);
  }

  /**
   * @param {Set<number>} closed
   * @param {number | null} anchor  what stays in its place; without, one looks as at first
   * @param {string} [note]
   */
  #close(closed, anchor, note = "") {
    this.state.closed = closed;
    const look = () => this.view.camera.fly(this.view.opening(this.state.selected ?? this.start));
    void this.show({ anchor, then: () => anchor === null && look() })
      .then(() => note && this.say(`${this.page.status.textContent} · ${note}`));
  }

  /** Goes to a node, wherever it is: opens what hides it. @param {Node} node */
  go(node) {
    const { closed, shown } = closing.revealed(this.graph, this.state.closed, node);
    this.state.closed = closed;
    if (node.kind === "saved") this.state.saved = this.page.saved.checked = true;
    this.state.selected = shown;
    this.chosen = [];
    void this.show({ then: () => this.lookAt(shown) });
  }

  /** @param {number} id */
  lookAt(id) {
    const place = this.view.placeOf(id);
    if (place) this.view.camera.fly(this.view.camera.showing(place));
    this.view.focus(`${id}`);
  }

  // ---- selecting, lighting, colouring

  /**
   * @param {number | null} id
   * @param {string} [key]  of the box that was meant, of several
   */
  select(id, key) {
    this.state.selected = id;
    this.chosen = key ? [key] : [];
    this.#dress();
    this.changed();
  }

  /** Brings what is selected into sight: the panel may cover it. */
  reveal() {
    const { selected } = this.state;
    const place = this.view.boxes.get(this.chosen[0] ?? `${selected}`)?.place;
    if (place) this.view.camera.reveal(place);
  }

  /**
   * The box or frame under the mouse says more of itself, and lights its twins: those that are
   * drawn for the same leaf.
   * @param {SVGElement | null} element
   */
  hover(element) {
    const node = element && this.graph.node(Number(element.dataset.node));
    if (element && node) {
      element.querySelector("title")?.remove();
      element.append(svg("title", {}, this.#about(node).join("\n")));
    }
    const origin = node ? node.clone_of ?? node.id : null;
    const twins = this.view.picture.boxes
      .filter((box) => (box.node.clone_of ?? box.node.id) === origin).map((box) => box.node.id);
    this.view.mark("twin", new Set(twins.length > 1 ? twins : []));
  }

  /** @param {Node} node  what the mouse is told of it, the layer's value too */
  #about(node) {
    const value = this.layer?.values.get(node.id);
    const said = this.layer && typeof value === "number"
      ? [`${this.layer.name}: ${textOf(this.layer, value)}`] : [];
    return [...about(this.graph, node), ...said];
  }

  /** @param {string} name */
  colourBy(name) {
    this.state.layer = name;
    const layer = this.layers.get(name);
    this.layer = layer ? withGroups(this.graph, layer) : null;
    this.scale = this.layer && scaleOf(this.layer);
    fillLegend(this.page.layerLegend, this.graph, this.layer, this.scale, (node) => this.go(node));
    const wide = this.layer ? this.page.legend.offsetWidth : 0;
    const room = this.page.canvas.clientWidth;
    this.view.camera.covered = wide < room / 3 ? wide : 0;  // on a phone the picture needs all of it
    this.#dress();
    this.changed();
  }

  /** The panel, the light and the colours as they should be. */
  #dress() {
    const { selected } = this.state;
    const node = selected === null ? undefined : this.graph.byId.get(selected);
    this.page.panel.hidden = !node;
    document.body.classList.toggle("with-panel", !!node);
    this.view.mark("selected", new Set(node ? [node.id] : []));
    const boxes = this.view.picture.boxes.filter((box) => box.node.id === node?.id);
    const meant = boxes.filter((box) => this.chosen.includes(box.key));
    const keys = (meant.length ? meant : boxes).map((box) => box.key);
    this.view.light(keys.length ? gradientPath(this.view.picture, keys) : null);
    this.view.colour(({ node: one }) => {
      const value = this.layer?.values.get(one.id);
      if (value === undefined || !this.scale) return null;
      return { ...this.scale.of(value), strong: isFirst(this.graph, one) };
    });
    this.page.canvas.classList.toggle("layered", !!this.layer);
    if (node) {
      fillPanel(this.page.panel, this.graph, node, {
        go: (other) => this.go(other),
        toggle: (group) => this.toggle(group),
        openAll: (group) => this.openAll(group),
        close: () => this.select(null),
        isOpen: (group) => this.isOpen(group),
        boxOf: (one) => this.graph.node(this.view.picture.box.get(one.id) ?? one.id),
        layers: this.layers,
      });
    }
  }
}

/** @param {Graph} graph */
function counted({ nodes, edges }) {
  const count = (/** @type {string} */ kind) => nodes.filter((node) => node.kind === kind).length;
  const made = new Set(edges.filter((edge) => edge.kind === "grad").map((edge) => edge.target));
  const roots = nodes.filter((node) => node.kind === "output" && !made.has(node.id)).length;
  return { ops: count("op"), leaves: count("leaf") + roots, saved: count("saved") };
}
