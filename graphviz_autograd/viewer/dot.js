/**
 * A picture as DOT, and what Graphviz made of it as places on a page.
 *
 * Graphviz is told sizes and numbers only: no name of a person's ever goes through it.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./picture.js").Box} Box
 * @typedef {import("./picture.js").Frame} Frame
 * @typedef {{x: number, y: number, width: number, height: number}} Place  top left, and size
 * @typedef {[number, number]} Point
 * @typedef {{points: Point[], start: Point | null, end: Point | null}} Route
 *   a Bézier spline, and the tips of its arrowheads
 * @typedef {{
 *   boxes: Map<string, Place>, frames: Map<number, Place>, routes: Map<string, Route>,
 *   width: number, height: number,
 * }} Layout
 */

import { grouped } from "./graph.js";

const INCH = 72;
const TITLE = 18;  // height of a frame's title

/** In which a large picture is laid out sooner, if less well. */
const HURRIED = "nslimit=0.1 nslimit1=0.1 mclimit=0.1 splines=line";

/**
 * @param {Picture} picture
 * @param {{rankdir?: string, hurried?: boolean}} options
 * @returns {string}
 */
export function dot(picture, { rankdir = "TB", hurried = false } = {}) {
  const boxes = grouped(picture.boxes, (box) => box.home);
  const frames = grouped(picture.frames, (frame) => frame.home);
  const text = [
    `digraph { graph [rankdir=${rankdir} nodesep=0.22 ranksep=0.32 ${hurried ? HURRIED : ""}]`,
    'node [shape=box fixedsize=true label=""] edge [arrowsize=0.6]',
  ];
  /** @type {(Frame | null)[]} */
  const waiting = [...(frames.get(null) ?? [])].reverse();
  for (const box of boxes.get(null) ?? []) text.push(nodeLine(box));
  for (let frame = waiting.pop(); frame !== undefined; frame = waiting.pop()) {
    if (frame === null) {
      text.push("}");
      continue;
    }
    text.push(`subgraph cluster_${frame.node.id} { ${titleSpace(frame.width)}`);
    for (const box of boxes.get(frame.node.id) ?? []) text.push(nodeLine(box));
    waiting.push(null, ...(frames.get(frame.node.id) ?? []).slice().reverse());
  }
  const kinds = new Map(picture.boxes.map((box) => [box.key, box.node.kind]));
  for (const [number, { source, target, edge }] of picture.arrows.entries()) {
    // A leaf has its place already; its arrow as a saved tensor must not move it.
    const aside = edge.kind === "saved" && ["leaf", "input"].includes(kinds.get(target) ?? "");
    const undirected = edge.kind === "saved" ? " arrowhead=none" : "";
    text.push(`"${source}" -> "${target}" [id=${number}${undirected}${aside ? " constraint=false" : ""}]`);
  }
  return [...text, "}"].join("\n");
}

/** @param {Box} box */
function nodeLine(box) {
  return `"${box.key}" [width=${inches(box.width)} height=${inches(box.height)}]`;
}

/** @param {number} width */
function titleSpace(width) {
  const table = `<table border="0" fixedsize="true" width="${Math.ceil(width)}" height="${TITLE}">`;
  return `graph [margin=10 labeljust=l label=<${table}<tr><td></td></tr></table>>]`;
}

/** @param {number} points */
function inches(points) {
  return (points / INCH).toFixed(3);
}

/**
 * The places in what Graphviz wrote as json0.
 * @param {string} json
 * @param {Picture} picture  as it was given to `dot`
 * @returns {Layout}
 */
export function places(json, picture) {
  const data = JSON.parse(json);
  const [, , width, height] = numbers(data.bb);
  /** @type {Layout} */
  const layout = { boxes: new Map(), frames: new Map(), routes: new Map(), width, height };
  for (const thing of data.objects ?? []) {
    if (thing.nodes || thing.bb) {
      const [left, bottom, right, top] = numbers(thing.bb);
      const place = { x: left, y: height - top, width: right - left, height: top - bottom };
      layout.frames.set(Number(thing.name.slice("cluster_".length)), place);
    } else {
      const [x, y] = numbers(thing.pos);
      const size = { width: thing.width * INCH, height: thing.height * INCH };
      const corner = { x: x - size.width / 2, y: height - y - size.height / 2 };
      layout.boxes.set(thing.name, { ...corner, ...size });
    }
  }
  for (const edge of data.edges ?? []) {
    if (edge.pos) layout.routes.set(picture.arrows[Number(edge.id)].key, route(edge.pos, height));
  }
  return layout;
}

/**
 * @param {string} pos  Graphviz's splineType: "e,x,y s,x,y x,y x,y ..."
 * @param {number} height
 * @returns {Route}
 */
function route(pos, height) {
  /** @type {Route} */
  const found = { points: [], start: null, end: null };
  for (const part of pos.split(" ")) {
    const tip = /^[es],/.exec(part);
    const [x, y] = numbers(tip ? part.slice(2) : part);
    /** @type {Point} */
    const point = [x, height - y];
    if (!tip) found.points.push(point);
    else if (tip[0] === "e,") found.end = point;
    else found.start = point;
  }
  return found;
}

/** @param {string} text @returns {number[]} */
function numbers(text) {
  return text.split(",").map(Number);
}
