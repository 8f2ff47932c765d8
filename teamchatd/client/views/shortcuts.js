import { useEffect } from "../lib.js";
import { go, route } from "../core/route.js";
import { channels, conversations, unread } from "../core/state.js";
import { front } from "./front.js";
import { actOf } from "./keys.js";

const WRITTEN_INTO = "input, textarea, select, [contenteditable]";

/** Keys that work wherever the focus is; which they are, and what they do, is in keys.js. */
export function useShortcuts() {
  useEffect(() => {
    const pressed = (event) => {
      // What is in front of everything has its own keys.
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const act = actOf(event, {
        "go to": () => (front.value = "go to"),
        "place above": () => walk(-1),
        "place below": () => walk(1),
        "unread above": () => walk(-1, true),
        "unread below": () => walk(1, true),
        keys: !isWritten(event) && (() => (front.value = "keys")),
      });
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
}

/** Whoever writes a question mark means it. */
const isWritten = ({ key, ctrlKey, metaKey, target }) =>
  key.length === 1 && !ctrlKey && !metaKey && target.matches(WRITTEN_INTO);

/** From where the address says one is: who presses fast is ahead of what is drawn. */
function walk(step, isUnreadOnly) {
  const { placeId, admin } = route.peek();
  const all = [...channels.peek(), ...conversations.peek()].map(({ id }) => id);
  const start = admin ? -1 : all.indexOf(placeId ?? all[0]);
  for (let at = start + step; at >= 0 && at < all.length; at += step) {
    if (!isUnreadOnly || unread.peek().get(all[at])) return go({ placeId: all[at] });
  }
}
