/**
 * What this tab knows of the team. Asked for at the start, and kept true by events.
 */

import { batch, computed, signal } from "../lib.js";
import { config } from "./config.js";
import { call, session } from "./session.js";

/** The signed-in user, as everybody sees them. */
export const me = computed(() => {
  const user = session.value?.user;
  return user ? (users.value.get(user.id) ?? user) : null;
});

/** Map of id to user: those who are here. */
export const users = signal(new Map());

/** Oldest first, as the server lists them. */
export const channels = signal([]);

/** Latest activity first. */
export const conversations = signal([]);

/** Map of a place's id to how many messages of others wait there; 100 means 100 or more. */
export const unread = signal(new Map());

export const serverName = computed(() => renamed.value ?? config.value?.serverName ?? "teamchat");

/** Counts up whenever there are other webhooks than before; who shows them asks again then. */
export const webhookNews = signal(0);

/** All of the above is here. */
export const ready = signal(false);

/** A sentence, when it could not be had. */
export const trouble = signal(null);

const renamed = signal(null);
const gone = new Map();
let asked = 0;
/** How often unread counts have changed here: an answer from before such a change is stale. */
let counts = 0;
let loading = null;

/**
 * What events tell meanwhile has to wait for it: the answers may be older than they are,
 * and would undo what they have changed.
 * @returns {Promise<void>|null}
 */
export const whileLoading = () => loading;

/**
 * What goes wrong is said in `trouble`.
 * @returns {Promise<boolean>} false: it could not be had, and may be later.
 */
export function load() {
  const mine = ++asked;
  const done = ask(mine).finally(() => mine === asked && (loading = null));
  return (loading = done);
}

async function ask(mine) {
  const paths = ["/users", "/channels", "/conversations", "/server/settings", "/reads"];
  try {
    const answers = await Promise.all(paths.map((path) => call("GET", path)));
    // Asked again meanwhile: the later answers are the newer ones.
    if (mine === asked) batch(() => take(...answers));
    return true;
  } catch (error) {
    if (mine === asked) trouble.value = error.message;
    return !error.isPassing;
  }
}

/**
 * Count anew what is unread. While messages come in, an answer and an event may both have
 * counted one; then we ask again, until nothing came in between.
 */
export async function loadUnread() {
  try {
    for (let attempt = 0; attempt < 5; attempt++) {
      const before = counts;
      const { reads } = await call("GET", "/reads");
      if (before === counts) return takeReads(reads);
    }
  } catch {
    // The counts that we have are the best that there are; the next load makes them true.
  }
}

const takeReads = (reads) =>
  (unread.value = new Map(reads.map((read) => [read.channelId, read.unread])));

function take(people, places, talks, settings, { reads }) {
  users.value = byId(people.users);
  channels.value = places.channels;
  conversations.value = talks.conversations;
  renamed.value = settings.name;
  takeReads(reads);
  trouble.value = null;
  ready.value = true;
}

/** Nobody is signed in any more, or somebody else. */
export function clear() {
  asked++;
  loading = null;
  batch(() => {
    users.value = new Map();
    channels.value = conversations.value = [];
    unread.value = new Map();
    renamed.value = trouble.value = null;
    ready.value = false;
  });
}

/** The name of those whose name nobody here knows any more. */
export const GONE = "Someone who has left";

/** @returns {string} also of those who have left, as far as this tab has known them. */
export const nameOf = (id) => users.value.get(id)?.userName ?? gone.get(id) ?? GONE;

export function putUser(user) {
  users.value = new Map(users.value).set(user.id, { ...users.value.get(user.id), ...user });
}

export function dropUser(id) {
  const rest = new Map(users.value);
  gone.set(id, rest.get(id)?.userName);
  rest.delete(id);
  users.value = rest;
  conversations.value = conversations.value.map((each) =>
    each.otherUser?.id === id ? { ...each, otherUser: null } : each,
  );
}

/** Those who talk with a renamed user see it in their list, too. */
export function renameOther({ id, userName }) {
  conversations.value = conversations.value.map((each) =>
    each.otherUser?.id === id ? { ...each, otherUser: { id, userName } } : each,
  );
}

export function putChannel(channel) {
  channels.value = put(channels.value, channel);
}

export function dropChannel(id) {
  channels.value = channels.value.filter((each) => each.id !== id);
  forgetUnread(id);
}

/** @param {object} conversation of an event too, which does not say who the other one is. */
export function putConversation(conversation) {
  const other = conversation.participants.find((id) => id !== me.value.id);
  const { userName } = users.value.get(other) ?? {};
  const otherUser = userName ? { id: other, userName } : null;
  conversations.value = sorted(put(conversations.value, { otherUser, ...conversation }));
}

/** Something was said there: it goes to the top of the list. */
export function touchConversation(id, at) {
  conversations.value = sorted(
    conversations.value.map((each) =>
      each.id === id && at > (each.lastMessageAt ?? 0) ? { ...each, lastMessageAt: at } : each,
    ),
  );
}

export function setUnread(placeId, count) {
  counts++;
  if ((unread.value.get(placeId) ?? 0) === count) return;
  unread.value = new Map(unread.value).set(placeId, count);
}

export const addUnread = (placeId) =>
  setUnread(placeId, Math.min((unread.value.get(placeId) ?? 0) + 1, 100));

function forgetUnread(placeId) {
  const rest = new Map(unread.value);
  rest.delete(placeId);
  unread.value = rest;
}

export function setServerName(name) {
  renamed.value = name;
}

const byId = (things) => new Map(things.map((each) => [each.id, each]));

function put(list, thing) {
  const at = list.findIndex((each) => each.id === thing.id);
  return at < 0 ? [...list, thing] : list.with(at, { ...list[at], ...thing });
}

const activity = (conversation) => conversation.lastMessageAt ?? conversation.createdAt;

const sorted = (list) => list.toSorted((one, other) => activity(other) - activity(one));
