/**
 * Who is signed in here: one session for all tabs of this browser.
 *
 * Access tokens are short-lived, and a refresh token is spent by its first use: two tabs
 * that spend the same one would end the session. So one tab at a time asks for a new pair,
 * and looks first whether another one has it already.
 */

import { signal } from "../lib.js";
import { alone, pause } from "./alone.js";
import { ApiError, ask, askForBytes, send } from "./api.js";
import { forget, keep, kept, onKept } from "./kept.js";

const NAME = "session";
/** When somebody signed out: the other tabs see the session go, and this says why. */
const LEAVING = "signed-out";
const LATELY = 10_000;
const LEFT = "teamchat.left-for";
/** Nobody takes longer at a provider's, in milliseconds. */
const LONGEST_AWAY = 10 * 60_000;
const EARLY = 15_000;
const SELDOM = 60_000;

/** null, or `{user}`: who is signed in. */
export const session = signal(null);

/** The session ended without anybody having signed out. */
export const lost = signal(false);

/**
 * What the address brought along, which leaves it at once: whoever looks over a shoulder
 * or finds it in the history would have it, too.
 * `{kind: "none"}`, `{kind: "link", token, email}` or `{kind: "failed", sentence}`.
 */
export const arrival = signal({ kind: "none" });

/** Nobody who leaves shall wait longer than this, in milliseconds. */
const PATIENCE = 2_000;
const unfinished = new Set();
let refreshing = null;
let timer = 0;

// --- Coming and going -----------------------------------------------------------------------

/** @param {() => Promise<any>} work that has to be done while there is still a session. */
export const beforeSigningOut = (work) => unfinished.add(work);

export async function signOut() {
  await Promise.race([Promise.all([...unfinished].map((work) => work())), pause(PATIENCE)]);
  const { access, refresh } = keptSession() ?? {};
  keep(LEAVING, Date.now());
  end();
  lost.value = false;
  if (!access) return;
  const how = { token: access, body: refresh ? { refreshToken: refresh } : { keepCurrent: false } };
  try {
    // A session of dev mode has no refresh token to name it by; it is named by itself.
    if (refresh) await ask("POST", "/auth/logout", how);
    else await endThis(access);
  } catch {
    // It runs out by itself. The user has left, and shall not have to wait for it.
  }
}

/** That the session is over may be heard before the answer: it is not lost, then. */
export async function leaveBy(work) {
  keep(LEAVING, Date.now());
  try {
    await work();
  } catch (error) {
    // Else the news that it is over was faster than the answer.
    if (session.peek()) {
      forget(LEAVING);
      throw error;
    }
  }
  end();
  lost.value = false;
}

const isLeaving = () => kept(LEAVING) > Date.now() - LATELY;

async function endThis(token) {
  const { sessions } = await ask("GET", "/auth/sessions", { token });
  const sessionId = sessions.find((each) => each.isCurrent).id;
  await ask("DELETE", "/auth/sessions", { token, body: { sessionId } });
}

export async function begin(tokens) {
  const { user } = await ask("GET", "/auth/me", { token: tokens.access });
  arrival.value = { kind: "none" };
  lost.value = false;
  hold({ ...tokens, user });
}

export const pair = ({ accessToken, refreshToken, exp }) => ({
  access: accessToken,
  refresh: refreshToken,
  until: Date.now() + exp * 1000,
});

/** What is kept may be another page's. */
function keptSession() {
  const held = kept(NAME);
  return isWhole(held ?? undefined) ? held : null;
}

const isWhole = ({ access, refresh, until, user } = {}) =>
  isToken(access)
  && (refresh === null || isToken(refresh))
  && until > 0
  && [user?.id, user?.userName].every((each) => typeof each === "string");

/** RFC 6750, section 2.1. */
const isToken = (token) => typeof token === "string" && /^[\w.~+/-]+=*$/.test(token);

// --- While it lasts --------------------------------------------------------------------

const whoIsHere = () => session.peek()?.user.id;

/** @returns {object|null} what is kept, if it is still this user's and not the next one's. */
function heldBy(userId) {
  const held = keptSession();
  return held?.user.id === userId ? held : null;
}

/**
 * A token that can be used now.
 * @param {string|null} refused one that the server has just refused.
 * @param {string} userId whose token: in the middle of something, somebody else may sign in.
 * @throws {ApiError} with status 401 when their session is over.
 */
export async function accessToken(refused = null, userId = whoIsHere()) {
  const held = heldBy(userId);
  if (!held) throw over();
  if (held.access !== refused && held.until > Date.now() + EARLY) return held.access;
  if (!held.refresh) {
    if (held.access === refused) throw lose();
    return held.access;
  }
  if (refreshing?.spent !== held.access) refreshing = renewing(held);
  return refreshing.done;
}

function renewing({ access: spent, user }) {
  const mine = { spent, done: alone("refresh", () => refresh(spent, user.id)) };
  const over = () => refreshing === mine && (refreshing = null);
  mine.done.then(over, over);
  return mine;
}

async function refresh(spent, userId) {
  const held = heldBy(userId);
  if (!held) throw over();
  if (held.access !== spent) return held.access; // another tab was faster
  try {
    const answer = pair(await ask("POST", "/auth/refresh", { body: { refreshToken: held.refresh } }));
    if (kept(NAME)?.access !== spent) throw await tooLate(answer);
    hold({ ...answer, user: held.user });
    return answer.access;
  } catch (error) {
    throw error.status === 401 && kept(NAME)?.access === spent ? lose() : error;
  }
}

/** Somebody signed out while we waited: with these tokens the session would live on. */
async function tooLate({ access, refresh }) {
  await ask("POST", "/auth/logout", { token: access, body: { refreshToken: refresh } }).catch(() => {});
  return over();
}

/**
 * A call for whoever is signed in as it begins, and for nobody else: if they have left
 * before it is made, or before its answer is here, it fails as a call of a session that
 * is over. With a token that was refused it is made once more with a new one.
 */
export const call = (method, path, body, { as, ...more } = {}) =>
  withToken((token) => ask(method, path, { body, token, ...more }), as);

/** An image, which `<img>` could not ask for by itself: it sends no token. */
export const callForBytes = (path) => withToken((token) => askForBytes(path, token));

export const callWithProgress = (path, body, progress, { as } = {}) =>
  withToken((token) => send(path, token, body, progress), as);

/** A last call of a page that is being closed: nobody waits for the answer. */
export function callAtTheEnd(method, path, body) {
  const held = heldBy(whoIsHere());
  return held && ask(method, path, { body, token: held.access, keepalive: true }).catch(() => {});
}

async function withToken(work, userId = whoIsHere()) {
  const token = await accessToken(null, userId);
  const answer = await work(token).catch(async (error) => {
    if (error.status !== 401) throw error;
    return work(await accessToken(token, userId));
  });
  if (!heldBy(userId)) throw over();
  return answer;
}

/** Somebody told us who we are now: `PUT /users/me`, or an event. */
export function renewUser(user) {
  const held = keptSession();
  if (!held || held.user.id !== user.id) return;
  keep(NAME, { ...held, user: { ...held.user, ...user } });
  session.value = { user: { ...held.user, ...user } };
}

function hold(held) {
  keep(NAME, held);
  if (session.value?.user.id !== held.user.id) session.value = { user: held.user };
  renewInTime();
}

/**
 * An idle page asks for nothing; without this its refresh token would run out while it is
 * open, and the first word after a week would find nobody signed in.
 */
function renewInTime() {
  clearTimeout(timer);
  const held = keptSession();
  if (!held?.refresh) return;
  const wait = Math.max(held.until - Date.now() - 2 * EARLY, SELDOM);
  timer = setTimeout(() => accessToken().catch(() => {}).finally(renewInTime), wait);
}

/** @returns {ApiError} to be thrown: there is no session any more. */
export function lose() {
  // Another tab may have let in somebody else, whose session this is not.
  const held = keptSession();
  if (held && !heldBy(whoIsHere())) return over();
  if (held || session.value) lost.value = !isLeaving();
  end();
  return over();
}

const over = () => new ApiError("You are not signed in any more.", 401);

function end() {
  clearTimeout(timer);
  forget(NAME);
  session.value = null;
}

// --- At the start ----------------------------------------------------------------------

/** At once, and not when the daemon has been asked something: that may take a while. */
const brought = new URLSearchParams(location.search);
if (location.search) history.replaceState(null, "", location.pathname + location.hash);

/** Look at what this browser keeps and what the address brought. */
export async function arrive() {
  onKept((name) => (name === NAME || name === null) && follow());
  if (brought.has("access_token")) await arriveFromProvider();
  else if (brought.has("oauth_error")) {
    // A link could bring any sentence, and the page would lend it its face.
    if (isAwaited()) arrival.value = { kind: "failed", sentence: brought.get("oauth_error") };
  } else if (brought.has("token")) {
    arrival.value = { kind: "link", token: brought.get("token"), email: brought.get("email") ?? "" };
  }
  const held = keptSession();
  if (held) hold(held);
}

/**
 * Leave for a provider, and remember that it was here that somebody wanted to: a link with
 * a stranger's tokens in it would otherwise sign people in as that stranger.
 */
export function leaveFor(provider) {
  sessionStorage.setItem(LEFT, Date.now());
  location.assign(provider.loginUrl);
}

function isAwaited() {
  const since = Number(sessionStorage.getItem(LEFT));
  sessionStorage.removeItem(LEFT);
  return since > Date.now() - LONGEST_AWAY;
}

async function arriveFromProvider() {
  if (!isAwaited()) {
    const sentence = "That sign-in was not begun in this window. Please begin it here.";
    return void (arrival.value = { kind: "failed", sentence });
  }
  const tokens = {
    access: brought.get("access_token"),
    refresh: brought.get("refresh_token"),
    until: Date.now() + Number(brought.get("expires_in")) * 1000,
  };
  try {
    await begin(tokens);
  } catch (error) {
    arrival.value = { kind: "failed", sentence: error.message };
  }
}

/** Another tab has signed in, out, or has new tokens. */
function follow() {
  const held = keptSession();
  if (!held) {
    lost.value = session.value !== null && !isLeaving();
    return void (session.value = null);
  }
  // What this tab shows is another person's: it must not be mixed with the new one's.
  if (session.value && session.value.user.id !== held.user.id) return location.reload();
  if (!session.value) lost.value = false;
  hold(held);
}
