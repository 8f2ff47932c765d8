/**
 * Lists that are one stop of the Tab key, within which the arrows go.
 *
 * @param {KeyboardEvent} event
 * @param {HTMLElement} list
 * @param {{selector: string, around?: boolean}} how `around`: from the last to the first.
 */
export function rove(event, list, { selector, around = false }) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...list.querySelectorAll(selector)];
  const next = after(event.key, all.indexOf(document.activeElement), all.length, around);
  if (next === null) return;
  event.preventDefault();
  all[next].focus();
}

function after(key, here, count, around) {
  if (!count) return null;
  const step = { ArrowDown: 1, ArrowUp: -1 }[key];
  if (key === "Home") return 0;
  if (key === "End") return count - 1;
  if (!step) return null;
  if (here < 0) return step > 0 ? 0 : count - 1;
  if (around) return (here + step + count) % count;
  return Math.min(Math.max(here + step, 0), count - 1);
}
