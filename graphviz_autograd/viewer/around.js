/**
 * The page around this one, for a page that came without a graph: it gives the graph, and is told
 * what became of it.
 *
 * Each file is an origin of its own to a browser, so it is known by being the parent alone.
 *
 * @typedef {{graph: string, title?: string, theme?: string, saved?: boolean}} Given
 */

/** Whether there is a page around this one, as in a notebook's cell. */
export const framed = parent !== window;

/**
 * What the page around this one gives, once: `{gva: "show", graph, title, theme, saved}`.
 * @returns {Promise<Given>}
 */
export function given() {
  if (!framed) {
    throw new Error("it shows what a page around it gives, and there is none; open that page");
  }
  return new Promise((resolve) => {
    const listen = (/** @type {MessageEvent} */ event) => {
      if (event.source !== parent || event.data?.gva !== "show") return;
      removeEventListener("message", listen);
      resolve(event.data);
    };
    addEventListener("message", listen);
    tell({ gva: "waiting" });
  });
}

/** @param {{gva: "waiting" | "ready"} | {gva: "failed", reason: string}} message */
export function tell(message) {
  if (framed) parent.postMessage(message, "*");
}
