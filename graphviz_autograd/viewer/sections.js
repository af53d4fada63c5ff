/**
 * Groups with more in them than one can look at, cut into sections of a hundred boxes. Leaves that
 * are drawn beside each that takes them count as often.
 *
 * A section is a run of what a group holds in an order of the data's flow, so that closed
 * sections never make a circle of the picture.
 *
 * @typedef {import("./graph.js").Node} Node
 * @typedef {{id: number, from: number, to: number, boxes: number}} Item
 *   a node or a section: from which to which it goes, and how many boxes it takes
 */

import { Graph } from "./graph.js";
import { beside } from "./leaves.js";

const CROWDED = 300;
const SECTION = 100;
const LEAST = 5;  // of what a group holds, in a section

/**
 * The graph with closed sections in every group (and at the top) of more than 300 boxes; sections
 * of sections where there are too many of those.
 * @param {Graph} graph
 * @returns {Graph}
 */
export function sectioned(graph) {
  let next = graph.nodes.reduce((most, node) => Math.max(most, node.id), 0) + 1;
  /** @type {Map<number, number>} */
  const homes = new Map();
  /** @type {Node[]} */
  const made = [];
  const copies = beside(graph);
  for (const [home, children] of graph.children) {
    const inside = children.filter(isCounted);
    const all = inside.reduce((sum, { id }) => sum + 1 + (copies.get(id) ?? 0), 0);
    if (all <= CROWDED) continue;
    /** @type {Item[]} */
    let items = flowOrder(graph, home, inside).map((id, place) => ({
      id, from: place + 1, to: place + 1, boxes: 1 + (copies.get(id) ?? 0),
    }));
    for (let first = true; first || items.length > CROWDED; first = false) {
      const sections = [];
      for (const run of runs(items)) {
        const [from, to] = [run[0].from, run[run.length - 1].to];
        made.push(section(next, home, [from, to, inside.length]));
        for (const item of run) homes.set(item.id, next);
        sections.push({ id: next, from, to, boxes: 1 });
        next += 1;
      }
      items = sections;
    }
  }
  if (!made.length) return graph;
  const nodes = [...graph.nodes, ...made].map((node) => {
    const parent = homes.get(node.id);
    return parent === undefined ? node : { ...node, parent };
  });
  const closed = [...graph.closed, ...made.map((one) => one.id)];
  return new Graph(nodes, graph.edges, { ...graph, closed });
}

/** Items, as many in a run as a section has boxes. @param {Item[]} items */
function runs(items) {
  const found = /** @type {Item[][]} */ ([]);
  let boxes = 0;
  for (const item of items) {
    const last = found[found.length - 1];
    if (!last || (boxes + item.boxes > SECTION && last.length >= LEAST)) {
      found.push([item]);
      boxes = item.boxes;
    } else {
      last.push(item);
      boxes += item.boxes;
    }
  }
  return found;
}

/**
 * @param {number} id
 * @param {number | null} parent
 * @param {[number, number, number]} span  first, last, of how many
 * @returns {Node}
 */
function section(id, parent, span) {
  return {
    id, parent, kind: "group", op: "section", names: [], outputs: [], attrs: { span }, cuts: [],
    data: {}, module: null, line: null, clone_of: null, made: null,
  };
}

/**
 * Saved tensors stay out of it: they are drawn on request, beside their op.
 * @param {Node} node
 */
function isCounted(node) {
  return node.kind !== "saved";
}

/**
 * The children of a group, each after all that it takes from, as far as there is no circle.
 * @param {Graph} graph
 * @param {number | null} home
 * @param {Node[]} inside
 * @returns {number[]}
 */
function flowOrder(graph, home, inside) {
  const ids = new Set(inside.map((node) => node.id));
  const child = childIn(graph, home);
  /** @type {Map<number, number[]>} */
  const targets = new Map(inside.map((node) => [node.id, []]));
  const waiting = new Map(inside.map((node) => [node.id, 0]));
  for (const edge of graph.edges) {
    const [source, target] = [child(edge.source), child(edge.target)];
    if (source === target || !ids.has(source) || !ids.has(target)) continue;
    targets.get(source)?.push(target);
    waiting.set(target, (waiting.get(target) ?? 0) + 1);
  }
  // Depth first, from the last: a leaf comes right before the first who takes it.
  const order = [];
  const ready = inside.map((node) => node.id).filter((id) => !waiting.get(id)).reverse();
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    order.push(id);
    ids.delete(id);
    for (const target of targets.get(id) ?? []) {
      const left = (waiting.get(target) ?? 0) - 1;
      waiting.set(target, left);
      if (!left) ready.push(target);
    }
  }
  return [...order, ...ids];
}

/**
 * What says which child of a group holds a node; -1 for a node that is elsewhere.
 * @param {Graph} graph
 * @param {number | null} home
 * @returns {(id: number) => number}
 */
function childIn(graph, home) {
  /** @type {Map<number, number>} */
  const known = new Map();
  return (id) => {
    const path = [];
    /** @type {number | null} */
    let at = id;
    while (at !== null && !known.has(at) && graph.node(at).parent !== home) {
      path.push(at);
      at = graph.node(at).parent;
    }
    const found = at === null ? -1 : known.get(at) ?? at;
    for (const one of path) known.set(one, found);
    return found;
  };
}
