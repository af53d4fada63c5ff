/**
 * The SVG elements of boxes, frames and arrows.
 *
 * @typedef {import("./picture.js").Box} Box
 * @typedef {import("./picture.js").Frame} Frame
 * @typedef {import("./picture.js").Arrow} Arrow
 * @typedef {import("./dot.js").Place} Place
 * @typedef {import("./dot.js").Route} Route
 * @typedef {import("./dot.js").Point} Point
 */

import { svg } from "./dom.js";
import { LINE, STRIPED } from "./picture.js";

const SHADED = 8;  // frames within each other that are shaded: with more the boxes would drown
const PILES = ["repeat", "more", "section"];

/**
 * @param {Box} box
 * @param {Place} place
 */
export function boxShape(box, { width, height }) {
  const { node, lines, expanded } = box;
  const says = expanded === null ? node.kind : `closed ${node.op}`;
  const size = { width, height, rx: 4 };
  const group = svg("g", {
    class: `box kind-${node.kind} op-${node.kind === "group" ? node.op : "none"}`,
    "data-node": node.id, "data-kind": node.kind, "data-key": box.key,
    role: "button", tabindex: -1, "aria-label": `${lines.join(", ")} (${says})`,
    "aria-expanded": expanded,
  });
  group.style.setProperty("--drop", `${((lines.length - 1) * LINE) / 2}px`);
  if (PILES.includes(node.op)) group.append(svg("rect", { class: "pile", x: 4, y: 4, ...size }));
  group.append(svg("rect", { class: "shape", ...size }));
  const top = (height - lines.length * LINE) / 2 + LINE - 3.5;
  for (const [index, line] of lines.entries()) {
    const look = index ? "rest" : "first";
    group.append(svg("text", { class: look, x: width / 2, y: top + index * LINE }, line));
  }
  return group;
}

/**
 * @param {Frame} frame
 * @param {Place} place
 */
export function frameShape({ node, title, depth }, { width, height }) {
  return svg(
    "g",
    {
      class: depth < SHADED ? "frame" : "frame deep", "data-node": node.id, "data-kind": "group", "data-key": node.id,
      role: "button", tabindex: -1, "aria-expanded": true, "aria-label": `${title} (open ${node.op})`,
    },
    svg("rect", { class: "shape", width, height, rx: 6 }),
    svg("rect", { class: "title", width, height: 24, rx: 6 }),
    svg("text", { class: "fold", x: 10, y: 16 }, "−"),
    svg("text", { class: "first", x: 22, y: 16 }, title),
  );
}

/**
 * @param {Arrow} arrow
 * @param {Route} route
 */
export function arrowShape({ edge, head, tail, key }, route) {
  const { points, start, end } = route;
  const group = svg("g", { class: `arrow kind-${edge.kind}`, "data-arrow": key });
  group.append(svg("path", { class: "line", d: spline(points) }));
  const last = points[points.length - 1];
  if (end) group.append(svg("path", { class: "tip", d: tip(last, end) }));
  if (start) group.append(svg("path", { class: "tip", d: tip(points[0], start) }));
  if (head) group.append(mark(end ?? last, head, -7));
  if (tail) group.append(mark(start ?? points[0], tail, 12));
  if (edge.count > 1) group.append(svg("title", {}, `${edge.count} arrows`));
  return group;
}

/** @param {Point[]} points */
function spline([first, ...rest]) {
  return `M${at(first)}C${rest.map(at).join(" ")}`;
}

/** @param {Point} point */
function at([x, y]) {
  return `${x.toFixed(1)},${y.toFixed(1)}`;
}

/**
 * An arrowhead of six points' length.
 * @param {Point} from
 * @param {Point} to
 */
function tip([x, y], to) {
  const [dx, dy] = [to[0] - x, to[1] - y];
  const length = Math.hypot(dx, dy) || 1;
  const [sideX, sideY] = [(-dy / length) * 2.8, (dx / length) * 2.8];
  return `M${at(to)}L${at([x + sideX, y + sideY])}L${at([x - sideX, y - sideY])}Z`;
}

/**
 * The number of an input or an output, beside its arrow.
 * @param {Point} point
 * @param {string} text
 * @param {number} dy
 */
function mark([x, y], text, dy) {
  return svg("text", { class: "mark", x: x + 5, y: y + dy }, text);
}

/** What fills may refer to. */
export function definitions() {
  const wide = STRIPED / 3;  // two stripes at each side, beside the text
  const ends = [0, wide, 2 * wide, 3 * wide, 1 - 3 * wide, 1 - 2 * wide, 1 - wide, 1];
  const stops = ends.slice(1).flatMap((end, index) => [ends[index], end].map((offset) =>
    svg("stop", { class: index % 2 ? "stripe-paper" : "stripe-ink", offset })));
  return svg("defs", {}, svg("linearGradient", { id: "stripes" }, ...stops));
}
