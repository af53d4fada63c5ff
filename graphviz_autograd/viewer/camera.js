/**
 * Where one looks: panning, zooming, fitting; by mouse, touch and keys.
 *
 * @typedef {{x: number, y: number, scale: number}} View  screen = world × scale + (x, y)
 * @typedef {{x: number, y: number, width: number, height: number}} Place
 */

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

  /** The place to look at it from has another size. */
  resized() {
    this.moved(this.view);
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

  /** Pans as little as it takes to see a place. @param {Place} place */
  reveal(place) {
    const { x, y, scale } = this.view;
    const { width, height } = this.size;
    const shift = (/** @type {number} */ from, /** @type {number} */ to, /** @type {number} */ room) =>
      from < MARGIN ? MARGIN - from : Math.min(0, room - MARGIN - to);
    const [left, top] = [place.x * scale + x, place.y * scale + y];
    this.pan(
      shift(left, left + place.width * scale, width),
      shift(top, top + place.height * scale, height),
    );
  }

  /** Goes there in a moment, or at once for who wants nothing to move. @param {View} view */
  fly(view) {
    if (still()) return this.set(view);
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
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 16 : 1;
    const speed = event.ctrlKey ? 0.01 : 0.0015;
    this.zoom(Math.exp(-event.deltaY * lines * speed), this.#at(event));
  }

  /** @param {PointerEvent} event */
  #down(event) {
    if (event.button) return;
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

/** Whether this person asked for less motion. */
export function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

/** @param {number} t  0 to 1 */
export function eased(t) {
  return 1 - (1 - t) ** 3;
}
