/**
 * The panel: all that is known of one node.
 *
 * @typedef {import("./graph.js").Graph} Graph
 * @typedef {import("./graph.js").Node} Node
 * @typedef {import("./graph.js").Edge} Edge
 * @typedef {{
 *   go: (node: Node) => void, toggle: (node: Node) => void, openAll: (node: Node) => void,
 *   close: () => void, isOpen: (node: Node) => boolean, boxOf: (node: Node) => Node,
 *   layers: Map<string, import("./layers.js").Layer>,
 * }} Doing  what its buttons do; boxOf: the box that shows a node
 */

import { html } from "./dom.js";
import { foundRows, inside } from "./found.js";
import { grouped } from "./graph.js";
import { told } from "./layers.js";
import { swatch } from "./meanings.js";
import { shown } from "./text.js";
import {
  attributesOf, bytesOf, bytesText, callText, countText, elementsOf, shapeText, title, valueText,
} from "./words.js";

const MOST = 40;  // links of one list

/**
 * @param {HTMLElement} panel
 * @param {Graph} graph
 * @param {Node} node
 * @param {Doing} doing
 */
export function fill(panel, graph, node, doing) {
  const parts = [
    html("header", {},
      swatch(node),
      html("h2", {}, html("bdi", {}, title(graph, node))),
      html("button", { type: "button", class: "close", "aria-label": "Close", click: doing.close }, "×")),
    html("p", { class: "kind" }, kindText(node)),
    node.kind === "group" ? groupButtons(graph, node, doing) : null,
    facts(graph, node, doing),
    tensors("Outputs", node),
    saved(graph, node, doing),
    attributes(node),
    ...layersOf(graph, node, doing),
    ...(node.kind === "group" ? faults(graph, node, doing) : []),
    ...arrows(graph, node, doing),
  ];
  panel.replaceChildren(...parts.filter((part) => part !== null));
}

/** @param {Node} node */
function kindText(node) {
  if (node.kind === "leaf" || node.op === "leaf") return node.attrs.parameter ? "parameter, a leaf" : "leaf";
  if (node.kind === "group") {
    const piles = { repeat: "equal blocks", more: "equal blocks", chain: "views and copies" };
    return { module: "module call", ...piles }[node.op] ?? node.op;
  }
  const kinds = {
    op: "operation", output: "output, a root", saved: "tensor saved for backward",
    base: "base of a view", input: "tensor that needs no gradient",
  };
  return /** @type {Record<string, string>} */ (kinds)[node.kind] ?? node.kind;
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function groupButtons(graph, node, doing) {
  const [shut, open] = node.op === "leaf"
    ? ["Show its accumulator", "Hide its accumulator"] : ["Open", "Close"];
  const within = graph.groupsIn(node.id);
  const cut = node.op === "repeat" && within.some(({ op }) => op === "section") ? ", in sections" : "";
  const all = node.op === "repeat" ? `Open all ${node.attrs.count}${cut}` : "Open all within";
  const button = (/** @type {string} */ text, /** @type {() => void} */ click) =>
    html("button", { type: "button", click }, text);
  return html("p", { class: "buttons" },
    button(doing.isOpen(node) ? open : shut, () => doing.toggle(node)),
    within.length ? button(all, () => doing.openAll(node)) : null);
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function facts(graph, node, doing) {
  const rows = [];
  if (node.names.length) rows.push(row("Name", ...node.names.map((n) => html("bdi", {}, shown(n)))));
  if (node.kind === "group" && node.op !== "leaf") {
    const { ops, parameters } = node.attrs;
    if (parameters) rows.push(row("Parameters", parameters.toLocaleString("en")));
    if (ops) rows.push(row("Operations", `${ops}`));
    const { differs = [] } = node.attrs;
    const code = (/** @type {string} */ name) => html("code", {}, shown(name));
    if (differs.length) rows.push(row("Differ in", ...differs.map(code)));
  } else if (node.op && node.op !== "leaf") {
    rows.push(row(node.kind === "saved" ? "Saved as" : "Op", shown(node.op)));
  }
  const around = graph.ancestors(node.id).filter((group) => group.op === "module").reverse();
  const calls = graph.modulesOf(node);
  if (node.op === "module") calls.pop();
  if (around.length) rows.push(row("Module", ...around.map((g) => link(graph, g, doing))));
  else if (calls.length) rows.push(row("Module", callText(calls[calls.length - 1])));
  const call = node.op === "module" ? graph.modulesOf(node).at(-1) : undefined;
  if (call) rows.push(row("Call", callText(call)));
  if (node.line) rows.push(row("Line", place(node.line)));
  if ("uses" in node.attrs) rows.push(row("Used", `by ${node.attrs.uses} operations`));
  if (node.cuts.length) rows.push(row("No gradient to", `input ${node.cuts.join(", ")}`));
  return rows.length ? html("dl", {}, ...rows.flat()) : null;
}

/** @param {string} name @param {...(globalThis.Node | string)} values */
function row(name, ...values) {
  return [html("dt", {}, name), ...values.map((value) => html("dd", {}, value))];
}

/** @param {[string, number]} line */
function place([file, number]) {
  const text = `${file}:${number}`;
  const button = html("button", { type: "button", class: "copy", title: "Copy" }, "copy");
  button.addEventListener("click", async () => {
    button.textContent = (await copied(text)) ? "copied" : "cannot copy";
    setTimeout(() => (button.textContent = "copy"), 1500);
  });
  return html("span", { class: "place" }, html("code", {}, shown(text)), " ", button);
}

/** @param {string} text */
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = html("textarea", { readonly: true }, text);
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** @param {string} heading @param {Node} node */
function tensors(heading, node) {
  if (!node.outputs.length) return null;
  const alike = grouped(node.outputs, (tensor) => JSON.stringify([tensor.shape, tensor.dtype, tensor.device]));
  const rows = [...alike.values()].slice(0, MOST).map(([tensor, ...others]) => {
    const [bytes, elements] = [bytesOf(tensor), elementsOf(tensor)];
    const count = `${countText(elements ?? 0)} number${elements === 1 ? "" : "s"}`;
    const each = others.length ? " each" : "";
    const size = bytes === null ? "" : `${bytesText(bytes)}, ${count}${each}`;
    const shape = shapeText(tensor) + times(others.length + 1);
    return html("tr", {}, html("td", {}, shape), html("td", {}, tensor.dtype),
      html("td", {}, tensor.device), html("td", {}, size));
  });
  return section(heading, html("table", {}, ...rows));
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function saved(graph, node, doing) {
  const found = [
    ...(graph.outgoing.get(node.id) ?? []).filter((e) => e.kind === "saved").map((e) => e.target),
    ...(graph.incoming.get(node.id) ?? []).filter((e) => e.kind === "saved").map((e) => e.source),
  ].map((id) => graph.node(id));
  if (!found.length || node.kind !== "op") return null;
  const known = found.map((one) => one.outputs.reduce((sum, tensor) => sum + (bytesOf(tensor) ?? 0), 0));
  const total = known.reduce((sum, bytes) => sum + bytes, 0);
  const rows = found.slice(0, MOST).map((one, index) => html("li", {}, link(graph, one, doing),
    ` ${one.outputs.map(shapeText).join(" ")} ${bytesText(known[index])}`));
  return section(`Saved for backward: ${bytesText(total)}`, html("ul", {}, ...rows));
}

/** @param {Node} node */
function attributes(node) {
  const own = attributesOf(node);
  if (!own.length) return null;
  return section("Attributes", html("dl", {}, ...own.flatMap(([name, value]) =>
    row(name, html("code", {}, value)))));
}

/**
 * What is known of it as layers, those of several parts apart; of a group, what follows from what
 * is inside.
 * @param {Graph} graph @param {Node} node @param {Doing} doing
 */
function layersOf(graph, node, { layers }) {
  /** @type {[string, any][]} */
  const single = [];
  /** @type {HTMLElement[]} */
  const sections = [];
  for (const [name, value] of Object.entries(node.data)) {
    const rows = name === "verify" ? foundRows(node) : [];
    if (rows.length) sections.push(pairs("What verify found", rows));
    else if (!value || typeof value !== "object" || Array.isArray(value)) single.push([name, value]);
    else sections.push(pairs(name, Object.entries(value)));
  }
  const nodes = node.kind === "group" ? graph.inside(node.id) : [];
  for (const layer of nodes.length ? layers.values() : []) {
    const said = told(layer, nodes);
    if (said) single.push([layer.name, said]);
  }
  return [single.length ? pairs("Layers", single) : null, ...sections];
}

/** @param {string} heading @param {[string, any][]} rows */
function pairs(heading, rows) {
  const text = (/** @type {any} */ value) =>
    valueText(typeof value === "number" ? Number(value.toPrecision(6)) : value);
  const cells = rows.flatMap(([name, value]) => row(shown(name), shown(text(value))));
  return section(shown(heading), html("dl", {}, ...cells));
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function faults(graph, node, doing) {
  const { failed, "not checked": unchecked } = inside(graph, node) ?? { failed: [], "not checked": [] };
  const list = (/** @type {string} */ heading, /** @type {Node[]} */ nodes) =>
    (nodes.length ? section(`${heading}: ${nodes.length}`, links(graph, nodes, doing)) : null);
  return [list("Failed inside", failed), list("Not checked inside", unchecked)];
}

/** @param {Graph} graph @param {Node[]} nodes @param {Doing} doing */
function links(graph, nodes, doing) {
  const more = nodes.length - MOST;
  return html("ul", {}, ...nodes.slice(0, MOST).map((one) => html("li", {}, link(graph, one, doing))),
    more > 0 ? html("li", {}, `and ${more} more`) : null);
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function arrows(graph, node, doing) {
  const those = new Set([node.id, ...graph.inside(node.id).map((one) => one.id)]);
  const list = (/** @type {string} */ heading, /** @type {Map<number, Edge[]>} */ edges,
    /** @type {"source" | "target"} */ end) => {
    const found = [...those].flatMap((id) => edges.get(id) ?? [])
      .filter((edge) => !those.has(edge[end]) && edge.kind !== "saved");
    if (!found.length) return null;
    const alike = [...grouped(found, (edge) => {
      const other = graph.node(edge[end]);
      return [doing.boxOf(other).id, title(graph, other), arrowText(edge, node, end)].join("\n");
    }).values()];
    const rows = alike.slice(0, MOST).map(([edge, ...others]) => html("li", {},
      ...seenLinks(graph, graph.node(edge[end]), doing),
      ` ${arrowText(edge, node, end)}${times(others.length + 1)}`));
    const more = alike.slice(MOST).reduce((sum, edges) => sum + edges.length, 0);
    return section(`${heading}: ${found.length}`,
      html("ul", {}, ...rows, more > 0 ? html("li", {}, `and ${more} more`) : null));
  };
  return [list("From", graph.incoming, "source"), list("To", graph.outgoing, "target")];
}

/** @param {Edge} edge @param {Node} node @param {"source" | "target"} end */
function arrowText(edge, node, end) {
  const index = end === "source" ? edge.target_index : edge.source_index;
  const said = edge.kind === "grad" ? [] : [edge.kind];
  if (node.kind !== "group" && index) said.push(end === "source" ? `input ${index}` : `output ${index}`);
  return said.join(", ");
}

/** @param {string} heading @param {HTMLElement} content */
function section(heading, content) {
  return html("section", {}, html("h3", {}, heading), content);
}

/** @param {Graph} graph @param {Node} node @param {Doing} doing */
function link(graph, node, doing) {
  return html("button", { type: "button", class: "link", "data-go": node.id, click: () => doing.go(node) },
    html("bdi", {}, title(graph, node)));
}

/**
 * Links to the box that shows a node and, where that is a closed group, to the node in it.
 * @param {Graph} graph @param {Node} node @param {Doing} doing
 */
function seenLinks(graph, node, doing) {
  const box = doing.boxOf(node);
  if (box.id === node.id || box.op === "leaf") return [link(graph, box, doing)];
  const within = link(graph, node, doing);
  within.classList.add("within");
  return [link(graph, box, doing), " ", within];
}

/** @param {number} count */
function times(count) {
  return count > 1 ? ` ×${count}` : "";
}
