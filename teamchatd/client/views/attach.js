/**
 * What stands in the composers: words, images, and what was wrong with images. It is kept
 * here by the place it is for, so that somebody can look something up elsewhere and find it
 * again.
 */

import { html, signal } from "../lib.js";
import { readDraft, writeDraft } from "../core/drafts.js";
import { notice } from "../core/notices.js";
import { session } from "../core/session.js";
import { later } from "./later.js";

export const KINDS = { "image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/svg+xml": "svg" };
export const ACCEPTED = Object.keys(KINDS).join(",");

const Previews = later(() => import("./attaching.js").then((module) => module.Previews));

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
  hold(pad, files.map(({ name, type, blob }) => new File([blob], name, { type })));
}

/** @param {File[]} files that can be sent. */
export function hold(pad, files) {
  pad.files.value = [...pad.files.value, ...files.map((file) => ({ file, url: URL.createObjectURL(file) }))];
}

/** @param {Iterable<File>} chosen */
export async function attach(pad, chosen) {
  const files = [...chosen]; // the browser empties its own list
  try {
    (await import("./attaching.js")).take(pad, files);
  } catch {
    notice("The images could not be attached: teamchat cannot be reached right now.", { kind: "error" });
  }
}

/** What is sent along, as `Previews` of attaching.js shows it. */
export function Attached({ pad }) {
  return (pad.refused.value || pad.files.value.length > 0) && html`<${Previews} pad=${pad} />`;
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
