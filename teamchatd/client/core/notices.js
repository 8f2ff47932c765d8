/**
 * What is said to the user in passing.
 */

import { signal } from "../lib.js";

/** `[{id, text, kind, seconds, action?: {label, run}, over?}]`, the oldest first. */
export const notices = signal([]);

let count = 0;

/** Without the signs in a name that would turn around the sentence about it (UAX 9). */
export const straight = (text) => text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "");

/**
 * @param {object} more
 * @param {"info"|"error"} more.kind
 * @param {number} more.seconds
 * @param {{label: string, run: () => void}|null} more.action
 * @param {(() => void)|null} more.over called when it has gone and its action was not chosen.
 * @returns {number} to dismiss it by.
 */
export function notice(text, { kind = "info", seconds = 6, action = null, over = null } = {}) {
  const id = ++count;
  text = straight(text);
  // The same sentence twice is one thing that goes wrong, and not two.
  const others = notices.value.filter((each) => each.text !== text || each.action);
  notices.value = [...others, { id, text, kind, seconds, action, over }];
  return id;
}

export function dismiss(id) {
  withdraw(id)?.over?.();
}

/** It does not hold any more. @returns {object|undefined} the notice, if it was there. */
export function withdraw(id) {
  const gone = notices.value.find((each) => each.id === id);
  notices.value = notices.value.filter((each) => each !== gone);
  return gone;
}

/** They were for somebody who has left; and what would have followed is not done for the next. */
export function forgetNotices() {
  notices.value = [];
}

/** For what somebody has asked for and did not get. @param {Error} error */
export const complain = (error) => notice(error.message, { kind: "error", seconds: 10 });
