/**
 * The graph of the page: the JSON that `Graph.to_json` wrote, as objects that are quick to ask.
 *
 * @typedef {{shape: (number|string)[] | null, dtype: string, device: string}} Tensor
 * @typedef {{path: string, class_name: string, call: number, within?: number}} Call
 * @typedef {{
 *   id: number, kind: string, op: string, names: string[], outputs: Tensor[],
 *   attrs: Record<string, any>, cuts: number[], data: Record<string, any>,
 *   module: number | null, line: [string, number] | null, parent: number | null,
 *   clone_of: number | null, made: number | null,
 * }} Node
 * @typedef {{
 *   source: number, target: number, kind: string,
 *   source_index: number, target_index: number, count: number,
 * }} Edge
 */

const NODE = {
  op: "", names: [], outputs: [], attrs: {}, cuts: [], data: {},
  module: null, line: null, parent: null, clone_of: null, made: null,
};
const EDGE = { kind: "grad", source_index: 0, target_index: 0, count: 1 };

export class Graph {
  /**
   * @param {Node[]} nodes
   * @param {Edge[]} edges
   * @param {{outputs?: number[], closed?: Iterable<number>, calls?: Call[], meta?: Record<string, any>}} rest
   */
  constructor(nodes, edges, { outputs = [], closed = [], calls = [], meta = {} } = {}) {
    this.nodes = nodes;
    this.edges = edges;
    this.outputs = outputs;
    this.closed = new Set(closed);
    this.calls = calls;
    this.meta = meta;
    /** @type {Map<number, Node>} */
    this.byId = new Map(nodes.map((node) => [node.id, node]));
    /** @type {Map<number | null, Node[]>} */
    this.children = new Map();
    for (const node of nodes) push(this.children, node.parent, node);
  }

  /**
   * The node of an id that is known to be there.
   * @param {number} id
   * @returns {Node}
   */
  node(id) {
    const node = this.byId.get(id);
    if (!node) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** @returns {Node[]} */
  get groups() {
    return this.nodes.filter((node) => node.kind === "group");
  }

  /**
   * The groups around a node, innermost first.
   * @param {number} id
   * @returns {Node[]}
   */
  ancestors(id) {
    const found = [];
    let parent = this.node(id).parent;
    while (parent !== null) {
      const group = this.node(parent);
      found.push(group);
      parent = group.parent;
    }
    return found;
  }

  /**
   * What is in a group, at any depth; groups in it too.
   * @param {number} id
   * @returns {Node[]}
   */
  inside(id) {
    const found = [];
    const waiting = [id];
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      for (const child of this.children.get(next) ?? []) {
        found.push(child);
        if (child.kind === "group") waiting.push(child.id);
      }
    }
    return found;
  }

  /** @param {number} id @returns {Node[]} the groups in a group, at any depth */
  groupsIn(id) {
    return this.inside(id).filter((node) => node.kind === "group");
  }

  /**
   * The module calls around a node, outermost first.
   * @param {Node} node
   * @returns {Call[]}
   */
  modulesOf(node) {
    const found = [];
    /** @type {number | null | undefined} */
    let index = node.module;
    while (index !== null && index !== undefined) {
      found.unshift(this.calls[index]);
      index = this.calls[index].within;
    }
    return found;
  }

  /** The arrows that lead to each node. @returns {Map<number, Edge[]>} */
  get incoming() {
    return (this.#incoming ??= grouped(this.edges, (edge) => edge.target));
  }

  /** The arrows that lead away from each node. @returns {Map<number, Edge[]>} */
  get outgoing() {
    return (this.#outgoing ??= grouped(this.edges, (edge) => edge.source));
  }

  /** Whether its tensors are on more than one device. @returns {boolean} */
  get severalDevices() {
    return (this.#several ??= new Set(this.nodes.flatMap((node) =>
      node.outputs.map((tensor) => tensor.device))).size > 1);
  }

  /** @type {boolean | undefined} */
  #several;
  /** @type {Map<number, Edge[]> | undefined} */
  #incoming;
  /** @type {Map<number, Edge[]> | undefined} */
  #outgoing;
}

/**
 * The graph that a text holds.
 * @param {string} text  of format graphviz-autograd/graph, version 1
 * @returns {Graph}
 */
export function read(text) {
  const data = JSON.parse(text);
  if (data.format !== "graphviz-autograd/graph" || data.version !== 1) {
    throw new Error(`no saved graph of version 1: ${data.format} ${data.version}`);
  }
  const nodes = data.nodes.map((/** @type {Node} */ node) => ({ ...NODE, ...node }));
  const edges = data.edges.map((/** @type {Edge} */ edge) => ({ ...EDGE, ...edge }));
  return new Graph(nodes, edges, data);
}

/**
 * @template K, V
 * @param {Map<K, V[]>} lists
 * @param {K} key
 * @param {V} value
 */
export function push(lists, key, value) {
  const list = lists.get(key);
  if (list) list.push(value);
  else lists.set(key, [value]);
}

/**
 * @template K, V
 * @param {Iterable<V>} values
 * @param {(value: V) => K} key
 * @returns {Map<K, V[]>}
 */
export function grouped(values, key) {
  const lists = new Map();
  for (const value of values) push(lists, key(value), value);
  return lists;
}
