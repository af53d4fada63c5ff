/**
 * Texts and numbers as they are shown: in one line, or in a few short ones.
 */

const WIDEST = 48;
const FORBIDDEN = /[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]|\p{Surrogate}/gu;

/**
 * A name as one line: line ends as ⏎, what cannot be shown as U+FFFD.
 * @param {string} text
 */
export function shown(text) {
  return text.replace(/\r\n|[\n\r]/g, "⏎").replace(FORBIDDEN, "\ufffd");
}

/**
 * @param {string} text
 * @param {number} width
 */
export function cut(text, width = WIDEST) {
  const letters = [...text];
  return letters.length <= width ? text : `${letters.slice(0, width - 1).join("")}…`;
}

/**
 * A text in lines of so many letters, of which the last says so where there would be more.
 * @param {string} text
 * @param {number} width
 * @param {number} most
 * @returns {string[]}
 */
export function wrapped(text, width, most) {
  const lines = [""];
  const words = text.split(/\s+/).filter(Boolean).reverse().map((word) => [...word]);
  for (let word = words.pop(); word; word = words.pop()) {
    const line = lines[lines.length - 1];
    const room = width - [...line].length - (line ? 1 : 0);
    if (word.length > room && (word.length <= width || room < 1)) {
      lines.push("");
      words.push(word);
      continue;
    }
    lines[lines.length - 1] = [line, word.slice(0, room).join("")].filter(Boolean).join(" ");
    if (word.length > room) words.push(word.slice(room));
  }
  const said = lines.filter(Boolean);
  return said.length <= most ? said : [...said.slice(0, most - 1), `${said[most - 1]} ...`];
}

/** A number in two figures, as Python's ".2g" writes it. @param {number} number */
export function short(number) {
  const [digits, power] = number.toExponential(1).split("e").map(Number);
  if (power >= -4 && power < 2) return `${Number(number.toPrecision(2))}`;
  return `${digits}e${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}
