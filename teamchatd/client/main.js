/**
 * Where the page begins: what the daemon says of itself, who is signed in, what is shown.
 */

import { notifying } from "./core/attention.js";
import { start } from "./core/chat.js";
import { loadConfig } from "./core/config.js";
import { prepare } from "./core/line.js";
import { arrive, session } from "./core/session.js";
import { followTheme } from "./core/theme.js";
import { html, render } from "./lib.js";
import { App, SignIn, Unreached } from "./views/app.js";

const room = document.getElementById("app");

async function begin() {
  render(html`<${App} />`, room);
  try {
    await loadConfig();
    await arrive();
    if (!session.value) SignIn.preload();
    start();
  } catch (error) {
    render(html`<${Unreached} sentence=${error.message} again=${begin} />`, room);
  }
}

followTheme();
prepare();
begin();

// Not before the first paint: what it fetches shall hold up nothing.
requestAnimationFrame(() => setTimeout(settleIn));

function settleIn() {
  notifying().then(({ install }) => install()).catch(() => {});
  import("./views/soon.js").catch(() => {});
}
