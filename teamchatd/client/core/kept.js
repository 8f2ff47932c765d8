/**
 * What this browser keeps for us, as JSON in its local storage.
 *
 * A browser may forbid it, or be full: then we remember until the page is closed, and
 * nobody is kept from talking by it.
 */

const PREFIX = "teamchat.";
/** What did not fit; it is newer than what the browser still keeps under its name. */
const memory = new Map();

/** @returns {any} what was kept under this name, or null. */
export function kept(name) {
  if (memory.has(name)) return JSON.parse(memory.get(name));
  try {
    return JSON.parse(localStorage.getItem(PREFIX + name));
  } catch {
    return null;
  }
}

export function keep(name, value) {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(PREFIX + name, text);
    memory.delete(name);
  } catch {
    memory.set(name, text);
  }
}

export function forget(name) {
  memory.delete(name);
  try {
    localStorage.removeItem(PREFIX + name);
  } catch {
    // Nothing was kept there, then.
  }
}

/** @returns {string[]} the names kept that begin like this. */
export function namesKept(beginning) {
  const names = new Set(memory.keys());
  try {
    for (let index = 0; index < localStorage.length; index++) {
      const key = localStorage.key(index);
      if (key.startsWith(PREFIX)) names.add(key.slice(PREFIX.length));
    }
  } catch {
    // What is in memory is all there is.
  }
  return [...names].filter((name) => name.startsWith(beginning));
}

/**
 * Another tab has changed what is kept.
 * @param {(name: string|null) => void} changed is given the name; null stands for all of them.
 */
export function onKept(changed) {
  addEventListener("storage", ({ key }) => {
    // What another tab has kept since is newer than what did not fit here.
    if (key === null) memory.clear();
    else if (key.startsWith(PREFIX)) memory.delete(key.slice(PREFIX.length));
    if (key === null) changed(null);
    else if (key.startsWith(PREFIX)) changed(key.slice(PREFIX.length));
  });
}
