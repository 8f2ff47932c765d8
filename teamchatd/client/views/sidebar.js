import { html, useLayoutEffect, useRef } from "../lib.js";
import { draftKeys } from "../core/drafts.js";
import { hrefOf, route } from "../core/route.js";
import { channels, conversations, GONE, me, serverName, unread } from "../core/state.js";
import { Account } from "./account.js";
import { Avatar } from "./avatar.js";
import { isDrawerOpen, isNarrow } from "./drawer.js";
import { front } from "./front.js";
import { Icon } from "./icon.js";
import { isApple, KEYS } from "./keys.js";
import { rove } from "./roving.js";
import { useShortcuts } from "./shortcuts.js";

/** What is written beside the button that does the same, and what is said of it. */
const SHOWN = KEYS["go to"].replace("Mod+", isApple ? "⌘" : "Ctrl ");
const SAID = KEYS["go to"].replace("Mod", isApple ? "Meta" : "Control");

/** Where one can go, and oneself at the foot. */
export function Sidebar({ here }) {
  const write = () => (front.value = "new message");
  const goSomewhere = () => (front.value = "go to");
  useShortcuts();
  return html`
    <${Head} write=${write} />
    <button type="button" class="go-to" aria-keyshortcuts=${SAID} onClick=${goSomewhere}>
      <${Icon} name="search" small />
      <span>Go to</span>
      <kbd aria-hidden="true" data-keys=${SHOWN}></kbd>
    </button>
    <div class="sidebar-lists scrolls">
      <${Channels} here=${here} />
      <${Conversations} here=${here} write=${write} />
    </div>
    <div class="sidebar-foot"><${Account} /></div>
  `;
}

function Head({ write }) {
  return html`<header class="sidebar-head">
    <strong class="ellipsis" title=${serverName.value}><bdi>${serverName.value}</bdi></strong>
    ${me.value?.isAdmin &&
    html`<a
      class="icon-button to-admin"
      href=${hrefOf({ admin: "people" })}
      aria-label="Administration"
      aria-current=${route.value.admin ? "page" : undefined}
      title="Administration"
    >
      <${Icon} name="cog" />
    </a>`}
    <button type="button" class="icon-button" aria-label="New message" title="New message" onClick=${write}>
      <${Icon} name="compose" />
    </button>
    ${isNarrow.value &&
    html`<button type="button" class="icon-button" aria-label="Hide channels" onClick=${() => (isDrawerOpen.value = false)}>
      <${Icon} name="close" />
    </button>`}
  </header>`;
}

function Channels({ here }) {
  const create = () => (front.value = "new channel");
  return html`<${Places}
    name="Channels"
    here=${here}
    ids=${channels.value.map(({ id }) => id)}
    beside=${
      me.value?.isAdmin &&
      html`<button type="button" class="icon-button" aria-label="Create a channel" title="Create a channel" onClick=${create}>
        <${Icon} name="plus" small />
      </button>`
    }
  >
    ${channels.value.map(
      ({ id, name }) => html`<${Row} key=${id} id=${id} name=${name} here=${here}>
        <${Icon} name="hash" small />
      <//>`,
    )}
  <//>`;
}

function Conversations({ here, write }) {
  const all = conversations.value;
  return html`<${Places} name="Direct messages" here=${here} ids=${all.map(({ id }) => id)}>
    ${all.map(
      ({ id, otherUser }) => html`<${Row} key=${id} id=${id} name=${otherUser?.userName ?? GONE} here=${here}>
        <${Avatar} id=${otherUser?.id ?? id} name=${otherUser?.userName} size="1.25rem" letters=${1} />
      <//>`,
    )}
    ${!all.length &&
    html`<li class="sidebar-empty">
      Nobody yet. <button type="button" class="link-button" onClick=${write}>Write to somebody</button>
    </li>`}
  <//>`;
}

// --- Lists ---------------------------------------------------------------------------------

/**
 * One stop of the Tab key: with 200 channels the way to the composer would be 200 long.
 * It stops at the place that is shown, else at the first.
 */
function Places({ name, here, ids, beside, children }) {
  const list = useRef(null);
  const stop = ids.includes(here) ? here : ids[0];
  useLayoutEffect(() => {
    for (const link of list.current.querySelectorAll("a")) link.tabIndex = link.dataset.id === stop ? 0 : -1;
  });
  return html`<nav aria-label=${name} class="sidebar-list">
    <div class="sidebar-list-head">
      <h2>${name}</h2>
      ${beside}
    </div>
    <ul role="list" ref=${list} onKeyDown=${(event) => rove(event, list.current, { selector: "a" })}>
      ${children}
    </ul>
  </nav>`;
}

function Row({ id, name, here, children }) {
  const link = useRef(null);
  const count = unread.value.get(id) ?? 0;
  const isHere = id === here;
  const hasDraft = !isHere && draftKeys.value.has(id);
  useLayoutEffect(() => {
    if (isHere) link.current.scrollIntoView({ block: "nearest" });
  }, [isHere]);
  return html`<li>
    <a
      ref=${link}
      class=${count ? "row unread" : "row"}
      href=${hrefOf({ placeId: id })}
      data-id=${id}
      aria-current=${isHere ? "page" : undefined}
      aria-label=${nameAloud(name, count, hasDraft)}
      title=${name}
    >
      <span class="row-sign" aria-hidden="true">${children}</span>
      <span class="ellipsis"><bdi>${name}</bdi></span>
      ${hasDraft && html`<${Icon} name="pencil" small />`}
      ${count > 0 && html`<span class="badge" aria-hidden="true" data-count=${shortly(count)}></span>`}
    </a>
  </li>`;
}

const nameAloud = (name, count, hasDraft) =>
  `${name}${count ? `, ${count < MOST ? count : `${MOST} or more`} unread` : ""}${hasDraft ? ", draft" : ""}`;

/** The server counts no further. */
const MOST = 100;

const shortly = (count) => (count < MOST ? String(count) : "99+");
