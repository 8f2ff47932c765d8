/**
 * How somebody who looks elsewhere learns that there is something new: the number in the
 * title, and a notification for what is meant for them.
 */

import { effect, signal } from "../lib.js";
import { asset } from "./config.js";
import { straight } from "./notices.js";
import { placeAt } from "./places.js";
import { isInView } from "./reading.js";
import { go, route } from "./route.js";
import { me, ready, serverName, unread } from "./state.js";

/** Long enough for a window that shows the message to have told the server so. */
const PATIENCE = 1200;
const LONGEST = 200;

const available = typeof Notification === "function";

/** "default", "granted", "denied" or "unsupported". */
export const permission = signal(available ? Notification.permission : "unsupported");

export async function askPermission() {
  if (available) permission.value = await Notification.requestPermission();
}

/** Write the number of unread messages into the title, from now on. */
export function watchTitle() {
  effect(() => {
    const count = [...unread.value.values()].reduce((sum, each) => sum + each, 0);
    const { placeId, admin } = route.value;
    const place = ready.value && placeId ? placeAt(placeId).name.value : "";
    const name = [admin ? "Administration" : place, serverName.value].filter(Boolean).join(" · ");
    document.title = straight(count ? `(${count > 99 ? "99+" : count}) ${name}` : name);
  });
}

/** Tell of a message, if it is for this user and nobody sees it. */
export function considerNotifying(message) {
  const isDirect = message.channelId.startsWith("dm:");
  if (permission.peek() !== "granted" || message.author.id === me.peek()?.id) return;
  if (!isDirect && !mentions(message.content, me.peek()?.userName)) return;
  setTimeout(() => isUnseen(message) && notify(message), PATIENCE);
}

/** @returns {boolean} the text calls somebody of this name. */
export function mentions(text, userName) {
  if (!userName) return false;
  const at = text.toLowerCase().indexOf(`@${userName.toLowerCase()}`);
  return at >= 0 && !/[\p{L}\p{N}_]/u.test(text.charAt(at + 1 + userName.length));
}

/** A reply is in no count of unread ones; whether its thread is looked at has to do. */
function isUnseen(message) {
  if (message.threadId) return !document.hasFocus() || route.peek().threadId !== message.threadId;
  return !isInView(message.channelId) && unread.peek().get(message.channelId) > 0;
}

function notify(message) {
  const place = placeAt(message.channelId);
  const where = place.kind === "channel" ? ` in ${place.name.peek()}` : "";
  const options = {
    body: message.content.slice(0, LONGEST),
    tag: message.id, // several tabs tell of it, and it is shown once
    icon: asset("icon.svg"),
  };
  try {
    const shown = new Notification(straight(`${message.author.userName}${where}`), options);
    shown.onclick = () => {
      window.focus();
      go({ placeId: message.channelId, threadId: message.threadId ?? null });
      shown.close();
    };
  } catch {
    permission.value = "unsupported"; // phones want a service worker for it
  }
}
