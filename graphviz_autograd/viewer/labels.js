/**
 * The titles of frames from far away: as large as they can be read, where there is room.
 *
 * @typedef {import("./view.js").Drawn} Drawn
 * @typedef {{left: number, right: number, top: number, bottom: number}} Taken
 */

const SIZE = 11;  // of letters, in pixels
const WIDTH = 0.62;  // of a letter, to its size
const MOST = 80;

/**
 * Sets the titles of these frames for a scale; larger frames come first, and no title covers
 * another. Above `near` every title is as it was drawn.
 * @param {Iterable<Drawn>} frames
 * @param {number} scale
 * @param {number} near
 */
export function label(frames, scale, near) {
  const bySize = [...frames].sort((one, other) => area(other) - area(one));
  /** @type {Taken[]} */
  const taken = [];
  for (const { element, place } of bySize) {
    const text = /** @type {SVGTextElement} */ (element.querySelector(".first"));
    const fold = /** @type {SVGTextElement} */ (element.querySelector(".fold"));
    fold.style.display = scale < near ? "none" : "";
    if (scale >= near) {
      text.style.cssText = "";
      continue;
    }
    const [left, top] = [place.x * scale, place.y * scale];
    const right = left + [...(text.textContent ?? "")].length * SIZE * WIDTH + 8;
    const title = { left, right, top, bottom: top + SIZE + 5 };
    const fits = right < left + place.width * scale && SIZE + 8 < place.height * scale
      && taken.length < MOST && taken.every((other) => apart(title, other));
    text.style.display = fits ? "block" : "none";
    if (!fits) continue;
    taken.push(title);
    text.style.fontSize = `${SIZE / scale}px`;
    text.style.strokeWidth = `${3 / scale}px`;
    text.style.transform = `translate(${4 / scale - 22}px, ${(SIZE + 2) / scale - 16}px)`;
  }
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
