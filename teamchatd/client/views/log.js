import { html, useEffect, useLayoutEffect, useMemo, useRef } from "../lib.js";
import { removing } from "../core/acts.js";
import { pendingIn } from "../core/outbox.js";
import { lookingAt } from "../core/reading.js";
import { route } from "../core/route.js";
import { me } from "../core/state.js";
import { dayName, dayOf } from "../text/time.js";
import { Icon } from "./icon.js";
import { Message } from "./message.js";
import { Pending } from "./pending.js";
import { Reader } from "./reader.js";

/** What one says within so many milliseconds is one thing to the eye. */
const BREATH = 5 * 60_000;
/** Its own message is among so few newest when it has just arrived. */
const JUST_ARRIVED = 20;
/** So many messages before the end are taller than any window: no other is seen there. */
const NEAR = 24;

/**
 * What was said in a place, and what is on its way there.
 *
 * @param {{place: object, label: string, beginning?: (isEmpty: boolean) => any, parent?: any}} props
 *   beginning: makes what stands above the very first message, of whether there is none yet;
 *   parent: what stands above all.
 */
export function Log({ place, label, beginning, parent = null }) {
  const scroller = useRef(null);
  const inner = useRef(null);
  const reader = useMemo(() => new Reader(place), [place]);
  const messages = useShown(place);
  const pending = usePending(place);
  const range = reader.show(messages);

  useLayoutEffect(() => reader.watch(scroller.current, inner.current), [reader]);
  useLayoutEffect(() => reader.drawn());
  useOwnWords(pending, reader);
  useReading(place, reader.isAtEnd, messages, scroller);

  const isEmpty = !messages.length && !pending.length;
  const isComing = isEmpty && place.loading.value === "first";
  return html`<div class="log-frame">
    <div ref=${scroller} class="log scrolls" role="log" aria-label=${label} aria-busy=${isComing}
        aria-live=${reader.isAtEnd.value && !isComing ? "polite" : "off"}>
      <div ref=${inner} class="log-inner">
        ${parent}
        <${Top} place=${place} hasMore=${range.from > 0} isEmpty=${isEmpty} beginning=${beginning} />
        ${linesOf(messages, range, place)}
        ${pendingOf(pending, messages, place)}
      </div>
    </div>
    <${JumpToNewest} reader=${reader} messages=${messages} />
  </div>`;
}

function useShown(place) {
  const messages = place.messages.value;
  const hidden = removing.value;
  return useMemo(
    () => (hidden.size ? messages.filter(({ id }) => !hidden.has(id)) : messages),
    [messages, hidden],
  );
}

/** Between its sending and its coming back one's message is in both for a moment: once is enough. */
function usePending(place) {
  const entries = pendingIn(place);
  const newest = place.messages.value.slice(-JUST_ARRIVED);
  return entries.filter(({ messageId }) => !messageId || !newest.some(({ id }) => id === messageId));
}

/** Whoever says something wants to see it said. */
function useOwnWords(pending, reader) {
  const before = useRef(pending.length);
  useLayoutEffect(() => {
    if (pending.length > before.current) reader.toNewest();
    before.current = pending.length;
  }, [pending.length]);
}

/** A thread has no pointer of its own: its channel is what is read or not. */
function useReading(place, isAtEnd, messages, scroller) {
  const isThread = place.kind === "thread";
  const { threadId } = route.value;
  useEffect(() => {
    // On a narrow screen a thread covers its place: what comes there is not seen.
    const isSeen = () => scroller.current.checkVisibility({ visibilityProperty: true });
    if (!isThread) lookingAt(place, isAtEnd.value && isSeen());
  }, [place, isAtEnd.value, messages, threadId]);
  useEffect(() => () => isThread || lookingAt(null, false), [place]);
}

// --- Its lines ---------------------------------------------------------------------------

function linesOf(messages, { from, to }, place) {
  const lines = [];
  const firstUnread = place.firstUnreadId.value;
  // What was replied on the same day needs no rule to say so: there is one below the parent already.
  const parent = place.parent?.value;
  for (let at = from; at < to; at++) {
    const message = messages[at];
    const before = at > from ? messages[at - 1] : null;
    const isNewDay = dayOf((before ?? parent)?.createdAt ?? 0) !== dayOf(message.createdAt);
    const isNew = message.id === firstUnread;
    if (isNewDay) lines.push(html`<${Day} key=${`day ${dayOf(message.createdAt)}`} at=${message.createdAt} />`);
    if (isNew) lines.push(html`<${NewLine} key="new" />`);
    const isFirst = isNewDay || isNew || !continues(before, message);
    // Not by :nth-last-child: with every message that comes, it would ask all others for their style.
    lines.push(html`<${Message} key=${message.id} message=${message} isFirst=${isFirst} place=${place}
      isFar=${at < to - NEAR} />`);
  }
  return lines;
}

/** With the day above it, if it is the first of one: else all would move when it has arrived. */
function pendingOf(entries, messages, place) {
  const last = messages.at(-1);
  const lastDay = dayOf((last ?? place.parent?.value)?.createdAt ?? 0);
  return entries.flatMap((entry, at) => {
    const isNewDay = at === 0 && lastDay !== dayOf(entry.createdAt);
    const isFirst = isNewDay || (at === 0 && !continues(last, ownWords(entry)));
    return [
      isNewDay && html`<${Day} key=${`day of ${entry.clientId}`} at=${entry.createdAt} />`,
      html`<${Pending} key=${entry.clientId} entry=${entry} isFirst=${isFirst} />`,
    ];
  });
}

const continues = (before, message) =>
  before !== null && before !== undefined
  && before.author.id === message.author.id
  && before.author.userName === message.author.userName
  && message.createdAt - before.createdAt < BREATH;

const ownWords = ({ createdAt }) => ({ author: me.value, createdAt });

function Day({ at }) {
  const name = dayName(at);
  return html`<div class="day" role="separator" aria-label=${name}><span>${name}</span></div>`;
}

function NewLine() {
  return html`<div class="new-line" role="separator" aria-label="New messages"><span>New messages</span></div>`;
}

/** Its height is always the same: what is being loaded must not push what is being read. */
function Top({ place, hasMore, isEmpty, beginning }) {
  const loading = place.loading.value;
  if (place.error.value) return html`<${Trouble} place=${place} isEmpty=${isEmpty} />`;
  if (loading === "first" && isEmpty) return html`<${Waiting} />`;
  if (hasMore || place.hasOlder.value) {
    return html`<div class="log-top">${loading === "older"
      && html`<span class="spinner" aria-hidden="true"></span><span class="visually-hidden">Loading older messages…</span>`}</div>`;
  }
  return html`<div class=${isEmpty ? "log-beginning empty" : "log-beginning"}>${beginning?.(isEmpty)}</div>`;
}

function Trouble({ place, isEmpty }) {
  const again = () => {
    place.error.value = null;
    return isEmpty ? place.reload() : place.loadOlder();
  };
  return html`<div class=${isEmpty ? "log-trouble empty" : "log-trouble"} role="alert">
    <p>${place.error.value}</p>
    <button class="button" type="button" onClick=${again}>Try again</button>
  </div>`;
}

const LENGTHS = [[38], [72, 54], [44], [66, 80, 30], [50]];

/** The shape of what is coming, and only if it does not come at once. */
function Waiting() {
  return html`<div class="log-waiting" aria-hidden="true">${LENGTHS.map((words) => html`<div>
    <i></i><span><b></b>${words.map((share) => html`<u style=${{ width: `${share}%` }}></u>`)}</span>
  </div>`)}</div>`;
}

function JumpToNewest({ reader, messages }) {
  const left = reader.left.value;
  if (!left) return null;
  const count = countAfter(left, messages);
  if (!count && !reader.isFar.value) return null;
  const words = count === 1 ? "1 new message" : `${count} new messages`;
  return html`<div class="jump">
    <button class="jump-button" type="button" aria-label=${count ? `Jump to newest, ${words}` : undefined}
        onClick=${() => reader.toNewest()}>
      <${Icon} name="down" small />
      <span>${count ? words : "Jump to newest"}</span>
    </button>
    <span class="visually-hidden" role="status">${count ? `${words} below` : ""}</span>
  </div>`;
}

function countAfter(left, messages) {
  let count = 0;
  for (let at = messages.length - 1; at >= 0 && messages[at].createdAt >= left.createdAt; at--) {
    if (messages[at].id === left.id) break;
    if (messages[at].author.id !== me.value?.id) count++;
  }
  return count;
}
