/**
 * What this tab hears: the one event stream of this browser, wherever it runs.
 *
 * In a SharedWorker where there is one; else in the tab that holds a Web Lock, which tells
 * the others over a BroadcastChannel; else, on a plain http:// address in a browser that has
 * neither, in each tab.
 */

import { signal } from "../lib.js";
import { hold, pause } from "./alone.js";
import { asset, config } from "./config.js";
import { accessToken, session } from "./session.js";
import { LINE, trusted } from "./trusted.js";

const REMEMBERED = 2000;
const OF_THE_STREAM = new Set(["CONNECTED", "RESET", "REPLACED"]);
const PATIENCE = 2_000;

/** What the stream takes, wherever it runs; nothing of it is needed to see the page. */
const PARTS = [
  LINE,
  asset("core/stream.js"),
  ...["index", "parse", "errors"].map((name) => asset(`vendor/eventsource-parser/${name}.js`)),
];

/** `{state, since, retryAt}`; state: connecting, live, waiting, replaced or off. */
export const line = signal({ state: "off", since: Date.now(), retryAt: null });

/** How to reach the stream from here; null while nobody listens. */
let way = null;
let cursor = null;
let recent = new Set();
/** The page was put aside for a while, and has heard nothing meanwhile. */
let stoodStill = false;
let listener = { heard() {}, became() {} };

/** Fetch it while the daemon is asked who it is: a worker would find its parts one by one. */
export function prepare() {
  for (const href of PARTS) {
    const link = document.createElement("link");
    document.head.append(Object.assign(link, { rel: "modulepreload", fetchPriority: "low", href }));
  }
}

/**
 * Begin to listen for whoever is signed in.
 * @param {{heard: (event: {type, payload}) => void, became: (state) => void}} to
 */
export function listen(to) {
  stop();
  listener = to;
  cursor = null;
  recent = new Set();
  become({ state: "connecting", since: Date.now(), retryAt: null });
  way = choose();
}

export function stop() {
  way?.leave();
  way = null;
  line.value = { state: "off", since: Date.now(), retryAt: null };
}

/** For the button in the bar: do not wait any longer. */
export const reconnect = () => way?.reconnect();

function choose() {
  const name = `line ${session.value.user.id}`;
  if (typeof SharedWorker === "function") return inWorker(name);
  if (navigator.locks && typeof BroadcastChannel === "function") return inOneTab(name);
  return inThisTab();
}

// --- Hearing ---------------------------------------------------------------------------

function hear(id, data) {
  const event = JSON.parse(data);
  if (id) cursor = id;
  // What is said of the stream itself carries the id of the event before it.
  if (!OF_THE_STREAM.has(event.type) && isKnown(id)) return;
  listener.heard(event);
}

/**
 * A tab that takes over goes on from what it has heard itself, and so may tell the others
 * a second time what they have heard already.
 */
function isKnown(id) {
  if (recent.has(id)) return true;
  recent.add(id);
  if (recent.size > REMEMBERED) recent.delete(recent.values().next().value);
  return false;
}

function become(state) {
  if (state.state === "live") {
    cursor ??= state.cursor;
    state = { ...state, resumed: state.resumed && !stoodStill };
    stoodStill = false;
  }
  line.value = { state: state.state, since: state.since, retryAt: state.retryAt };
  listener.became(state);
}

/** @returns {Promise<string|null>} null when the session is over. */
async function token(refused) {
  try {
    return await accessToken(refused);
  } catch (error) {
    if (error.status === 401) return null;
    throw error;
  }
}

const tokenFor = (refused) =>
  token(refused).then(
    (token) => ({ token }),
    () => ({ failed: true }),
  );

const heartbeat = () => config.value.heartbeatSeconds;

// --- The ways --------------------------------------------------------------------------

function inWorker(name) {
  const worker = new SharedWorker(trusted(LINE), { type: "module", name });
  const { port } = worker;
  let stillThere = true;
  worker.onerror = () => {
    if (!stillThere) return;
    stillThere = false;
    way = navigator.locks ? inOneTab(name) : inThisTab();
  };
  port.onmessage = async ({ data }) => {
    if (data.kind === "event") hear(data.id, data.data);
    else if (data.kind === "state") become(data);
    else port.postMessage({ kind: "token", ...(await tokenFor(data.refused)) });
  };
  const say = (kind) => port.postMessage({ kind, heartbeat: heartbeat(), cursor });
  say("hello");
  return {
    leave() {
      stillThere = false;
      say("bye");
      port.close();
    },
    pause: () => say("bye"),
    resume: () => say("hello"),
    check: () => say("check"),
    reconnect: () => say("reconnect"),
  };
}

function inOneTab(name) {
  const channel = new BroadcastChannel(`teamchat.${name}`);
  const gone = new AbortController();
  let stream = null;
  let release = () => {};
  channel.onmessage = ({ data }) => {
    if (stream) return stream[data.kind]?.() ?? tellNewcomer(data);
    if (data.kind === "event") hear(data.id, data.data);
    else if (data.kind === "state") become(data);
  };
  const tellNewcomer = ({ kind }) =>
    kind === "hello" && channel.postMessage({ kind: "state", ...stream.last });
  const lead = async (done) => {
    release = done;
    const Stream = await loaded();
    if (!gone.signal.aborted) stream = open(Stream, (what) => channel.postMessage(what));
  };
  hold(name, lead, { signal: gone.signal });
  channel.postMessage({ kind: "hello" });
  const say = (kind) => (stream ? stream[kind]() : channel.postMessage({ kind }));
  return {
    leave() {
      gone.abort();
      stream?.close();
      channel.close();
      release();
    },
    pause() {},
    resume: () => channel.postMessage({ kind: "hello" }),
    check: () => say("check"),
    reconnect: () => say("reconnect"),
  };
}

function inThisTab() {
  let stream = null;
  let isOver = false;
  loaded().then((Stream) => isOver || (stream = open(Stream, () => {})));
  return {
    leave() {
      isOver = true;
      stream?.close();
    },
    pause() {},
    resume() {},
    check: () => stream?.check(),
    reconnect: () => stream?.reconnect(),
  };
}

/** Sooner or later: a page that was kept for when there is no net may not have it. */
async function loaded() {
  for (;;) {
    try {
      return (await import("./stream.js")).Stream;
    } catch {
      await pause(PATIENCE);
    }
  }
}

/** A stream in this tab, that tells the others what it tells us. */
function open(Stream, tell) {
  return new Stream({
    heartbeat: heartbeat(),
    cursor,
    token,
    heard(id, data) {
      tell({ kind: "event", id, data });
      hear(id, data);
    },
    became(state) {
      tell({ kind: "state", ...state });
      become(state);
    },
  });
}

// --- Coming back -----------------------------------------------------------------------

addEventListener("online", () => reconnect());
addEventListener("visibilitychange", () => document.visibilityState === "visible" && way?.check());
// A page kept for the "back" button stands still, and must not be waited for.
addEventListener("pagehide", () => way?.pause());
addEventListener("pageshow", ({ persisted }) => {
  if (!persisted) return;
  stoodStill = true;
  way?.resume();
});
