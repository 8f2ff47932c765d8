/**
 * What somebody has typed and not sent: kept for each place and each user, so that it is
 * there after a reload, a lost session, or somebody else's use of the same browser.
 */

import { signal } from "../lib.js";
import { forget, keep, kept, namesKept, onKept } from "./kept.js";
import { session } from "./session.js";

/** Set of the keys that have a draft: a place's id, or `thread:` and the parent's id. */
export const draftKeys = signal(new Set());

/** @returns {string} "" when there is none. */
export function readDraft(key) {
  const beginning = mine();
  const text = beginning && kept(beginning + key);
  return typeof text === "string" ? text : "";
}

export function writeDraft(key, text) {
  const beginning = mine();
  if (!beginning) return;
  if (text.trim()) keep(beginning + key, text);
  else forget(beginning + key);
  if (Boolean(text.trim()) !== draftKeys.peek().has(key)) findDrafts();
}

/** Somebody has signed in, or another tab has written. */
export function findDrafts() {
  const beginning = mine();
  const names = beginning ? namesKept(beginning) : [];
  draftKeys.value = new Set(names.map((name) => name.slice(beginning.length)));
}

onKept((name) => (name === null || name.startsWith("draft.")) && findDrafts());

function mine() {
  const user = session.peek()?.user;
  return user ? `draft.${user.id}.` : null;
}
