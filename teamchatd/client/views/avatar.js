import { html } from "../lib.js";

const HUES = 6;

/**
 * The letters of a person on a ground that is always theirs, also on another day
 * and another screen: it comes from the id, since names change.
 */
export function Avatar({ id, name, size }) {
  return html`<span class="avatar" aria-hidden="true" data-hue=${hueOf(id)}
    style=${size ? { "--size": size } : undefined}>${initialsOf(name)}</span>`;
}

function hueOf(id) {
  let sum = 7;
  for (const letter of String(id)) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return (sum % HUES) + 1;
}

const clusters = new Intl.Segmenter();

/** Two letters of two words, else one; whole clusters, or an emoji name would be half a face. */
export function initialsOf(name) {
  const words = String(name ?? "").split(/[\s._-]+/u).filter(Boolean);
  const chosen = words.length > 1 ? [words[0], words.at(-1)] : words;
  return chosen.map(firstCluster).join("").toLocaleUpperCase() || "?";
}

function firstCluster(word) {
  for (const { segment } of clusters.segment(word)) return segment;
  return "";
}
