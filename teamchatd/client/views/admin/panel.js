import { html, useEffect, useRef, useSignal } from "../../lib.js";
import "../drawings.js";
import { Icon } from "../icon.js";

/**
 * One section: its title, what can be made there, and the window that is open over it.
 *
 * @param {{title: string, words: any, act?: {label: string, run: () => void}, over: any}} props
 */
export function Panel({ title, words, act, over, children }) {
  const heading = useRef(null);
  useEffect(() => {
    // The row whose window it was may be gone, and the focus with it.
    if (!over && document.activeElement === document.body) heading.current.focus();
  }, [Boolean(over)]);
  return html`
    <header class="admin-head">
      <div class="admin-head-words">
        <h2 id="admin-title" ref=${heading} tabindex="-1">${title}</h2>
        ${words && html`<p>${words}</p>`}
      </div>
      ${act &&
      html`<button type="button" class="button primary" onClick=${act.run}>
        <${Icon} name="plus" small />
        <span>${act.label}</span>
      </button>`}
    </header>
    ${children}
    ${over}
  `;
}

/** Which window is open over a panel: `[shown, open(Window, props), close]`. */
export function useOver() {
  const over = useSignal(null);
  const close = () => (over.value = null);
  const open = (Window, props = {}) => (over.value = { Window, props });
  const { Window, props } = over.value ?? {};
  return [Window ? html`<${Window} ...${props} close=${close} open=${open} />` : null, open, close];
}

/** A row of a list: what it is, and what can be done with it. */
export function Row({ sign, name, badge, note, children }) {
  return html`<li class="admin-row">
    <span class="admin-sign" aria-hidden="true">${sign}</span>
    <div class="admin-words">
      <div class="admin-name">
        <strong class="ellipsis" title=${name}><bdi>${name}</bdi></strong>
        ${badge && html`<span class="admin-badge">${badge}</span>`}
      </div>
      <div class="admin-note">${note}</div>
    </div>
    ${children}
  </li>`;
}

export function Nothing({ icon, title, children }) {
  return html`<div class="admin-nothing">
    <${Icon} name=${icon} />
    <h3>${title}</h3>
    <p>${children}</p>
  </div>`;
}
