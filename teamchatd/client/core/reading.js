/**
 * What has been read: the newest message of a place whose end somebody really looks at.
 *
 * The server keeps it for all devices. It is told at once, so that other windows need not
 * ring, and then at most once a second.
 */

import { call, session } from "./session.js";
import { setUnread, unread } from "./state.js";

const SELDOM = 1000;

let looking = null;
let timer = 0;
let told = 0;

/**
 * A place is shown, or no longer.
 * @param {import("./places.js").Place|null} place null: no place is shown.
 * @param {boolean} atBottom its newest message is on the screen.
 */
export function lookingAt(place, atBottom) {
  looking = place && atBottom && place.kind !== "thread" ? place : null;
  markRead();
}

/** Its newest message is on the screen, whether or not somebody sits before it. */
export const isAtEnd = (place) => looking === place;

/** Does somebody see what is new there? */
export const isInView = (placeId) => looking?.id === placeId && isWatched();

/** Something new was shown, or somebody has come back to the window. */
export function markRead() {
  if (!looking || !isWatched() || timer || !hasNews(looking)) return;
  const wait = Math.max(0, told + SELDOM - Date.now());
  timer = setTimeout(tell, wait);
}

/** What oneself has said last is no news: it was never counted. */
const hasNews = ({ id, newest, told }) =>
  unread.peek().get(id) > 0 ||
  (newest && newest.id !== told && newest.author.id !== session.peek()?.user.id);

async function tell() {
  timer = 0;
  const place = looking;
  const newest = place?.newest;
  if (!newest || !isWatched() || place.told === newest.id) return;
  told = Date.now();
  place.told = newest.id;
  setUnread(place.id, 0);
  try {
    await call("PUT", `/reads/${encodeURIComponent(place.id)}`, { messageId: newest.id });
  } catch {
    place.told = null; // deleted meanwhile, or not reached: the next look tells it
  }
}

const isWatched = () => document.visibilityState === "visible" && document.hasFocus();

addEventListener("focus", markRead);
addEventListener("visibilitychange", markRead);
