import { html, useEffect, useSignal } from "../lib.js";
import { newer } from "../core/config.js";
import { line, reconnect } from "../core/line.js";
import { discard, outbox } from "../core/outbox.js";
import { Icon } from "./icon.js";

/** Shorter breaks than this are nobody's business. */
const PATIENCE = 2000;

/**
 * How the page and the daemon get on. It lies over the place and does not push it: a line
 * that comes and goes would move what is being read.
 */
export function Bars() {
  const isLater = useSignal(false);
  return html`<div class="bars">
    <div role="status">${connection(useIsLate())}</div>
    ${outbox.value.filter(({ homeless }) => homeless).map((each) =>
      html`<${Homeless} key=${each.clientId} entry=${each} />`)}
    <div role="status">
      ${newer.value && !isLater.value && html`<${NewVersion} later=${() => (isLater.value = true)} />`}
    </div>
  </div>`;
}

function connection(isLate) {
  const { state } = line.value;
  if (state === "replaced") return html`<${Replaced} />`;
  return isLate && html`<${Reconnecting} isWaiting=${state === "waiting"} />`;
}

function Reconnecting({ isWaiting }) {
  return html`<div class="bar">
    <span class="spinner" aria-hidden="true"></span>
    <span>Reconnecting…</span>
    ${isWaiting && html`<button type="button" class="bar-action" onClick=${reconnect}>Try now</button>`}
  </div>`;
}

/** The server ends the oldest stream of somebody who has very many. */
function Replaced() {
  return html`<div class="bar">
    <span>teamchat is open in many other places, so nothing new arrives here.</span>
    <button type="button" class="bar-action" onClick=${reconnect}>Use it here</button>
  </div>`;
}

/** Where it was written to is deleted, and so is the place that would say that it has failed. */
function Homeless({ entry: { clientId, content, sentence } }) {
  return html`<div class="bar" role="alert">
    <span class="ellipsis">Not sent: ${sentence} <bdi>${content}</bdi></span>
    <button type="button" class="bar-action" onClick=${() => discard(clientId)}>Discard</button>
  </div>`;
}

function NewVersion({ later }) {
  return html`<div class="bar">
    <span>A new version is ready</span>
    <button type="button" class="bar-action" onClick=${() => location.reload()}>Reload</button>
    <button type="button" class="icon-button" aria-label="Later" title="Later" onClick=${later}>
      <${Icon} name="close" small />
    </button>
  </div>`;
}

/** Whether we have been without a live line for longer than patience lasts. */
function useIsLate() {
  const isLate = useSignal(false);
  const { state, since } = line.value;
  const isBroken = state === "connecting" || state === "waiting";
  useEffect(() => {
    isLate.value = false;
    if (!isBroken) return;
    const timer = setTimeout(() => (isLate.value = true), Math.max(0, since + PATIENCE - Date.now()));
    return () => clearTimeout(timer);
  }, [isBroken]);
  return isBroken && isLate.value;
}
