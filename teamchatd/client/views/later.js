import { html, useEffect, useState } from "../lib.js";
import { asset } from "../core/config.js";
import { notice } from "../core/notices.js";

/**
 * A component that is fetched when it is first shown: what not everybody needs shall not
 * hold up everybody's first look.
 * @param {() => Promise<Function>} load imports it; `preload()` begins with that at once.
 * @param {{style?: string, Meanwhile?: Function}} more a file of style that it needs, too;
 *   what is shown until it is there, which is told in `isFailed` when it does not come.
 */
export function later(load, { style, Meanwhile } = {}) {
  let found = null;
  let loading = null;
  const fetched = async () => {
    const [component] = await Promise.all([load(), style && styled(style)]);
    found = component;
  };
  const begin = () => (loading ??= fetched().catch(fail));
  const fail = () => {
    loading = null;
    const action = { label: "Reload", run: () => location.reload() };
    notice("A part of this page could not be loaded.", { kind: "error", seconds: 20, action });
  };
  function Later(props) {
    const [state, shown] = useState(found ? "here" : "coming");
    useEffect(() => {
      // It may have come since this was drawn: then nobody else would draw it again.
      if (state === "coming") begin().then(() => shown(found ? "here" : "failed"));
    }, []);
    // A window that does not come up is none: asking for it once more tries again.
    useEffect(() => {
      if (state === "failed") props.close?.();
    }, [state]);
    if (found) return html`<${found} ...${props} />`;
    return Meanwhile && html`<${Meanwhile} isFailed=${state === "failed"} />`;
  }
  return Object.assign(Later, { preload: begin });
}

const sheets = new Map();

function styled(path) {
  if (!sheets.has(path)) sheets.set(path, linked(path));
  return sheets.get(path);
}

function linked(path) {
  return new Promise((done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = asset(path);
    link.onload = done;
    link.onerror = () => {
      sheets.delete(path);
      link.remove();
      failed(new Error(path));
    };
    document.head.append(link);
  });
}
