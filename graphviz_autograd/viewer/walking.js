/**
 * From box to box by keyboard: along the arrows, and to the one beside.
 *
 * @typedef {import("./view.js").View} View
 * @typedef {import("./dot.js").Place} Place
 */

/** With the arrows, and against them. @type {Record<string, string[]>} */
const WAYS = {
  TB: ["down", "up"], BT: ["up", "down"], LR: ["right", "left"], RL: ["left", "right"],
};

/**
 * The box that an arrow key leads to, as its key; null where there is none.
 * @param {View} view
 * @param {string} key  of the box one is at
 * @param {string} pressed  "ArrowDown", ...
 * @param {string} rankdir
 * @returns {string | null}
 */
export function step(view, key, pressed, rankdir) {
  const here = view.boxes.get(key)?.place ?? view.frames.get(Number(key))?.place;
  const way = pressed.replace("Arrow", "").toLowerCase();
  if (!here) return null;
  const [forward, backward] = WAYS[rankdir];
  const { arrows } = view.picture;
  let keys = way === forward
    ? arrows.filter((arrow) => arrow.source === key).map((arrow) => arrow.target)
    : arrows.filter((arrow) => arrow.target === key).map((arrow) => arrow.source);
  if (way !== forward && way !== backward) keys = beside(view, key, here, way);
  return nearest(view, keys, here);
}

/** @param {View} view @param {string} key @param {Place} here @param {string} way */
function beside(view, key, here, way) {
  const across = way === "left" || way === "right";
  const sign = way === "left" || way === "up" ? -1 : 1;
  const middle = centre(here);
  return [...view.boxes].filter(([other, { place }]) => {
    const [dx, dy] = [centre(place).x - middle.x, centre(place).y - middle.y];
    const [along, aside] = across ? [dx, dy] : [dy, dx];
    return other !== key && along * sign > 1 && Math.abs(aside) < Math.abs(along);
  }).map(([other]) => other);
}

/** @param {View} view @param {string[]} keys @param {Place} here */
function nearest(view, keys, here) {
  let [best, least] = [/** @type {string | null} */ (null), Infinity];
  const middle = centre(here);
  for (const key of keys) {
    const place = view.boxes.get(key)?.place;
    if (!place) continue;
    const { x, y } = centre(place);
    const distance = Math.hypot(x - middle.x, y - middle.y);
    if (distance < least) [best, least] = [key, distance];
  }
  return best;
}

/** @param {Place} place */
function centre({ x, y, width, height }) {
  return { x: x + width / 2, y: y + height / 2 };
}
