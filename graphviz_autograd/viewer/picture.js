/**
 * What is visible as boxes, frames and arrows to be laid out and drawn.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./graph.js").Edge} Edge
 * @typedef {{
 *   key: string, node: Node, home: number | null, lines: string[],
 *   width: number, height: number, expanded: boolean | null,
 * }} Box
 * @typedef {import("./arrows.js").Arrow} Arrow
 * @typedef {{node: Node, home: number | null, title: string, width: number, depth: number}} Frame
 * @typedef {{
 *   boxes: Box[], frames: Frame[], arrows: Arrow[], box: Map<number, number>, shared: boolean,
 * }} Picture  shared: whether a leaf has uses enough to be drawn for each
 * @typedef {{shapes: boolean, attrs: number, saved: boolean, inputs: boolean, clones: boolean}} Showing
 * @typedef {(text: string) => number} Measure
 */

import { arrowsOf } from "./arrows.js";
import { isUnchecked } from "./found.js";
import { grouped } from "./graph.js";
import { USES } from "./leaves.js";
import { cut } from "./text.js";
import { visible } from "./visible.js";
import { boxLines, groupLines } from "./words.js";

export const LINE = 14;  // from one line of a box to the next
export const STRIPED = 0.06;  // of a box that was not checked, at each side

/**
 * The picture of a graph while these groups are closed.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @param {Showing} showing
 * @param {Measure} measure
 * @returns {Picture}
 */
export function picture(graph, closed, showing, measure) {
  const seen = visible(graph, closed);
  const ops = new Set(
    seen.nodes.filter((n) => n.kind === "op" || n.kind === "group").map((n) => n.id),
  );
  const edges = seen.edges.filter((edge) =>
    (edge.kind !== "saved" || showing.saved || !ops.has(edge.source))
    && (edge.kind !== "input" || showing.inputs));
  const kept = new Set(
    edges.filter((e) => e.kind === "saved" || e.kind === "input").flatMap((e) => [e.source, e.target]),
  );
  const nodes = seen.nodes.filter(
    (node) => (node.kind !== "saved" && node.kind !== "input") || kept.has(node.id),
  );
  const isFrame = (/** @type {Node} */ node) => node.kind === "group" && !seen.closed.has(node.id);
  const boxes = nodes.filter((node) => !isFrame(node)).map((node) => sized(graph, node, showing, measure));
  const full = framesOf(boxes, graph);
  const frames = nodes.filter((node) => isFrame(node) && full.has(node.id)).map((node) => {
    const title = cut(groupLines(graph, node).join(" "));
    const depth = graph.ancestors(node.id).length;
    return { node, home: node.parent, title, width: measure(title) + 34, depth };
  });
  const arrows = arrowsOf(edges, graph, seen.closed);
  return cloned({ boxes, frames, arrows, box: seen.box, shared: false }, showing.clones, measure);
}

/**
 * @param {Graph} graph
 * @param {Node} node
 * @param {Showing} showing
 * @param {Measure} measure
 * @returns {Box}
 */
function sized(graph, node, showing, measure) {
  const lines = boxLines(graph, node, showing);
  const expanded = node.kind === "group" ? false : null;
  const size = sizeOf(lines, measure);
  if (isUnchecked(graph, node)) size.width = Math.ceil(size.width / (1 - 2 * STRIPED));
  return { key: `${node.id}`, node, home: node.parent, lines, expanded, ...size };
}

/** @param {string[]} lines @param {Measure} measure */
function sizeOf(lines, measure) {
  const width = Math.ceil(Math.max(36, ...lines.map(measure)) + 18);
  return { width, height: Math.max(lines.length, 1) * LINE + 10 };
}

/**
 * @param {Box[]} boxes
 * @param {Graph} graph
 * @returns {Set<number>} the groups around any box
 */
function framesOf(boxes, graph) {
  const found = new Set();
  for (const { home } of boxes) {
    for (let at = home; at !== null && !found.has(at); at = graph.node(at).parent) found.add(at);
  }
  return found;
}

/**
 * Leaves that many boxes take, drawn once beside each of those, and their accumulators too.
 * @param {Picture} drawn
 * @param {boolean} wanted  else it is only said whether there are any
 * @param {Measure} measure
 * @returns {Picture}
 */
function cloned(drawn, wanted, measure) {
  const boxes = new Map(drawn.boxes.map((box) => [box.key, box]));
  const into = grouped(drawn.arrows, (arrow) => arrow.target);
  const away = grouped(drawn.arrows, (arrow) => arrow.source);
  for (const box of drawn.boxes) {
    const parts = leafParts(box, boxes, into, away);
    if (!parts) continue;
    const last = parts[parts.length - 1];
    const uses = (away.get(last.key) ?? []).filter((arrow) => arrow.edge.kind !== "view");
    const count = new Set(uses.map((arrow) => arrow.target)).size;
    if (count < USES) continue;
    const targets = grouped(uses, (arrow) => placeBeside(boxes.get(arrow.target)));
    drawn.shared = true;
    if (!wanted) break;
    box.lines = [...box.lines, `×${count} uses`];
    Object.assign(box, sizeOf(box.lines, measure));
    for (const [index, [target, arrows]] of [...targets].entries()) {
      const home = boxes.get(arrows[0].target)?.home ?? null;
      if (!index) {
        for (const part of parts) part.home = home;
        continue;
      }
      const copies = parts.map((part) => ({ ...part, key: `${part.key}@${target}`, home }));
      for (const copy of copies) boxes.set(copy.key, copy);
      for (const arrow of arrows) arrow.source = copies[copies.length - 1].key;
      if (copies.length > 1) {
        const [between] = into.get(last.key) ?? [];
        const [source, to] = copies.map((copy) => copy.key);
        drawn.arrows.push({ ...between, key: `${between.key}@${target}`, source, target: to });
      }
    }
  }
  return { ...drawn, boxes: [...boxes.values()] };
}

/**
 * What a leaf is drawn beside: a box, or all sections of a group together.
 * @param {Box | undefined} box
 */
function placeBeside(box) {
  return box?.node.op === "section" ? `sections of ${box.home}` : box?.key ?? "";
}

/**
 * A leaf and the accumulator that alone takes it; or what stands for both.
 * @param {Box} box
 * @param {Map<string, Box>} boxes
 * @param {Map<string, Arrow[]>} into
 * @param {Map<string, Arrow[]>} away
 * @returns {Box[] | null}
 */
function leafParts(box, boxes, into, away) {
  const { kind, op } = box.node;
  if (into.has(box.key) || !(kind === "leaf" || kind === "input" || op === "leaf")) return null;
  const arrows = away.get(box.key) ?? [];
  const taker = arrows.length === 1 ? boxes.get(arrows[0].target) : undefined;
  if (taker?.node.op === "AccumulateGrad" && into.get(taker.key)?.length === 1) return [box, taker];
  return [box];
}
