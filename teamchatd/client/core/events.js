/**
 * What each event changes here.
 *
 * Every change can be made twice, and an older state may come after a newer one that was
 * asked for meanwhile: the newer one's own event is then still on its way.
 */

import { batch } from "../lib.js";
import { pause } from "./alone.js";
import { considerNotifying } from "./attention.js";
import { noticeAssets } from "./config.js";
import { notice } from "./notices.js";
import { delivered, settle } from "./outbox.js";
import {
  allLoaded,
  dropPlace,
  loadedPlace,
  loadedThread,
  publish,
  reloadAll,
} from "./places.js";
import { isAtEnd, isInView, markRead } from "./reading.js";
import { go, route } from "./route.js";
import { lose, renewUser, session } from "./session.js";
import * as state from "./state.js";

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** A burst of deletions is one question, and not all who hear of them ask in one moment. */
const RECOUNT_WITHIN = 1_000;

let queue = [];
/** Messages that were counted: a repeated event must not count them again. */
let counted = new Set();
let recount = 0;
/** Of what was missed something is missing still: the attempt to get it, else null. */
let catchingUp = null;

export const isBehind = () => catchingUp !== null;

/** Take an event; a burst of them is one change of the page. */
export function heard(event) {
  if (!queue.length) setTimeout(applyAll);
  queue.push(event);
}

export function forgetEvents() {
  queue = [];
  counted = new Set();
  catchingUp = null;
  clearTimeout(recount);
  recount = 0;
}

async function applyAll() {
  const waited = state.whileLoading();
  if (waited) await waited;
  if (state.whileLoading()) return applyAll();
  const events = queue;
  queue = [];
  batch(() => {
    events.forEach(apply);
    allLoaded().forEach((place) => isAtEnd(place) && place.trim());
    publish();
  });
  if (waited && events.some(({ type }) => type in COUNTED)) state.loadUnread();
  markRead();
}

/** One that breaks is a fault of ours; the others are true nevertheless. */
function apply({ type, payload }) {
  try {
    changes[type]?.(payload);
  } catch (error) {
    reportError(error);
  }
}

/** What is counted as unread, and may be in the counts that were asked for meanwhile. */
const COUNTED = { NEW_MESSAGE: true, NEW_DM_MESSAGE: true };

const changes = {
  CONNECTED: ({ assets }) => noticeAssets(assets),
  RESET: () => startAnew(),

  NEW_MESSAGE: hearMessage,
  UPDATE_MESSAGE(message) {
    loadedPlace(message.channelId)?.put(message);
    loadedThread(message.id)?.put(message);
  },
  DELETE_MESSAGE({ id, channelId }) {
    loadedPlace(channelId)?.remove(id);
    closeThread(id);
    countAnew(channelId);
  },

  NEW_DM_MESSAGE(message) {
    state.touchConversation(message.channelId, message.createdAt);
    hearMessage(message);
  },
  UPDATE_DM_MESSAGE: (message) => loadedPlace(message.channelId)?.put(message),
  DELETE_DM_MESSAGE({ id, conversationId }) {
    loadedPlace(conversationId)?.remove(id);
    countAnew(conversationId);
  },
  NEW_CONVERSATION: (conversation) => state.putConversation(conversation),

  NEW_THREAD_REPLY({ parentMessageId, channelId, reply, threadMeta }) {
    loadedThread(parentMessageId)?.put(reply);
    renewParent(channelId, parentMessageId, threadMeta);
    delivered(reply);
    considerNotifying(reply);
  },
  UPDATE_THREAD_REPLY: (reply) => loadedThread(reply.threadId)?.put(reply),
  DELETE_THREAD_REPLY({ id, threadId, channelId, threadMeta }) {
    loadedThread(threadId)?.remove(id);
    renewParent(channelId, threadId, threadMeta);
  },

  NEW_REACTION: ({ messageId, userId, reaction }) => renewReaction(messageId, reaction, userId, true),
  DELETE_REACTION: ({ messageId, userId, reaction }) =>
    renewReaction(messageId, reaction, userId, false),

  NEW_CHANNEL: (channel) => state.putChannel(channel),
  UPDATE_CHANNEL: (channel) => state.putChannel(channel),
  DELETE_CHANNEL({ id, name }) {
    const wasThere = route.peek().placeId === id;
    state.dropChannel(id);
    state.webhookNews.value++; // those of the channel went along
    dropPlace(id);
    if (!wasThere) return;
    go({ placeId: state.channels.peek()[0]?.id ?? null, replace: true });
    notice(`The channel ${name} was deleted.`);
  },

  NEW_USER: (user) => state.putUser(user),
  UPDATE_USER(user) {
    state.putUser(user);
    state.renameOther(user);
    renewUser(user);
    allLoaded().forEach((place) => place.replaceAll((message) => withName(message, user)));
  },
  REMOVE_USER: leave,
  USER_EXIT: leave,

  NEW_WEBHOOK: () => state.webhookNews.value++,
  DELETE_WEBHOOK: () => state.webhookNews.value++,

  UPDATE_READ: ({ channelId, unread }) => state.setUnread(channelId, unread),
  UPDATE_SERVER_SETTINGS: ({ name }) => state.setServerName(name),
};

/**
 * What was missed is gone from the record: all that is shown is asked for again, until it
 * is here. No event will bring what was in the gap.
 */
export async function startAnew() {
  const mine = (catchingUp = {});
  counted = new Set();
  state.webhookNews.value++;
  for (let wait = FIRST_WAIT; ; wait = Math.min(2 * wait, LONGEST_WAIT)) {
    const done = await Promise.all([state.load(), reloadAll()]);
    if (mine !== catchingUp) return;
    if (done.every(Boolean)) break;
    await pause(wait);
    if (mine !== catchingUp) return;
  }
  catchingUp = null;
  settle();
}

/** Whether what was deleted had been read, the server knows: it counts each time. */
function countAnew(placeId) {
  if (recount || !state.unread.peek().get(placeId)) return;
  recount = setTimeout(() => {
    recount = 0;
    state.loadUnread();
  }, Math.random() * RECOUNT_WITHIN);
}

function hearMessage(message) {
  const place = loadedPlace(message.channelId);
  place?.put(message);
  delivered(message);
  if (message.author.id === session.peek()?.user.id || counted.has(message.id)) return;
  remember(message.id);
  if (!isInView(message.channelId)) state.addUnread(message.channelId);
  considerNotifying(message);
}

function remember(id) {
  counted.add(id);
  if (counted.size > 5000) counted.delete(counted.values().next().value);
}

function renewParent(channelId, id, threadMeta) {
  const renew = ({ threadMeta: _, ...message }) => (threadMeta ? { ...message, threadMeta } : message);
  loadedPlace(channelId)?.replace(id, renew);
  loadedThread(id)?.replace(id, renew);
}

function renewReaction(messageId, reaction, userId, isThere) {
  for (const place of allLoaded()) {
    place.replace(messageId, (message) => withReaction(message, reaction, userId, isThere));
  }
}

/** @returns {string[]} A reaction may be any text, also "constructor", which every object has. */
export const whoChose = ({ reactions }, reaction) =>
  Object.hasOwn(reactions, reaction) ? reactions[reaction] : [];

/** @returns {object} the message, with this user's reaction there or not. */
export function withReaction(message, reaction, userId, isThere) {
  const { [reaction]: _, ...others } = message.reactions;
  const chosen = whoChose(message, reaction);
  if (chosen.includes(userId) === isThere) return message;
  const now = isThere ? [...chosen, userId] : chosen.filter((id) => id !== userId);
  if (!now.length) return { ...message, reactions: others };
  return { ...message, reactions: { ...message.reactions, [reaction]: now } };
}

function withName(message, { id, userName }) {
  const { author, threadMeta } = message;
  const isLast = threadMeta?.lastReplyBy.id === id;
  if (author.id !== id && !isLast) return message;
  return {
    ...message,
    author: author.id === id ? { ...author, userName } : author,
    ...(isLast && { threadMeta: { ...threadMeta, lastReplyBy: { id, userName } } }),
  };
}

function closeThread(parentId) {
  const { placeId, threadId } = route.peek();
  if (threadId === parentId) go({ placeId, replace: true });
}

function leave({ id }) {
  state.dropUser(id);
  if (id === session.peek()?.user.id) lose();
}

