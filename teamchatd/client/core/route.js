/**
 * What the page shows, in the fragment of its address: `#/p/<place>` and
 * `#/p/<place>/t/<message>`. So "back", bookmarks and links in new tabs just work, and
 * the server never hears which place somebody reads.
 */

import { signal } from "../lib.js";

/** `{placeId, threadId}`; null where there is none. */
export const route = signal(read());

addEventListener("hashchange", () => (route.value = read()));

export function hrefOf({ placeId, threadId = null }) {
  if (!placeId) return "#/";
  const place = `#/p/${encodeURIComponent(placeId)}`;
  return threadId ? `${place}/t/${encodeURIComponent(threadId)}` : place;
}

/** @param {{placeId, threadId?, replace?: boolean}} to `replace`: leave no step to go back to. */
export function go({ replace = false, ...to }) {
  const href = hrefOf(to);
  if (href === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  route.value = read();
}

function read() {
  const [, place, thread] = /^#\/p\/([^/]+)(?:\/t\/([^/]+))?$/.exec(location.hash) ?? [];
  return { placeId: readable(place), threadId: readable(thread) };
}

function readable(part) {
  try {
    return part ? decodeURIComponent(part) : null;
  } catch {
    return null; // somebody's broken link
  }
}
