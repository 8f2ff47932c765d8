/**
 * Light, dark, or as the system has it.  first.js sets the same attribute from the same
 * place before anything is painted; this is for changing it.
 */

import { signal } from "../lib.js";
import { forget, keep, kept, onKept } from "./kept.js";

const NAME = "theme";
const THEMES = ["system", "light", "dark"];

export const theme = signal(read());

/** @param {"system"|"light"|"dark"} chosen */
export function chooseTheme(chosen) {
  if (chosen === "system") forget(NAME);
  else keep(NAME, chosen);
  show(chosen);
}

/** Begin to keep to it, also when another tab chooses. */
export function followTheme() {
  show(theme.value);
  onKept((name) => (name === NAME || name === null) && show(read()));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", paintFrame);
}

function read() {
  const chosen = kept(NAME);
  return THEMES.includes(chosen) ? chosen : "system";
}

function show(chosen) {
  theme.value = chosen;
  const { dataset } = document.documentElement;
  if (chosen === "system") delete dataset.theme;
  else dataset.theme = chosen;
  paintFrame();
}

/**
 * The browser's own frame on a telephone; left white it would glare around a dark page. There
 * is one for each theme of the system, and what is chosen here holds in both.
 */
function paintFrame() {
  const { backgroundColor } = getComputedStyle(document.documentElement);
  for (const frame of document.querySelectorAll('meta[name="theme-color"]')) frame.content = backgroundColor;
}
