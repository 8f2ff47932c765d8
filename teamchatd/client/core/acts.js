/**
 * What somebody does, other than sending (`outbox.js`).
 */

import { signal } from "../lib.js";
import { whoChose, withReaction } from "./events.js";
import { complain, notice, withdraw } from "./notices.js";
import { allLoaded, publish } from "./places.js";
import { beforeSigningOut, call, callAtTheEnd, callForBytes, renewUser, session } from "./session.js";
import { putConversation, putUser } from "./state.js";

const UNDO_SECONDS = 6;
const KEPT_IMAGES = 300;

/** @param {{content?: string, images?: string[]}} change @throws {ApiError} */
export async function edit(message, change) {
  const answer = await call("PUT", pathOf(message), change);
  renew(message.id, () => answer.message);
}

/** Choose an emoji, or take it back. It is seen at once, and undone if it was refused. */
export async function react(message, reaction) {
  const mine = session.peek().user.id;
  const isThere = !whoChose(message, reaction).includes(mine);
  const seen = (is) => renew(message.id, (each) => withReaction(each, reaction, mine, is));
  seen(isThere);
  try {
    const path = `/messages/${encodeURIComponent(message.id)}/reactions`;
    await call(isThere ? "POST" : "DELETE", path, { reaction });
  } catch (error) {
    seen(!isThere);
    complain(error);
  }
}

/** @returns {Promise<string>} the place where one talks with them. */
export async function openConversation(userId) {
  const { conversation } = await call("POST", "/conversations", { targetUserId: userId });
  putConversation(conversation);
  return conversation.id;
}

export async function rename(userName) {
  const { user } = await call("PUT", "/users/me", { userName });
  putUser(user);
  renewUser(user);
}

// --- Deleting, with time to think better of it -------------------------------------------

/** Map of id to `{message, noticeId, timer}`: hidden here, and not yet deleted. */
export const removing = signal(new Map());

export function remove(message) {
  if (removing.peek().has(message.id)) return;
  const action = { label: "Undo", run: () => undoRemove(message.id) };
  const over = () => removeNow(message);
  const noticeId = notice("Message deleted", { seconds: UNDO_SECONDS, action, over });
  removing.value = new Map(removing.peek()).set(message.id, { message, noticeId });
}

export function undoRemove(id) {
  withdraw(removing.peek().get(id)?.noticeId);
  show(id);
}

async function removeNow(message) {
  try {
    await call("DELETE", pathOf(message));
    allLoaded().forEach((place) => place.remove(message.id));
    publish();
  } catch (error) {
    // Somebody else was faster: it is gone, as was wanted.
    if (error.status !== 404) complain(error);
  }
  show(message.id);
}

function show(id) {
  const rest = new Map(removing.peek());
  rest.delete(id);
  removing.value = rest;
}

/** Whoever closes the page or signs out has not undone it. */
function removeAll() {
  const waiting = [...removing.peek().values()];
  removing.value = new Map();
  waiting.forEach(({ noticeId }) => withdraw(noticeId));
  return Promise.all(waiting.map(({ message }) => callAtTheEnd("DELETE", pathOf(message))));
}

addEventListener("pagehide", removeAll);
beforeSigningOut(removeAll);

// --- Images ------------------------------------------------------------------------------

const images = new Map();

/**
 * The address of an image for `<img>`, which could not ask for it itself: it sends no token.
 * @param {"thumb"|"full"} size
 * @returns {Promise<string>}
 */
export function imageUrl(message, filename, size = "thumb") {
  const base = message.channelId.startsWith("dm:") ? "conversations" : "channels";
  const place = `/${base}/${encodeURIComponent(message.channelId)}`;
  const query = size === "thumb" ? "?size=thumb" : "";
  const path = `${place}/messages/image/${encodeURIComponent(filename)}${query}`;
  if (!images.has(path)) images.set(path, ask(path));
  forgetOldImages();
  return images.get(path);
}

async function ask(path) {
  try {
    return URL.createObjectURL(await callForBytes(path));
  } catch (error) {
    images.delete(path); // so that the next look asks again
    throw error;
  }
}

async function forgetOldImages() {
  if (images.size <= KEPT_IMAGES) return;
  const [path, address] = images.entries().next().value;
  images.delete(path);
  URL.revokeObjectURL(await address.catch(() => ""));
}

export function forgetImages() {
  images.forEach((address) => address.then(URL.revokeObjectURL, () => {}));
  images.clear();
}

// --- What they have in common --------------------------------------------------------------

function renew(id, change) {
  allLoaded().forEach((place) => place.replace(id, change));
  publish();
}

const pathOf = (message) => `/messages/${encodeURIComponent(message.id)}`;
