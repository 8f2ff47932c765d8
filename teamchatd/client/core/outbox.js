/**
 * What was sent and is not there yet.
 *
 * Each entry has a name of its own, the `clientId`, under which the server takes it once,
 * however often we try. So after a lost answer we simply try again, also after the page was
 * closed: entries are kept in the browser's database, with their images. The tab that sends
 * one holds its name; the others wait for it, and whoever gets it goes on.
 */

import { signal } from "../lib.js";
import { hold, pause } from "./alone.js";
import { line } from "./line.js";
import { allLoaded, loadedPlace, loadedThread, placeAt, publish, threadOf } from "./places.js";
import { call, callWithProgress, session } from "./session.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

/**
 * All of this user's, in the order of sending:
 * `{clientId, placeId, kind, parentId, content, files, state, sentence, createdAt}`, with state
 * waiting, sending, failed or sent; homeless: where it was to go there is nothing any more; a
 * file is `{name, type, blob, url, progress}`.
 */
export const outbox = signal([]);

let kept = Promise.resolve(null);
/** Queues of the places: in one place, what was sent first arrives first. Another for each user. */
let busy = new Set();
let wakeUps = [];
/** Messages that events have brought, some of them before the answer that names them ours. */
const told = new Set();
/** How to let go of an entry: as long as we hold it, no other tab sends it. */
const releases = new Map();
/** Names of entries that other tabs hold and we wait for. */
let awaited = new AbortController();
/** Where tabs tell each other what they have begun to send. Without locks all would send it. */
const others = navigator.locks && new BroadcastChannel("teamchat.outbox");
others?.addEventListener("message", ({ data }) => data.userId === mine() && inherit(data.clientId));

const mine = () => session.peek()?.user.id;

/** @returns {object[]} what is on its way to a place, which may be a thread. */
export function pendingIn(place) {
  const [placeId, parentId] = place.kind === "thread" ? [place.channel.id, place.id] : [place.id, null];
  return outbox.value.filter((each) => each.placeId === placeId && each.parentId === parentId);
}

/**
 * @param {import("./places.js").Place} place a thread, too.
 * @param {{content: string, files?: File[]}} what
 */
export function send(place, { content, files = [] }) {
  const isReply = place.kind === "thread";
  const entry = {
    clientId: newId(),
    userId: mine(),
    placeId: isReply ? place.channel.id : place.id,
    kind: place.kind,
    parentId: isReply ? place.id : null,
    content,
    files: files.map((file) => ({ name: file.name, type: file.type, blob: file, progress: 0 })),
    state: "waiting",
    sentence: null,
    createdAt: Date.now(),
  };
  hold(`outbox ${entry.clientId}`, (done) => {
    releases.set(entry.clientId, done);
    others?.postMessage({ clientId: entry.clientId, userId: entry.userId });
  });
  outbox.value = [...outbox.peek(), withAddresses(entry)];
  write(entry);
  work(entry.placeId);
}

export function retry(clientId) {
  change(clientId, { state: "waiting", sentence: null, homeless: false });
  work(outbox.peek().find((each) => each.clientId === clientId)?.placeId);
}

/** @returns {object} the entry, so that its text need not be lost. */
export function discard(clientId) {
  const entry = outbox.peek().find((each) => each.clientId === clientId);
  drop(clientId);
  return entry;
}

/**
 * An event has brought a message: if it was ours, it is not on its way any more. Most often
 * it comes before the answer that names it ours. Until then an entry of the same words is
 * taken for it, so that it is not shown beside it; the answer, or the next one, is what counts.
 */
export function delivered(message) {
  told.add(message.id);
  if (told.size > 500) told.delete(told.values().next().value);
  const entry = outbox.peek().find((each) => each.messageId === message.id);
  if (entry?.state === "sent") return drop(entry.clientId);
  const likely = entry ?? outbox.peek().find((each) => !each.messageId && isLike(each, message));
  if (likely) change(likely.clientId, { messageId: message.id });
}

const isLike = (entry, message) =>
  entry.state !== "failed" &&
  entry.userId === message.author.id &&
  entry.placeId === message.channelId &&
  entry.parentId === (message.threadId ?? null) &&
  entry.content === message.content &&
  entry.files.length === message.images.length;

/** Look for what an earlier page has left behind, or will when it is closed. */
export async function openOutbox() {
  kept = openDatabase().catch(() => null);
  const entries = (await (await kept)?.getAll("outbox").catch(() => [])) ?? [];
  entries.filter((each) => each.userId === mine() && isWhole(each)).forEach(({ clientId }) => inherit(clientId));
}

/** Fetched only now: nobody's first look has to wait for it. */
async function openDatabase() {
  const { openDB } = await import("../vendor/idb.js");
  return openDB("teamchat", 1, {
    upgrade: (database) => database.createObjectStore("outbox", { keyPath: "clientId" }),
  });
}

/** What is still there when its name is ours was not sent by whoever had it. */
function inherit(clientId) {
  if (releases.has(clientId)) return;
  const take = async (done) => adopt(await (await kept)?.get("outbox", clientId).catch(() => null), done);
  hold(`outbox ${clientId}`, take, { signal: awaited.signal });
}

const isWhole = ({ placeId, parentId, content, files }) =>
  [placeId, parentId ?? "", content].every((each) => each?.trim)
  && files?.every?.((file) => file?.blob instanceof Blob);

export function closeOutbox() {
  awaited.abort();
  awaited = new AbortController();
  busy = new Set();
  releases.forEach((release) => release());
  releases.clear();
  outbox.value = [];
  wakeUp();
}

/** The server can be reached again. */
export function wakeUp() {
  wakeUps.forEach((wake) => wake());
  wakeUps = [];
}

function adopt(entry, release) {
  const isThere = outbox.peek().some(({ clientId }) => clientId === entry?.clientId);
  if (!entry || isThere || mine() !== entry.userId) return release();
  releases.set(entry.clientId, release);
  const entries = [...outbox.peek(), withAddresses(entry)];
  outbox.value = entries.toSorted((one, other) => one.createdAt - other.createdAt);
  work(entry.placeId);
}

// --- Sending ---------------------------------------------------------------------------

async function work(placeId) {
  const queues = busy;
  if (queues.has(placeId)) return;
  queues.add(placeId);
  let wait = FIRST_WAIT;
  try {
    for (let entry; queues === busy && (entry = nextFor(placeId)); ) {
      const error = await attempt(entry);
      if (!error) wait = FIRST_WAIT;
      else if (error.isPassing || error.status === 401) {
        change(entry.clientId, { state: "waiting", sentence: error.message });
        await patience(Math.max(wait, error.retryAfter * 1000));
        wait = Math.min(wait * 2, LONGEST_WAIT);
      }
    }
  } finally {
    queues.delete(placeId);
  }
}

const nextFor = (placeId) =>
  outbox.peek().find((each) => each.placeId === placeId && each.state === "waiting");

/** @returns {Promise<Error|null>} what has gone wrong; also, that its author is here no more. */
async function attempt(entry) {
  change(entry.clientId, { state: "sending" });
  try {
    const images = await upload(entry);
    const { clientId, content } = entry;
    const body = { content, clientId, ...(images.length && { images }) };
    const answer = await call("POST", pathOf(entry), body, { as: entry.userId });
    arrived(entry, answer.message ?? answer.reply);
    return null;
  } catch (error) {
    if (!error.isPassing && error.status !== 401) {
      const homeless = error.status === 404;
      change(entry.clientId, { state: "failed", sentence: error.message, messageId: null, homeless });
      write(outbox.peek().find((each) => each.clientId === entry.clientId));
    }
    return error;
  }
}

async function upload(entry) {
  for (const file of entry.files) {
    if (file.filename) continue; // it is there from an earlier attempt
    const body = { filename: file.name, image: await base64(file.blob) };
    const showing = (progress) => changeFile(entry.clientId, file, { progress });
    const as = entry.userId;
    const { filename } = await callWithProgress(`${pathOf(entry)}/image`, body, showing, { as });
    file.filename = filename;
    changeFile(entry.clientId, file, { progress: 1, filename });
  }
  return entry.files.map((file) => file.filename);
}

/**
 * The answer is here, and its event tells where among the others the message belongs. Only
 * while nobody listens the answer has to do.
 */
function arrived(entry, message) {
  const place = entry.parentId ? loadedThread(entry.parentId) : loadedPlace(entry.placeId);
  const isSeen = told.has(message.id) || place?.find(message.id);
  if (!isSeen && line.peek().state === "live") {
    change(entry.clientId, { state: "sent", messageId: message.id });
    forgetKept(entry.clientId);
    return;
  }
  if (!isSeen) place?.put(message);
  publish();
  drop(entry.clientId);
}

/** What came with an event before its answer was here, or never will come with one. */
export function settle() {
  for (const { messageId, clientId, state } of outbox.peek()) {
    if (state === "sent" && allLoaded().some((place) => place.find(messageId))) drop(clientId);
  }
}

const pathOf = ({ placeId, parentId }) =>
  (parentId ? threadOf(parentId, placeId) : placeAt(placeId)).path;

async function patience(milliseconds) {
  await Promise.race([pause(milliseconds), new Promise((wake) => wakeUps.push(wake))]);
}

function base64(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
    reader.onerror = () => reject(new Error("This image cannot be read any more."));
    reader.readAsDataURL(blob);
  });
}

// --- Keeping ---------------------------------------------------------------------------

function change(clientId, news) {
  outbox.value = outbox.peek().map((each) =>
    each.clientId === clientId ? Object.assign({ ...each }, news) : each,
  );
}

function changeFile(clientId, file, news) {
  const entry = outbox.peek().find((each) => each.clientId === clientId);
  const at = entry?.files.findIndex((each) => each.url === file.url);
  if (entry) change(clientId, { files: entry.files.with(at, { ...entry.files[at], ...news }) });
}

function drop(clientId) {
  const entry = outbox.peek().find((each) => each.clientId === clientId);
  if (!entry) return;
  outbox.value = outbox.peek().filter((each) => each !== entry);
  const release = releases.get(clientId);
  releases.delete(clientId);
  // Whoever is given its name earlier would find it, and send it again.
  forgetKept(clientId).then(release);
  // The message takes the image's place only when it has loaded its own.
  setTimeout(() => entry.files.forEach(({ url }) => URL.revokeObjectURL(url)), 10_000);
}

const withAddresses = (entry) => ({
  ...entry,
  state: entry.state === "failed" ? "failed" : "waiting",
  files: entry.files.map((file) => ({ ...file, url: URL.createObjectURL(file.blob) })),
});

/** One after the other, or an entry could be kept after it was forgotten. */
function then(work) {
  return (kept = kept.then(async (database) => {
    if (database) await work(database).catch(() => {}); // full, or forbidden: we still send it
    return database;
  }));
}

function write(entry) {
  if (!entry) return;
  const { files, ...rest } = entry;
  const plain = files.map(({ name, type, blob }) => ({ name, type, blob, progress: 0 }));
  then((database) => database.put("outbox", { ...rest, files: plain }));
}

const forgetKept = (clientId) => then((database) => database.delete("outbox", clientId));

/** `crypto.randomUUID` is there on https only. */
function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
