/**
 * What of a graph is to be seen: groups that are closed are one box.
 *
 * The definition of `graphviz_autograd/visible.py`, for the page; a test holds them together.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./graph.js").Edge} Edge
 * @typedef {{nodes: Node[], edges: Edge[], closed: Set<number>, box: Map<number, number>}} Visible
 */

/**
 * The boxes, open groups that hold any of them, and arrows that are seen while these groups are
 * closed; `closed` are those that are boxes, `box` says for every node which box shows it.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @returns {Visible}
 */
export function visible(graph, closed) {
  const box = representatives(graph, closed);
  const seen = graph.nodes.filter((node) => box.get(node.id) === node.id);
  const framed = frames(graph, seen, closed);
  const nodes = seen.filter((n) => n.kind !== "group" || closed.has(n.id) || framed.has(n.id));
  const shut = new Set(nodes.filter((node) => closed.has(node.id)).map((node) => node.id));
  return { nodes, edges: merged(graph.edges, box, shut), closed: shut, box };
}

/**
 * For each node the box that shows it: the outermost closed group around it, or itself.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @returns {Map<number, number>}
 */
export function representatives(graph, closed) {
  /** @type {Map<number | null, number | null>} */
  const outermost = new Map([[null, null]]);
  for (const group of graph.groups) {
    const path = [];
    /** @type {number | null} */
    let inner = group.id;
    while (inner !== null && !outermost.has(inner)) {
      path.push(inner);
      inner = graph.node(inner).parent;
    }
    let around = outermost.get(inner) ?? null;
    for (const one of path.reverse()) {
      if (around === null && closed.has(one)) around = one;
      outermost.set(one, around);
    }
  }
  const box = new Map();
  for (const node of graph.nodes) {
    const around = outermost.get(node.kind === "group" ? node.id : node.parent) ?? null;
    box.set(node.id, around === null ? node.id : around);
  }
  return box;
}

/**
 * How many boxes are seen: frames and saved tensors do not count.
 * @param {Graph} graph
 * @param {Set<number>} closed
 * @returns {number}
 */
export function countBoxes(graph, closed) {
  const box = representatives(graph, closed);
  let count = 0;
  for (const node of graph.nodes) {
    const seen = box.get(node.id) === node.id && node.kind !== "saved";
    if (seen && (node.kind !== "group" || closed.has(node.id))) count += 1;
  }
  return count;
}

/**
 * @param {Graph} graph
 * @param {Node[]} seen
 * @param {Set<number>} closed
 * @returns {Set<number>} the open groups that hold something that is seen
 */
function frames(graph, seen, closed) {
  const framed = new Set();
  for (const node of seen) {
    if (node.kind === "group" && !closed.has(node.id)) continue;
    let around = node.parent;
    while (around !== null && !framed.has(around)) {
      framed.add(around);
      around = graph.node(around).parent;
    }
  }
  return framed;
}

/**
 * The arrows between boxes; those from or to a closed group are counted together.
 * @param {Edge[]} edges
 * @param {Map<number, number>} box
 * @param {Set<number>} shut
 * @returns {Edge[]}
 */
function merged(edges, box, shut) {
  const kept = [];
  const known = new Map();
  for (const edge of edges) {
    const source = /** @type {number} */ (box.get(edge.source));
    const target = /** @type {number} */ (box.get(edge.target));
    if (source === target && (shut.has(source) || edge.source !== edge.target)) continue;
    if (!shut.has(source) && !shut.has(target)) {
      kept.push(edge);
      continue;
    }
    const first = shut.has(source) ? 0 : edge.source_index;
    const last = shut.has(target) ? 0 : edge.target_index;
    const key = `${source} ${target} ${edge.kind} ${first} ${last}`;
    const same = known.get(key);
    if (same) {
      same.count += edge.count;
    } else {
      const one = { ...edge, source, target, source_index: first, target_index: last };
      known.set(key, one);
      kept.push(one);
    }
  }
  return kept;
}
