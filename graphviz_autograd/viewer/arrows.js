/**
 * The arrows of a picture: which number stands beside each, and which are drawn as one.
 *
 * As `graphviz_autograd/emit/dot.py` and `drawn.py` draw them.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Edge} Edge
 * @typedef {{
 *   key: string, source: string, target: string, edge: Edge, head: string, tail: string,
 * }} Arrow
 */

import { grouped } from "./graph.js";

const BUNDLE = 3;  // arrows between a group and a box above which they are drawn as one
const COMMUTATIVE = new Set(
  ["Add", "Mul", "Dot", "Maximum", "Minimum", "Logaddexp"].map((op) => `${op}Backward0`),
);

/**
 * @param {Edge[]} edges
 * @param {Graph} graph
 * @param {Set<number>} closed  the groups that are boxes
 * @returns {Arrow[]}
 */
export function arrowsOf(edges, graph, closed) {
  const flowing = edges.filter(flows);
  const heads = new Set(flowing.filter((edge) => edge.target_index
    && !COMMUTATIVE.has(graph.node(edge.target).op)).map((edge) => edge.target));
  const tails = new Set(flowing.filter((edge) => edge.source_index).map((edge) => edge.source));
  return bundled(edges, closed).map((bundle, number) => {
    const [first] = bundle;
    const count = bundle.reduce((sum, edge) => sum + edge.count, 0);
    return {
      key: `${number}`, source: `${first.source}`, target: `${first.target}`,
      edge: { ...first, count },
      head: flows(first) && heads.has(first.target) ? span(bundle.map((e) => e.target_index)) : "",
      tail: flows(first) && tails.has(first.source) ? span(bundle.map((e) => e.source_index)) : "",
    };
  });
}

/** @param {Edge} edge */
function flows(edge) {
  return edge.kind === "grad" || edge.kind === "input";
}

/**
 * Many arrows between two boxes of which one is a group, together; every other by itself.
 * @param {Edge[]} edges
 * @param {Set<number>} closed
 * @returns {Edge[][]}
 */
function bundled(edges, closed) {
  const between = grouped(
    edges.filter((edge) => closed.has(edge.source) || closed.has(edge.target)), ends,
  );
  const found = [];
  for (const edge of edges) {
    const bundle = between.get(ends(edge)) ?? [];
    if (bundle.length <= BUNDLE) found.push([edge]);
    else if (bundle[0] === edge) found.push(bundle);
  }
  return found;
}

/** @param {Edge} edge */
function ends({ source, target, kind }) {
  return `${source} ${target} ${kind}`;
}

/**
 * Numbers in few letters: from the first to the last.
 * @param {number[]} numbers
 * @returns {string}
 */
export function span(numbers) {
  const each = [...new Set(numbers)].sort((one, other) => one - other);
  const [first, last] = [each[0], each[each.length - 1]];
  if (each.length === last - first + 1) return first === last ? `${first}` : `${first}–${last}`;
  return each.length < 4 ? each.join(", ") : `${each[0]}, ${each[1]}, … ${last}`;
}
