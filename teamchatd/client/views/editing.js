import { html, useEffect, useRef, useSignal } from "../lib.js";
import { edit } from "../core/acts.js";
import { config } from "../core/config.js";
import { readDraft, writeDraft } from "../core/drafts.js";
import { own } from "../core/own.js";
import { TextBox, lengthOf, Counter } from "./textbox.js";

/** `{placeId, messageId, back}` of what is being edited: one at a time, in one place of the page. */
const edited = own();

export const isEditing = (place, message) =>
  edited.value?.messageId === message.id && edited.value.placeId === place.id;

/** @param {HTMLElement|null} back what has the focus afterwards, if not the message. */
export function startEditing(place, message, back = null) {
  edited.value = { placeId: place.id, messageId: message.id, back };
}

/**
 * The text of a message, open to be changed. What was typed is kept as a draft: the message
 * may scroll out of the page, or the page be closed, before it is saved.
 */
export function Editing({ message, place }) {
  const key = `edit:${message.id}`;
  const text = useSignal(readDraft(key) || message.content);
  const sentence = useSignal("");
  const box = useRef(null);
  useEffect(() => beginAtEnd(box.current), []);

  const type = (value) => {
    text.value = value;
    writeDraft(key, value === message.content ? "" : value);
  };
  const leave = () => {
    writeDraft(key, "");
    const { back } = edited.peek();
    const to = back?.isConnected ? back : box.current?.closest("[data-line]");
    edited.value = null;
    to?.focus({ preventScroll: true });
  };
  const save = async () => {
    if (text.value === message.content) return leave();
    if (!isUsable(text.value, message)) return undefined;
    sentence.value = "";
    try {
      await edit(message, { content: text.value });
      leave();
    } catch (error) {
      sentence.value = error.message;
    }
    return undefined;
  };

  return html`<form class="editing" aria-live="off" onSubmit=${(event) => (event.preventDefault(), save())}>
    <${TextBox} label="Edit message" text=${text} onType=${type} onEnter=${save}
      onEscape=${leave} boxRef=${box} />
    ${sentence.value && html`<p class="alert" role="alert">${sentence.value}</p>`}
    <div class="editing-foot">
      <button class="button primary" type="submit" disabled=${!isUsable(text.value, message)}>Save</button>
      <button class="button quiet" type="button" onClick=${leave}>Cancel</button>
      <${Counter} text=${text.value} />
    </div>
  </form>`;
}

const isUsable = (text, { images }) =>
  (text.trim() !== "" || images.length > 0) && lengthOf(text) <= config.value.maxMessageLength;

function beginAtEnd(box) {
  box.focus();
  box.setSelectionRange(box.value.length, box.value.length);
  box.scrollIntoView({ block: "nearest" });
}
