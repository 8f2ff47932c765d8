import { html, useEffect, useRef } from "../../lib.js";
import { hrefOf } from "../../core/route.js";
import { Icon } from "../icon.js";
import { ChannelsPanel } from "./channels.js";
import { PeoplePanel } from "./people.js";
import { ServerPanel } from "./server.js";
import { WebhooksPanel } from "./webhooks.js";

const SECTIONS = [
  ["people", "People", PeoplePanel],
  ["channels", "Channels", ChannelsPanel],
  ["webhooks", "Webhooks", WebhooksPanel],
  ["server", "Server", ServerPanel],
];

/** In the place of a place: so the sidebar stays, and shows what is changed here. */
export function Administration({ section, close }) {
  const main = useRef(null);
  const [here, , Panel] = SECTIONS.find(([name]) => name === section) ?? SECTIONS[0];
  useFocus(main);
  return html`<main class="talk admin" ref=${main} tabindex="-1" onKeyDown=${(event) => isWayOut(event) && close()}>
    <header class="talk-head">
      <${Icon} name="cog" />
      <h1 class="talk-title ellipsis">Administration</h1>
      <button type="button" class="icon-button admin-close" aria-label="Close administration" title="Close" onClick=${close}>
        <${Icon} name="close" />
      </button>
    </header>
    <nav class="admin-sections" aria-label="Administration">
      ${SECTIONS.map(
        ([name, words]) => html`<a key=${name} href=${hrefOf({ admin: name })} aria-current=${name === here ? "page" : undefined}>
          ${words}
        </a>`,
      )}
    </nav>
    <div class="admin-scroll scrolls" key=${here}>
      <section class="admin-panel" aria-labelledby="admin-title"><${Panel} /></section>
    </div>
  </main>`;
}

/** What a menu or a drawer led to has the focus; after it, the place has. */
function useFocus(main) {
  useEffect(() => main.current.focus(), []);
}

/** In a field Esc takes back what was written; a menu and a window have their own. */
const isWayOut = ({ key, defaultPrevented, target }) =>
  key === "Escape" && !defaultPrevented && !target.closest("dialog");
