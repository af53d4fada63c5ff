/**
 * What the boxes and arrows of a picture mean: only what occurs in it.
 *
 * The words are those of `graphviz_autograd/emit/legend.py`; a test holds them together.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./graph.js").Node} Node
 */

import { html } from "./dom.js";

export const BOXES = {
  leaf: "leaf: a tensor that requires grad",
  op: "operation: a node of the backward graph",
  output: "output: what was asked for",
  last: "operation that made the output",
  base: "what an output is a view of",
  saved: "tensor saved for backward",
  input: "tensor that needs no gradient",
  group: "several operations in one box",
  pile: "equal blocks in one box",
  frame: "frame: what is inside of a module or group",
};
export const ARROWS = {
  grad: "data flows along it, its gradient back",
  input: "no gradient flows back along it",
  view: "leads to a view of the tensor",
  saved: "leads to a saved tensor",
};

/**
 * @param {HTMLElement} list
 * @param {Picture} picture
 */
export function fill(list, { boxes, frames, arrows }) {
  const seen = new Set([...boxes.map(({ node }) => boxOf(node)), ...(frames.length ? ["frame"] : [])]);
  const kinds = new Set(arrows.map(({ edge }) => edge.kind));
  list.replaceChildren(
    ...Object.entries(BOXES).filter(([name]) => seen.has(name))
      .map(([name, text]) => html("li", {}, sample(name), text)),
    ...Object.entries(ARROWS).filter(([kind]) => kinds.has(kind))
      .map(([kind, text]) => html("li", {}, html("span", { class: `stroke kind-${kind}`, "aria-hidden": true }), text)),
  );
}

/** The colour of a node's box, beside its name. @param {Node} node */
export function swatch(node) {
  return sample(boxOf(node));
}

/** @param {string} name  of BOXES */
function sample(name) {
  return html("span", { class: `swatch kind-${name === "last" ? "output" : name}`, "aria-hidden": true });
}

/** @param {Node} node */
function boxOf(node) {
  if (node.kind === "output" && node.op) return "last";
  if (node.kind !== "group") return node.kind;
  const ops = /** @type {Record<string, string>} */ (
    { leaf: "leaf", chain: "op", repeat: "pile", more: "pile", section: "pile" });
  return ops[node.op] ?? "group";
}
