/**
 * The titles of frames from far away: as large as they can be read, where there is room, above
 * everything else. From near each frame bears its own.
 *
 * @typedef {import("./view.js").Drawn} Drawn
 * @typedef {{left: number, right: number, top: number, bottom: number}} Taken
 */

import { svg } from "./dom.js";

const SIZE = 11;  // of letters, in pixels
const WIDTH = 0.62;  // of a letter, to its size
const MOST = 80;
const MARGIN = 4;

/**
 * Writes the titles of these frames over the picture; larger frames come first, and no title
 * covers another. A frame that begins out of sight has its title where it comes into sight.
 * @param {SVGElement} layer
 * @param {Iterable<Drawn>} frames
 * @param {import("./camera.js").Camera} camera
 */
export function label(layer, frames, { view, size }) {
  const bySize = [...frames].sort((one, other) => area(other) - area(one));
  /** @type {Taken[]} */
  const taken = [];
  const texts = [];
  for (const { element, place } of bySize) {
    if (taken.length >= MOST) break;
    const text = element.querySelector(".first")?.textContent ?? "";
    const left = Math.max(place.x * view.scale + view.x, 0);
    const top = Math.max(place.y * view.scale + view.y, 0);
    const end = Math.min((place.x + place.width) * view.scale + view.x, size.width);
    const low = Math.min((place.y + place.height) * view.scale + view.y, size.height);
    const right = left + [...text].length * SIZE * WIDTH + 2 * MARGIN;
    const title = { left, right, top, bottom: top + SIZE + MARGIN };
    if (right > end || title.bottom + MARGIN > low || taken.some((other) => !apart(title, other))) continue;
    taken.push(title);
    texts.push(svg("text", { x: left + MARGIN, y: top + SIZE + 2 }, text));
  }
  layer.replaceChildren(...texts);
}

/** @param {Drawn} drawn */
function area({ place }) {
  return place.width * place.height;
}

/** @param {Taken} one @param {Taken} other */
function apart(one, other) {
  return one.right < other.left || other.right < one.left
    || one.bottom < other.top || other.bottom < one.top;
}
