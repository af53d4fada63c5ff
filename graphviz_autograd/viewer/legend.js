/**
 * The legend of a layer: its colours, and the nodes that have most of it.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./layers.js").Layer} Layer
 * @typedef {import("./colours.js").Scale} Scale
 */

import { html } from "./dom.js";
import { isOutput } from "./found.js";
import { counted, textOf, top, VERIFY } from "./layers.js";
import { title } from "./words.js";

const STEPS = 12;
const NARROW = 760;  // pixels of a window, as in viewer.css

/**
 * @param {HTMLElement} place
 * @param {Graph} graph
 * @param {Layer | null} layer
 * @param {Scale | null} scale
 * @param {(node: Node) => void} go
 */
export function fill(place, graph, layer, scale, go) {
  place.hidden = !layer;
  if (!layer || !scale) return;
  const children = layer.numeric ? numbers(graph, layer, scale, go) : kinds(graph, layer, scale);
  const note = layer.note ? [html("p", { class: "note" }, layer.note)] : [];
  place.replaceChildren(html("h2", {}, layer.name), ...note, ...children);
}

/** @param {Graph} graph @param {Layer} layer @param {Scale} scale @param {(node: Node) => void} go */
function numbers(graph, layer, scale, go) {
  const text = (/** @type {number} */ value) => textOf(layer, value);
  const bar = html("div", { class: "bar", "aria-hidden": true });
  for (let step = 0; step < STEPS; step += 1) {
    const share = step / (STEPS - 1);
    const value = scale.log
      ? scale.low * (scale.high / scale.low) ** share
      : scale.low + (scale.high - scale.low) * share;
    const part = html("span");
    part.style.background = scale.of(value).fill;
    bar.append(part);
  }
  const ends = html("div", { class: "ends" }, html("span", {}, text(scale.low)),
    html("span", {}, scale.log ? "by powers" : ""), html("span", {}, text(scale.high)));
  const rows = top(graph, layer).map(([node, value]) => html("li", {},
    html("button", { type: "button", class: "link", title: title(graph, node), click: () => go(node) },
      where(graph, node), html("bdi", {}, title(graph, node))),
    html("span", { class: "value" }, text(value))));
  return [bar, ends, html("details", { open: innerWidth > NARROW },
    html("summary", {}, `Top ${rows.length} nodes by ${layer.name}`), html("ol", {}, ...rows))];
}

/**
 * The module that a node is in, as far as it says more than the node's name.
 * @param {Graph} graph
 * @param {Node} node
 */
function where(graph, node) {
  const path = graph.modulesOf(node).at(-1)?.path;
  return path && !node.names.length ? html("bdi", { class: "where" }, `${path} `) : null;
}

/** @param {Graph} graph @param {Layer} layer @param {Scale} scale */
function kinds(graph, layer, scale) {
  const meant = [...layer.own].filter(([id]) => layer.name !== VERIFY || !isOutput(graph.node(id)));
  const counts = counted(meant.map(([, value]) => String(value)));
  return [html("ul", { class: "kinds" }, ...scale.kinds.map((kind) => {
    const swatch = html("span", { class: `swatch${kind === "not checked" ? " striped" : ""}` });
    if (kind !== "not checked") swatch.style.background = scale.of(kind).fill;
    const count = html("span", { class: "value" }, `${counts.get(kind) ?? 0}`);
    return html("li", {}, swatch, html("bdi", {}, kind), count);
  }))];
}
