/**
 * A layout of our own for what Graphviz cannot lay out in time: ranks, and rows in them. What is
 * in a frame is laid out by itself; then the frame is a box among others.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./dot.js").Layout} Layout
 * @typedef {import("./dot.js").Place} Place
 * @typedef {import("./dot.js").Point} Point
 * @typedef {{key: string, width: number, height: number}} Item  a box, or a frame
 * @typedef {{source: string, target: string}} Link
 * @typedef {{items: Item[], links: Link[]}} Level  what is directly in one frame
 */

import { grouped } from "./graph.js";

const [ACROSS, DOWN] = [16, 34];
const SWEEPS = 4;
const [MARGIN, TITLE] = [10, 26];  // within a frame: at its sides, and where its title is

/**
 * Boxes in rows, each below all that lead to it, near those.
 * @param {Picture} picture
 * @param {string} [rankdir]
 * @returns {Layout}
 */
export function plain(picture, rankdir = "TB") {
  const turned = rankdir === "LR" || rankdir === "RL";
  const levels = levelsOf(picture, turned);
  /** @type {Map<string, Place>} */
  const places = new Map();
  const [aside, above] = { TB: [MARGIN, TITLE], BT: [MARGIN, MARGIN] }[rankdir] ?? [TITLE, MARGIN];
  for (const { node, home, width } of byDepth(picture).reverse()) {
    const level = /** @type {Level} */ (levels.get(keyOf(node.id)));
    const inner = rows(level, places);
    for (const { key } of level.items) shift(places.get(key), { x: aside, y: above });
    const [across, along] = turned ? [TITLE, MARGIN] : [MARGIN, TITLE];
    const size = { width: inner.width + across + MARGIN, height: inner.height + along + MARGIN };
    const side = turned ? "height" : "width";
    size[side] = Math.max(size[side], width);  // its title has room
    levels.get(keyOf(home))?.items.push({ key: keyOf(node.id), ...size });
  }
  const size = rows(/** @type {Level} */ (levels.get(keyOf(null))), places);
  for (const { node, home } of byDepth(picture)) shift(places.get(keyOf(node.id)), places.get(keyOf(home)));
  for (const { key, home } of picture.boxes) shift(places.get(key), places.get(keyOf(home)));
  return onPage(picture, places, size, rankdir);
}

/** @param {Picture} picture  its frames, the outer ones first */
function byDepth({ frames }) {
  return [...frames].sort((one, other) => one.depth - other.depth);
}

/** @param {Place | undefined} place @param {{x: number, y: number} | undefined} by */
function shift(place, by) {
  if (!place || !by) return;
  place.x += by.x;
  place.y += by.y;
}

/** @param {number | null} frame */
function keyOf(frame) {
  return `frame ${frame}`;
}

/**
 * What is directly in each frame, and at the top: the boxes, and the arrows that join two of what
 * is there. Frames are put there once their size is known.
 * @param {Picture} picture
 * @param {boolean} turned
 * @returns {Map<string, Level>}
 */
function levelsOf({ boxes, frames, arrows }, turned) {
  /** @type {Map<string, Level>} */
  const levels = new Map([[keyOf(null), { items: [], links: [] }]]);
  for (const { node } of frames) levels.set(keyOf(node.id), { items: [], links: [] });
  const home = new Map(frames.map((frame) => [keyOf(frame.node.id), keyOf(frame.home)]));
  for (const box of boxes) {
    const { key, width, height } = box;
    home.set(key, keyOf(box.home));
    levels.get(keyOf(box.home))?.items.push(
      turned ? { key, width: height, height: width } : { key, width, height });
  }
  for (const { source, target } of arrows) {
    const [from, to] = [source, target].map((key) => outwards(key, home));
    while (from.length > 1 && from.at(-1) === to.at(-1)) {
      from.pop();
      to.pop();
    }
    const [one, other] = [from.at(-1), to.at(-1)];
    const around = home.get(one ?? "") ?? keyOf(null);
    if (one && other) levels.get(around)?.links.push({ source: one, target: other });
  }
  return levels;
}

/** @param {string} key @param {Map<string, string>} home @returns {string[]} itself, then the frames around it */
function outwards(key, home) {
  const found = [];
  for (let at = key; home.has(at); at = /** @type {string} */ (home.get(at))) found.push(at);
  return found;
}

/**
 * Puts the items of a level in rows; gives the size of all of them.
 * @param {Level} level
 * @param {Map<string, Place>} places  filled
 */
function rows(level, places) {
  const rank = ranks(level);
  const lines = /** @type {Item[][]} */ ([]);
  for (const item of level.items) (lines[rank.get(item.key) ?? 0] ??= []).push(item);
  order(lines, level);
  const widths = lines.map((line) => line.reduce((sum, item) => sum + item.width + ACROSS, -ACROSS));
  const all = { width: widths.reduce((most, width) => Math.max(most, width), 0), height: 0 };
  for (const [index, line] of lines.entries()) {
    let x = (all.width - widths[index]) / 2;
    for (const { key, width, height } of line) {
      places.set(key, { x, y: all.height, width, height });
      x += width + ACROSS;
    }
    all.height += line.reduce((most, item) => Math.max(most, item.height), 0) + DOWN;
  }
  return { ...all, height: Math.max(0, all.height - DOWN) };
}

/**
 * How many arrows lead, at most, from the start of the data's flow to each item.
 * @param {Level} level
 * @returns {Map<string, number>}  without gaps
 */
function ranks({ items, links }) {
  const away = grouped(links, (link) => link.source);
  const rank = new Map(items.map((item) => [item.key, 0]));
  const waiting = new Map(items.map((item) => [item.key, 0]));
  for (const { target } of links) waiting.set(target, (waiting.get(target) ?? 0) + 1);
  const ready = items.map((item) => item.key).filter((key) => !waiting.get(key));
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
 * Puts the items of every row near those that lead to them.
 * @param {Item[][]} lines
 * @param {Level} level
 */
function order(lines, { links }) {
  const sides = [grouped(links, (link) => link.target), grouped(links, (link) => link.source)];
  /** @type {Map<string, number>} */
  const place = new Map();
  const settle = (/** @type {Item[]} */ line) =>
    line.forEach((item, index) => place.set(item.key, index / line.length));
  lines.forEach(settle);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const side = sides[sweep % 2];
    const end = sweep % 2 ? "target" : "source";
    for (const line of sweep % 2 ? [...lines].reverse() : lines) {
      const wanted = new Map(line.map(({ key }) => {
        const near = (side.get(key) ?? []).map((link) => place.get(link[end]) ?? 0);
        const mean = near.reduce((sum, one) => sum + one, 0) / near.length;
        return [key, near.length ? mean : place.get(key) ?? 0];
      }));
      line.sort((one, other) => (wanted.get(one.key) ?? 0) - (wanted.get(other.key) ?? 0));
      settle(line);
    }
  }
}

/**
 * Everything as it is on the page, turned the way the arrows are to go.
 * @param {Picture} picture
 * @param {Map<string, Place>} places
 * @param {{width: number, height: number}} size
 * @param {string} rankdir
 * @returns {Layout}
 */
function onPage({ boxes, frames, arrows }, places, { width, height }, rankdir) {
  const turned = rankdir === "LR" || rankdir === "RL";
  const at = (/** @type {Point} */ [x, y]) => {
    const along = rankdir === "BT" || rankdir === "RL" ? height - y : y;
    return /** @type {Point} */ (turned ? [along, x] : [x, along]);
  };
  const of = (/** @type {string} */ key) => /** @type {Place} */ (places.get(key));
  const whole = (/** @type {Place} */ one) => {
    const [[x, y], [endX, endY]] = [at([one.x, one.y]), at([one.x + one.width, one.y + one.height])];
    const corner = { x: Math.min(x, endX), y: Math.min(y, endY) };
    return { ...corner, width: Math.abs(endX - x), height: Math.abs(endY - y) };
  };
  return {
    boxes: new Map(boxes.map(({ key }) => [key, whole(of(key))])),
    frames: new Map(frames.map(({ node }) => [node.id, whole(of(keyOf(node.id)))])),
    routes: new Map(arrows.map(({ key, source, target }) => [key, straight(of(source), of(target), at)])),
    ...(turned ? { width: height, height: width } : { width, height }),
  };
}

/**
 * @param {Place} from
 * @param {Place} to
 * @param {(point: Point) => Point} at
 * @returns {import("./dot.js").Route}
 */
function straight(from, to, at) {
  const [x, y] = [from.x + from.width / 2, from.y + from.height];
  const [endX, endY] = [to.x + to.width / 2, to.y];
  const bend = (endY - y) / 3;
  const points = /** @type {Point[]} */ ([[x, y], [x, y + bend], [endX, endY - bend], [endX, endY - 6]]);
  return { points: points.map(at), start: null, end: at([endX, endY]) };
}
