/*
 * What opens the page where there is no net, and leads from a notification to its place.
 *
 * It keeps the page and the files that the page names, all of one digest, and nothing that
 * anybody said: every other request goes past it as if it were not there.  A classic script,
 * since not every browser takes a module here; the words in braces are the daemon's to fill.
 */

const HOME = "{{assets}}";
const SHELL = ["/", ..."{{shell}}".split(" ")];

/** Milliseconds until one rather sees the page that is kept. */
const PATIENCE = 3000;

addEventListener("install", (event) => {
  skipWaiting(); // the old one would else stay until its last tab is closed
  // What changes something goes past without being shown here: on that way Chromium loses, now
  // and then, what a page sends as its last word.  Other browsers know no routes.
  event.addRoutes?.([{ condition: { not: { requestMethod: "GET" } }, source: "network" }]);
  event.waitUntil(keepShell());
});

addEventListener("activate", (event) => {
  event.waitUntil(Promise.all([forgetOthers(), clients.claim()]));
});

addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== location.origin) return;
  if (pathname !== "/") SHELL.includes(pathname) && event.respondWith(file(request));
  else if (request.mode === "navigate") event.respondWith(page(request));
});

addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(lead(event.notification.data.href));
});

// --- The shell ---------------------------------------------------------------------------

async function keepShell() {
  const cache = await caches.open(HOME);
  await cache.addAll(SHELL);
  const text = await (await cache.match("/", { ignoreVary: true })).text();
  // An upgrade between the two requests: this page would ask for files that are not kept.
  if (!text.includes(`${HOME}/`)) throw new Error("The page is of another version by now.");
}

async function forgetOthers() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name !== HOME).map((name) => caches.delete(name)));
}

const kept = (what) => caches.match(what, { cacheName: HOME, ignoreVary: true });

async function file(request) {
  return (await kept(request)) ?? fetch(request);
}

/** From the daemon, if that can be: it may have a newer one. Who reloads waits for it. */
async function page(request) {
  const answer = fetch(request);
  const good = answer.then((response) => (response.status < 500 ? response : null));
  const first = request.isReloadNavigation ? [good] : [good, later()];
  return (await Promise.race(first).catch(() => null)) ?? (await kept("/")) ?? answer;
}

const later = () => new Promise((done) => setTimeout(done, PATIENCE, null));

// --- Notifications -----------------------------------------------------------------------

/** @param {string} href a fragment: the place in a page that is open, or in a new one. */
async function lead(href) {
  const windows = await clients.matchAll({ type: "window", includeUncontrolled: true });
  const open = windows.find(({ url }) => new URL(url).pathname === "/");
  if (!open) return clients.openWindow(`/${href}`);
  open.postMessage({ kind: "go", href });
  return open.focus();
}
