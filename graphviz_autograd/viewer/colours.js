/**
 * The colours of a layer, with ink that can be read on each.
 *
 * @typedef {import("./layers.js").Layer} Layer
 * @typedef {{fill: string, ink: string}} Look
 * @typedef {{
 *   of: (value: number | string) => Look, low: number, high: number, log: boolean, kinds: string[],
 * }} Scale
 */

const RAMP = ["#fff7d6", "#fdd48a", "#f99b4b", "#d95a1e", "#8c2d04"];
const KINDS = [
  "#8ecae6", "#ffd166", "#95d5b2", "#e5989b", "#cdb4db", "#f4a261",
  "#a8dadc", "#d4e09b", "#b8c0ff", "#e0c3a0", "#ffafcc", "#adb5bd",
];
const STATUSES = new Map([
  ["matched", "var(--matched)"], ["failed", "var(--failed)"], ["not checked", "url(#stripes)"],
]);
const WIDE = 100;  // between the least and the most: from there on steps are of powers

/**
 * @param {Layer} layer
 * @returns {Scale}
 */
export function scaleOf(layer) {
  if (!layer.numeric) {
    const kinds = [...new Set([...layer.own.values()].map(String))].sort();
    const fill = (/** @type {string} */ kind) =>
      STATUSES.get(kind) ?? KINDS[kinds.indexOf(kind) % KINDS.length];
    const of = (/** @type {number | string} */ kind) => ({
      fill: fill(String(kind)), ink: STATUSES.has(String(kind)) ? "" : "#000000",
    });
    return { of, low: 0, high: 0, log: false, kinds };
  }
  const numbers = /** @type {number[]} */ ([...layer.values.values()]);
  const low = numbers.reduce((least, one) => Math.min(least, one), Infinity);
  const high = numbers.reduce((most, one) => Math.max(most, one), -Infinity);
  const log = low > 0 && high / low > WIDE;
  const step = (/** @type {number} */ value) => (log ? Math.log(value) : value);
  const of = (/** @type {number | string} */ value) => {
    const span = step(high) - step(low);
    return look(span ? (step(Number(value)) - step(low)) / span : 1);
  };
  return { of, low, high, log, kinds: [] };
}

/** @param {number} share  0 to 1 @returns {Look} */
function look(share) {
  const place = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const index = Math.min(Math.floor(place), RAMP.length - 2);
  const [from, to] = [channels(RAMP[index]), channels(RAMP[index + 1])];
  const mixed = from.map((one, at) => Math.round(one + (to[at] - one) * (place - index)));
  const fill = `#${mixed.map((one) => one.toString(16).padStart(2, "0")).join("")}`;
  return { fill, ink: luminance(mixed) > 0.18 ? "#000000" : "#ffffff" };
}

/** Whether a colour is nearer to black than to white. @param {string} hex */
export function isDark(hex) {
  return luminance(channels(hex)) < 0.18;
}

/** @param {string} hex */
function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

/** @param {number[]} rgb  relative luminance, as WCAG has it */
function luminance(rgb) {
  const [r, g, b] = rgb.map((one) => {
    const share = one / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
