/**
 * What the page shows, in the fragment of its address: `#/p/<place>`,
 * `#/p/<place>/t/<message>` and `#/admin/<section>`. So "back", bookmarks and links in new
 * tabs just work, and the server never hears which place somebody reads.
 */

import { signal } from "../lib.js";

/** `{placeId, threadId, admin}`; null where there is none. */
export const route = signal(read());

addEventListener("hashchange", () => (route.value = read()));

export function hrefOf({ placeId, threadId = null, admin = null }) {
  if (admin) return `#/admin/${admin}`;
  if (!placeId) return "#/";
  const place = `#/p/${encodeURIComponent(placeId)}`;
  return threadId ? `${place}/t/${encodeURIComponent(threadId)}` : place;
}

/** @param {{placeId?, threadId?, admin?, replace?: boolean}} to `replace`: leave no step to go back to. */
export function go({ replace = false, ...to }) {
  const href = hrefOf(to);
  if (href === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  route.value = read();
}

function read() {
  const [, place, thread] = /^#\/p\/([^/]+)(?:\/t\/([^/]+))?$/.exec(location.hash) ?? [];
  const admin = /^#\/admin(?:\/([a-z]*))?$/.exec(location.hash);
  return {
    placeId: readable(place),
    threadId: readable(thread),
    admin: admin && (admin[1] || "people"),
  };
}

function readable(part) {
  try {
    return part ? decodeURIComponent(part) : null;
  } catch {
    return null; // somebody's broken link
  }
}
