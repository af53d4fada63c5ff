/**
 * What is drawn as a file: an SVG that needs no style sheet, or a PNG of it.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {import("./camera.js").Place} Place
 */

import { svg } from "./dom.js";

const MARGIN = 12;
const LARGEST = 12_000;  // pixels a side that browsers still paint
const STOP = ["stop-color"];
const LOOKS = [
  "fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray",
  "paint-order", "opacity", "font-family", "font-size", "font-weight", "text-anchor",
];

/**
 * The picture as SVG text: all of it, or what is in view.
 * @param {View} view
 * @param {"all" | "view"} part
 * @returns {string}
 */
export function svgText(view, part) {
  const { x, y, width, height } = part === "all" ? margined(view.layout) : inView(view);
  const paper = getComputedStyle(document.documentElement).getPropertyValue("--paper").trim();
  const simple = ["far", "middle", "moving"].filter((name) => view.canvas.classList.contains(name));
  view.canvas.classList.remove(...simple);
  const world = /** @type {SVGGElement} */ (view.world.cloneNode(true));
  styled(view.world, world);
  view.canvas.classList.add(...simple);
  world.removeAttribute("transform");
  if (part === "view") {
    for (const [index, layer] of [...view.world.children].entries()) {
      const copies = [...world.children[index].children];
      [...layer.children].forEach((element, at) => isHidden(element) && copies[at].remove());
    }
  }
  const defs = view.canvas.querySelector("defs");
  const gradients = /** @type {Element} */ (defs?.cloneNode(true));
  if (defs) styled(defs, gradients);
  const root = svg("svg", { width, height, viewBox: `${x} ${y} ${width} ${height}` },
    gradients, svg("rect", { x, y, width, height, fill: paper }), world);
  root.setAttribute("xmlns", "http://www.w3.org/2000/svg");
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(root)}\n`;
}

/** @param {{width: number, height: number}} world @returns {Place} */
function margined({ width, height }) {
  const size = { width: Math.ceil(width + 2 * MARGIN), height: Math.ceil(height + 2 * MARGIN) };
  return { x: -MARGIN, y: -MARGIN, ...size };
}

/** What of the picture is in view, without the empty space around it. @param {View} view @returns {Place} */
function inView({ layout, camera }) {
  const [all, seen] = [margined(layout), camera.window];
  const [x, y] = [Math.max(all.x, seen.x), Math.max(all.y, seen.y)];
  const [endX, endY] = [
    Math.min(all.x + all.width, seen.x + seen.width), Math.min(all.y + all.height, seen.y + seen.height),
  ];
  return { x, y, width: Math.ceil(Math.max(1, endX - x)), height: Math.ceil(Math.max(1, endY - y)) };
}

/** Whether the view left it out, as out of sight. @param {Element} element */
function isHidden(element) {
  return element instanceof SVGElement && element.style.display === "none";
}

/**
 * @param {View} view
 * @param {"all" | "view"} part
 * @returns {Promise<Blob>}
 */
export async function pngBlob(view, part) {
  const url = URL.createObjectURL(new Blob([svgText(view, part)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const wanted = part === "all" ? 2 : Math.max(2, 2 * view.camera.view.scale);
    const scale = Math.min(wanted, LARGEST / image.width, LARGEST / image.height);
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(image.width * scale));
    canvas.height = Math.max(1, Math.round(image.height * scale));
    canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
    const large = new Error("the picture is too large for a PNG");
    return await new Promise((resolve, reject) =>
      canvas.toBlob((blob) => (blob ? resolve(blob) : reject(large))));
  } finally {
    URL.revokeObjectURL(url);
  }
}

/**
 * @param {Blob} blob
 * @param {string} name
 */
export function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Writes onto a copy how the original looks, and takes away what only the page needs.
 * @param {Element} original
 * @param {Element} copy
 */
function styled(original, copy) {
  const pairs = [[original, copy]];
  for (let pair = pairs.pop(); pair; pair = pairs.pop()) {
    const [from, to] = pair;
    if (!["g", "defs", "linearGradient", "title"].includes(from.tagName)) {
      const style = getComputedStyle(from);
      for (const name of from.tagName === "stop" ? STOP : LOOKS) {
        const value = style.getPropertyValue(name);
        if (value && value !== "none" || name === "fill") to.setAttribute(name, value);
      }
    }
    for (const name of ["style", "class", "tabindex", "aria-expanded", "role"]) to.removeAttribute(name);
    [...from.children].forEach((child, index) => pairs.push([child, to.children[index]]));
  }
}
