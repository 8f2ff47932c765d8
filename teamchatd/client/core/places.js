/**
 * Where things are said: channels, conversations, and the threads below messages.
 *
 * What a place has loaded is always one piece of its history, without a gap, that ends with
 * the newest message. So an event can be told from something that belongs further up.
 */

import { computed, signal } from "../lib.js";
import { route } from "./route.js";
import { call } from "./session.js";
import { channels, conversations, GONE, me, ready, unread } from "./state.js";

const PAGE = 50;
const LARGEST_PAGE = 200;
/** What led to the first unread message is shown with it. */
const LED_TO_IT = 10;
/** What a place keeps when nobody looks at it, and when somebody reads the newest of very many. */
const KEPT_ASIDE = 100;
const KEPT_IN_VIEW = 600;
const TOO_MANY_IN_VIEW = 1000;
const SEARCHED_PAGES = 10;

const places = new Map();
const threads = new Map();
const changed = new Set();

export const isConversation = (id) => id.startsWith("dm:");

/** @returns {Place|null} null when there is none, or we do not know yet. */
export function placeOf(id) {
  if (!id || (ready.value && !known(id))) return null;
  return placeAt(id);
}

/** Also before it is known whether there is such a place. */
export function placeAt(id) {
  if (!places.has(id)) places.set(id, new Place(id, kindOf(id), pathOf(id), "messages"));
  return places.get(id);
}

/** @returns {Place} the replies to a message of a channel; of the one on the screen, if not said. */
export function threadOf(parentId, channelId = route.peek().placeId) {
  if (!threads.has(parentId)) threads.set(parentId, new Thread(parentId, channelId));
  return threads.get(parentId);
}

export const loadedPlace = (id) => places.get(id);
export const loadedThread = (parentId) => threads.get(parentId);
export const allLoaded = () => [...places.values(), ...threads.values()];

export function dropPlace(id) {
  places.delete(id);
  for (const [parentId, thread] of threads) {
    if (thread.channel.id === id) threads.delete(parentId);
  }
}

export function clearPlaces() {
  places.clear();
  threads.clear();
}

/** Let everybody see what has changed; called once for many changes. */
export function publish() {
  changed.forEach((place) => place.show());
  changed.clear();
}

/**
 * Events were missed for good: what is on the screen is asked for again, and the rest
 * forgotten until somebody looks at it.
 * @returns {Promise<boolean>} false: some of it could not be had, and may be later.
 */
export async function reloadAll() {
  for (const each of allLoaded()) if (!each.isOpen) each.forget();
  const done = await Promise.all(allLoaded().map((each) => !each.isOpen || each.reload()));
  return done.every(Boolean);
}

const known = (id) =>
  channels.value.some((each) => each.id === id) ||
  conversations.value.some((each) => each.id === id);

const kindOf = (id) => (isConversation(id) ? "conversation" : "channel");

const pathOf = (id) =>
  `/${isConversation(id) ? "conversations" : "channels"}/${encodeURIComponent(id)}/messages`;

export class Place {
  /** What is shown: oldest first, ending with the newest. */
  messages = signal([]);
  hasOlder = signal(false);
  /** "", "first" or "older": what is being asked for. */
  loading = signal("");
  error = signal(null);
  /** Where "New messages" begin; it stays while somebody reads on. */
  firstUnreadId = signal(null);
  /** How many look at it here: a thread may be beside its channel. */
  viewers = 0;
  isLoaded = false;

  #list = [];
  #late = [];
  #turn = 0;
  #asking = null;

  /**
   * @param {string} path that its messages are read at and written to.
   * @param {"messages"|"replies"} field of the answer.
   */
  constructor(id, kind, path, field) {
    this.id = id;
    this.kind = kind;
    this.path = path;
    this.field = field;
    this.name = computed(() => nameOfPlace(id));
  }

  get isOpen() {
    return this.viewers > 0;
  }

  get newest() {
    return this.#list.at(-1) ?? null;
  }

  /** Somebody looks at it. @returns {() => void} to be called when they have left. */
  enter() {
    this.viewers++;
    if (this.hasOlder.peek() && this.#list.length < this.#enough) this.forget();
    if (this.isLoaded) this.#markUnread();
    else this.open();
    return () => this.#leave();
  }

  #leave() {
    this.viewers--;
    if (this.isOpen) return;
    this.firstUnreadId.value = null;
    this.#keep(KEPT_ASIDE);
    this.show();
  }

  async open() {
    if (!this.isLoaded && !this.loading.peek()) await this.#ask("first", this.#enough);
  }

  /** What it has loaded is not to be trusted; it is asked for when somebody looks. */
  forget() {
    this.isLoaded = false;
    this.#list = [];
    this.show();
  }

  /** @returns {Promise<boolean>} as `reloadAll`. */
  reload() {
    const count = Math.min(Math.max(this.#list.length, this.#enough), LARGEST_PAGE);
    return this.#ask("first", count);
  }

  /** How many messages it takes to begin at the first one that is unread. */
  get #enough() {
    return Math.max(PAGE, (unread.peek().get(this.id) ?? 0) + LED_TO_IT);
  }

  async loadOlder() {
    if (this.loading.peek() || !this.hasOlder.peek()) return;
    await this.#ask("older", PAGE, this.#list[0]?.id);
  }

  #ask(what, limit, before = null) {
    return (this.#asking = this.#askFor(what, limit, before));
  }

  /** Nothing is being asked for any more, by whomever. */
  async atRest() {
    while (this.loading.peek()) await this.#asking;
  }

  async #askFor(what, limit, before) {
    const turn = ++this.#turn;
    this.loading.value = what;
    this.#late = [];
    const from = before ? `&before=${encodeURIComponent(before)}` : "";
    try {
      const answer = await call("GET", `${this.path}?limit=${limit}${from}`);
      // Asked anew meanwhile: the answer to that is the one that counts.
      if (turn === this.#turn) this.#take(what, limit, answer[this.field]);
      return true;
    } catch (error) {
      if (turn === this.#turn) this.#refused(what, error);
      return !error.isPassing;
    } finally {
      if (turn === this.#turn) this.loading.value = "";
    }
  }

  #refused(what, error) {
    // The message that older ones were asked for before may just have been deleted.
    if (what !== "older" || error.status !== 404) this.error.value = error.message;
  }

  #take(what, limit, page) {
    this.error.value = null;
    this.hasOlder.value = page.length === limit;
    if (what === "older") {
      const have = new Set(this.#list.map((each) => each.id));
      this.#list = [...page.filter((each) => !have.has(each.id)), ...this.#list];
    } else {
      this.#list = [...page];
      this.isLoaded = true;
    }
    // What came while we waited may be newer than the answer.
    this.#late.forEach((change) => change());
    this.#late = [];
    if (what === "first" && this.isOpen) this.#markUnread();
    this.show();
  }

  #markUnread() {
    let count = unread.peek().get(this.id) ?? 0;
    let first = null;
    for (let at = this.#list.length - 1; at >= 0 && count > 0; at--) {
      if (this.#list[at].author.id === me.peek()?.id) continue;
      first = this.#list[at].id;
      count--;
    }
    this.firstUnreadId.value = first;
  }

  // --- Changes; they are seen after publish() ------------------------------------------

  find(id) {
    // From the end: what happens happens mostly there.
    return this.#list.findLast((each) => each.id === id) ?? null;
  }

  /** A new message, or a newer state of one. */
  put(message) {
    this.#change(() => this.#put(message));
  }

  replace(id, renew) {
    this.#change(() => {
      const at = this.#list.findLastIndex((each) => each.id === id);
      if (at >= 0) this.#list[at] = renew(this.#list[at]);
    });
  }

  /** Every message that has something to renew: `renew` gives back the rest as it is. */
  replaceAll(renew) {
    this.#change(() => (this.#list = this.#list.map(renew)));
  }

  remove(id) {
    this.#change(() => (this.#list = this.#list.filter((each) => each.id !== id)));
  }

  /** Somebody sits at the end of it for hours: forget the oldest, many at a time. */
  trim() {
    if (this.#list.length > TOO_MANY_IN_VIEW) this.#keep(KEPT_IN_VIEW);
  }

  #keep(count) {
    if (this.#list.length <= count || this.loading.peek()) return;
    this.#list = this.#list.slice(-count);
    this.hasOlder.value = true;
    changed.add(this);
  }

  show() {
    this.messages.value = [...this.#list];
  }

  #change(change) {
    if (this.loading.peek()) this.#late.push(change);
    else if (!this.isLoaded) return;
    change();
    changed.add(this);
  }

  #put(message) {
    const at = this.#list.findLastIndex((each) => each.id === message.id);
    if (at >= 0) return void (this.#list[at] = message);
    const before = this.#list.findLastIndex((each) => each.createdAt <= message.createdAt);
    // It belongs further up than what is loaded, and is there when somebody scrolls to it.
    if (before < 0 && this.#list.length && this.hasOlder.peek()) return;
    this.#list.splice(before + 1, 0, message);
  }
}

class Thread extends Place {
  /** As it was last seen, and what became of it since: its channel may hold it no more. */
  #lastParent = null;
  #parentNews = signal(0);

  constructor(parentId, channelId) {
    super(parentId, "thread", `/messages/${encodeURIComponent(parentId)}/thread`, "replies");
    this.channel = placeAt(channelId);
    /** The message that all are replies to; null while it is too far up to be known. */
    this.parent = computed(() => {
      this.#parentNews.value; // so that it is looked at again
      const found = this.channel.messages.value.find((each) => each.id === parentId);
      return (this.#lastParent = found ?? this.#lastParent);
    });
  }

  put(message) {
    if (message.id === this.id) this.#renewParent(() => message);
    else super.put(message);
  }

  replace(id, renew) {
    if (id === this.id) this.#renewParent(renew);
    else super.replace(id, renew);
  }

  replaceAll(renew) {
    this.#renewParent(renew);
    super.replaceAll(renew);
  }

  forget() {
    this.#lastParent = null;
    super.forget();
  }

  #renewParent(renew) {
    if (!this.parent.peek()) return;
    this.#lastParent = renew(this.#lastParent);
    this.#parentNews.value++;
  }

  async open() {
    await Promise.all([super.open(), this.#findParent()]);
  }

  /** Look further and further up in its channel: there is no call for one message. */
  async #findParent() {
    await this.channel.open();
    for (let page = 0; page < SEARCHED_PAGES; page++) {
      await this.channel.atRest(); // else nothing would be asked for, and soon all pages be searched
      if (this.parent.peek() || !this.channel.hasOlder.peek()) return;
      await this.channel.loadOlder();
    }
  }
}

function nameOfPlace(id) {
  const channel = channels.value.find((each) => each.id === id);
  if (channel) return channel.name;
  const conversation = conversations.value.find((each) => each.id === id);
  return conversation?.otherUser?.userName ?? (isConversation(id) ? GONE : "");
}
