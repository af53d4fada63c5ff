/**
 * What `verify` found of nodes and inside of groups, in words: nothing hangs on colour alone.
 *
 * The words are those of `graphviz_autograd/emit/found.py`.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {{matched: Node[], failed: Node[], "not checked": Node[]}} Findings
 */

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
    if (!STATUSES.includes(status) || node.kind === "group") continue;
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
  const { status, first, absolute, relative, reason = "" } = node.data.verify ?? {};
  if (status === "failed") {
    const short = (/** @type {number} */ number) => Number(number.toPrecision(2)).toString();
    const of = typeof relative === "number" ? ` (${short(relative)} relative)` : "";
    const apart = typeof absolute === "number" && absolute ? `off by ${short(absolute)}${of}` : reason;
    return [`${first ? "FIRST FAILURE" : "FAILED"}: ${apart}`];
  }
  return status === "not checked" ? ["not checked:", reason].filter(Boolean) : [];
}
