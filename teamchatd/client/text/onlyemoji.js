/**
 * Which texts are nothing but a few emoji.
 */

const MOST_BIG = 6;

const ONE = [
  "\\p{RI}\\p{RI}",
  "[0-9#*]\\uFE0F?\\u20E3",
  "\\p{Extended_Pictographic}(?:\\p{EMod}|\\uFE0F)?(?:[\\u{E0020}-\\u{E007E}]+\\u{E007F})?"
    + "(?:\\u200D\\p{Extended_Pictographic}(?:\\p{EMod}|\\uFE0F)?)*",
].join("|");
const FEW = new RegExp(`^\\s*(?:(?:${ONE})\\s*){1,${MOST_BIG}}$`, "u");
const LONGEST_FEW = 120;

/** Nothing but a few emoji: it is shown big. Long texts are not even looked at. */
export const isOnlyEmoji = (text) => text.length < LONGEST_FEW && FEW.test(text);
