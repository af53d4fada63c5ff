/**
 * The way of the gradient: from the outputs through a box to the leaves.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./picture.js").Arrow} Arrow
 */

import { grouped } from "./graph.js";

/**
 * The boxes and arrows on any way from an output through these boxes to a leaf.
 * @param {Picture} picture
 * @param {string[]} keys
 * @returns {{boxes: Set<string>, arrows: Set<string>}}
 */
export function gradientPath(picture, keys) {
  const along = picture.arrows.filter(({ edge }) => edge.kind !== "saved");
  const boxes = new Set(keys);
  /** @type {Set<string>} */
  const arrows = new Set();
  for (const [from, to] of /** @type {["source" | "target", "source" | "target"][]} */ (
    [["source", "target"], ["target", "source"]])) {
    const leading = grouped(along, (arrow) => arrow[from]);
    const seen = new Set(keys);
    const waiting = [...keys];
    for (let key = waiting.pop(); key !== undefined; key = waiting.pop()) {
      for (const arrow of leading.get(key) ?? []) {
        arrows.add(arrow.key);
        if (seen.has(arrow[to])) continue;
        seen.add(arrow[to]);
        boxes.add(arrow[to]);
        waiting.push(arrow[to]);
      }
    }
  }
  return { boxes, arrows };
}
