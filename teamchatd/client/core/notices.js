/**
 * What is said to the user in passing.
 */

import { signal } from "../lib.js";

/** `[{id, text, kind, seconds, action?: {label, run}}]`, the oldest first. */
export const notices = signal([]);

let count = 0;

/**
 * @param {{kind?: "info"|"error", seconds?: number, action?: {label: string, run: () => void}}} more
 * @returns {number} to dismiss it by.
 */
export function notice(text, { kind = "info", seconds = 6, action = null } = {}) {
  const id = ++count;
  // The same sentence twice is one thing that goes wrong, and not two.
  const others = notices.value.filter((each) => each.text !== text || each.action);
  notices.value = [...others, { id, text, kind, seconds, action }];
  return id;
}

export function dismiss(id) {
  notices.value = notices.value.filter((each) => each.id !== id);
}

/** For what somebody has asked for and did not get. @param {Error} error */
export const complain = (error) => notice(error.message, { kind: "error", seconds: 10 });
