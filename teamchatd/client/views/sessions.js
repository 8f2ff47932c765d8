import { html, useEffect, useRef, useSignal } from "../lib.js";
import { signOut } from "../core/session.js";
import {
  endOtherSessions,
  endSession,
  loadSessions,
  sessions,
  sessionsTrouble,
  signOutEverywhere,
  watchSessions,
} from "../core/sessions.js";
import { deviceOf, isHandheld } from "../text/device.js";
import { dayShortly, whenAgo } from "../text/time.js";
import { Dialog } from "./dialog.js";
import { BusyButton } from "./form.js";
import "./drawings.js";
import { Icon } from "./icon.js";

/** Where one is signed in, and ending that. */
export function Sessions({ close }) {
  const news = useSignal("");
  const list = useRef(null);
  useEffect(watchSessions, []);
  useEffect(() => {
    // The row that had the focus is gone, or what was asked below.
    const isLost = document.activeElement === document.body || document.activeElement?.tagName === "DIALOG";
    if (sessions.value && isLost) list.current.focus();
  }, [sessions.value]);
  return html`<${Dialog} title="Your sessions" close=${close} className="wide sessions">
    <p class="sessions-words">The browsers and programs that are signed in as you. End what you do not know.</p>
    ${sessions.value && sessionsTrouble.value && html`<p class="alert" role="alert">${sessionsTrouble.value}</p>`}
    <div class="sessions-list scrolls" ref=${list} tabindex="-1">
      <${Shown} news=${news} />
    </div>
    <p class="visually-hidden" role="status">${news.value}</p>
    ${sessions.value && html`<${Foot} news=${news} />`}
  <//>`;
}

function Shown({ news }) {
  if (sessionsTrouble.value && !sessions.value) return html`<${Trouble} />`;
  if (!sessions.value) {
    return html`<p class="admin-loading" role="status">
      <span class="spinner" aria-hidden="true"></span><span class="visually-hidden">Loading…</span>
    </p>`;
  }
  return html`<ul class="admin-list" role="list" aria-label="Sessions">
    ${sessions.value.map((each) => html`<${Session} key=${each.id} session=${each} news=${news} />`)}
  </ul>`;
}

function Trouble() {
  return html`<div class="admin-nothing">
    <p role="alert">${sessionsTrouble.value}</p>
    <button type="button" class="button" onClick=${loadSessions}>Try again</button>
  </div>`;
}

function Session({ session, news }) {
  const { userAgent, ip, createdAt, lastUsedAt, isCurrent } = session;
  const device = deviceOf(userAgent);
  const [busy, end] = useBusy(async () => {
    await endSession(session);
    news.value = `The session of ${device} was ended.`;
  });
  return html`<li class="admin-row">
    <span class="admin-sign" aria-hidden="true"><${Icon} name=${isHandheld(userAgent) ? "phone" : "screen"} /></span>
    <div class="admin-words">
      <div class="admin-name">
        <strong class="ellipsis" title=${userAgent}>${device}</strong>
        ${isCurrent && html`<span class="admin-badge">This one</span>`}
      </div>
      <div class="admin-note">
        ${ip && html`<span class="ellipsis">${ip}</span>`}
        <span>last used ${whenAgo(lastUsedAt)}</span>
        <span class="admin-since">since ${dayShortly(createdAt)}</span>
      </div>
    </div>
    ${isCurrent
      ? html`<button type="button" class="button quiet" onClick=${signOut}>Sign out</button>`
      : html`<${BusyButton} kind="quiet" busy=${busy} onClick=${end} aria-label=${`End the session of ${device}`}>End<//>`}
  </li>`;
}

function Foot({ news }) {
  const isAsking = useSignal(null);
  const others = sessions.value.length - 1;
  const [endingOthers, endOthers] = useBusy(async () => {
    await endOtherSessions();
    news.value = "All other sessions were ended.";
  });
  const [endingAll, endAll] = useBusy(signOutEverywhere);
  if (isAsking.value) {
    return html`<div class="sessions-foot">
      <span class="sessions-question">This signs you out here, too.</span>
      <button type="button" class="button" ref=${focused} onClick=${() => (isAsking.value = false)}>Cancel</button>
      <${BusyButton} kind="danger" busy=${endingAll} onClick=${endAll}>Sign out everywhere<//>
    </div>`;
  }
  return html`<div class="sessions-foot">
    <button type="button" class="button quiet" ref=${isAsking.value === false ? focused : undefined} onClick=${() => (isAsking.value = true)}>End all</button>
    ${others > 0 && html`<${BusyButton} busy=${endingOthers} onClick=${endOthers}>End all others<//>`}
  </div>`;
}

const focused = (button) => button?.focus();

/** @returns {[boolean, () => Promise<void>]} whether it is under way, and beginning it. */
function useBusy(work) {
  const busy = useSignal(false);
  const run = async () => {
    if (busy.value) return;
    busy.value = true;
    sessionsTrouble.value = "";
    try {
      await work();
    } catch (failure) {
      sessionsTrouble.value = failure.message;
    } finally {
      busy.value = false;
    }
  };
  return [busy.value, run];
}
