import { html, useEffect, useMemo, useSignal } from "../lib.js";
import { placeOf } from "../core/places.js";
import { conversations } from "../core/state.js";
import { dropsInto, padOf } from "./attach.js";
import { Avatar } from "./avatar.js";
import { Composer, keyOf } from "./composer.js";
import { Icon } from "./icon.js";
import { isPressed } from "./keys.js";
import { Lightbox } from "./looking.js";
import { Log } from "./log.js";
import { EmojiPicker } from "./picking.js";

/** A channel or a conversation: its name, what was said, and where one says something. */
export function Place({ id }) {
  const place = placeOf(id);
  return place && html`<${Open} key=${id} place=${place} />`;
}

function Open({ place }) {
  const name = place.name.value;
  const isChannel = place.kind === "channel";
  const isOver = useSignal(false);
  const drops = useMemo(() => dropsInto(padOf(keyOf(place)), isOver), [place]);
  // Before the log is drawn: it begins at what is unread, and what it shows counts as read.
  const leave = useMemo(() => place.enter(), [place]);
  useEffect(() => leave, [leave]);
  useTypingAnywhere();

  return html`<main class="talk place" ...${drops}>
    <header class="talk-head">
      ${isChannel ? html`<${Icon} name="hash" />` : html`<${Face} place=${place} name=${name} />`}
      <h1 class="talk-title ellipsis" title=${name}><bdi>${name}</bdi></h1>
    </header>
    <${Log} place=${place} label=${isChannel ? `Messages in ${name}` : `Messages with ${name}`}
      beginning=${(isEmpty) => html`<${Beginning} name=${name} isChannel=${isChannel} isEmpty=${isEmpty} />`} />
    <${Composer} place=${place} label=${`Message ${name}`} />
    ${isOver.value && html`<${DropHere} />`}
    <${Lightbox} />
    <${EmojiPicker} />
  </main>`;
}

function Face({ place: { id }, name }) {
  const { otherUser } = conversations.value.find((each) => each.id === id) ?? {};
  return html`<${Avatar} id=${otherUser?.id ?? id} name=${name} size="1.5rem" letters=${1} />`;
}

function Beginning({ name, isChannel, isEmpty }) {
  const where = isChannel ? html`the beginning of <bdi>${name}</bdi>` : html`the beginning of what you and <bdi>${name}</bdi> say to each other`;
  if (!isEmpty) return html`<p>This is ${where}.</p>`;
  return html`<h2>Nobody has said anything here yet.</h2>
    <p>${isChannel ? "Everybody who is here can read this channel. Say hello." : html`Only you and <bdi>${name}</bdi> can read this. Say hello.`}</p>`;
}

export function DropHere() {
  return html`<div class="drop-here" aria-hidden="true"><p>Drop images to attach them</p></div>`;
}

/** Whoever begins to type with nothing focused means the composer. */
function useTypingAnywhere() {
  useEffect(() => {
    const pressed = (event) => {
      if (document.activeElement !== document.body || event.defaultPrevented) return;
      if (event.ctrlKey || event.metaKey || event.altKey || event.key.length !== 1) return;
      if (isPressed("keys", event)) return;
      if (event.key !== " ") document.querySelector(".place .textbox-text")?.focus();
    };
    document.addEventListener("keydown", pressed);
    return () => document.removeEventListener("keydown", pressed);
  }, []);
}
