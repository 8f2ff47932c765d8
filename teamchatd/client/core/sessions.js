/**
 * Where one is signed in. No event tells of it, so it is asked for anew when somebody
 * comes back to the window.
 */

import { batch, signal } from "../lib.js";
import { call, leaveBy } from "./session.js";

/** This one first, then the latest used; null until they are here. */
export const sessions = signal(null);

/** A sentence, when they could not be had. */
export const sessionsTrouble = signal("");

/** An answer may come when nobody looks any more: who looks next would take it for a new one. */
let isWatched = false;

/** Begin to keep them true. @returns {() => void} ends it, and forgets them. */
export function watchSessions() {
  isWatched = true;
  loadSessions();
  addEventListener("focus", loadSessions);
  return () => {
    isWatched = false;
    removeEventListener("focus", loadSessions);
    sessions.value = null;
    sessionsTrouble.value = "";
  };
}

export async function loadSessions() {
  try {
    const { sessions: all } = await call("GET", "/auth/sessions");
    if (!isWatched) return;
    batch(() => {
      sessions.value = all.toSorted((a, b) => b.isCurrent - a.isCurrent || b.lastUsedAt - a.lastUsedAt);
      sessionsTrouble.value = "";
    });
  } catch (error) {
    if (isWatched) sessionsTrouble.value = error.message;
  }
}

export async function endSession({ id }) {
  await call("DELETE", "/auth/sessions", { sessionId: id });
  sessions.value = sessions.value?.filter((each) => each.id !== id);
}

export async function endOtherSessions() {
  await call("DELETE", "/auth/sessions", { keepCurrent: true });
  sessions.value = sessions.value?.filter((each) => each.isCurrent);
}

/** This one too. @throws {ApiError} */
export const signOutEverywhere = () =>
  leaveBy(() => call("DELETE", "/auth/sessions", { keepCurrent: false }));

/** Leave the server for good. @throws {ApiError} */
export const leaveServer = () => leaveBy(() => call("POST", "/users/exit"));
