/**
 * What belongs to whoever is signed in, and is gone when they are.
 */

import { effect, signal } from "../lib.js";
import { session } from "./session.js";

/** @returns {Signal<any>} null at first, and again whenever somebody else is here, or nobody. */
export function own() {
  const made = signal(null);
  let owner = null;
  effect(() => {
    const now = session.value?.user.id ?? null;
    if (now !== owner) made.value = null;
    owner = now;
  });
  return made;
}
