/** The theme that is worn: one of the page's, or "system" for what the system prefers. */

import { isDark } from "./colours.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {string} theme */
export function wear(theme) {
  const root = document.documentElement;
  const system = dark.matches ? "dark" : "light";
  root.dataset.theme = theme === "system" ? system : theme;
  const paper = getComputedStyle(root).getPropertyValue("--paper").trim();
  root.dataset.scheme = isDark(paper) ? "dark" : "light";  // of the page around the picture
}

/** @param {() => void} told  whenever the system changes its mind */
export function onSystemChange(told) {
  dark.addEventListener("change", told);
}
