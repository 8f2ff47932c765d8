/**
 * Notifications, and the service worker of this page (service-worker.js), which shows them
 * where a page may not, and opens the page where there is no net.
 *
 * Only on https and on localhost is there one; whatever goes wrong with it leaves the page as
 * it would be without.
 */

import { permission } from "./attention.js";
import { asset } from "./config.js";
import { straight } from "./notices.js";
import { placeAt } from "./places.js";
import { go, hrefOf } from "./route.js";
import { KEEPER, trusted } from "./trusted.js";

const LONGEST = 200;

const { serviceWorker } = navigator;

/** A promise of the registration; of null where there is none. */
let registered = Promise.resolve(null);

/** Called when the page is painted: the worker fetches what it keeps, and should hold up nothing. */
export function install() {
  if (!serviceWorker) return;
  serviceWorker.addEventListener("message", ({ data }) => said[data.kind]?.(data));
  registered = serviceWorker.register(trusted(KEEPER)).catch(() => null);
}

const said = {
  go: ({ href }) => (location.hash = href),
};

/** @returns {Promise<ServiceWorkerRegistration|null>} one whose worker is at work. */
async function installed() {
  const registration = await registered;
  if (!registration?.active) await settled(registration?.installing ?? registration?.waiting);
  return registration?.active ? registration : null;
}

function settled(worker) {
  return new Promise((done) => {
    const look = () => (!worker || /activ|redundant/.test(worker.state)) && done();
    worker?.addEventListener("statechange", look);
    look();
  });
}

export async function notify(message) {
  const place = placeAt(message.channelId);
  const where = place.kind === "channel" ? ` in ${place.name.peek()}` : "";
  const to = { placeId: message.channelId, threadId: message.threadId ?? null };
  const options = {
    body: message.content.slice(0, LONGEST),
    tag: message.id, // several tabs tell of it, and it is shown once
    icon: asset("icons/192.png"),
    data: { href: hrefOf(to) },
  };
  try {
    await show(straight(`${message.author.userName}${where}`), options, to);
  } catch {
    // Taken back meanwhile; or a telephone, which wants a service worker for it.
    permission.value = Notification.permission === "granted" ? "unsupported" : Notification.permission;
  }
}

/** By the worker, if there is one: then a click is good for something also when this tab is gone. */
async function show(title, options, to) {
  const registration = await installed();
  if (registration) return registration.showNotification(title, options);
  const shown = new Notification(title, options);
  shown.onclick = () => {
    window.focus();
    go(to);
    shown.close();
  };
}

/** What was meant for somebody who has left is not for whoever sits here next. */
export async function withdraw() {
  const shown = await (await installed())?.getNotifications();
  shown?.forEach((each) => each.close());
}
