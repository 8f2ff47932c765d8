/**
 * Finding by name what there are too many of to look through.
 */

const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/** Letters that Unicode does not take apart into one of ASCII and a mark. */
const WHOLE = { ł: "l", ø: "o", đ: "d", ð: "d", ı: "i", þ: "th", æ: "ae", œ: "oe", ß: "ss" };

/** Without accents and capitals: nobody should have to know how to type another's name. */
const plain = (text) =>
  String(text ?? "")
    .toLocaleLowerCase()
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .replace(/[łøđðıþæœß]/g, (letter) => WHOLE[letter]);

/**
 * @template {{name: string, note?: string, rank?: number}} T
 * @param {T[]} all
 * @returns {T[]} those that have every word of the query: first those whose name
 *   begins like it, then the lowest rank.
 */
export function matching(all, query) {
  const asked = plain(query).trim();
  const words = asked.split(/\s+/).filter(Boolean);
  return all
    .map((each) => ({ each, how: nearness(each, asked, words), rank: each.rank ?? Infinity }))
    .filter(({ how }) => how < NOT_AT_ALL)
    .sort((a, b) => a.how - b.how || compare(a.rank, b.rank) || order.compare(a.each.name, b.each.name))
    .map(({ each }) => each);
}

const NOT_AT_ALL = 3;

function nearness(each, asked, words) {
  const name = plain(each.name);
  if (name.startsWith(asked)) return 0;
  if (fits(name, words)) return 1;
  // "org" is in everybody's address: what has it in its name was meant rather.
  return fits(`${name} ${plain(each.note)}`, words) ? 2 : NOT_AT_ALL;
}

const fits = (text, words) => words.every((word) => text.includes(word));

/** Infinity minus itself is no number, and sort would leave the list as it was. */
const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);
