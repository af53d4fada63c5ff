/**
 * Layers: what is known of nodes as numbers or kinds, to colour the boxes by.
 *
 * Sizes that follow from shapes are always there; anything else is in `Node.data`, under the
 * name that a part of an object has there as well ("verify status").
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {{
 *   name: string, numeric: boolean, bytes: boolean, note: string,
 *   own: Map<number, number | string>, values: Map<number, number | string>,
 * }} Layer
 *   `own` has what nodes have themselves, `values` also what follows for groups
 */

import { bytesOf, bytesText, countText, elementsOf } from "./words.js";

export const VERIFY = "verify status";
const SAVED = "saved bytes";
const SUMMED = /bytes|parameters|elements|count|time|seconds|flops|calls|_ms$|_s$/i;
const MOST_KINDS = 12;
/** Parts of what `verify` found that are layers, and what they are called. @type {Record<string, string>} */
const FOUND = { status: VERIFY, absolute: "largest difference", relative: "relative difference" };
/** Ops whose output has no memory of its own. */
export const VIEWS = new Set(`Alias AsStrided Chunk Diagonal Expand Narrow NumpyT Permute ReshapeAlias Select
  Slice Split SplitWithSizes Squeeze T Transpose Unbind Unfold UnsafeView Unsqueeze View ViewAsComplex
  ViewAsReal`.split(/\s+/));
const NOTES = /** @type {Record<string, string>} */ ({ "output bytes": "without views: they own no memory" });
const BUILT_IN = {
  "parameters": (/** @type {Node} */ node) =>
    (node.kind === "leaf" && node.clone_of === null ? total(node, elementsOf) : undefined),
  "output bytes": (/** @type {Node} */ node) => (node.kind === "op" && ownsMemory(node) ? total(node, bytesOf) : undefined),
  [SAVED]: (/** @type {Node} */ node) => (node.kind === "saved" ? total(node, bytesOf) : undefined),
};

/**
 * The layers that a graph has.
 * @param {Graph} graph
 * @returns {Map<string, Layer>}
 */
export function layersOf(graph) {
  /** @type {Map<string, Map<number, number | string>>} */
  const found = new Map();
  const note = (/** @type {string} */ name, /** @type {number} */ id, /** @type {unknown} */ value) => {
    if (typeof value === "boolean") value = String(value);
    if (typeof value !== "string" && !(typeof value === "number" && Number.isFinite(value))) return;
    if (!found.has(name)) found.set(name, new Map());
    found.get(name)?.set(id, value);
  };
  for (const node of graph.nodes) {
    for (const [name, of] of Object.entries(BUILT_IN)) {
      const value = of(node);
      if (value) note(name, node.id, value);
    }
    for (const [name, value] of Object.entries(node.data)) {
      if (name === "cut") continue;
      if (value && typeof value === "object") {
        for (const [part, one] of Object.entries(value)) {
          const layer = name === "verify" ? FOUND[part] : `${name} ${part}`;
          if (layer) note(layer, node.id, one);
        }
      } else note(name, node.id, value);
    }
  }
  /** @type {Map<string, Layer>} */
  const layers = new Map();
  for (const [name, own] of found) {
    const numeric = [...own.values()].every((value) => typeof value === "number");
    if (!numeric && new Set(own.values()).size > MOST_KINDS) continue;
    const bytes = /bytes/i.test(name);
    layers.set(name, { name, numeric, bytes, note: NOTES[name] ?? "", own, values: own });
  }
  const bytes = [...layers.get("bytes")?.own.keys() ?? []];  // as the walker notes them
  if (bytes.every((id) => graph.node(id).kind === "saved")) layers.delete("bytes");
  return layers;
}

/**
 * The layer with values for groups too: the sum of what is in them, the most, the worst, or
 * what most of them are.
 * @param {Graph} graph
 * @param {Layer} layer
 * @returns {Layer}
 */
export function withGroups(graph, layer) {
  /** @type {Map<number, (number | string)[]>} */
  const held = new Map();
  for (const [id, value] of layer.own) {
    if (graph.node(id).kind === "group") continue;
    for (const group of graph.ancestors(id)) {
      const list = held.get(group.id);
      if (list) list.push(value);
      else held.set(group.id, [value]);
    }
  }
  const values = new Map(layer.own);
  for (const [id, inside] of held) {
    if (!values.has(id)) values.set(id, together(layer, inside));
  }
  if (layer.name === SAVED) savedByOps(graph, layer, values);
  return { ...layer, values };
}

/** @param {Graph} graph @param {Layer} layer @param {Map<number, number | string>} values */
function savedByOps(graph, layer, values) {
  for (const edge of graph.edges) {
    const bytes = edge.kind === "saved" ? layer.own.get(edge.target) : undefined;
    if (typeof bytes === "number") values.set(edge.source, Number(values.get(edge.source) ?? 0) + bytes);
  }
}

/** @param {Layer} layer @param {(number | string)[]} inside */
function together(layer, inside) {
  if (layer.numeric) {
    const numbers = /** @type {number[]} */ (inside);
    if (SUMMED.test(layer.name)) return numbers.reduce((sum, one) => sum + one, 0);
    return numbers.reduce((most, one) => Math.max(most, one));
  }
  if (layer.name === VERIFY) {
    if (inside.includes("failed")) return "failed";
    return inside.every((one) => one === "not checked") ? "not checked" : "matched";
  }
  return [...counted(inside)].reduce((best, one) => (one[1] > best[1] ? one : best))[0];
}

/**
 * The nodes, without groups, that have most of it.
 * @param {Graph} graph
 * @param {Layer} layer
 * @param {number} count
 * @returns {[Node, number][]}
 */
export function top(graph, layer, count = 20) {
  const rows = /** @type {[number, number][]} */ ([...layer.values])
    .filter(([id]) => graph.node(id).kind !== "group")
    .filter(([id]) => layer.name !== SAVED || graph.node(id).kind === "op");
  rows.sort((one, other) => other[1] - one[1] || one[0] - other[0]);
  return rows.slice(0, count).map(([id, value]) => [graph.node(id), value]);
}

/**
 * A layer in words, for several nodes together: the sum, the most, or how many of each kind.
 * @param {Layer} layer
 * @param {Node[]} nodes
 * @returns {string}  empty where none of them has any of it
 */
export function told(layer, nodes) {
  const found = nodes.filter((node) => node.kind !== "group" && layer.own.has(node.id))
    .map((node) => /** @type {number | string} */ (layer.own.get(node.id)));
  if (!found.length) return "";
  if (!layer.numeric) {
    return [...counted(found)].map(([kind, count]) => `${count} ${kind}`).join(", ");
  }
  const text = textOf(layer, /** @type {number} */ (together(layer, found)));
  return SUMMED.test(layer.name) || found.length === 1 ? text : `at most ${text}`;
}

/** @param {Layer} layer @param {number} value */
export function textOf(layer, value) {
  return layer.bytes ? bytesText(value) : countText(value);
}

/** @template T @param {Iterable<T>} values @returns {Map<T, number>} */
export function counted(values) {
  const counts = new Map();
  for (const one of values) counts.set(one, (counts.get(one) ?? 0) + 1);
  return counts;
}

/** @param {Node} node  an op */
function ownsMemory({ op }) {
  return op !== "AccumulateGrad" && !VIEWS.has(op.replace(/^_/, "").replace(/Backward\d*$/, ""));
}

/** @param {Node} node @param {(tensor: import("./graph.js").Tensor) => number | null} of */
function total(node, of) {
  return node.outputs.reduce((sum, tensor) => sum + (of(tensor) ?? 0), 0) || undefined;
}
