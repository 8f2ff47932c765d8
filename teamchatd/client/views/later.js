import { html, useEffect, useState } from "../lib.js";
import { notice } from "../core/notices.js";

/**
 * A component that is fetched when it is first shown: what not everybody needs shall not
 * hold up everybody's first look.
 * @param {() => Promise<Function>} load imports it; `preload()` begins with that at once.
 * @param {Function} Meanwhile what is shown until it is there. It is closed if it does not
 *   come, so that asking for it again tries again.
 */
export function later(load, Meanwhile) {
  let found = null;
  let loading = null;
  const begin = () => (loading ??= load().then((component) => (found = component)).catch(fail));
  const fail = () => {
    loading = null;
    const action = { label: "Reload", run: () => location.reload() };
    notice("A part of this page could not be loaded.", { kind: "error", seconds: 20, action });
  };
  function Later(props) {
    const [isShown, shown] = useState(Boolean(found));
    useEffect(() => {
      // It may have come since this was drawn: then nobody else would draw it again.
      if (!isShown) begin().then(() => (found ? shown(true) : props.close?.()));
    }, []);
    if (found) return html`<${found} ...${props} />`;
    return Meanwhile && html`<${Meanwhile} />`;
  }
  return Object.assign(Later, { preload: begin });
}
