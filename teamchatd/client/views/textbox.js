import { html, useLayoutEffect, useRef } from "../lib.js";
import { config } from "../core/config.js";
import { useCompletion } from "./completion.js";
import { actOf } from "./keys.js";

const growsByItself = CSS.supports("field-sizing", "content");
/** A finger has no Shift key: there the Enter key makes lines, and a button sends. */
const touch = matchMedia("(hover: none) and (pointer: coarse)");

export const isTouch = () => touch.matches;

/**
 * A text field that grows with what is in it, knows Enter from Shift+Enter, and offers names
 * and emoji. Used to write and to edit: what one hand has learned, the other should know.
 *
 * @param {{label: string, text: Signal<string>, onType: (text: string) => void,
 *   onEnter: () => void, onEscape?: () => boolean|void, onUp?: () => void,
 *   onPaste?: (event: ClipboardEvent) => void, boxRef: object}} props
 */
export function TextBox({ label, text, onType, onEnter, onEscape, onUp, onPaste, boxRef }) {
  const wanted = useRef(null);
  const completion = useCompletion(boxRef, onType);
  useLayoutEffect(() => grow(boxRef.current), [text.value]);

  const pressed = (event) => {
    // While a word is being composed, Enter and arrows belong to the one who composes it.
    if (event.isComposing || event.keyCode === 229) return;
    if (completion.pressed(event)) return;
    const act = actOf(event, {
      send: !isTouch() && !isInCode(event.target) && onEnter,
      "send code": onEnter,
      close: onEscape,
      "edit last": event.target.value === "" && onUp,
    });
    if (!act) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  return html`<div class="textbox" ref=${wanted}>
    ${completion.list}
    <textarea ref=${boxRef} class="textbox-text" rows="1" dir="auto" aria-label=${label}
      placeholder=${label} value=${text.value} autocomplete="off" spellcheck="true"
      enterkeyhint=${isTouch() ? "enter" : "send"} ...${completion.attributes}
      onInput=${({ target }) => (onType(target.value), completion.look())}
      onClick=${completion.look} onBlur=${completion.close} onKeyDown=${pressed}
      onPaste=${onPaste}></textarea>
  </div>`;
}

/** Between ``` and ``` Enter makes a line: nobody sends code after its first line. */
function isInCode({ value, selectionStart }) {
  const fences = value.slice(0, selectionStart).match(/^\s*\x60{3}/gm) ?? [];
  return fences.length % 2 === 1;
}

function grow(box) {
  if (growsByItself) return;
  box.style.height = "auto";
  box.style.height = `${box.scrollHeight}px`;
}

// --- How much there may be ---------------------------------------------------------------

const NEAR = 500;

/** In characters as the daemon counts them: an emoji outside the first plane is one, not two. */
export function lengthOf(text) {
  const most = config.value.maxMessageLength;
  return text.length <= most ? text.length : [...text].length;
}

export function Counter({ text }) {
  const left = config.value.maxMessageLength - lengthOf(text);
  if (left > NEAR) return null;
  const count = Math.abs(left) === 1 ? "1 character" : `${Math.abs(left)} characters`;
  const words = `${count} ${left < 0 ? "too many" : "left"}`;
  return html`<span class=${left < 0 ? "counter over" : "counter"} role="status">${words}</span>`;
}
