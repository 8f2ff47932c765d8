/**
 * How somebody who looks elsewhere learns that there is something new: the number in the
 * title, and a notification for what is meant for them.
 */

import { effect, signal } from "../lib.js";
import { isMentioned, namesOf } from "./mentions.js";
import { straight } from "./notices.js";
import { isConversation, placeAt } from "./places.js";
import { isInView } from "./reading.js";
import { route } from "./route.js";
import { me, ready, serverName, unread, users } from "./state.js";

/** Long enough for a window that shows the message to have told the server so. */
const PATIENCE = 1200;

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
  if (permission.peek() !== "granted" || message.author.id === me.peek()?.id) return;
  if (!isConversation(message.channelId) && !isMentioned(me.peek()?.id, message.content, namesOf(users.peek()))) return;
  setTimeout(() => isUnseen(message) && tell(message), PATIENCE);
}

const tell = (message) => notifying().then(({ notify }) => notify(message)).catch(() => {});

/** A reply is in no count of unread ones; whether its thread is looked at has to do. */
function isUnseen(message) {
  if (message.threadId) return !document.hasFocus() || route.peek().threadId !== message.threadId;
  return !isInView(message.channelId) && unread.peek().get(message.channelId) > 0;
}

/** Loaded when the page is there: without it, nothing that is looked at is missing. */
export const notifying = () => import("./notifying.js");
