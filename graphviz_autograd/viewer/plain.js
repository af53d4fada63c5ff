/**
 * A layout of our own for what Graphviz cannot lay out in time: ranks, and rows in them.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./dot.js").Layout} Layout
 * @typedef {import("./dot.js").Place} Place
 */

import { grouped } from "./graph.js";

const ACROSS = 16;
const DOWN = 34;
const SWEEPS = 4;

/**
 * Boxes in rows, each below all that lead to it, near those. Frames are left out.
 * @param {Picture} picture
 * @returns {Layout}
 */
export function plain(picture) {
  const rank = ranks(picture);
  const rows = /** @type {string[][]} */ ([]);
  for (const box of picture.boxes) (rows[rank.get(box.key) ?? 0] ??= []).push(box.key);
  order(rows, picture);
  const size = new Map(picture.boxes.map((box) => [box.key, box]));
  /** @type {Layout} */
  const layout = { boxes: new Map(), frames: new Map(), routes: new Map(), width: 0, height: 0 };
  for (const row of rows) {
    let [x, tallest] = [0, 0];
    for (const key of row) {
      const { width = 0, height = 0 } = size.get(key) ?? {};
      layout.boxes.set(key, { x, y: layout.height, width, height });
      x += width + ACROSS;
      tallest = Math.max(tallest, height);
    }
    layout.width = Math.max(layout.width, x - ACROSS);
    layout.height += tallest + DOWN;
  }
  layout.height -= DOWN;
  centre(rows, layout);
  for (const arrow of picture.arrows) {
    const [from, to] = [layout.boxes.get(arrow.source), layout.boxes.get(arrow.target)];
    if (from && to) layout.routes.set(arrow.key, straight(from, to));
  }
  return layout;
}

/**
 * How many arrows lead, at most, from the start of the data's flow to each box.
 * @param {Picture} picture
 * @returns {Map<string, number>}
 */
function ranks({ boxes, arrows }) {
  const away = grouped(arrows, (arrow) => arrow.source);
  const rank = new Map(boxes.map((box) => [box.key, 0]));
  const waiting = new Map(boxes.map((box) => [box.key, 0]));
  for (const { target } of arrows) waiting.set(target, (waiting.get(target) ?? 0) + 1);
  const ready = boxes.map((box) => box.key).filter((key) => !waiting.get(key));
  for (let key = ready.pop(); key !== undefined; key = ready.pop()) {
    for (const { target } of away.get(key) ?? []) {
      rank.set(target, Math.max(rank.get(target) ?? 0, (rank.get(key) ?? 0) + 1));
      const left = (waiting.get(target) ?? 0) - 1;
      waiting.set(target, left);
      if (!left) ready.push(target);
    }
  }
  return rank;
}

/**
 * Puts the boxes of every row near the boxes that lead to them.
 * @param {string[][]} rows
 * @param {Picture} picture
 */
function order(rows, { arrows }) {
  const sides = [
    grouped(arrows, (arrow) => arrow.target), grouped(arrows, (arrow) => arrow.source),
  ];
  /** @type {Map<string, number>} */
  const place = new Map();
  const settle = (/** @type {string[]} */ row) =>
    row.forEach((key, index) => place.set(key, index / row.length));
  rows.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sides[sweep % 2];
    const end = sweep % 2 ? "target" : "source";
    for (const row of sweep % 2 ? [...rows].reverse() : rows) {
      const wanted = new Map(row.map((key) => {
        const near = (side.get(key) ?? []).map((arrow) => place.get(arrow[end]) ?? 0);
        const mean = near.reduce((sum, one) => sum + one, 0) / near.length;
        return [key, near.length ? mean : place.get(key) ?? 0];
      }));
      row.sort((one, other) => (wanted.get(one) ?? 0) - (wanted.get(other) ?? 0));
      settle(row);
    }
  }
}

/**
 * @param {string[][]} rows
 * @param {Layout} layout
 */
function centre(rows, layout) {
  for (const row of rows) {
    const last = layout.boxes.get(row[row.length - 1]);
    const shift = last ? (layout.width - last.x - last.width) / 2 : 0;
    for (const key of row) {
      const place = layout.boxes.get(key);
      if (place) place.x += shift;
    }
  }
}

/**
 * @param {Place} from
 * @param {Place} to
 * @returns {import("./dot.js").Route}
 */
function straight(from, to) {
  const [x, y] = [from.x + from.width / 2, from.y + from.height];
  const [endX, endY] = [to.x + to.width / 2, to.y];
  const bend = (endY - y) / 3;
  return {
    points: [[x, y], [x, y + bend], [endX, endY - bend], [endX, endY - 6]],
    start: null, end: [endX, endY],
  };
}
