import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { react, remove } from "../core/acts.js";
import { whoChose } from "../core/events.js";
import { isConversation } from "../core/places.js";
import { me, nameOf, users } from "../core/state.js";
import { go } from "../core/route.js";
import { isMentioned, namesOf } from "../core/mentions.js";
import { clock, fullTime, whenAgo } from "../text/time.js";
import { Avatar } from "./avatar.js";
import { Editing, isEditing, startEditing } from "./editing.js";
import { Icon } from "./icon.js";
import { Images } from "./images.js";
import { UNFOLDING } from "./keeper.js";
import { actOf, isPressed } from "./keys.js";
import { pickEmoji } from "./picking.js";
import { Rich } from "./text.js";
import { isTouch } from "./textbox.js";

const LONGEST_LABEL = 240;
const LONGEST_SHOWN = 8000;
const MOST_LINES = 60;
const MOST_NAMES = 8;
const MOST_FACES = 3;
/** Milliseconds after which a finger means what is under it, and not a touch of it. */
const HELD = 450;

/**
 * A message, drawn again only when it is another one: core replaces what changes, so the
 * same object is the same message, and a busy log redraws one of three hundred.
 *
 * @param {{message: object, isFirst: boolean, place: object, isParent?: boolean, isFar?: boolean}} props
 *   isFirst: the first of a group, which has the author's face and name; isParent: it
 *   stands above its own thread; isFar: it is not at the end of the log.
 */
export function Message({ message, isFirst, place, isParent = false, isFar = false }) {
  const edited = isEditing(place, message);
  return useMemo(
    () => html`<${Drawn} message=${message} isFirst=${isFirst} place=${place}
      isParent=${isParent} isFar=${isFar} isEdited=${edited} />`,
    [message, isFirst, place, isParent, isFar, edited],
  );
}

function Drawn({ message, isFirst, place, isParent, isFar, isEdited }) {
  const line = useRef(null);
  const [isActive, setActive] = useActive(line);
  const held = useMemo(() => holding(() => setActive(POINTED)), []);
  const can = whatOneMay(message, place, isParent);
  const content = message.content;
  return html`<article ref=${line} class=${classOf(message, isFirst, isFar, isActive)} tabindex="-1"
      data-line=${message.id} data-id=${message.id} aria-label=${labelOf(message)} ...${held}
      onPointerEnter=${({ pointerType }) => pointerType === "touch" || isActive || setActive(POINTED)}
      onPointerLeave=${({ pointerType }) => pointerType === "touch" || setActive(isWithin(line, document.activeElement) && FOCUSED)}
      onClick=${(event) => isPlain(event.target) && isTouch() && setActive(POINTED)}
      onFocusIn=${({ target }) => target.matches(":focus-visible") && !isTouch() && setActive(FOCUSED)}
      onFocusOut=${({ relatedTarget }) => isActive === FOCUSED && setActive(isWithin(line, relatedTarget) && FOCUSED)}
      onKeyDown=${(event) => pressed(event, line, message, place, can)}>
    <div class="message-side" aria-hidden="true">
      ${isFirst
        ? html`<${Avatar} id=${message.author.id} name=${message.author.userName} size="var(--face)" />`
        : html`<${Time} at=${message.createdAt} />`}
    </div>
    <div class="message-body">
      <${Head} message=${message} isFirst=${isFirst} />
      ${isEdited
        ? html`<${Editing} message=${message} place=${place} />`
        : content && html`<${Folded} content=${content}><${Rich} message=${message} /><//>`}
      ${message.images.length > 0 && html`<${Images} message=${message} />`}
      <${Reactions} message=${message} />
      ${message.threadMeta && !isParent
        && html`<${ThreadLine} message=${message} place=${place} />`}
    </div>
    ${isActive && !isEdited
      ? html`<${Toolbar} line=${line} message=${message} place=${place} can=${can}
          tabIndex=${isActive === FOCUSED || isTouch() ? 0 : -1} leave=${() => setActive(false)} />`
      : isTouch() && html`<button class="icon-button message-more" type="button" tabindex="-1"
          aria-label="Message actions" onClick=${() => setActive(POINTED)}>
          <${Icon} name="more" />
        </button>`}
  </article>`;
}

const POINTED = "pointed";
const FOCUSED = "focused";

/**
 * Pointed at, focused or touched: only then are there buttons, or there would be thousands.
 * On a telephone the focus alone brings none: they would lie over the message before.
 */
function useActive(line) {
  const [isActive, setActive] = useState(false);
  useEffect(() => {
    if (!isActive) return undefined;
    const elsewhere = ({ target }) => !line.current?.contains(target) && setActive(false);
    document.addEventListener("pointerdown", elsewhere);
    return () => document.removeEventListener("pointerdown", elsewhere);
  }, [isActive]);
  return [isActive, setActive];
}

/** A finger that stays: also on an image, which opens when it is only touched. */
function holding(act) {
  let timer = 0;
  let isHeld = false;
  const letGo = () => clearTimeout(timer);
  return {
    onPointerDown: ({ pointerType }) => {
      isHeld = false;
      clearTimeout(timer);
      if (pointerType === "touch") timer = setTimeout(() => act((isHeld = true)), HELD);
    },
    onPointerUp: letGo,
    onPointerCancel: letGo,
    onClickCapture: (event) => isHeld && (event.preventDefault(), event.stopPropagation()),
  };
}

/** What is taken out of the page tells of the focus it loses, and is then no line any more. */
const isWithin = (line, node) => Boolean(line.current?.contains(node));
const isPlain = (target) => !target.closest("a, button, textarea");

function classOf(message, isFirst, isFar, isActive) {
  const names = ["message"];
  if (isFar) names.push("far");
  if (isFirst) names.push("first");
  if (isActive) names.push("active");
  if (!message.content) names.push("bare");
  if (message.author.id !== me.value?.id && isForMe(message)) names.push("for-me");
  return names.join(" ");
}

const isForMe = ({ content }) =>
  content.includes("@") && isMentioned(me.value?.id, content, namesOf(users.value));

/** Who speaks comes first, also where the eye finds a time there: one listens to the names, and skips the rest. */
function labelOf({ author, createdAt, content, images }) {
  const pictures = images.length === 1 ? "1 image" : `${images.length} images`;
  const said = content.length > LONGEST_LABEL ? `${content.slice(0, LONGEST_LABEL)}…` : content;
  return `${author.userName}, ${clock(createdAt)}: ${said || pictures}`;
}

function whatOneMay(message, place, isParent) {
  const isOwn = message.author.id === me.value?.id;
  return {
    edit: isOwn,
    remove: isOwn || (me.value?.isAdmin && !isConversation(message.channelId)),
    reply: place.kind === "channel" && !isParent,
  };
}

function pressed(event, line, message, place, can) {
  if (event.defaultPrevented) return;
  const isOnLine = event.target === line.current;
  const act = isOnLine ? actOf(event, actsOf(line, message, place, can))
    : isPressed("close", event) && (() => line.current.focus());
  if (!act) return;
  event.preventDefault();
  act();
}

function actsOf(line, message, place, can) {
  return {
    edit: can.edit && (() => startEditing(place, message)),
    reply: can.reply && (() => openThread(place, message)),
    react: () => addReaction(message, line.current),
    remove: can.remove && (() => removeFrom(line, message)),
    write: () => line.current.closest(".talk").querySelector(".composer textarea").focus(),
  };
}

const openThread = (place, message) => go({ placeId: place.id, threadId: message.id });

async function addReaction(message, anchor) {
  const emoji = await pickEmoji(anchor);
  if (emoji && !whoChose(message, emoji).includes(me.value?.id)) react(message, emoji);
}

// --- Its parts ---------------------------------------------------------------------------

function Time({ at }) {
  return html`<time datetime=${new Date(at).toISOString()} title=${fullTime(at)}>${clock(at)}</time>`;
}

/** Within a group the name is only heard: a voice reads one message, not the group. */
function Head({ message: { author, createdAt }, isFirst }) {
  if (!isFirst) return html`<bdi class="visually-hidden">${author.userName}</bdi>`;
  return html`<header class="message-head">
    <bdi class="author">${author.userName}</bdi>
    ${author.isBot && html`<span class="bot" title="Posted by a webhook">BOT</span>`}
    <${Time} at=${createdAt} />
  </header>`;
}

/** What would fill screens is folded, by its length: to measure it would cost each message a layout. */
function Folded({ content, children }) {
  const isLong = content.length > LONGEST_SHOWN || isOfManyLines(content);
  const [isOpen, open] = useState(false);
  if (!isLong) return children;
  const turn = ({ currentTarget }) => {
    currentTarget.dispatchEvent(new Event(UNFOLDING, { bubbles: true }));
    open(!isOpen);
  };
  return html`<div class=${isOpen ? "" : "folded"}>${children}</div>
    <button class="link-button unfold" type="button" tabindex="-1" aria-expanded=${isOpen}
      onClick=${turn}>${isOpen ? "Show less" : "Show the whole message"}</button>`;
}

function isOfManyLines(content) {
  let lines = 0;
  for (let at = content.indexOf("\n"); at !== -1; at = content.indexOf("\n", at + 1)) lines++;
  return lines > MOST_LINES;
}

function Reactions({ message }) {
  const chosen = Object.entries(message.reactions);
  if (!chosen.length) return null;
  return html`<div class="reactions" aria-live="off">${chosen.map(([emoji, ids]) => {
    const names = namesIn(ids);
    return html`<button key=${emoji} class="reaction" type="button" tabindex="-1"
      aria-pressed=${ids.includes(me.value?.id)} aria-label=${`${emoji} ${ids.length}, ${names}`}
      title=${names} onClick=${({ currentTarget }) => turn(message, emoji, currentTarget)}>
      <span class="reaction-emoji">${emoji}</span> <span>${ids.length}</span>
    </button>`;
  })}</div>`;
}

/** The last one who takes back an emoji takes its button away, which may have the focus. */
function turn(message, emoji, button) {
  const ids = message.reactions[emoji];
  if (ids.length === 1 && ids[0] === me.value?.id) button.closest("[data-line]").focus({ preventScroll: true });
  react(message, emoji);
}

function namesIn(ids) {
  const names = ids.slice(0, MOST_NAMES).map((id) => (id === me.value?.id ? me.value.userName : nameOf(id)));
  const others = ids.length - names.length;
  return others ? `${names.join(", ")} and ${others} more` : names.join(", ");
}

function ThreadLine({ message, place }) {
  const { replyCount, lastReplyAt, participants } = message.threadMeta;
  return html`<button class="thread-line" type="button" tabindex="-1"
      onClick=${() => openThread(place, message)}>
    <span class="faces">${participants.slice(-MOST_FACES).map(
      (id) => html`<${Avatar} key=${id} id=${id} name=${nameOf(id)} size="1.375rem" letters=${1} />`)}</span>
    <span class="thread-count">${replyCount === 1 ? "1 reply" : `${replyCount} replies`}</span>
    <span class="thread-last">Last reply ${whenAgo(lastReplyAt)}</span>
  </button>`;
}

/**
 * It is no news, though it appears within a log whose news are read aloud. And where only
 * the mouse is, the Tab key does not stop: the log is one stop.
 */
function Toolbar({ line, message, place, can, tabIndex, leave }) {
  const tool = (name, icon, act) => html`<button class="icon-button" type="button" tabindex=${tabIndex}
    aria-label=${name} title=${name} onClick=${act}><${Icon} name=${icon} /></button>`;
  return html`<div class="toolbar" role="toolbar" aria-live="off" aria-label="Message actions">
    ${tool("Add reaction", "react", ({ currentTarget }) => addReaction(message, currentTarget))}
    ${can.reply && tool("Reply in thread", "reply", () => openThread(place, message))}
    ${can.edit && tool("Edit", "pencil", () => (startEditing(place, message), leave()))}
    ${can.remove && tool("Delete", "trash", () => removeFrom(line, message))}
  </div>`;
}

/** The focus goes on to a neighbour: with the message it would fall out of the log. */
function removeFrom(line, message) {
  const others = [...line.current.parentElement.querySelectorAll("[data-line][tabindex]")];
  const at = others.indexOf(line.current);
  if (line.current.contains(document.activeElement)) (others[at + 1] ?? others[at - 1])?.focus();
  remove(message);
}
