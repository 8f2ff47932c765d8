/**
 * Which of the loaded messages are in the page: at most three hundred, that a year of a
 * busy channel scrolled through does not end in a page that no longer moves.
 *
 * The window is said by the id it begins with; null stands for "as many as may be, up to
 * the newest". An id stays right when older ones are put in front of it.
 */

export const MOST = 300;
const STEP = 100;

/** @returns {{from: number, to: number}} of the messages to be shown. */
export function windowOf(messages, first, before = 0) {
  const end = messages.length;
  if (first === null) return { from: Math.max(0, end - MOST), to: end };
  const found = messages.findIndex(({ id }) => id === first);
  // The message it began with was deleted: about there, then.
  const from = found === -1 ? Math.max(0, Math.min(before, end - MOST)) : found;
  return { from, to: Math.min(end, from + MOST) };
}

export const isAtNewest = (messages, { to }) => to === messages.length;

/** The id that the window begins with when it has slid up or down a step. */
export const slidUp = (messages, { from }) => messages[Math.max(0, from - STEP)].id;

export function slidDown(messages, { from }) {
  const next = from + STEP;
  return next + MOST >= messages.length ? messages[Math.max(0, messages.length - MOST)].id
    : messages[next].id;
}
