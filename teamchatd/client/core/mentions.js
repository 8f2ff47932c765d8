/**
 * Who is meant by an @ in a text.
 *
 * Names may hold spaces and may begin alike, so the longest name that stands there is the
 * one that is meant: "@Ada Lovelace" is not "@Ada" followed by a word.
 */

/** 64 code points, each of which may be two units of a string. */
const LONGEST_NAME = 128;
const OF_A_WORD = /[\p{L}\p{N}_]/u;

const books = new WeakMap();

/**
 * @param {Map<string, {id: string, userName: string}>} users by id.
 * @returns {Map<string, {id: string, userName: string}>} by name in lower case; the same
 *   users give the same book, so that it may be compared by `===`.
 */
export function namesOf(users) {
  if (!books.has(users)) {
    const byName = [...users.values()].map((user) => [user.userName.toLowerCase(), user]);
    books.set(users, new Map(byName));
  }
  return books.get(users);
}

/**
 * A text cut where somebody is mentioned.
 * @returns {({text: string} | {name: string, id: string})[]}
 */
export function cutAtMentions(text, names) {
  const pieces = [];
  let done = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const found = at >= done && mentionAt(text, at, names);
    if (!found) continue;
    if (at > done) pieces.push({ text: text.slice(done, at) });
    pieces.push(found);
    done = at + found.name.length;
  }
  if (done < text.length || !pieces.length) pieces.push({ text: text.slice(done) });
  return pieces;
}

/** An @ inside a word is an address, and a name that goes on is another name. */
function mentionAt(text, at, names) {
  if (at > 0 && OF_A_WORD.test(text[at - 1])) return null;
  const rest = text.slice(at + 1, at + 1 + LONGEST_NAME);
  for (let length = rest.length; length > 0; length--) {
    const user = names.get(rest.slice(0, length).toLowerCase());
    if (user && !OF_A_WORD.test(rest[length] ?? text[at + 1 + length] ?? "")) {
      return { name: text.slice(at, at + 1 + length), id: user.id };
    }
  }
  return null;
}

export function isMentioned(userId, text, names) {
  return text.includes("@") && cutAtMentions(text, names).some(({ id }) => id === userId);
}
