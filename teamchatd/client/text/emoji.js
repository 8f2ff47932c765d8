/**
 * Emoji: which there are, what they are called, which were used last.
 */

import { signal } from "../lib.js";
import { keep, kept } from "../core/kept.js";

const MOST_RECENT = 24;
const FIRST = ["👍", "❤️", "😂", "🎉", "👀", "🙏", "✅", "🔥"];

/** Names that fingers know from elsewhere and that the labels do not have. */
const KNOWN_AS = {
  __proto__: null, // or :constructor: would be a name, too
  "+1": "👍", "-1": "👎", thumbsup: "👍", thumbsdown: "👎", tada: "🎉", joy: "😂",
  rofl: "🤣", smile: "😄", smiley: "😃", grin: "😁", wink: "😉", sob: "😭", cry: "😢",
  heart: "❤️", fire: "🔥", eyes: "👀", pray: "🙏", clap: "👏", wave: "👋", ok: "👌",
  ok_hand: "👌", muscle: "💪", rocket: "🚀", bug: "🐛", shrug: "🤷", facepalm: "🤦",
  thinking: "🤔", party: "🥳", check: "✅", white_check_mark: "✅", x: "❌", coffee: "☕",
  beer: "🍺", cake: "🍰", hundred: "💯", 100: "💯", sparkles: "✨", bulb: "💡", poop: "💩",
};

// --- What there is -----------------------------------------------------------------------

let loading = null;

/**
 * All emoji, fetched when the first is asked for: most visits never do, and the list is
 * larger than the rest of the page.
 * @returns {Promise<{emoji: string, label: string, code: string, words: string[], group: number}[]>}
 */
export function loadEmoji() {
  loading ??= fetchEmoji().catch((error) => {
    loading = null; // The next one who asks may have more luck.
    throw error;
  });
  return loading;
}

async function fetchEmoji() {
  const answer = await fetch(new URL("../vendor/emoji.json", import.meta.url));
  if (!answer.ok) throw new Error("The emoji could not be loaded.");
  const list = (await answer.json()).filter(({ group }) => group !== undefined && group !== 2);
  return list.sort((a, b) => a.order - b.order).map(entry);
}

function entry({ unicode, label, tags = [], group }) {
  const emoji = plainest(unicode);
  const known = Object.keys(KNOWN_AS).filter((name) => KNOWN_AS[name] === emoji);
  const words = [...label.toLowerCase().split(/[^\p{L}\p{N}]+/u), ...tags, ...known];
  return { emoji, label, code: codeOf(label), words, known, group };
}

/** Without a selector that says nothing: 👍 would be two reactions that look the same. */
const plainest = (emoji) => emoji.replace(/^(\p{Emoji_Presentation})\uFE0F$/u, "$1");

/** "thumbs up" → "thumbs_up", as it is written between colons. */
const codeOf = (label) => label.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "_").replace(/^_|_$/g, "");

/**
 * Those that a few letters may mean, the likeliest first: one whose name begins so comes
 * before one that merely has a word beginning so.
 */
export function findEmoji(list, query, most = Infinity) {
  const asked = query.toLowerCase().trim().split(/[\s_]+/).filter(Boolean);
  if (!asked.length) return list.slice(0, most);
  const begins = asked.join("_");
  return list
    .map((one, place) => ({ one, place, rank: rank(one, asked, begins) }))
    .filter(({ rank }) => rank < 4)
    .sort((a, b) => a.rank - b.rank || a.place - b.place)
    .slice(0, most)
    .map(({ one }) => one);
}

function rank({ code, words, known }, asked, begins) {
  if (known.includes(begins) || code === begins) return 0;
  if (known.some((name) => name.startsWith(begins))) return 1;
  if (!asked.every((letters) => words.some((word) => word.startsWith(letters)))) return 4;
  return code.startsWith(begins) ? 1 : words.includes(begins) ? 2 : 3;
}

/** The emoji with exactly this name between colons, or null. */
export function emojiOf(list, code) {
  const name = code.toLowerCase();
  return KNOWN_AS[name] ?? list.find((one) => one.code === name)?.emoji ?? null;
}

// --- Which were used last ----------------------------------------------------------------

/** Last used first; somebody who has used none yet is offered the usual ones. */
export const recentEmoji = signal(usedBefore() ?? FIRST);

function usedBefore() {
  const list = kept("emoji");
  return Array.isArray(list) && list.length && list.every((one) => one && typeof one === "string") ? list : null;
}

export function noteUse(emoji) {
  const others = recentEmoji.value.filter((one) => one !== emoji);
  recentEmoji.value = [emoji, ...others].slice(0, MOST_RECENT);
  keep("emoji", recentEmoji.value);
}
