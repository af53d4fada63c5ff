/**
 * Finding nodes by anything that is known of them, whether they are seen or not.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {{nodes: Node[], total: number}} Found
 */

import { html } from "./dom.js";
import { swatch } from "./meanings.js";
import { callText, groupLines, shapeText, title } from "./words.js";

const MOST = 60;
const NATURAL = new Intl.Collator("en", { numeric: true });

export class Index {
  /** @param {Graph} graph */
  constructor(graph) {
    this.graph = graph;
    this.nodes = graph.nodes.filter((node) => node.clone_of === null && node.op !== "leaf");
    this.texts = this.nodes.map((node) => textOf(graph, node));
  }

  /**
   * The nodes that have every word of a query, those whose name it is first, and ops before the
   * tensors that they saved. A shape is one word, however it is spaced.
   * @param {string} query
   * @returns {Found}
   */
  find(query) {
    const whole = compact(query.trim().toLowerCase());
    const words = whole.split(/\s+/).filter(Boolean);
    if (!words.length) return { nodes: [], total: 0 };
    const hits = [];
    for (const [place, text] of this.texts.entries()) {
      if (words.every((word) => text.includes(word))) hits.push(this.nodes[place]);
    }
    const rank = new Map(hits.map((node) => [node, this.#rank(node, whole, words)]));
    hits.sort((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0)
      || Number(one.kind === "saved") - Number(other.kind === "saved")
      || NATURAL.compare(this.#place(one), this.#place(other)));
    return { nodes: hits.slice(0, MOST), total: hits.length };
  }

  /** By what equally good results are in order: "layers.2" before "layers.10". @param {Node} node */
  #place(node) {
    return node.names[0] ?? (node.module === null ? "" : this.graph.calls[node.module].path);
  }

  /** @param {Node} node @param {string} query @param {string[]} words */
  #rank(node, query, words) {
    const call = node.op === "module" ? this.graph.modulesOf(node).at(-1) : undefined;
    const names = [...node.names, call?.path ?? "", call?.class_name ?? "", node.op]
      .map((name) => compact(name.toLowerCase()));
    if (names.includes(query)) return 0;
    if (names.some((name) => name.startsWith(query))) return 1;
    return words.every((word) => names.some((name) => name.includes(word))) ? 2 : 3;
  }
}

/** A text without the blanks within shapes. @param {string} text */
function compact(text) {
  return text.replace(/\([\d\s,?]*\)?/g, (shape) => shape.replace(/\s+/g, ""));
}

/** @param {Graph} graph @param {Node} node */
function textOf(graph, node) {
  const calls = graph.modulesOf(node).map((call) => `${call.path} ${call.class_name}`);
  const own = node.op === "module" ? calls.slice(-1) : calls;
  const group = node.kind === "group" ? groupLines(graph, node) : [];
  const sizes = node.outputs.map((tensor) => `${shapeText(tensor)} ${tensor.dtype} ${tensor.device}`);
  const line = node.line ? node.line.join(":") : "";
  const parts = [...node.names, node.kind, node.op, ...group, ...sizes, ...own, line];
  return parts.map((part) => compact(part.toLowerCase())).join("\n");
}

/**
 * The field and its list: arrows choose, Enter goes there, Escape leaves.
 * @param {HTMLInputElement} field
 * @param {HTMLElement} list
 * @param {Graph} graph
 * @param {{go: (node: Node) => void, leave: () => void}} told
 */
export function searching(field, list, graph, { go, leave }) {
  /** @type {Index | null} */
  let index = null;
  let active = 0;
  /** @type {Node[]} */
  let nodes = [];

  const choose = (/** @type {number} */ number) => {
    active = Math.max(0, Math.min(nodes.length - 1, number));
    for (const [place, option] of [...list.querySelectorAll('[role="option"]')].entries()) {
      option.setAttribute("aria-selected", String(place === active));
      if (place === active) option.scrollIntoView({ block: "nearest" });
    }
    if (nodes.length) field.setAttribute("aria-activedescendant", `option-${active}`);
    else field.removeAttribute("aria-activedescendant");
  };
  const close = () => {
    list.hidden = true;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };
  const take = (/** @type {Node} */ node) => {
    close();
    go(node);
  };
  const show = () => {
    index ??= new Index(graph);
    const found = index.find(field.value);
    nodes = found.nodes;
    const count = found.total === 1 ? "1 result" : `${found.total} results`;
    const more = found.total > nodes.length ? `, the first ${nodes.length} of them here` : "";
    const rows = nodes.map((node, place) => option(graph, node, place, () => take(node)));
    list.replaceChildren(html("div", { class: "count", role: "status" }, count + more), ...rows);
    list.hidden = !field.value.trim();
    field.setAttribute("aria-expanded", String(!list.hidden));
    choose(0);
  };
  field.addEventListener("input", show);
  field.addEventListener("focus", () => field.value.trim() && show());
  field.addEventListener("blur", () => setTimeout(close, 150));  // a click on a result comes first
  field.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) choose(active + step);
    else if (event.key === "Enter" && nodes[active] && !list.hidden) take(nodes[active]);
    else if (event.key === "Escape") leave();
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
}

/**
 * @param {Graph} graph
 * @param {Node} node
 * @param {number} place
 * @param {() => void} take
 */
function option(graph, node, place, take) {
  const saver = node.kind === "saved" ? saverOf(graph, node) : undefined;
  const within = graph.modulesOf(saver ?? node).at(-1);
  const about = [
    saver ? `saved by ${title(graph, saver)}` : node.kind === "group" ? node.op : node.kind,
    node.outputs.slice(0, 2).map(shapeText).join(" "),
    within && node.op !== "module" ? callText(within) : "",
    node.line ? node.line.join(":") : "",
  ];
  return html(
    "div",
    { role: "option", id: `option-${place}`, "data-node": node.id, mousedown: take },
    swatch(node),
    html("bdi", { class: "name" }, title(graph, node)),
    html("bdi", { class: "about" }, about.filter(Boolean).join(" · ")),
  );
}

/** The first op that saved a tensor. @param {Graph} graph @param {Node} node */
function saverOf(graph, node) {
  const edge = (graph.incoming.get(node.id) ?? []).find(({ kind }) => kind === "saved");
  return edge && graph.node(edge.source);
}
