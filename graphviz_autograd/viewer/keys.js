/**
 * The keyboard: which key does what, and the list of them.
 *
 * @typedef {"next" | "previous" | "left" | "right"} Way
 */

import { framed } from "./around.js";
import { html } from "./dom.js";

export const KEYS = [
  ["↑ ↓", "follow the arrows from box to box"],
  ["← →", "the box beside"],
  ["Enter", "open or close a group (a double click does too)"],
  ["Space", "all that is known of a box"],
  ["/", "search"],
  ["f", "fit everything in"],
  ["+ −", `zoom (the wheel does too${framed ? ", with Ctrl or ⌘ or after a click on the picture" : ""})`],
  ["Shift + arrows", "move the picture"],
  ["e", "open all groups"],
  ["c", "close all groups"],
  ["Escape", "close the panel, leave the search"],
  ["?", "this list"],
];

/**
 * @param {Record<string, () => void>} commands  by key
 * @param {(event: KeyboardEvent) => boolean} onBox  what a box takes first; whether it did
 */
export function listen(commands, onBox) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    if (document.querySelector(":popover-open")) return;  // the menu has the keyboard
    if (onBox(event)) return event.preventDefault();
    const command = commands[(event.shiftKey && event.key.startsWith("Arrow") ? "Shift+" : "") + event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof Element && target.closest("input, textarea, select, dialog") !== null;
}

/** @returns {HTMLDialogElement} */
export function help() {
  const rows = KEYS.flatMap(([key, does]) => [html("dt", {}, html("kbd", {}, key)), html("dd", {}, does)]);
  const dialog = html("dialog", { id: "help", "aria-label": "Keys" },
    html("h2", {}, "Keys"), html("dl", {}, ...rows),
    html("form", { method: "dialog" }, html("button", {}, "Close")));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  return dialog;
}
