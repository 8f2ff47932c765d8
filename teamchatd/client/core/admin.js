/**
 * What administrators do, and what only they see. Loaded when it is first wanted.
 */

import { batch, effect, signal } from "../lib.js";
import { config } from "./config.js";
import { call, session } from "./session.js";
import * as state from "./state.js";

// --- People ------------------------------------------------------------------------------

/**
 * @param {{email: string, role: "user"|"admin", password?: string}} whom
 * @throws {ApiError}
 */
export async function addUser(whom) {
  const { userId } = await call("POST", "/users/add", whom);
  // They are there already; that the list comes late shall not look as if they were not.
  await completeUsers(userId).catch(() => {});
}

/** The event of a new user does not say all that administrators see of them. */
export async function completeUsers(added) {
  const { users } = await call("GET", "/users");
  const known = ({ id }) => id === added || state.users.peek().has(id);
  batch(() => users.filter(known).forEach(state.putUser));
}

/** It ends their sessions. */
export const resetPassword = ({ id }, password) =>
  call("POST", `/users/${encodeURIComponent(id)}/reset-password`, { password });

export async function removeUser({ id }) {
  await call("DELETE", `/users/${encodeURIComponent(id)}`);
  state.dropUser(id);
}

/** Without what is easily taken for something else when it is read out or copied by hand. */
const LETTERS = "abcdefghjkmnpqrstuvwxyz23456789";
const GROUPS = 4;

/** @returns {string} a password like "kq7h-x2mf-9rtd-wz4c", of some 79 bits. */
export function suggestPassword() {
  const group = () => Array.from({ length: 4 }, anyLetter).join("");
  return Array.from({ length: GROUPS }, group).join("-");
}

function anyLetter() {
  // The last bytes would make the first letters likelier than the others.
  const fair = 256 - (256 % LETTERS.length);
  for (;;) {
    const [byte] = crypto.getRandomValues(new Uint8Array(1));
    if (byte < fair) return LETTERS[byte % LETTERS.length];
  }
}

// --- Channels ----------------------------------------------------------------------------

export async function createChannel(name) {
  const { channel } = await call("POST", "/channels", { name });
  state.putChannel(channel);
  return channel;
}

export async function renameChannel({ id }, name) {
  const { channel } = await call("PUT", `/channels/${encodeURIComponent(id)}`, { name });
  state.putChannel(channel);
}

/** What it takes along besides is said by its event, which comes to everybody. */
export async function deleteChannel({ id }) {
  await call("DELETE", `/channels/${encodeURIComponent(id)}`);
  state.dropChannel(id);
}

/** The first one, which the server was born with, can be neither renamed nor deleted. */
export const isFixed = (channel) => !channel.createdBy;

// --- Webhooks ----------------------------------------------------------------------------

/** Oldest first; null until they are here. */
export const webhooks = signal(null);

/** A sentence, when they could not be had. */
export const webhooksTrouble = signal("");

let asked = 0;

/** Begin to keep them true. @returns {() => void} ends it. */
export const watchWebhooks = () =>
  effect(() => {
    state.webhookNews.value;
    loadWebhooks();
  });

export async function loadWebhooks() {
  const mine = ++asked;
  try {
    const { webhooks: all } = await call("GET", "/webhooks");
    if (mine === asked) batch(() => take(all, ""));
  } catch (error) {
    if (mine === asked) webhooksTrouble.value = error.message;
  }
}

function take(all, trouble) {
  webhooks.value = all;
  webhooksTrouble.value = trouble;
}

/** @returns {Promise<object>} the webhook with its `token`, which nobody is told again. */
export async function createWebhook(name, channelId) {
  const { webhook } = await call("POST", "/webhooks", { name, channelId });
  await loadWebhooks();
  return webhook;
}

export async function deleteWebhook({ id }) {
  await call("DELETE", `/webhooks/${encodeURIComponent(id)}`);
  await loadWebhooks();
}

/** @returns {string} a command for a shell, which says something by this webhook. */
export function curlOf({ id, name, token }) {
  const words = JSON.stringify({ content: `Hello from ${name}!` });
  return [
    `curl ${quoted(`${location.origin}/webhooks/${encodeURIComponent(id)}/messages`)}`,
    `-H ${quoted(`Authorization: Bearer ${token}`)}`,
    `-H ${quoted("Content-Type: application/json")}`,
    `-d ${quoted(words)}`,
  ].join(" \\\n  ");
}

/** In single quotes a shell reads everything as it is written, but for these themselves. */
const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

// Whoever signs in next is perhaps no administrator.
let user = session.peek()?.user.id;
effect(() => {
  const now = session.value?.user.id;
  if (now !== user) take(null, "");
  user = now;
});

// --- The server --------------------------------------------------------------------------

export async function renameServer(wanted) {
  const { name } = await call("PUT", "/server/settings", { name: wanted });
  state.setServerName(name);
}

/** @returns {boolean} somebody who is added gets a letter. */
export const invites = () => config.value.auth.mode === "password" && config.value.hasMail;
