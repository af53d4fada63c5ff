/**
 * The page around the picture: its bar, fields, panel and legend.
 */

import { html, svg } from "./dom.js";
import { help } from "./keys.js";

const THEMES = [
  ["system", "System"], ["light", "Light"], ["dark", "Dark"], ["colorblind", "Colour-blind safe"],
];

/**
 * Builds the page and gives its parts.
 * @param {{title: string, own: boolean, legend: boolean, layers: string[]}} options
 *   own: it has a theme of its own; legend: it is open at first
 */
export function page({ title, own, legend, layers }) {
  const button = (/** @type {string} */ id, /** @type {string} */ text, /** @type {string} */ tip) =>
    html("button", { type: "button", id, title: tip }, text);
  const parts = {
    field: html("input", {
      type: "search", id: "search", placeholder: "Search names, ops, modules, shapes, lines  (/)",
      role: "combobox", "aria-label": "Search the graph", "aria-controls": "results",
      "aria-expanded": "false", "aria-autocomplete": "list", autocomplete: "off", spellcheck: "false",
    }),
    results: html("div", { id: "results", role: "listbox", "aria-label": "Results", hidden: true }),
    open: button("open-all", "Open all", "Open all groups (e)"),
    close: button("close-all", "Close all", "Close all groups (c)"),
    fit: button("fit", "Fit", "Fit everything in (f)"),
    layer: choice("layer", "Colour by", [["", "Kind"], ...layers.map((name) => [name, name])]),
    saved: html("input", { type: "checkbox", id: "saved" }),
    clones: html("input", { type: "checkbox", id: "clones" }),
    theme: choice("theme", "Theme", own ? [["own", "This page's"], ...THEMES] : THEMES),
    saving: /** @type {("all" | "view")[]} */ (["all", "view"]).flatMap((part) =>
      ["svg", "png"].map((format) => {
        const what = part === "all" ? "the whole picture" : "what is in view";
        const name = format.toUpperCase();
        return { part, format, button: button(`export-${part}-${format}`, name, `Save ${what} as ${name}`) };
      })),
    clonesLabel: html("label", { hidden: true, title: "A leaf of four uses or more, beside each of them" }),
    save: html("div", { id: "save-menu", popover: "auto" }),
    keys: button("keys", "?", "Keys"),
    canvas: svg("svg", { id: "canvas", role: "group", "aria-label": `Graph: ${title}`, tabindex: 0 }),
    panel: html("aside", { id: "panel", role: "complementary", "aria-label": "About the box", hidden: true }),
    layerLegend: html("div", { id: "layer-legend", hidden: true }),
    meanings: html("ul"),
    legend: html("section", { id: "legend", "aria-label": "Legend" }),
    minimap: html("canvas", { id: "minimap", class: "idle", "aria-hidden": true }),
    status: html("p", { id: "status", role: "status" }),
    help: help(),
  };
  parts.legend.append(parts.layerLegend, html("details", { id: "meanings", open: legend },
    html("summary", {}, "Legend"), parts.meanings));
  const save = html("button", { type: "button", id: "save", popovertarget: "save-menu" }, "Save");
  dropping(parts.save, save);
  for (const [index, text] of ["The whole picture", "What is in view"].entries()) {
    const buttons = parts.saving.slice(2 * index, 2 * index + 2).map((one) => one.button);
    parts.save.append(html("p", {}, html("span", {}, text), ...buttons));
  }
  parts.clonesLabel.append(parts.clones, "Repeat leaves");
  const pair = (/** @type {string} */ text, /** @type {HTMLElement} */ control) =>
    html("label", {}, html("span", { class: "what" }, text), control);
  document.body.append(
    html("header", { id: "bar" },
      html("h1", { title }, html("bdi", {}, title)),
      html("div", { class: "search" }, parts.field, parts.results),
      html("div", { class: "tools", role: "group", "aria-label": "Picture" },
        parts.open, parts.close, parts.fit,
        pair("Colour by", parts.layer), html("label", {}, parts.saved, "Saved tensors"), parts.clonesLabel,
        pair("Theme", parts.theme), save, parts.keys)),
    html("main", {}, parts.canvas, parts.legend, parts.minimap, parts.status),
    parts.panel, parts.save, parts.help);
  return parts;
}

/** Has a menu drop from its button. @param {HTMLElement} menu @param {HTMLElement} button */
function dropping(menu, button) {
  menu.addEventListener("beforetoggle", () => {
    const { bottom, right } = button.getBoundingClientRect();
    menu.style.top = `${bottom + 4}px`;
    menu.style.right = `${Math.max(4, innerWidth - right)}px`;
  });
}

/** @param {string} id @param {string} label @param {string[][]} options */
function choice(id, label, options) {
  return html("select", { id, "aria-label": label },
    ...options.map(([value, text]) => html("option", { value }, text)));
}

/** What measures a line of a box, in the font that boxes have. */
export function measuring() {
  const pen = document.createElement("canvas").getContext("2d");
  const font = getComputedStyle(document.documentElement).getPropertyValue("--font").trim();
  if (pen) pen.font = `11px ${font}`;
  const each = pen?.measureText("0").width ?? 6.7;
  return (/** @type {string} */ text) =>
    (/^[ -~]*$/.test(text) || !pen ? text.length * each : pen.measureText(text).width);
}
