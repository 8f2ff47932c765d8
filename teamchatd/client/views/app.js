import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { lastPlace, tryToLoad } from "../core/chat.js";
import { config } from "../core/config.js";
import { notice } from "../core/notices.js";
import { placeOf } from "../core/places.js";
import { go, hrefOf, route } from "../core/route.js";
import { arrival, session, signOut } from "../core/session.js";
import { channels, me, ready, trouble } from "../core/state.js";
import { Bars } from "./bars.js";
import { isDrawerOpen, isNarrow, ShowChannels, useDrawerFocus } from "./drawer.js";
import { front } from "./front.js";
import { later } from "./later.js";
import { Notices } from "./notices.js";
import { Place } from "./place.js";
import { Sidebar } from "./sidebar.js";
import { Thread } from "./thread.js";

export const SignIn = later(() => import("./signin.js").then((module) => module.SignIn));

const part = (name, Meanwhile) => later(() => import("./admin/parts.js").then((module) => module[name]), Meanwhile);

const Administration = part("Administration", Waiting);

const WINDOWS = {
  "new message": later(() => import("./newmessage.js").then((module) => module.NewMessage)),
  "go to": later(() => import("./goto.js").then((module) => module.GoTo)),
  keys: later(() => import("./keylist.js").then((module) => module.KeyList)),
  "change name": later(() => import("./changename.js").then((module) => module.ChangeName)),
  "new channel": part("NewChannel"),
  sessions: part("Sessions"),
  "leave server": part("LeaveServer"),
};

/** The door, waiting, or the room. */
export function App() {
  return html`<${Screen} /><${Notices} />`;
}

function Screen() {
  if (!config.value) return html`<${Waiting} />`;
  // A link that somebody opened is what they want now, also if they are signed in.
  if (!session.value || arrival.value.kind === "link") return html`<${SignIn} />`;
  if (ready.value) return html`<${Shell} />`;
  return trouble.value ? html`<${Trouble} sentence=${trouble.value} />` : html`<${Waiting} />`;
}

/** Whoever goes by the headings finds one also where there is hardly anything to see. */
const Name = () => html`<h1 class="visually-hidden">teamchat</h1>`;

/** Nothing at all for a moment, then a sign of life: most loads are over before it. */
function Waiting() {
  return html`<main class="waiting" aria-busy="true">
    <${Name} />
    <p role="status"><span class="spinner" aria-hidden="true"></span><span class="visually-hidden">Loading…</span></p>
  </main>`;
}

/** The daemon has not even said who it is. Whoever comes back to the network need not press. */
export function Unreached({ sentence, again }) {
  useEffect(() => {
    addEventListener("online", again);
    return () => removeEventListener("online", again);
  }, []);
  return html`<main class="waiting">
    <${Name} />
    <p role="alert">${sentence}</p>
    <button type="button" class="button primary" onClick=${again}>Try again</button>
  </main>`;
}

function Trouble({ sentence }) {
  const busy = useSignal(false);
  const again = async () => {
    busy.value = true;
    await tryToLoad();
    busy.value = false;
  };
  return html`<main class="waiting">
    <${Name} />
    <p role="alert">${sentence}</p>
    <div class="waiting-buttons">
      <button type="button" class="button primary" aria-busy=${busy.value ? "true" : undefined} onClick=${again}>
        <span class="button-words">Try again</span>
        ${busy.value && html`<span class="spinner" aria-hidden="true"></span>`}
      </button>
      <button type="button" class="button quiet" onClick=${signOut}>Sign out</button>
    </div>
  </main>`;
}

// --- The room --------------------------------------------------------------------------------

function Shell() {
  const { placeId, threadId, admin } = route.value;
  const here = admin ? null : (placeId ?? channels.value[0]?.id ?? null);
  const isCovered = isNarrow.value && isDrawerOpen.value;
  useRefusal();
  useWayBack(threadId);
  return html`<div class="shell" data-thread=${threadId ? "open" : undefined}>
    <a class="skip-link" href="#messages" onClick=${skip}>Skip to ${admin ? "administration" : "messages"}</a>
    <${SidebarColumn} here=${here} />
    <div class="place-column" id="messages" inert=${isCovered}>
      ${isNarrow.value && html`<${ShowChannels} here=${here} />`}
      <${Main} here=${here} threadId=${threadId} admin=${admin} />
    </div>
    <${Bars} />
    <${Front} />
    ${threadId &&
    html`<div class="thread-column" inert=${isCovered}><${Thread} key=${threadId} parentId=${threadId} /></div>`}
  </div>`;
}

const leaveAdmin = () => go({ placeId: lastPlace() });

function Main({ here, threadId, admin }) {
  // Whoever may not have it is led back by core/chat.js, in the next moment.
  if (admin) return me.value?.isAdmin && html`<${Administration} section=${admin} close=${leaveAdmin} />`;
  if (!here || !placeOf(here)) return html`<${Nowhere} />`;
  return html`<${Place} key=${here} id=${here} threadId=${threadId} />`;
}

function Front() {
  const close = () => (front.value = null);
  useEffect(() => close, []);
  const Window = WINDOWS[front.value];
  return Window && html`<${Window} close=${close} />`;
}

function SidebarColumn({ here }) {
  const column = useRef(null);
  useDrawerFocus(column);
  const isOver = isNarrow.value && isDrawerOpen.value;
  const close = () => (isDrawerOpen.value = false);
  // An open menu or dialog takes its own Esc, and does not let it come up to here.
  const onKeyDown = (event) => {
    if (event.key === "Escape" && isOver && !event.defaultPrevented) close();
  };
  return html`
    ${isOver && html`<div class="backdrop" onClick=${close}></div>`}
    <section
      class="sidebar"
      aria-label="Sidebar"
      ref=${column}
      data-open=${isOver ? "" : undefined}
      inert=${isNarrow.value && !isOver}
      onKeyDown=${onKeyDown}
    >
      <${Sidebar} here=${here} />
    </section>
  `;
}

function Nowhere() {
  const first = channels.value[0];
  return html`<main class="waiting" tabindex="-1">
    <h1>There is nothing here</h1>
    <p>${first ? "This place was deleted, or it is not yours to see." : "There are no channels yet."}</p>
    ${first && html`<a href=${hrefOf({ placeId: first.id })}>Go to ${first.name}</a>`}
  </main>`;
}

/** The fragment of the address is the route: by itself this link would lead nowhere. */
function skip(event) {
  event.preventDefault();
  const isSeen = (each) => each.checkVisibility({ visibilityProperty: true });
  const main = [...document.querySelectorAll("main, .thread")].find(isSeen);
  main.tabIndex = -1;
  main.focus();
}

/** A place that a thread covers can take the focus back only once it is seen again. */
function useWayBack(threadId) {
  useLayoutEffect(() => () => {
    if (!threadId || document.activeElement !== document.body) return;
    document.querySelector(`.place [data-id="${CSS.escape(threadId)}"]`)?.focus({ preventScroll: true });
  }, [threadId]);
}

/** A provider's refusal for somebody who is signed in already shows no door to say it at. */
function useRefusal() {
  useEffect(() => {
    if (arrival.value.kind !== "failed") return;
    notice(arrival.value.sentence, { kind: "error" });
    arrival.value = { kind: "none" };
  }, []);
}
