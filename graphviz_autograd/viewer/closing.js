/**
 * Which groups are closed: at first, all of them, none that need be, and around a node.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 */

import { countCopies } from "./leaves.js";
import { countBoxes } from "./visible.js";

export const MOST = 1_500;  // boxes that "all" opens

/** Groups that are drawn as one box unless a person opens that very one. */
const SMALL = ["leaf", "chain"];

/**
 * The groups that are closed at first: those of the graph, and all that are in them, so that
 * what is opened shows its parts as boxes.
 * @param {Graph} graph
 * @returns {Set<number>}
 */
export function atFirst(graph) {
  const closed = new Set(graph.closed);
  for (const id of graph.closed) {
    for (const group of graph.groupsIn(id)) closed.add(group.id);
  }
  return closed;
}

/** @param {Graph} graph @returns {Set<number>} */
export function all(graph) {
  return new Set(graph.groups.map((group) => group.id));
}

/**
 * As much opened as there may be boxes: everything, or all groups down to some depth; within
 * one group where one is given.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @param {{within?: number, most?: number}} options
 * @returns {{closed: Set<number>, whole: boolean}}
 */
export function opened(graph, closed, { within, most = MOST } = {}) {
  const inside = within === undefined ? graph.groups : [graph.node(within), ...graph.groupsIn(within)];
  const depths = inside.filter((group) => !SMALL.includes(group.op))
    .map((group) => /** @type {const} */ ([group.id, graph.ancestors(group.id).length]));
  const open = new Set(closed);
  if (within !== undefined) for (const group of graph.ancestors(within)) open.delete(group.id);
  const [least, deepest] = depths.reduce(
    ([low, high], [, depth]) => [Math.min(low, depth), Math.max(high, depth)], [Infinity, 0]);
  for (let limit = deepest + 1; limit > least; limit -= 1) {
    const tried = new Set(open);
    for (const [id, depth] of depths) {
      if (depth < limit) tried.delete(id);
      else tried.add(id);
    }
    if (countBoxes(graph, tried) + countCopies(graph, tried) <= most) return { closed: tried, whole: limit > deepest };
  }
  return { closed: new Set(closed), whole: false };
}

/**
 * With all blocks of a repeat opened to, each of them closed.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @param {number} repeat
 */
export function unrolled(graph, closed, repeat) {
  const open = new Set(closed);
  open.delete(repeat);
  for (const child of graph.children.get(repeat) ?? []) if (child.op === "more") open.delete(child.id);
  return open;
}

/**
 * With everything opened that hides a node, and the box that then shows it.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @param {Node} node
 * @returns {{closed: Set<number>, shown: number}}
 */
export function revealed(graph, closed, node) {
  const open = new Set(closed);
  let shown = node.id;
  for (const group of graph.ancestors(node.id)) {
    if (group.op === "leaf" && open.has(group.id)) shown = group.id;
    else open.delete(group.id);
  }
  return { closed: open, shown };
}
