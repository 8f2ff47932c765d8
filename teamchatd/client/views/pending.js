import { html, useLayoutEffect, useRef } from "../lib.js";
import { discard, retry } from "../core/outbox.js";
import { me, users } from "../core/state.js";
import { isOnlyEmoji } from "../text/onlyemoji.js";
import { rich } from "../text/markdown.js";
import { namesOf } from "../core/mentions.js";
import { clock } from "../text/time.js";
import { putBack } from "./attach.js";
import { Avatar } from "./avatar.js";
import { noteSent } from "./images.js";

/**
 * What was sent and has not arrived: where it will stand and as it will look, so that
 * nothing moves when it does.
 */
export function Pending({ entry, isFirst }) {
  const { content, files, state, sentence } = entry;
  const isFailed = state === "failed";
  return html`<article class=${isFirst ? "message first pending" : "message pending"} data-line=${entry.clientId}
      aria-label=${`${me.value?.userName}, ${isFailed ? "not sent" : "sending"}: ${content}`}>
    <div class="message-side">
      ${isFirst && html`<${Avatar} id=${me.value?.id} name=${me.value?.userName} size="var(--face)" />`}
    </div>
    <div class="message-body">
      ${isFirst && html`<header class="message-head">
        <bdi class="author">${me.value?.userName}</bdi> <time>${clock(entry.createdAt)}</time>
      </header>`}
      ${content && html`<${Words} content=${content} />`}
      ${files.length > 0 && html`<${Files} files=${files} />`}
      ${isFailed ? html`<${Failed} entry=${entry} sentence=${sentence} />` : html`<${Sending} entry=${entry} />`}
    </div>
  </article>`;
}

function Words({ content }) {
  const box = useRef(null);
  useLayoutEffect(() => {
    box.current.replaceChildren(rich(content, { names: namesOf(users.peek()), me: me.peek()?.id }));
  }, [content]);
  return html`<div ref=${box} class=${isOnlyEmoji(content) ? "rich big" : "rich"} dir="auto"></div>`;
}

function Files({ files }) {
  for (const { filename, url } of files) if (filename) noteSent(filename, url);
  return html`<div class=${files.length === 1 ? "images one" : "images"}>${files.map(({ name, url, progress }) => html`<span
      key=${url} class="image">
    <img src=${url} alt=${name} />
    ${progress < 1 && html`<progress class="image-progress" value=${progress} aria-label=${`Sending ${name}`}></progress>`}
  </span>`)}</div>`;
}

/** Said only when it takes a while: most messages have arrived before one could read it. */
function Sending({ entry }) {
  const { state, sentence } = entry;
  if (state === "sent") return null;
  const isWaiting = state === "waiting";
  const words = isWaiting ? "Waiting to be sent…" : "Sending…";
  if (!sentence) return html`<p class="sending">${words}</p>`;
  return html`<div class="failed onhold">
    <p>${words} ${sentence}</p>
    ${isWaiting && html`<${Discard} entry=${entry} />`}
  </div>`;
}

function Failed({ entry, sentence }) {
  return html`<div class="failed">
    <p role="alert">Not sent: ${sentence}</p>
    <button class="link-button" type="button" onClick=${() => retry(entry.clientId)}>Try again</button>
    <${Discard} entry=${entry} />
  </div>`;
}

const Discard = ({ entry }) =>
  html`<button class="link-button" type="button" onClick=${() => takeBack(entry)}>Discard</button>`;

/** Nobody's words are thrown away: they go back to where they were written. */
function takeBack(entry) {
  discard(entry.clientId);
  putBack(entry.parentId ? `thread:${entry.parentId}` : entry.placeId, entry);
}
