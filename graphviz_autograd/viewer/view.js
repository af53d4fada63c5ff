/**
 * The picture on the page: drawn, moved from one layout to the next, lit and coloured.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./picture.js").Box} Box
 * @typedef {import("./dot.js").Layout} Layout
 * @typedef {import("./dot.js").Place} Place
 * @typedef {{element: SVGGElement, place: Place}} Drawn
 */

import { Camera, eased, still } from "./camera.js";
import { svg } from "./dom.js";
import { label } from "./labels.js";
import { arrowShape, boxShape, definitions, frameShape } from "./shapes.js";

const MOVING = 260;  // milliseconds from one layout to the next
const MOST_MOVED = 500;  // boxes above which nothing moves
const [MIDDLE, FAR] = [0.5, 0.32];  // scales below which labels are simple, and gone
const READABLE = 0.6;  // scale from which the letters of boxes are read without effort
const NOWHERE = { x: 0, y: 0, width: 1, height: 1 };

export class View {
  /**
   * @param {SVGSVGElement} canvas
   * @param {() => void} moved  told whenever the camera has moved
   */
  constructor(canvas, moved) {
    this.canvas = canvas;
    this.layers = ["arrows", "frames", "boxes"].map((name) => svg("g", { class: name }));
    this.world = svg("g", { class: "world" }, ...this.layers);
    this.titles = svg("g", { class: "titles", "aria-hidden": true });
    canvas.append(definitions(), this.world, this.titles);
    /** @type {Picture} */
    this.picture = { boxes: [], frames: [], arrows: [], box: new Map(), shared: false };
    /** @type {Layout} */
    this.layout = { boxes: new Map(), frames: new Map(), routes: new Map(), width: 1, height: 1 };
    /** @type {Map<string, Drawn>} */
    this.boxes = new Map();
    /** @type {Map<number, Drawn>} */
    this.frames = new Map();
    /** @type {Map<string, Drawn>} */
    this.arrows = new Map();
    this.motion = 0;
    this.camera = new Camera(canvas, () => {
      this.#look();
      moved();
    });
  }

  /**
   * Draws a picture in place of the one before. `anchor`, a group, stays where it is on screen.
   * @param {Picture} picture
   * @param {Layout} layout
   * @param {number | null} [anchor]
   */
  draw(picture, layout, anchor = null) {
    this.#stop();
    const before = { boxes: this.boxes, frames: this.frames, picture: this.picture };
    const held = anchor === null ? null : this.placeOf(anchor);
    const focus = document.activeElement?.closest("#canvas [data-node]")?.getAttribute("data-key");
    this.picture = picture;
    this.layout = layout;
    this.#build();
    const now = anchor === null ? null : this.placeOf(anchor);
    if (held && now) {
      const { x, y, scale } = this.camera.view;
      this.camera.set({ scale, x: x + (held.x - now.x) * scale, y: y + (held.y - now.y) * scale });
    }
    this.#look();
    if (held && now) this.camera.fly(this.camera.taking(now, layout));
    if (focus) this.focus(focus);
    const many = picture.boxes.length > MOST_MOVED || before.boxes.size > MOST_MOVED;
    if (before.boxes.size && !many && !still()) this.#move(this.#starts(before));
  }

  #build() {
    const { picture, layout } = this;
    const [arrows, frames, boxes] = this.layers;
    for (const layer of this.layers) layer.replaceChildren();
    this.frames = new Map();
    this.boxes = new Map();
    this.arrows = new Map();
    for (const frame of picture.frames) {
      const place = layout.frames.get(frame.node.id);
      if (place) this.frames.set(frame.node.id, { element: frameShape(frame, place), place });
    }
    for (const box of picture.boxes) {
      const place = layout.boxes.get(box.key) ?? NOWHERE;
      this.boxes.set(box.key, { element: boxShape(box, place), place });
    }
    for (const arrow of picture.arrows) {
      const route = layout.routes.get(arrow.key);
      if (!route) continue;
      const place = around(route.points);
      this.arrows.set(arrow.key, { element: arrowShape(arrow, route), place });
    }
    for (const drawn of [...this.frames.values(), ...this.boxes.values()]) put(drawn.element, drawn.place);
    frames.append(...[...this.frames.values()].map((one) => one.element));
    arrows.append(...[...this.arrows.values()].map((one) => one.element));
    boxes.append(...[...this.boxes.values()].map((one) => one.element));
  }

  /**
   * Where a node is: its box, the first of several, or its frame; null while it is not seen.
   * @param {number} id
   * @returns {Place | null}
   */
  placeOf(id) {
    const found = this.boxes.get(`${id}`) ?? this.frames.get(id);
    return found ? found.place : null;
  }

  /**
   * Gives a box or frame the keyboard; the tab key comes back to it.
   * @param {string} key
   * @param {{reveal?: boolean}} [options]
   */
  focus(key, { reveal = false } = {}) {
    const found = this.boxes.get(key) ?? this.frames.get(Number(key));
    if (!found) return;
    const { element, place } = found;
    for (const old of this.canvas.querySelectorAll('[tabindex="0"]')) old.setAttribute("tabindex", "-1");
    element.setAttribute("tabindex", "0");
    element.style.removeProperty("display");  // what is out of sight cannot be focused
    element.focus({ preventScroll: true });
    if (reveal) this.camera.reveal(place);
  }

  fit() {
    this.camera.fly(this.camera.fitting(this.layout));
  }

  /**
   * Where to look from at first: at all of it, or at what is around a node, where not even the
   * names could be read otherwise.
   * @param {number} [id]
   */
  opening(id = this.picture.boxes.at(-1)?.node.id) {
    const all = this.camera.fitting(this.layout);
    const place = id === undefined ? null : this.placeOf(this.picture.box.get(id) ?? id);
    return all.scale < READABLE && place ? this.camera.around(place, this.layout) : all;
  }

  /**
   * Lights these boxes and arrows, and dims all others; null lights everything as usual.
   * @param {{boxes: Set<string>, arrows: Set<string>} | null} lit
   */
  light(lit) {
    this.canvas.classList.toggle("lighting", lit !== null);
    for (const [key, { element }] of this.boxes) element.classList.toggle("lit", !!lit?.boxes.has(key));
    for (const [key, { element }] of this.arrows) element.classList.toggle("lit", !!lit?.arrows.has(key));
  }

  /**
   * Marks what bears one of these ids with a class, and nothing else.
   * @param {string} name
   * @param {Set<number>} ids
   */
  mark(name, ids) {
    if (!ids.size && !this.canvas.querySelector(`.${name}`)) return;
    for (const { element } of [...this.boxes.values(), ...this.frames.values()]) {
      element.classList.toggle(name, ids.has(Number(element.dataset.node)));
    }
  }

  /** @param {(box: Box) => {fill: string, ink: string, strong: boolean} | null} colour */
  colour(colour) {
    for (const box of this.picture.boxes) {
      const element = this.boxes.get(box.key)?.element;
      const found = colour(box);
      element?.style.setProperty("--fill", found?.fill ?? "");
      element?.style.setProperty("--label", found?.ink ?? "");
      element?.classList.toggle("strong", !!found?.strong);
    }
  }

  /** Puts the world where the camera has it; what is out of sight, or too small, is not drawn. */
  #look() {
    const { x, y, scale } = this.camera.view;
    this.world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    this.canvas.classList.toggle("middle", scale < MIDDLE);
    this.canvas.classList.toggle("far", scale < FAR);
    if (!this.motion) this.#cull();
  }

  #cull() {
    const window = this.camera.window;
    const held = document.activeElement;  // hidden it would lose the keyboard
    if (this.camera.view.scale < MIDDLE) label(this.titles, this.frames.values(), this.camera);
    else this.titles.replaceChildren();
    for (const drawn of [this.frames, this.boxes, this.arrows]) {
      for (const { element, place } of drawn.values()) {
        const seen = touches(place, window) || element === held;
        if (seen === (element.style.display === "none")) element.style.display = seen ? "" : "none";
      }
    }
  }

  /**
   * From where each box and frame starts its way: from where it was, or from the group that
   * held it, or that it holds.
   * @param {{boxes: Map<string, Drawn>, frames: Map<number, Drawn>, picture: Picture}} before
   * @returns {[Drawn, Place][]}
   */
  #starts({ boxes, frames, picture }) {
    const shown = (/** @type {number} */ id) => boxes.get(`${id}`) ?? frames.get(id);
    const found = /** @type {[Drawn, Place][]} */ ([]);
    for (const [key, drawn] of this.boxes) {
      const id = Number(key.split("@")[0]);
      const old = boxes.get(key) ?? shown(id) ?? shown(picture.box.get(id) ?? -1);
      found.push([drawn, old?.place ?? drawn.place]);
    }
    for (const [id, drawn] of this.frames) {
      const old = shown(id) ?? shown(picture.box.get(id) ?? -1);
      found.push([drawn, old?.place ?? drawn.place]);
    }
    return found;
  }

  /** @param {[Drawn, Place][]} starts */
  #move(starts) {
    const began = performance.now();
    this.canvas.classList.add("moving");
    const step = (/** @type {number} */ now) => {
      const t = eased(Math.min(1, Math.max(0, now - began) / MOVING));
      for (const [{ element, place }, from] of starts) {
        put(element, { ...place, x: from.x + (place.x - from.x) * t, y: from.y + (place.y - from.y) * t });
      }
      if (t < 1) {
        this.motion = requestAnimationFrame(step);
      } else {
        this.#stop();
        this.#cull();
      }
    };
    step(began);
  }

  /** Ends a motion that has not come to its end. */
  #stop() {
    cancelAnimationFrame(this.motion);
    this.motion = 0;
    this.canvas.classList.remove("moving");
  }
}

/** @param {SVGGElement} element @param {Place} place */
function put(element, { x, y }) {
  element.setAttribute("transform", `translate(${x.toFixed(1)} ${y.toFixed(1)})`);
}

/** @param {[number, number][]} points @returns {Place} */
function around(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
  const [x, y] = [Math.min(...xs), Math.min(...ys)];
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

/** @param {Place} one @param {Place} other */
function touches(one, other) {
  return one.x <= other.x + other.width && one.x + one.width >= other.x
    && one.y <= other.y + other.height && one.y + one.height >= other.y;
}
