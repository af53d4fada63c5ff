/**
 * Leaves that many boxes take: each is drawn beside every one of those, and once for all the
 * sections of a group.
 *
 * @typedef {import("./graph.js").Graph} Graph
 */

import { representatives } from "./visible.js";

export const USES = 4;  // of a leaf, from which on it is drawn for each

/**
 * What takes each leaf, by itself or by its accumulator.
 * @param {Graph} graph
 * @returns {Map<number, number[]>}
 */
function takersOf(graph) {
  const found = new Map();
  for (const { id, kind } of graph.nodes) {
    if (kind !== "leaf" && kind !== "input") continue;
    const takers = [];
    for (const { target, kind: way } of graph.outgoing.get(id) ?? []) {
      if (way === "view") continue;
      const accumulates = graph.node(target).op === "AccumulateGrad";
      const edges = accumulates ? graph.outgoing.get(target) ?? [] : [{ target }];
      for (const edge of edges) takers.push(edge.target);
    }
    if (takers.length >= USES) found.set(id, takers);
  }
  return found;
}

/** Whether a leaf could be drawn again, whatever is open. @param {Graph} graph */
export function canRepeat(graph) {
  return takersOf(graph).size > 0;
}

/** A box, or the group of a section. @param {Graph} graph @param {number | undefined} id */
function besideOf(graph, id) {
  const box = graph.byId.get(id ?? -1);
  return box?.op === "section" ? box.parent : id;
}

/**
 * How many boxes are more for that leaves are drawn again, while these groups are closed.
 * @param {Graph} graph
 * @param {Set<number>} closed
 */
export function countCopies(graph, closed) {
  const box = representatives(graph, closed);
  let count = 0;
  for (const [leaf, takers] of takersOf(graph)) {
    const uses = new Set(takers.map((taker) => box.get(taker)).map((id) => besideOf(graph, id)));
    uses.delete(box.get(leaf));
    if (uses.size >= USES) count += uses.size - 1;
  }
  return count;
}

/**
 * How many leaves are drawn beside each node, or group as one box, while all that is in its parent
 * is seen.
 * @param {Graph} graph
 * @returns {Map<number, number>}
 */
export function beside(graph) {
  /** @type {Map<number, number>} */
  const counts = new Map();
  for (const [leaf, takers] of takersOf(graph)) {
    const around = new Set(graph.ancestors(leaf).map((group) => group.id));
    const taking = new Set();
    for (const taker of takers) {
      for (let at = /** @type {number | null} */ (taker); at !== null; at = graph.node(at).parent) {
        if (taking.has(at) || around.has(at)) break;
        taking.add(at);
      }
    }
    /** @type {Map<number | null, number>} */
    const inParent = new Map();
    for (const id of taking) {
      const { parent } = graph.node(id);
      inParent.set(parent, (inParent.get(parent) ?? 0) + 1);
    }
    for (const id of taking) {
      const many = (inParent.get(graph.node(id).parent) ?? 0) >= USES;
      if (many) counts.set(id, (counts.get(id) ?? 0) + 1);
    }
  }
  return counts;
}
