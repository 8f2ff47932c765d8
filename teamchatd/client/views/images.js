import { html, useEffect, useRef, useSignal } from "../lib.js";
import { imageUrl } from "../core/acts.js";
import { openLightbox } from "./looking.js";

/** More would fill screens with what can be paged through, one at a time. */
const MOST = 12;
/** Pixels: half the height that an image has for itself. */
const TINY = 120;
const OWN_FOR = 8_000;

/**
 * The images of a message. Nobody knows their sizes before they are here, so each has its
 * height from the start, and nothing below it moves when it comes.
 */
export function Images({ message }) {
  const { images } = message;
  const shown = images.length > MOST ? images.slice(0, MOST) : images;
  return html`<div class=${images.length === 1 ? "images one" : "images"}>
    ${shown.map((filename, at) => html`<${Thumb} key=${filename} message=${message} at=${at}
      others=${at === MOST - 1 ? images.length - MOST : 0} />`)}
  </div>`;
}

function Thumb({ message, at, others }) {
  const frame = useRef(null);
  const filename = message.images[at];
  const image = useImage(frame, message, filename);
  const count = message.images.length;
  const name = count === 1 ? "Open image" : `Open image ${at + 1} of ${count}`;
  if (image.sentence) {
    return html`<span class="image broken">
      <span>This image could not be loaded.</span>
      <button class="link-button" type="button" tabindex="-1" onClick=${image.load}>Try again</button>
    </span>`;
  }
  return html`<button ref=${frame} class=${image.url ? "image" : "image coming"} type="button" tabindex="-1"
      aria-label=${others ? `${name}, and ${others} more` : name}
      onClick=${() => openLightbox(message, at)}>
    ${image.url && html`<img src=${image.url} alt="" decoding="async" draggable=${false} onLoad=${judge} onError=${image.fail} />`}
    ${others > 0 && html`<span class="image-others">+${others}</span>`}
  </button>`;
}

/** Larger than it is it would be a blur; what is nearly as high as its frame fills it. */
const judge = ({ currentTarget }) => currentTarget.classList.toggle("tiny", currentTarget.naturalHeight < TINY);

/** What this page has sent itself, by name: shown until the server's has come, so that nothing blinks. */
const own = new Map();

/** @param {string} url that stays good for ten seconds after the message has arrived. */
export function noteSent(filename, url) {
  if (own.has(filename)) return;
  own.set(filename, url);
  setTimeout(() => own.delete(filename), OWN_FOR);
}

/** Asked for when it is about to be seen: a hundred at once would hold up the one looked at. */
function useImage(frame, message, filename) {
  const url = useSignal(own.get(filename) ?? "");
  const sentence = useSignal("");
  const load = async () => {
    sentence.value = "";
    try {
      url.value = await imageUrl(message, filename);
    } catch (error) {
      sentence.value = error.message || "It could not be loaded.";
    }
  };
  // The address is of this page's own memory, which may have given it back meanwhile.
  const fail = () => (url.value = "") || (sentence.value = "It could not be shown.");
  useEffect(() => whenNear(frame.current, load), [filename]);
  return { url: url.value, sentence: sentence.value, load, fail };
}

const waiting = new WeakMap();
const watcher = new IntersectionObserver(
  (entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      waiting.get(target)?.();
    }
  },
  { rootMargin: "600px" },
);

function whenNear(node, act) {
  if (!node) return undefined;
  waiting.set(node, act);
  watcher.observe(node);
  return () => watcher.unobserve(node);
}

