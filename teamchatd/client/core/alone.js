/**
 * Doing a thing in one tab at a time.
 *
 * Web Locks are there on https and on localhost only. On a plain http:// address a note in
 * the local storage stands in for them: not as safe, but two tabs that wake in the same
 * moment still do not both spend the same refresh token.
 */

import { forget, keep, kept } from "./kept.js";

const PATIENCE = 10_000;

/** Wait for our turn, then do it. @template T @param {() => Promise<T>} work @returns {Promise<T>} */
export function alone(name, work) {
  if (navigator.locks) return navigator.locks.request(`teamchat.${name}`, work);
  return withNote(`turn.${name}`, work);
}

/**
 * Hold a name until `done` is called, or until this tab is gone.
 * @param {string} name
 * @param {(done: () => void) => void} held called when it is ours; at once where there are no locks.
 * @param {LockOptions} options
 */
export function hold(name, held, options = {}) {
  if (!navigator.locks) return held(() => {});
  const waiting = (lock) => lock && new Promise((done) => held(done));
  navigator.locks.request(`teamchat.${name}`, options, waiting).catch(() => {});
}

async function withNote(name, work) {
  const mine = String(Math.random());
  while (!(await noted(name, mine))) await pause(60);
  try {
    return await work();
  } finally {
    forget(name);
  }
}

async function noted(name, mine) {
  const note = kept(name);
  if (note && Date.now() - note.since < PATIENCE) return false;
  keep(name, { mine, since: Date.now() });
  await pause(30); // whoever wrote in the same moment is seen now
  return kept(name)?.mine === mine;
}

export const pause = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
