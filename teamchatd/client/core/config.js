/**
 * What the daemon says about itself before anybody has signed in.
 */

import { signal } from "../lib.js";
import { ask } from "./api.js";

/** @type {import("../lib.js").Signal<any>} the answer of /config.json; null until it is here. */
export const config = signal(null);

/** The daemon has a newer page than this one: an upgrade happened behind it. */
export const newer = signal(false);

/** The digest in the address of this very file, and so of this page. */
const ASSETS = new URL(import.meta.url).pathname.split("/")[2];

export async function loadConfig() {
  config.value = await ask("GET", "/config.json");
  noticeAssets(config.value.assets);
}

/** @param {string|undefined} digest of the page that the daemon serves now. */
export function noticeAssets(digest) {
  if (digest && digest !== ASSETS) newer.value = true;
}

/** @returns {string} the address of a file of this page. */
export const asset = (path) => `/assets/${ASSETS}/${path}`;
