/**
 * Every key of the page, by what it does. Handlers ask here what was pressed, and the window
 * of keys (keylist.js) shows what stands here: it cannot tell of a key that does nothing.
 *
 * Mod is ⌘ on a Mac, where Ctrl+K empties the line that is being written, and Ctrl elsewhere;
 * between spaces stand keys that do the same.
 */
export const KEYS = {
  "go to": "Mod+K",
  "place above": "Alt+ArrowUp",
  "place below": "Alt+ArrowDown",
  "unread above": "Alt+Shift+ArrowUp",
  "unread below": "Alt+Shift+ArrowDown",
  close: "Escape",
  keys: "? Mod+/",
  send: "Enter",
  "new line": "Shift+Enter",
  "send code": "Mod+Enter",
  take: "Tab Enter",
  "edit last": "ArrowUp",
  above: "ArrowUp",
  below: "ArrowDown",
  first: "Home",
  last: "End",
  edit: "E Enter",
  reply: "R",
  react: "+",
  remove: "Delete",
  write: "Escape",
  "image before": "ArrowLeft",
  "image after": "ArrowRight",
};

export const isApple = /Mac|iP(hone|ad|od)/.test(navigator.platform);

export const isPressed = (name, event) => KEYS[name].split(" ").some((keys) => fits(keys, event));

/**
 * @param {Object<string, Function|false>} acts by the names of their keys.
 * @returns {Function|undefined} the one that was asked for, if it may be done.
 */
export function actOf(event, acts) {
  return Object.entries(acts).find(([name, act]) => act && isPressed(name, event))?.[1];
}

/** @returns {string[]} what is held, and last what is pressed. */
export const partsOf = (keys) => (keys === "+" ? [keys] : keys.split("+"));

function fits(keys, { key, altKey, shiftKey, ctrlKey, metaKey }) {
  const held = partsOf(keys);
  const wanted = held.pop();
  const [command, other] = isApple ? [metaKey, ctrlKey] : [ctrlKey, metaKey];
  // Signs stand elsewhere on every keyboard, behind Shift or not: the sign is what counts.
  const isSign = /^[^a-z]$/i.test(wanted);
  return key.toUpperCase() === wanted.toUpperCase() && !other
    && command === held.includes("Mod") && altKey === held.includes("Alt")
    && (isSign || shiftKey === held.includes("Shift"));
}
