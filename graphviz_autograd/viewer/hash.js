/**
 * What is looked at, as the page's address has it behind the "#", so that a reload keeps it.
 *
 * @typedef {import("./camera.js").View} View
 * @typedef {{
 *   closed: Set<number>, selected: number | null, view: View | null,
 *   layer: string, theme: string, saved: boolean, clones: boolean,
 * }} State
 */

/** @type {("saved" | "clones")[]} */
const SWITCHES = ["saved", "clones"];

/**
 * @param {State} state
 * @param {State} first  what needs no telling
 * @returns {string}
 */
export function written(state, first) {
  const parts = new URLSearchParams();
  const opened = [...first.closed].filter((id) => !state.closed.has(id));
  const shut = [...state.closed].filter((id) => !first.closed.has(id));
  if (opened.length) parts.set("open", packed(opened));
  if (shut.length) parts.set("shut", packed(shut));
  if (state.selected !== null) parts.set("at", `${state.selected}`);
  if (state.layer !== first.layer) parts.set("layer", state.layer);
  if (state.theme !== first.theme) parts.set("theme", state.theme);
  for (const name of SWITCHES) {
    if (state[name] !== first[name]) parts.set(name, state[name] ? "1" : "0");
  }
  if (state.view) {
    const { x, y, scale } = state.view;
    parts.set("view", [x.toFixed(1), y.toFixed(1), scale.toFixed(4)].join("_"));
  }
  return parts.toString();
}

/**
 * What a hash says; what it does not say is as at first. Whatever makes no sense is passed over.
 * @param {string} hash
 * @param {State} first
 * @param {(id: number) => boolean} isGroup
 * @returns {State}
 */
export function read(hash, first, isGroup) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  const closed = new Set(first.closed);
  for (const id of unpacked(parts.get("open"))) closed.delete(id);
  for (const id of unpacked(parts.get("shut"))) if (isGroup(id)) closed.add(id);
  const switched = (/** @type {"saved" | "clones"} */ name) =>
    (parts.has(name) ? parts.get(name) === "1" : first[name]);
  const view = (parts.get("view") ?? "").split("_").map(Number);
  const [x, y, scale] = view;
  return {
    closed,
    selected: parts.has("at") ? Number(parts.get("at")) : first.selected,
    view: view.length === 3 && view.every(Number.isFinite) && scale > 0 ? { x, y, scale } : null,
    layer: parts.get("layer") ?? first.layer,
    theme: parts.get("theme") ?? first.theme,
    saved: switched("saved"),
    clones: switched("clones"),
  };
}

/**
 * Numbers as the steps between them, in base 36; a run of steps of one as its length.
 * @param {number[]} ids
 */
export function packed(ids) {
  let last = 0;
  const steps = ids.slice().sort((one, other) => one - other).map((id) => {
    const step = id - last;
    last = id;
    return step.toString(36);
  });
  return steps.join("-").replace(/(?<![0-9a-z])1(?:-1)+(?![0-9a-z])/g, (run) => `1*${(run.length + 1) / 2}`);
}

/** @param {string | null} text @returns {number[]} */
export function unpacked(text) {
  let last = 0;
  const ids = [];
  for (const part of (text ?? "").split("-").filter(Boolean)) {
    const [step, times] = part.split("*");
    for (let left = Math.min(Number(times ?? 1), 1e6); left > 0; left -= 1) {
      last += parseInt(step, 36);
      if (Number.isFinite(last)) ids.push(last);
    }
  }
  return ids;
}
