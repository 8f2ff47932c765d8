import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { imageUrl } from "../core/acts.js";
import "./drawings.js";
import { Icon } from "./icon.js";
import { actOf } from "./keys.js";
import { looked } from "./looking.js";
import { styled } from "./styled.js";

await styled("style/lightbox.css");

const SWIPE = 60;

const close = () => (looked.value = null);

export function Viewer({ message, at }) {
  const dialog = useRef(null);
  const count = message.images.length;
  const go = (step) => {
    const next = at + step;
    if (next >= 0 && next < count) looked.value = { message, at: next };
  };
  useLayoutEffect(() => show(dialog.current), []);
  const pressed = (event) => actOf(event, { "image before": () => go(-1), "image after": () => go(1) })?.();

  // The buttons say that they lead nowhere and can still be focused: a disabled one drops
  // the focus out of the dialog, and then no key is heard any more.
  return html`<dialog ref=${dialog} class="lightbox" aria-label=${`Image ${at + 1} of ${count}`}
      onCancel=${(event) => (event.preventDefault(), close())} onKeyDown=${pressed} ...${swipes(go)}>
    <header class="lightbox-head">
      <span class="lightbox-count" aria-live="polite">${count > 1 ? `${at + 1} of ${count}` : ""}</span>
      <${Save} message=${message} at=${at} />
      <button class="icon-button" type="button" aria-label="Close" title="Close" onClick=${close}>
        <${Icon} name="close" /></button>
    </header>
    <${Picture} key=${message.images[at]} message=${message} filename=${message.images[at]}
      name=${`Image ${at + 1} of ${count} from ${message.author.userName}`} />
    ${count > 1 && html`
      <button class="icon-button lightbox-step back" type="button" aria-label="Previous" aria-disabled=${at === 0}
        onClick=${() => go(-1)}><${Icon} name="left" /></button>
      <button class="icon-button lightbox-step on" type="button" aria-label="Next" aria-disabled=${at === count - 1}
        onClick=${() => go(1)}><${Icon} name="right" /></button>`}
  </dialog>`;
}

/** @returns {() => void} closes it, and gives the focus back to what was pressed. */
function show(dialog) {
  const before = document.activeElement;
  dialog.showModal();
  return () => {
    dialog.close();
    if (before?.isConnected) before.focus({ preventScroll: true });
  };
}

/** Small at once, since it is there already, and whole when it has come. */
function Picture({ message, filename, name }) {
  const small = useSignal("");
  const whole = useSignal("");
  const sentence = useSignal("");
  const load = () => {
    sentence.value = "";
    imageUrl(message, filename, "thumb").then((url) => (small.value = url), () => {});
    imageUrl(message, filename, "full").then(
      (url) => (whole.value = url),
      (error) => (sentence.value = error.message || "This image could not be loaded."),
    );
  };
  useEffect(load, [filename]);
  const isBackdrop = ({ target, currentTarget }) => target === currentTarget && close();
  if (sentence.value) {
    return html`<div class="lightbox-stage" onClick=${isBackdrop}><div class="lightbox-sentence" role="alert">
      <p>${sentence.value}</p>
      <button class="button" type="button" onClick=${load}>Try again</button>
    </div></div>`;
  }
  const url = whole.value || small.value;
  return html`<div class="lightbox-stage" onClick=${isBackdrop}>
    ${url ? html`<img class=${whole.value ? "" : "lightbox-small"} src=${url} alt=${name} />`
      : html`<span class="spinner" role="status" aria-label="Loading…"></span>`}
  </div>`;
}

function Save({ message, at }) {
  const filename = message.images[at];
  const save = async () => {
    const link = document.createElement("a");
    link.href = await imageUrl(message, filename, "full").catch(() => "");
    link.download = filename;
    if (link.getAttribute("href")) link.click();
  };
  return html`<button class="icon-button" type="button" aria-label="Download" title="Download" onClick=${save}>
    <${Icon} name="download" /></button>`;
}

function swipes(go) {
  let from = null;
  return {
    onPointerDown: ({ pointerType, clientX }) => (from = pointerType === "touch" ? clientX : null),
    onPointerUp: ({ clientX }) => {
      const way = from === null ? 0 : clientX - from;
      from = null;
      if (Math.abs(way) > SWIPE) go(way < 0 ? 1 : -1);
    },
  };
}
