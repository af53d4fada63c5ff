/**
 * The whole picture, small, with a frame around what is seen; a click or a drag goes there.
 *
 * @typedef {import("./view.js").View} View
 */

const MARGIN = 6;
const MOST = { width: 170, height: 160 };
const LEAST = 28;

export class Minimap {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {View} view
   */
  constructor(canvas, view) {
    this.canvas = canvas;
    this.view = view;
    this.waiting = 0;
    const follow = (/** @type {PointerEvent} */ event) => event.buttons && this.#go(event);
    canvas.addEventListener("pointerdown", (event) => {
      canvas.setPointerCapture(event.pointerId);
      this.#go(event);
    });
    canvas.addEventListener("pointermove", follow);
  }

  /** Draws it again, once however often it was asked for before the next frame. */
  update() {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      this.#draw();
    });
  }

  get #scale() {
    const { width, height } = this.view.layout;
    const { size } = this.view.camera;
    const [widest, tallest] = [Math.min(MOST.width, size.width / 4), Math.min(MOST.height, size.height / 4)];
    return Math.min((widest - 2 * MARGIN) / width, (tallest - 2 * MARGIN) / height);
  }

  get #origin() {
    const { width, height } = this.view.layout;
    return {
      x: (this.canvas.clientWidth - width * this.#scale) / 2,
      y: (this.canvas.clientHeight - height * this.#scale) / 2,
    };
  }

  #draw() {
    const { canvas, view } = this;
    const { x, y, width, height } = view.camera.window;
    const all = x <= 0 && y <= 0 && x + width >= view.layout.width && y + height >= view.layout.height;
    canvas.classList.toggle("idle", all);
    const [scale, { layout }] = [this.#scale, view];
    canvas.style.width = `${Math.max(LEAST, layout.width * scale + 2 * MARGIN)}px`;
    canvas.style.height = `${Math.max(LEAST, layout.height * scale + 2 * MARGIN)}px`;
    const ratio = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * ratio;
    canvas.height = canvas.clientHeight * ratio;
    const pen = canvas.getContext("2d");
    if (all || !pen) return;
    const style = getComputedStyle(canvas);
    const origin = this.#origin;
    pen.setTransform(ratio * scale, 0, 0, ratio * scale, ratio * origin.x, ratio * origin.y);
    const least = 1.5 / scale;
    for (const [places, colour] of /** @type {const} */ ([
      [view.frames, "--frame-fill"], [view.boxes, "--frame-line"]])) {
      pen.fillStyle = style.getPropertyValue(colour);
      for (const { place } of places.values()) {
        pen.fillRect(place.x, place.y, Math.max(place.width, least), Math.max(place.height, least));
      }
    }
    pen.strokeStyle = style.getPropertyValue("--accent");
    pen.lineWidth = 1.5 / scale;
    const edge = (MARGIN - 2) / scale;  // what is seen beside the picture needs no room
    const [left, top] = [Math.max(x, -edge), Math.max(y, -edge)];
    const [right, low] = [Math.min(x + width, layout.width + edge), Math.min(y + height, layout.height + edge)];
    pen.strokeRect(left, top, right - left, low - top);
  }

  /** @param {PointerEvent} event */
  #go(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const [scale, origin] = [this.#scale, this.#origin];
    const at = {
      x: (event.clientX - left - origin.x) / scale, y: (event.clientY - top - origin.y) / scale,
    };
    const camera = this.view.camera;
    camera.set({
      ...camera.view,
      x: camera.middle.x - at.x * camera.view.scale,
      y: camera.middle.y - at.y * camera.view.scale,
    });
  }
}
