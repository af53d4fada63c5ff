/**
 * Where one looks: panning, zooming, fitting; by mouse, touch and keys.
 *
 * @typedef {{x: number, y: number, scale: number}} View  screen = world × scale + (x, y)
 * @typedef {{x: number, y: number, width: number, height: number}} Place
 */

import { framed } from "./around.js";

const [LEAST, MOST] = [0.002, 6];
const STEP = 1.25;
const MARGIN = 28;
const FLIGHT = 220;  // milliseconds

export class Camera {
  /**
   * @param {SVGSVGElement} canvas
   * @param {(view: View) => void} moved
   */
  constructor(canvas, moved) {
    this.canvas = canvas;
    this.moved = moved;
    /** @type {View} */
    this.view = { x: 0, y: 0, scale: 1 };
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    this.dragged = false;
    this.flight = 0;
    this.covered = 0;  // pixels at the left, by a legend
    this.known = { canvas: this.size, window: [innerWidth, innerHeight] };
    this.taken = !framed;  // whether the wheel is meant for the picture, and not for the page around
    addEventListener("blur", () => (this.taken = !framed));
    canvas.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(name, (event) => this.#up(/** @type {PointerEvent} */ (event)));
    }
  }

  /** @param {View} view */
  set(view) {
    cancelAnimationFrame(this.flight);
    this.view = view;
    this.moved(view);
  }

  /**
   * The place to look at it from has another size. What was in the middle of a window stays there;
   * some of the world can be seen afterwards.
   * @param {{width: number, height: number}} world
   */
  resized(world) {
    const { canvas, window: [wide, high] } = this.known;
    const { width, height } = this.size;
    this.known = { canvas: { width, height }, window: [innerWidth, innerHeight] };
    const moves = wide !== innerWidth || high !== innerHeight ? 0.5 : 0;
    const along = (/** @type {number} */ start, /** @type {number} */ length,
      /** @type {number} */ room, /** @type {number} */ before) => {
      const from = start + (room - before) * moves;
      const least = Math.min(length, room / 4);
      return from + shift(from, from + length, room, room - least);
    };
    const { x, y, scale } = this.view;
    const view = {
      scale,
      x: along(x, world.width * scale, width, canvas.width),
      y: along(y, world.height * scale, height, canvas.height),
    };
    if (view.x === x && view.y === y) this.moved(view);  // and a flight goes on
    else this.set(view);
  }

  /** @param {number} dx @param {number} dy  in pixels */
  pan(dx, dy) {
    this.set({ ...this.view, x: this.view.x + dx, y: this.view.y + dy });
  }

  /**
   * @param {number} factor
   * @param {{x: number, y: number}} [at]  the point that stays, in pixels; else the middle
   */
  zoom(factor, at = this.middle) {
    const scale = Math.min(MOST, Math.max(LEAST, this.view.scale * factor));
    const ratio = scale / this.view.scale;
    this.set({ scale, x: at.x - (at.x - this.view.x) * ratio, y: at.y - (at.y - this.view.y) * ratio });
  }

  /** @param {"in" | "out"} way */
  step(way) {
    this.zoom(way === "in" ? STEP : 1 / STEP);
  }

  get size() {
    return { width: this.canvas.clientWidth, height: this.canvas.clientHeight };
  }

  get middle() {
    return { x: this.size.width / 2, y: this.size.height / 2 };
  }

  /** What of the world is to be seen. @returns {Place} */
  get window() {
    const { x, y, scale } = this.view;
    const { width, height } = this.size;
    return { x: -x / scale, y: -y / scale, width: width / scale, height: height / scale };
  }

  /** @param {{width: number, height: number}} world @returns {View} all of it, not enlarged */
  fitting(world) {
    const { height } = this.size;
    const width = this.size.width - this.covered;
    const room = [(width - 2 * MARGIN) / world.width, (height - 2 * MARGIN) / world.height];
    const scale = Math.max(LEAST, Math.min(1.25, ...room));
    const x = this.covered + (width - world.width * scale) / 2;
    return { scale, x, y: (height - world.height * scale) / 2 };
  }

  /**
   * A place in the middle, large enough to be read.
   * @param {Place} place
   * @returns {View}
   */
  showing(place) {
    const scale = Math.max(0.8, Math.min(this.view.scale, 1.5));
    return {
      scale,
      x: this.middle.x - (place.x + place.width / 2) * scale,
      y: this.middle.y - (place.y + place.height / 2) * scale,
    };
  }

  /**
   * A place and what is around it, large enough to be read; no margin is wider than it need be.
   * @param {Place} place
   * @param {{width: number, height: number}} world
   * @returns {View}
   */
  around(place, world) {
    const scale = 0.9;
    const start = (/** @type {number} */ middle, /** @type {number} */ length, /** @type {number} */ room) => {
      const all = length * scale;
      if (all + 2 * MARGIN <= room) return (room - all) / 2;
      return Math.min(MARGIN, Math.max(room - MARGIN - all, room / 2 - middle * scale));
    };
    const { width, height } = this.size;
    const x = start(place.x + place.width / 2, world.width, width - this.covered);
    return { scale, x: this.covered + x, y: start(place.y + place.height / 2, world.height, height) };
  }

  /**
   * The view moved as little as it takes to see a place, or as much of it as there is room for.
   * With a world, no wide margin is left beside that while some of it is out of sight.
   * @param {Place} place
   * @param {{width: number, height: number}} [world]
   * @returns {View}
   */
  taking(place, world) {
    const { x, y, scale } = this.view;
    const along = (/** @type {number} */ origin, /** @type {[number, number]} */ [start, length],
      /** @type {number} */ room, /** @type {number | undefined} */ all) => {
      const from = origin + start * scale;
      const there = origin + shift(from, from + length * scale, room, MARGIN);
      if (all === undefined) return there;
      const margin = all * scale + 2 * MARGIN > room ? Math.max(MARGIN, room / 4) : MARGIN;
      return there + shift(there, there + all * scale, room, margin);
    };
    const { covered, size: { width, height } } = this;
    return {
      scale,
      x: covered + along(x - covered, [place.x, place.width], width - covered, world?.width),
      y: along(y, [place.y, place.height], height, world?.height),
    };
  }

  /** Pans as little as it takes to see a place. @param {Place} place */
  reveal(place) {
    const view = this.taking(place);
    if (view.x !== this.view.x || view.y !== this.view.y) this.fly(view);
  }

  /** Goes there in a moment, or at once for who wants nothing to move. @param {View} view */
  fly(view) {
    const { x, y, scale } = this.view;
    if (still() || (x === view.x && y === view.y && scale === view.scale)) return this.set(view);
    const [from, began] = [this.view, performance.now()];
    const next = (/** @type {number} */ now) => {
      const t = eased(Math.min(1, Math.max(0, now - began) / FLIGHT));
      const between = (/** @type {"x" | "y" | "scale"} */ key) => from[key] + (view[key] - from[key]) * t;
      this.set({ x: between("x"), y: between("y"), scale: between("scale") });
      if (t < 1) this.flight = requestAnimationFrame(next);
    };
    cancelAnimationFrame(this.flight);
    this.flight = requestAnimationFrame(next);
  }

  /** @param {WheelEvent} event */
  #wheel(event) {
    if (!this.taken && !event.ctrlKey && !event.metaKey) return;  // the page around scrolls
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    this.zoom(Math.exp(-event.deltaY * lines * speed), this.#at(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button) return;
    this.taken = true;
    this.fingers.set(event.pointerId, this.#at(event));
    if (this.fingers.size === 1) this.dragged = false;
  }

  /** @param {PointerEvent} event */
  #move(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = this.#at(event);
    const [dx, dy] = [now.x - before.x, now.y - before.y];
    if (!this.dragged && Math.hypot(dx, dy) < 4) return;
    if (!this.dragged) this.canvas.setPointerCapture(event.pointerId);
    this.dragged = true;
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (!other) return this.pan(dx, dy);
    const apart = (/** @type {{x: number, y: number}} */ one) => Math.hypot(one.x - other.x, one.y - other.y);
    if (apart(before)) this.zoom(apart(now) / apart(before), other);
  }

  /** @param {PointerEvent} event */
  #up(event) {
    this.fingers.delete(event.pointerId);
  }

  /** @param {MouseEvent} event */
  #at(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }
}

/**
 * By how much to move what goes from one point to another: as little as it takes to have it within
 * a room with these margins, or the room within it, where it is longer.
 * @param {number} from
 * @param {number} to
 * @param {number} room
 * @param {number} margin
 */
function shift(from, to, room, margin) {
  const ends = [margin - from, room - margin - to];
  return Math.max(Math.min(...ends), Math.min(0, Math.max(...ends)));
}

/** Whether this person asked for less motion. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** @param {number} t  0 to 1 */
export function eased(t) {
  return 1 - (1 - t) ** 3;
}
