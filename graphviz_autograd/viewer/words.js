/**
 * What is said of nodes: in boxes, in the panel and in the list of what was found.
 *
 * The words are those of `graphviz_autograd/emit/words.py` and `boxes.py`.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./graph.js").Tensor} Tensor
 * @typedef {import("./graph.js").Call} Call
 * @typedef {{shapes: boolean, attrs: number}} Telling
 *   whether boxes show shapes, and of how many characters the values of attributes; 0 for none
 */

import { foundLines } from "./found.js";
import { cut, shown } from "./text.js";

const ALIKE = 4;  // tensors of one size, one after the other, that are counted and not listed
const MOST_SIZES = 5;
const OWN = ["parameter", "uses", "ops", "parameters", "span", "of", "count", "blocks", "differs", "chain"];

/** @param {Tensor} tensor */
export function shapeText(tensor) {
  return tensor.shape === null ? "(?)" : `(${tensor.shape.join(", ")})`;
}

/**
 * A tensor as a box tells it: its dtype where it is not float32, its device where there are several.
 * @param {Tensor} tensor
 * @param {boolean} several
 */
function tensorText(tensor, several) {
  const dtype = tensor.dtype === "float32" ? "" : ` ${tensor.dtype}`;
  return shapeText(tensor) + dtype + (several ? ` ${tensor.device}` : "");
}

/**
 * The sizes of several tensors in one line: equal ones counted, few of many.
 * @param {string[]} sizes
 */
function sizesText(sizes) {
  const said = [];
  let left = 0;
  for (let place = 0, next = 0; place < sizes.length; place = next) {
    while (next < sizes.length && sizes[next] === sizes[place]) next += 1;
    const count = next - place;
    const parts = count < ALIKE ? sizes.slice(place, next) : [`${sizes[place]} ×${count}`];
    if (left || said.length + parts.length > MOST_SIZES) left += count;
    else said.push(...parts);
  }
  return [...said, left ? `… ${left} more` : ""].filter(Boolean).join(" ");
}

/** @param {Call} call */
export function callText(call) {
  const name = call.path ? `${call.path} (${call.class_name})` : call.class_name;
  return shown(call.call > 1 ? `${name}, call ${call.call}` : name);
}

/**
 * A count in three figures: 950, 1.5k, 7.09M.
 * @param {number} number
 */
export function countText(number) {
  for (const [size, unit] of /** @type {[number, string][]} */ ([[1e9, "G"], [1e6, "M"], [1e3, "k"]])) {
    if (number >= size) return `${Number((number / size).toPrecision(3))}${unit}`;
  }
  return Number.isInteger(number) ? `${number}` : `${Number(number.toPrecision(3))}`;
}

/** @param {number} bytes */
export function bytesText(bytes) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  for (; bytes >= 1024 && unit < units.length - 1; unit += 1) bytes /= 1024;
  const name = bytes === 1 && !unit ? "byte" : units[unit];
  return `${Number(bytes.toPrecision(unit ? 3 : 15))} ${name}`;
}

/** @param {Tensor} tensor @returns {number | null} */
export function elementsOf(tensor) {
  let total = 1;
  for (const size of tensor.shape ?? ["?"]) {
    if (typeof size !== "number") return null;
    total *= size;
  }
  return total;
}

/** @param {Tensor} tensor @returns {number | null} */
export function bytesOf(tensor) {
  const elements = elementsOf(tensor);
  const bits = tensor.dtype === "bool" ? 8 : Number(/\d+/.exec(tensor.dtype)?.[0] ?? Number.NaN);
  return elements === null || Number.isNaN(bits) ? null : (elements * bits) / 8;
}

/**
 * What an op keeps beside tensors, as names and texts; what is said of a node elsewhere is left out.
 * @param {Node} node
 * @returns {[string, string][]}
 */
export function attributesOf(node) {
  return Object.entries(node.attrs).filter(([name]) => !OWN.includes(name))
    .map(([name, value]) => [shown(name), shown(valueText(value))]);
}

/** @param {any} value @returns {string} */
export function valueText(value) {
  if (typeof value === "string") return value;
  if (value === null) return "None";
  return Array.isArray(value) ? `(${value.map(valueText).join(", ")})` : JSON.stringify(value);
}

/**
 * What a group is, in one line or two.
 * @param {Graph} graph
 * @param {Node} group
 * @returns {string[]}
 */
export function groupLines(graph, group) {
  const { attrs, op } = group;
  const call = graph.modulesOf(group).at(-1);
  let lines = [group.names.join(", ") || op];
  if (op === "module" && call) {
    const again = call.call > 1 ? `call ${call.call}` : "";
    const path = call.path === call.class_name ? "" : call.path;
    lines = [call.class_name, [path, again].filter(Boolean).join(", ")];
  } else if (op === "repeat") {
    lines = [`${attrs.of ?? "step"} ×${attrs.count}`, (attrs.blocks ?? []).join(", ")];
  } else if (op === "more") {
    lines = [`${attrs.count} more`, (attrs.blocks ?? []).join(", ")];
  } else if (op === "section") {
    const [from, to, total] = attrs.span;
    lines = [`${from}–${to} of ${total}`];
  } else if (op === "chain") {
    const names = attrs.chain ?? [];
    lines = [(names.length < 5 ? names : [...names.slice(0, 2), "…", names.at(-1)]).join(" · ")];
  }
  return lines.filter(Boolean).map(shown);
}

/**
 * A node in one line, to name it in a list or a link.
 * @param {Graph} graph
 * @param {Node} node
 * @returns {string}
 */
export function title(graph, node) {
  const names = node.names.map(shown).join(", ");
  if (node.kind === "group") return groupLines(graph, node).join(" ");
  if (node.kind === "saved") return [shown(node.op), names].filter(Boolean).join(": ") || "saved tensor";
  if (node.op === "AccumulateGrad") return [shown(node.op), leafOf(graph, node)].filter(Boolean).join(" of ");
  if (node.kind === "op") return names ? `${shown(node.op)} ${names}` : shown(node.op);
  return names || shown(node.op) || { output: "output", leaf: "leaf" }[node.kind] || node.kind;
}

/** The names of the leaf whose gradient an accumulator gathers. @param {Graph} graph @param {Node} node */
function leafOf(graph, node) {
  const [edge] = graph.incoming.get(node.id) ?? [];
  return edge ? graph.node(edge.source).names.map(shown).join(", ") : "";
}

/**
 * A node in a few lines: its name, what made it, its source line, what verify found.
 * @param {Graph} graph
 * @param {Node} node
 * @returns {string[]}
 */
export function about(graph, node) {
  const call = graph.modulesOf(node).at(-1);
  const line = node.line ? shown(node.line.join(":")) : "";
  return [title(graph, node), call ? callText(call) : "", line, ...foundLines(graph, node).map(shown)]
    .filter(Boolean);
}

/**
 * What a box says, line by line; none is longer than a box may be wide.
 * @param {Graph} graph
 * @param {Node} node
 * @param {Telling} options
 * @returns {string[]}
 */
export function boxLines(graph, node, options) {
  const said = [...lines(graph, node, options), ...foundLines(graph, node).map(shown)];
  return said.filter(Boolean).map((line) => cut(line));
}

/**
 * @param {Graph} graph
 * @param {Node} node
 * @param {Telling} options
 * @returns {string[]}
 */
function lines(graph, node, { shapes, attrs }) {
  const several = graph.severalDevices;
  const sizes = sizesText(node.outputs.map((tensor) => tensorText(tensor, several)));
  const names = node.names.map(shown).join(", ");
  const more = extras(node);
  if (node.kind === "group" && node.op !== "leaf") {
    const said = groupLines(graph, node);
    if (node.op === "chain") return [...said, shapes ? sizes : "", ...more];
    return [...said, shapes ? sizes : "", holdings(node), ...more];
  }
  if (node.kind === "op" || (node.kind === "output" && node.op)) {  // of the classic style
    const known = shapes && node.op !== "AccumulateGrad";  // its leaf says it
    const kept = attrs ? attributesOf(node).map(([name, value]) => `${name}: ${cut(value, attrs)}`) : [];
    return [shown(node.op), names, known ? sizes : "", ...kept, ...more];
  }
  if (node.kind === "saved") {
    const packed = "packed" in node.attrs ? `packed: ${shown(String(node.attrs.packed))}` : "";
    const state = node.attrs.freed ? "freed" : packed;
    const said = [shown(node.op), names].filter(Boolean).join(": ");
    return [said, [state, sizes].filter(Boolean).join(" "), ...more];
  }
  const said = node.kind === "group" ? names : title(graph, node);
  return [said, sizes, ...more];
}

/**
 * What transforms did: the number of uses of a leaf drawn for each, arrows cut off.
 * @param {Node} node
 */
function extras(node) {
  const said = "uses" in node.attrs ? [`×${node.attrs.uses} uses`] : [];
  const off = node.data.cut;
  if (off && typeof off === "object") {
    const ends = ["in", "out"].filter((way) => off[way]).map((way) => `${off[way]} ${way}`);
    said.push(`… ${ends.join(", ")}`);
  }
  return said;
}

/** @param {Node} group */
function holdings(group) {
  const { parameters, ops } = group.attrs;
  const held = [];
  if (parameters) held.push(`${countText(parameters)} parameters`);
  if (ops) held.push(`${ops} op${ops === 1 ? "" : "s"}`);
  return held.join(", ");
}
