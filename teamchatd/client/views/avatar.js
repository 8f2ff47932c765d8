import { html } from "../lib.js";

const HUES = 6;

/**
 * The letters of a person on a ground that is always theirs, also on another day and
 * another screen: it comes from the id, since names change. CSS draws the letters, so that
 * they are no part of what is copied or read aloud.
 */
export function Avatar({ id, name, size = "1.5rem", letters = 2 }) {
  return html`<span class="avatar" aria-hidden="true" data-hue=${hueOf(id)} data-letters=${letters}
    data-initials=${initialsOf(name, letters)} style=${{ "--size": size }}></span>`;
}

function hueOf(id) {
  let sum = 7;
  for (const letter of String(id)) sum = (sum * 31 + letter.codePointAt(0)) >>> 0;
  return (sum % HUES) + 1;
}

const clusters = new Intl.Segmenter();

/**
 * Whole clusters, or an emoji in a name would be half a face. Two only in scripts whose
 * letters stand side by side: two of Arabic would join into a word of their own.
 */
export function initialsOf(name, letters = 2) {
  const words = String(name ?? "").split(/[\s._-]+/u).filter(Boolean);
  const [first, last] = [words[0], words.at(-1)].map(firstCluster);
  const both = letters > 1 && words.length > 1 && stands(first) && stands(last);
  return (both ? first + last : first).toLocaleUpperCase() || "?";
}

const stands = (letter) => /^[\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}\p{N}]/u.test(letter);

function firstCluster(word = "") {
  for (const { segment } of clusters.segment(word)) return segment;
  return "";
}
