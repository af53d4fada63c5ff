/** The theme that is worn: one of the page's, or "system" for what the system prefers. */

const dark = matchMedia("(prefers-color-scheme: dark)");

/** @param {string} theme */
export function wear(theme) {
  const system = dark.matches ? "dark" : "light";
  document.documentElement.dataset.theme = theme === "system" ? system : theme;
}

/** @param {() => void} told  whenever the system changes its mind */
export function onSystemChange(told) {
  dark.addEventListener("change", told);
}
