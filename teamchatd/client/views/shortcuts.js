import { useEffect } from "../lib.js";
import { go } from "../core/route.js";
import { channels, conversations, unread } from "../core/state.js";

export const isApple = /Mac|iP(hone|ad|od)/.test(navigator.platform);

/** What is written beside the button that does the same. */
export const GO_TO_KEYS = isApple ? "⌘K" : "Ctrl K";

/**
 * Keys that work wherever the focus is: Ctrl+K goes to a place by name, Alt with the arrows
 * to the one above or below, with Shift to the next where something waits.
 */
export function useShortcuts(here, openGoTo) {
  useEffect(() => {
    const pressed = (event) => {
      // What is in front of everything has its own keys.
      if (event.defaultPrevented || document.querySelector("dialog[open]")) return;
      const act = actOf(event, here, openGoTo);
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [here]);
}

function actOf(event, here, openGoTo) {
  const { key, altKey, shiftKey, ctrlKey, metaKey } = event;
  // On a Mac, Ctrl+K empties the line that is being written.
  const isCommand = isApple ? metaKey && !ctrlKey : ctrlKey && !metaKey;
  if (isCommand && !altKey && !shiftKey && key.toLowerCase() === "k") return openGoTo;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (!step || !altKey || ctrlKey || metaKey) return null;
  return () => walk(here, step, shiftKey);
}

function walk(here, step, isUnreadOnly) {
  const all = [...channels.peek(), ...conversations.peek()].map(({ id }) => id);
  const start = all.indexOf(here);
  for (let at = start + step; at >= 0 && at < all.length; at += step) {
    if (!isUnreadOnly || unread.peek().get(all[at])) return go({ placeId: all[at] });
  }
}
