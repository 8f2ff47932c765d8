/**
 * Trusted Types: the scripts that may run as workers of this page, and no others.
 */

import { asset } from "./config.js";

/** The one that holds the event stream of all tabs. */
export const LINE = asset("core/line-worker.js");
/** The one that keeps the page; it works for what is below its address, and so lies at the root. */
export const KEEPER = "/service-worker.js";

let policy = null;

/** @param {string} address one of the above. @returns {string|TrustedScriptURL} */
export function trusted(address) {
  if (!globalThis.trustedTypes) return address;
  // A name is given once: all workers share the policy that the daemon allows.
  policy ??= trustedTypes.createPolicy("teamchat", {
    createScriptURL(url) {
      if (url !== LINE && url !== KEEPER) throw new TypeError("not a worker of ours");
      return url;
    },
  });
  return policy.createScriptURL(address);
}
