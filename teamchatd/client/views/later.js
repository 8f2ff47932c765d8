import { html, signal, useEffect } from "../lib.js";
import { asset } from "../core/config.js";
import { complain } from "../core/notices.js";

/*
 * Parts of the page that most visits do without. They are fetched when they are first
 * wanted, with their style, and then they are there.
 */

export const Administration = later(() => import("./admin/administration.js"), "Administration", Fetching);
export const NewChannel = later(() => import("./admin/channels.js"), "NewChannel");
export const Sessions = later(() => import("./sessions.js"), "Sessions");
export const LeaveServer = later(() => import("./leaveserver.js"), "LeaveServer");

function later(fetch, name, Meanwhile = null) {
  const part = signal(null);
  const error = signal("");

  const get = async () => {
    try {
      const [module] = await Promise.all([fetch(), styled()]);
      part.value = module[name];
    } catch {
      error.value = "This part of the page could not be loaded.";
    }
  };

  return function Later(props) {
    useEffect(() => {
      if (part.value) return;
      error.value = "";
      get();
    }, []);
    // A window that does not come up says why, and is not left half open.
    useEffect(() => {
      if (!error.value || Meanwhile) return;
      complain(new Error(error.value));
      props.close();
    }, [error.value]);
    if (part.value) return html`<${part.value} ...${props} />`;
    return Meanwhile && html`<${Meanwhile} error=${error.value} />`;
  };
}

let style = null;

const styled = () => (style ??= linked("style/admin.css").catch((error) => ((style = null), Promise.reject(error))));

function linked(path) {
  return new Promise((resolve, reject) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = asset(path);
    link.onload = resolve;
    link.onerror = () => (link.remove(), reject(new Error(path)));
    document.head.append(link);
  });
}

/** After an upgrade the file is gone from the server, and only a reload can help. */
function Fetching({ error }) {
  if (!error) {
    return html`<main class="waiting" aria-busy="true">
      <p role="status"><span class="spinner" aria-hidden="true"></span><span class="visually-hidden">Loading…</span></p>
    </main>`;
  }
  return html`<main class="waiting">
    <p role="alert">${error}</p>
    <button type="button" class="button primary" onClick=${() => location.reload()}>Reload</button>
  </main>`;
}
