import { html, useEffect, useState } from "../lib.js";
import { notice } from "../core/notices.js";

/**
 * A component that is fetched when it is first shown: what not everybody needs shall not
 * hold up everybody's first look.
 * @param {() => Promise<Function>} load imports it; `preload()` begins with that at once.
 */
export function later(load) {
  let found = null;
  let loading = null;
  const begin = () => (loading ??= load().then((component) => (found = component)).catch(fail));
  const fail = () => {
    loading = null;
    const action = { label: "Reload", run: () => location.reload() };
    notice("A part of this page could not be loaded.", { kind: "error", seconds: 20, action });
  };
  function Later(props) {
    const [, shown] = useState(Boolean(found));
    useEffect(() => {
      if (!found) begin().then(() => shown(Boolean(found)));
    }, []);
    return found && html`<${found} ...${props} />`;
  }
  return Object.assign(Later, { preload: begin });
}
