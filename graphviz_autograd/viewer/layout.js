/**
 * Layouts by Graphviz in a worker: cached, within a time limit, and never without an answer.
 *
 * Graphviz as one would have it, then Graphviz in a hurry, then plain rows. A worker that does
 * not come to an end is stopped; where none can be started Graphviz runs in the page itself.
 *
 * @typedef {import("./picture.js").Picture} Picture
 * @typedef {import("./dot.js").Layout} Layout
 * @typedef {{layout: Layout, note: string}} Answer
 */

import { dot, places } from "./dot.js";
import { plain } from "./plain.js";

const LIMIT = 10_000;
const LARGE = 2_500;  // boxes and arrows above which Graphviz is hurried at once
const HUGE = 25_000;  // and above which it is not asked
const KEPT = 40;

/** The layout was given up for a newer one. */
export class Superseded extends Error {}

export class Layouts {
  /**
   * @param {string} viz  the text of viz-global.js
   * @param {string} worker  the text of worker.js
   * @param {{rankdir?: string, limit?: number}} options
   */
  constructor(viz, worker, { rankdir = "TB", limit = LIMIT } = {}) {
    this.viz = viz;
    this.text = `${viz}\n${worker}`;
    this.rankdir = rankdir;
    this.limit = limit;
    this.note = "";
    /** @type {Map<string, Answer>} */
    this.known = new Map();
    /** @type {Engine | null} */
    this.engine = null;
    this.busy = false;
    this.warm();
  }

  /** Begins to load Graphviz, before anything is to be laid out. */
  warm() {
    this.engine ??= this.#started();
  }

  /**
   * Where everything goes. Asking again gives up what has not been answered yet.
   * @param {Picture} picture
   * @returns {Promise<Answer>}
   */
  async of(picture) {
    const size = picture.boxes.length + picture.arrows.length;
    const tries = [false, true].map((hurried) => dot(picture, { rankdir: this.rankdir, hurried }));
    const known = this.known.get(tries[0]);
    if (this.busy) this.#stop(new Superseded());
    if (known) return known;
    let said = size > HUGE ? "too much for Graphviz" : "";
    let answer = null;
    for (const text of size > HUGE ? [] : tries.slice(size > LARGE ? 1 : 0)) {
      try {
        answer = { layout: places(await this.#asked(text), picture), note: this.note };
        break;
      } catch (error) {
        if (error instanceof Superseded) throw error;
        said = error instanceof Error ? error.message : String(error);
      }
    }
    answer ??= { layout: plain(picture, this.rankdir), note: `plain rows: ${said}` };
    this.known.set(tries[0], answer);
    if (this.known.size > KEPT) this.known.delete([...this.known.keys()][0]);
    return answer;
  }

  /**
   * @param {string} text
   * @returns {Promise<string>}
   */
  async #asked(text) {
    this.warm();
    this.busy = true;
    const late = setTimeout(
      () => this.#stop(new Error(`Graphviz took more than ${this.limit / 1000} s`)), this.limit,
    );
    try {
      return await /** @type {Engine} */ (this.engine).ask(text);
    } catch (error) {
      if (!(error instanceof NoWorker)) throw error;
      this.note = `laid out in the page: ${error.message}`;
      this.engine = new InPage(this.viz);
      return await this.engine.ask(text);
    } finally {
      clearTimeout(late);
      this.busy = false;
    }
  }

  /** @param {Error} why */
  #stop(why) {
    if (this.engine?.stop(why)) this.engine = null;
  }

  /** @returns {Engine} */
  #started() {
    try {
      return new InWorker(this.text);
    } catch (error) {
      this.note = `laid out in the page: ${error}`;
      return new InPage(this.viz);
    }
  }
}

/** @typedef {InWorker | InPage} Engine */

class NoWorker extends Error {}

class InWorker {
  /** @param {string} text */
  constructor(text) {
    this.url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
    this.worker = new Worker(this.url);
    this.answered = false;
    /** @type {{resolve: (json: string) => void, reject: (error: Error) => void} | null} */
    this.pending = null;
    /** @type {Error | null} */
    this.broken = null;
    this.worker.onmessage = ({ data }) => {
      this.answered = true;
      if ("json" in data) this.pending?.resolve(data.json);
      else this.pending?.reject(new Error(data.error));
    };
    this.worker.onerror = (event) => {
      event.preventDefault?.();
      this.broken = this.answered
        ? new Error(event.message) : new NoWorker(event.message || "no worker could be started");
      this.pending?.reject(this.broken);
    };
  }

  /** @param {string} dot @returns {Promise<string>} */
  ask(dot) {
    if (this.broken) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.pending = { resolve, reject };
      this.worker.postMessage(dot);
    });
  }

  /** @param {Error} why @returns {boolean} whether it is gone */
  stop(why) {
    this.worker.terminate();
    URL.revokeObjectURL(this.url);
    this.pending?.reject(why);
    return true;
  }
}

class InPage {
  /** @param {string} viz */
  constructor(viz) {
    this.viz = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = URL.createObjectURL(new Blob([viz], { type: "text/javascript" }));
      script.onload = () => resolve(/** @type {any} */ (globalThis).Viz.instance());
      script.onerror = () => reject(new Error("Graphviz could not be loaded"));
      document.head.append(script);
    });
  }

  /** @param {string} dot @returns {Promise<string>} */
  async ask(dot) {
    const viz = await this.viz;
    return viz.renderString(dot, { format: "json0" });
  }

  /** @param {Error} _why */
  stop(_why) {
    return false;
  }
}
