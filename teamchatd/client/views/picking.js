import { html } from "../lib.js";
import { own } from "../core/own.js";
import { later } from "./later.js";

const Picker = later(() => import("./picker.js").then((module) => module.Picker));

/** `{anchor, choose}` while somebody chooses, else null. */
const asked = own();

/**
 * @param {HTMLElement} anchor that it is shown beside.
 * @returns {Promise<string|null>} null when nothing was chosen.
 */
export function pickEmoji(anchor) {
  asked.peek()?.choose(null);
  // The buttons of a message go when the focus leaves it; the message itself stays.
  const back = anchor.closest("[data-line]") ?? anchor;
  return new Promise((resolve) => {
    const choose = (emoji) => {
      asked.value = null;
      if (back.isConnected) back.focus({ preventScroll: true });
      resolve(emoji);
    };
    asked.value = { anchor, choose };
  });
}

/** Stands once in the page, outside of all that scrolls and cuts off. */
export function EmojiPicker() {
  return asked.value && html`<${Picker} ...${asked.value} />`;
}
