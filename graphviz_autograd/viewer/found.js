/**
 * What `verify` found of nodes and inside of groups, in words: nothing hangs on colour alone.
 *
 * The words are those of `graphviz_autograd/emit/found.py`.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {{matched: Node[], failed: Node[], "not checked": Node[]}} Findings
 */

import { short, shown, wrapped } from "./text.js";

const [REASON, LINES] = [40, 2];  // characters of a line, and lines, of a reason that a box shows

/** Worst first. @type {(keyof Findings)[]} */
export const STATUSES = ["failed", "not checked", "matched"];

/** @type {WeakMap<Graph, Map<number, Findings>>} */
const known = new WeakMap();

/**
 * The nodes that were looked at inside of a group, by what was found of them.
 * @param {Graph} graph
 * @param {Node} group
 * @returns {Findings | undefined}  undefined where there are none
 */
export function inside(graph, group) {
  let found = known.get(graph);
  if (!found) known.set(graph, found = gathered(graph));
  return found.get(group.id);
}

/** @param {Graph} graph */
function gathered(graph) {
  /** @type {Map<number, Findings>} */
  const found = new Map();
  for (const node of graph.nodes) {
    const status = /** @type {keyof Findings} */ (node.data.verify?.status);
    if (!STATUSES.includes(status) || node.kind === "group" || isOutput(node)) continue;
    for (const { id } of graph.ancestors(node.id)) {
      const one = found.get(id) ?? { matched: [], failed: [], "not checked": [] };
      one[status].push(node);
      found.set(id, one);
    }
  }
  return found;
}

/**
 * Whether it is where verify found the first fault, or holds it.
 * @param {Graph} graph
 * @param {Node} node
 */
export function isFirst(graph, node) {
  const failed = node.kind === "group" ? inside(graph, node)?.failed ?? [] : [node];
  return failed.some((one) => one.data.verify?.first);
}

/**
 * What `verify` says of an output: the report does not count it among nodes and leaves.
 * @param {Node} node
 */
export function isOutput(node) {
  return node.data.verify?.kind === "output";
}

/**
 * Whether nothing of it was checked.
 * @param {Graph} graph
 * @param {Node} node
 */
export function isUnchecked(graph, node) {
  const found = node.kind === "group" ? inside(graph, node) : undefined;
  if (found) return !found.failed.length && !found.matched.length;
  return node.data.verify?.status === "not checked";
}

/**
 * What a box says of it, where that is not all well.
 * @param {Graph} graph
 * @param {Node} node
 * @returns {string[]}
 */
export function foundLines(graph, node) {
  if (node.kind !== "group") return linesOf(node);
  const findings = inside(graph, node);
  if (!findings) return [];
  const all = STATUSES.flatMap((status) => findings[status]);
  if (all.length === 1) return linesOf(all[0]);
  const { failed, "not checked": unchecked } = findings;
  const lines = [];
  if (failed.length) {
    const which = isFirst(graph, node) ? "FIRST FAILURE" : "FAILED";
    lines.push(`${which}: ${failed.length} of ${all.length} inside`);
  }
  if (unchecked.length) lines.push(`not checked: ${unchecked.length} of ${all.length} inside`);
  return lines;
}

/** @param {Node} node */
function linesOf(node) {
  const { status, first, reason = "" } = node.data.verify ?? {};
  const why = wrapped(shown(String(reason)), REASON, LINES);
  if (status === "failed") {
    const which = first ? "FIRST FAILURE" : "FAILED";
    const apart = offText(node);
    return apart ? [`${which}: ${apart}`] : [`${which}:`, ...why];
  }
  return status === "not checked" ? [why.length ? "not checked:" : "not checked", ...why] : [];
}

/** How far apart the numbers were; empty where something else is the matter. @param {Node} node */
function offText(node) {
  const { absolute, relative } = node.data.verify;
  const of = typeof relative === "number" ? ` (${short(relative)} relative)` : "";
  return typeof absolute === "number" && absolute ? `off by ${short(absolute)}${of}` : "";
}

/**
 * All that was found of a node, as names and texts.
 * @param {Node} node
 * @returns {[string, string][]}
 */
export function foundRows(node) {
  const { status, first, reason, found_by: by, allowed, rounding, where, numeric, device } =
    node.data.verify ?? {};
  if (!STATUSES.includes(status)) return [];
  const room = typeof allowed === "number" && allowed
    ? `${short(allowed)}${rounding ? ", for rounding" : ""}` : "";
  const rows = /** @type {[string, string][]} */ ([
    ["Status", first ? `${status}, the first failure` : status],
    ["Apart", offText(node).replace(/^off by /, "")],
    ["Allowed", room],
    ["At", where?.length ? `element (${where.join(", ")})` : ""],
    ["Reason", reason ?? ""],
    ["Numbers", numeric ?? ""],
    ["Found by", by ? `the ${by} check` : ""],
    ["Device", device ?? ""],
  ]);
  return rows.filter(([, text]) => text).map(([name, text]) => [name, shown(String(text))]);
}
