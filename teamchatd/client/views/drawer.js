import { effect, html, signal, useEffect } from "../lib.js";
import { route } from "../core/route.js";
import { unread } from "../core/state.js";
import { Icon } from "./icon.js";

/** As in shell.css: from here on the sidebar lies over the place instead of beside it. */
export const isNarrow = matching("(max-width: 759.98px)");
export const isDrawerOpen = signal(false);

/** And from here on a thread covers its place. */
export const isThreadOver = matching("(max-width: 959.98px)");

function matching(width) {
  const query = matchMedia(width);
  const isMatching = signal(query.matches);
  query.addEventListener("change", () => (isMatching.value = query.matches));
  return isMatching;
}

// Whoever chose a place wants to see it; and a wide window has nothing to open.
effect(() => {
  route.value;
  if (isNarrow.value) isDrawerOpen.value = false;
});

/** Stands at the head of the place, which shell.css keeps room for there. */
export function ShowChannels({ here }) {
  const others = [...unread.value].some(([placeId, count]) => count && placeId !== here);
  return html`<button
    type="button"
    class="icon-button show-channels"
    aria-label="Show channels"
    aria-expanded=${String(isDrawerOpen.value)}
    onClick=${() => (isDrawerOpen.value = true)}
  >
    <${Icon} name="menu" />
    ${others && html`<span class="show-channels-dot" aria-hidden="true"></span>`}
  </button>`;
}

/** While it lies over everything the focus is in it, and then back at the button. */
export function useDrawerFocus(drawer) {
  const isOver = isNarrow.value && isDrawerOpen.value;
  // Whoever signs in next begins with a closed one.
  useEffect(() => () => (isDrawerOpen.value = false), []);
  useEffect(() => {
    if (!isOver) return;
    const first = drawer.current.querySelector('a[aria-current="page"], a');
    first?.focus({ preventScroll: true });
    return () => document.querySelector(".show-channels")?.focus();
  }, [isOver]);
}
