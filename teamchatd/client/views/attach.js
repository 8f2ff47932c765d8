/**
 * What stands in the composers: words, images, and what was wrong with images. It is kept
 * here by the place it is for, so that somebody can look something up elsewhere and find it
 * again.
 */

import { html, signal } from "../lib.js";
import { config } from "../core/config.js";
import { readDraft, writeDraft } from "../core/drafts.js";
import { session } from "../core/session.js";
import { Icon } from "./icon.js";

const KINDS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/svg+xml": "svg" };
const ENDINGS = /\.(?:jpe?g|png|webp|svg)$/i;
const MEGA = 1024 * 1024;

export const ACCEPTED = Object.keys(KINDS).join(",");

const pads = new Map();

/** @returns {{key: string, text: Signal<string>, files: Signal<object[]>, refused: Signal<string>}} */
export function padOf(key) {
  const whose = `${session.peek()?.user.id} ${key}`;
  if (!pads.has(whose)) {
    pads.set(whose, { key, text: signal(readDraft(key)), files: signal([]), refused: signal("") });
  }
  return pads.get(whose);
}

export function write(pad, text) {
  pad.text.value = text;
  writeDraft(pad.key, text);
}

export function empty(pad) {
  write(pad, "");
  pad.files.value.forEach(({ url }) => URL.revokeObjectURL(url));
  pad.files.value = [];
  pad.refused.value = "";
}

/** What could not be sent goes back, before what was begun since. */
export function putBack(key, { content, files }) {
  const pad = padOf(key);
  write(pad, [content, pad.text.value].filter((text) => text.trim()).join("\n"));
  attach(pad, files.map(({ name, type, blob }) => new File([blob], name, { type })));
}

/** @param {Iterable<File>} chosen */
export function attach(pad, chosen) {
  const sentences = [];
  const taken = [];
  for (const file of chosen) {
    const sentence = refusal(file);
    if (sentence) sentences.push(sentence);
    else taken.push({ file: named(file), url: URL.createObjectURL(file) });
  }
  pad.refused.value = sentences.join(" ");
  if (taken.length) pad.files.value = [...pad.files.value, ...taken];
}

function refusal({ name, type, size }) {
  if (!KINDS[type] && !ENDINGS.test(name)) {
    return `${name || "This file"} is not an image of a kind that can be sent: JPEG, PNG, WebP and SVG can.`;
  }
  const most = config.value.maxImageBytes;
  if (size > most) {
    return `${name} is too large: it has ${inMega(size)} MB, and an image may have ${inMega(most)} MB.`;
  }
  return size ? "" : `${name} is empty.`;
}

const inMega = (bytes) => (bytes / MEGA).toLocaleString("en", { maximumFractionDigits: 1 });

/** The server goes by the ending of the name; what comes from a clipboard may have none. */
function named(file) {
  if (ENDINGS.test(file.name)) return file;
  const stem = file.name.replace(/\.[^.]*$/, "") || "image";
  return new File([file], `${stem}.${KINDS[file.type]}`, { type: file.type });
}

function detach(pad, gone) {
  URL.revokeObjectURL(gone.url);
  pad.files.value = pad.files.value.filter((one) => one !== gone);
}

/** The images that will be sent along, and what kept others from it. */
export function Previews({ pad }) {
  const files = pad.files.value;
  return html`
    ${pad.refused.value && html`<div class="refused">
      <p role="alert">${pad.refused.value}</p>
      <button class="icon-button" type="button" aria-label="Dismiss" onClick=${() => (pad.refused.value = "")}>
        <${Icon} name="close" small />
      </button>
    </div>`}
    ${files.length > 0 && html`<ul class="previews" aria-label="Images to send">${files.map((one) => html`<li key=${one.url}>
      <img src=${one.url} alt=${one.file.name} title=${one.file.name} />
      <button class="preview-remove" type="button" aria-label=${`Remove ${one.file.name}`}
        title="Remove" onClick=${() => detach(pad, one)}><${Icon} name="close" small /></button>
    </li>`)}</ul>`}
  `;
}

/** @returns {object} handlers for whatever images may be dropped on. */
export function dropsInto(pad, isOver) {
  let depth = 0; // Each child that is entered is left again: only the outermost counts.
  const turn = (by) => (isOver.value = (depth = Math.max(0, depth + by)) > 0);
  const forFiles = (act) => (event) => {
    if (![...(event.dataTransfer?.types ?? [])].includes("Files")) return;
    event.preventDefault();
    act(event);
  };
  return {
    onDragEnter: forFiles(() => turn(1)),
    onDragLeave: forFiles(() => turn(-1)),
    onDragOver: forFiles(({ dataTransfer }) => (dataTransfer.dropEffect = "copy")),
    onDrop: forFiles(({ dataTransfer }) => {
      turn(-Infinity);
      attach(pad, dataTransfer.files);
    }),
  };
}
