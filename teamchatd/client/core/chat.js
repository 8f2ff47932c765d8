/**
 * Beginning and ending to talk: when somebody signs in, out, or is another one.
 */

import { effect, untracked } from "../lib.js";
import { forgetImages, removing } from "./acts.js";
import { pause } from "./alone.js";
import { notifying, watchTitle } from "./attention.js";
import { findDrafts } from "./drafts.js";
import { forgetEvents, heard, isBehind, startAnew } from "./events.js";
import { keep, kept } from "./kept.js";
import { forgetNotices } from "./notices.js";
import { line, listen, stop } from "./line.js";
import { closeOutbox, openOutbox, settle, wakeUp } from "./outbox.js";
import { allLoaded, clearPlaces, placeAt } from "./places.js";
import { go, route } from "./route.js";
import { lose, session } from "./session.js";
import { channels, clear, conversations, load, me, ready, trouble } from "./state.js";

/** Longer than a stream takes to open; nobody should look at an empty page for it. */
const PATIENCE = 700;

let user = null;
/** We began to ask before the stream was open: what happened in between was told to nobody. */
let askedTooEarly = false;
let wasLive = false;

/** Follow the session, from now on. */
export function start() {
  watchTitle();
  effect(() => {
    const now = session.value?.user.id ?? null;
    if (now !== user) untracked(() => change(now));
  });
  effect(() => remember(route.value.placeId));
  effect(() => {
    const isClosed = ready.value && route.value.admin && !me.value?.isAdmin;
    if (isClosed) untracked(() => go({ placeId: lastPlace(), replace: true }));
  });
}

function change(now) {
  if (user) leave();
  user = now;
  if (now) begin();
}

function leave() {
  wasLive = false;
  stop();
  forgetEvents();
  closeOutbox();
  clearPlaces();
  forgetImages();
  forgetNotices();
  notifying().then(({ withdraw }) => withdraw()).catch(() => {});
  removing.value = new Map();
  clear();
}

async function begin() {
  askedTooEarly = false;
  findDrafts();
  openOutbox();
  const opened = new Promise((done) => listen({ heard, became: (state) => became(state, done) }));
  await Promise.race([opened, pause(PATIENCE)]);
  askedTooEarly = line.peek().state !== "live";
  await tryToLoad();
}

/** Also for the button, when it did not work the first time. */
export async function tryToLoad() {
  const { placeId } = route.peek();
  const wanted = placeId ?? keptPlace();
  // Asked together with the rest: most often there is such a place, and it is seen sooner.
  if (wanted) placeAt(wanted).open();
  await load();
  if (ready.peek()) choose(wanted);
}

function became(state, done) {
  if (state.state === "off" && session.peek()) lose();
  if (state.state !== "live") return;
  done();
  wakeUp();
  const isGap = askedTooEarly || (wasLive && !state.resumed);
  askedTooEarly = false;
  wasLive = true;
  if (!ready.peek()) return void ((isGap || trouble.peek()) && loadAgain());
  if (isGap || isBehind()) startAnew();
  else allLoaded().forEach((place) => place.isOpen && place.error.peek() && place.open());
  settle();
}

function loadAgain() {
  allLoaded().forEach((place) => place.reload());
  tryToLoad();
}

/** The place in the address, or the last one here, or the first there is. */
function choose(wanted) {
  const { placeId, admin } = route.peek();
  if (admin || (placeId && isThere(placeId))) return;
  const place = thereOrFirst(wanted);
  if (place) go({ placeId: place, replace: true });
}

/** @returns {string|null} where somebody was last: the way back from what is no place. */
function keptPlace() {
  const id = kept(`place.${user}`);
  return typeof id === "string" ? id : null;
}

export const lastPlace = () => thereOrFirst(keptPlace());

const thereOrFirst = (id) => (isThere(id) ? id : (channels.peek()[0]?.id ?? null));

const isThere = (id) => [...channels.peek(), ...conversations.peek()].some((each) => each.id === id);

function remember(placeId) {
  if (placeId && user) keep(`place.${user}`, placeId);
}
