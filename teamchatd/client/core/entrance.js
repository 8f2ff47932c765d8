/**
 * The ways in.
 */

import { ask } from "./api.js";
import { arrival, begin, pair } from "./session.js";

/** With the link of an empty server's log, it makes the first administrator. */
export async function signInDev(email) {
  const { token: link } = arrival.peek();
  const { token } = await ask("POST", "/auth/dev-login", { body: { email, token: link } });
  await begin({ access: token, refresh: null, until: Date.now() + 24 * 3600_000 });
}

export const signInWithPassword = (email, password) =>
  enter("/auth/password-login", { body: { email, password } });

export const register = (email, password) =>
  enter("/auth/register", { body: { email, password } });

export const setPassword = (token, email, password) =>
  enter("/auth/setup-password", { body: { email, password, token } });

export const openLink = (token, email) => enter("/auth/verify", { body: { email }, token });

export const askForReset = (email) => said("/auth/request-password-reset", email);

export const askForLink = (email) => said("/auth/login", email);

async function said(path, email) {
  const { message } = await ask("POST", path, { body: { email } });
  return message;
}

async function enter(path, how) {
  await begin(pair(await ask("POST", path, how)));
}
