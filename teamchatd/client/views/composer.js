import { effect, html, useEffect, useRef } from "../lib.js";
import { config } from "../core/config.js";
import { pendingIn, send } from "../core/outbox.js";
import { me } from "../core/state.js";
import { ACCEPTED, attach, Attached, empty, padOf, write } from "./attach.js";
import { startEditing } from "./editing.js";
import { Icon } from "./icon.js";
import { insert } from "./insert.js";
import { pickEmoji } from "./picking.js";
import { Counter, isTouch, lengthOf, TextBox } from "./textbox.js";

export const keyOf = (place) => (place.kind === "thread" ? `thread:${place.id}` : place.id);

/** Where one writes. What stands in it belongs to the place and outlives this component. */
export function Composer({ place, label }) {
  const pad = padOf(keyOf(place));
  const box = useRef(null);
  const picker = useRef(null);
  const text = pad.text.value;
  const canSend = isSomething(pad) && lengthOf(text) <= config.value.maxMessageLength;

  // With a finger it would bring up the keyboard, over what one came to read.
  useEffect(() => void (isTouch() || box.current.focus({ preventScroll: true })), [place]);

  const submit = () => {
    if (!canSend) return;
    send(place, { content: trimmed(pad.text.value), files: pad.files.value.map(({ file }) => file) });
    empty(pad);
    box.current.focus();
  };
  const addEmoji = async ({ currentTarget }) => {
    const emoji = await pickEmoji(currentTarget);
    if (emoji) insert(box.current, emoji);
  };
  const pasted = (event) => {
    const images = [...event.clipboardData.files];
    if (!images.length) return;
    event.preventDefault();
    attach(pad, images);
  };
  const chosen = ({ currentTarget }) => {
    attach(pad, currentTarget.files);
    currentTarget.value = ""; // so that the same one can be chosen again
    box.current.focus();
  };

  return html`<form class="composer" onSubmit=${(event) => (event.preventDefault(), submit())}>
    <div class="composer-box" onClick=${({ target, currentTarget }) => target === currentTarget && box.current.focus()}>
      <${Attached} pad=${pad} />
      <${TextBox} label=${label} text=${pad.text} boxRef=${box} onType=${(value) => write(pad, value)}
        onEnter=${submit} onUp=${() => editLast(place, box.current)} onPaste=${pasted} />
      <div class="composer-foot">
        <input ref=${picker} type="file" accept=${ACCEPTED} multiple hidden onChange=${chosen} />
        <button class="icon-button" type="button" aria-label="Attach images" title="Attach images"
          onClick=${() => picker.current.click()}><${Icon} name="image" /></button>
        <button class="icon-button" type="button" aria-label="Emoji" title="Emoji"
          onClick=${addEmoji}><${Icon} name="smile" /></button>
        <${Counter} text=${text} />
        <button class="send" type="submit" aria-label="Send" title="Send" aria-disabled=${!canSend}>
          <${Icon} name="send" />
        </button>
      </div>
    </div>
  </form>`;
}

const isSomething = (pad) => pad.text.value.trim() !== "" || pad.files.value.length > 0;

/** Empty lines around a message are never meant; spaces before its first line may be. */
const trimmed = (text) => text.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd();

let stopWaiting = () => {};

/**
 * Whoever mends what they have just said goes on talking. It may still be on its way: then it is
 * mended when it has come, and not what they said before it.
 */
function editLast(place, box) {
  stopWaiting();
  stopWaiting = effect(() => {
    if (!pendingIn(place).some(({ state }) => state !== "failed")) queueMicrotask(begin);
  });

  function begin() {
    stopWaiting();
    if (document.activeElement !== box || box.value) return; // they have gone on without it
    const own = place.messages.peek().findLast(({ author }) => author.id === me.peek()?.id);
    if (own) startEditing(place, own, box);
  }
}
