import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { Icon } from "./icon.js";
import { jumpByLetter, rove } from "./roving.js";

const ITEMS = '[role^="menuitem"]';

/**
 * A button with a menu.
 *
 * @param {{name: string, className?: string, head?: any, entries: Entry[], children: any}} props
 *   `children` are what the button shows, `head` what stands above the entries.
 * Entry: `{label, run, icon?, note?, isDangerous?}`, `{line: true}`, or
 *   `{group: string, chosen: string, choices: [[value, label]], choose: (value) => void}`.
 */
export function Menu({ name, className = "", head, entries, children }) {
  const isOpen = useSignal(false);
  const box = useRef(null);
  const button = useRef(null);
  const close = (keepFocus) => {
    isOpen.value = false;
    if (keepFocus) button.current.focus();
  };
  useOutside(box, isOpen, () => close(false));

  const onButtonKey = (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    isOpen.value = true;
  };

  return html`<div class="menu-box ${className}" ref=${box}>
    <button
      type="button"
      ref=${button}
      class="menu-button"
      aria-label=${name}
      aria-haspopup="menu"
      aria-expanded=${String(isOpen.value)}
      onClick=${() => (isOpen.value = !isOpen.value)}
      onKeyDown=${onButtonKey}
    >
      ${children}
    </button>
    ${isOpen.value && html`<${Popup} name=${name} head=${head} entries=${entries} close=${close} />`}
  </div>`;
}

function useOutside(box, isOpen, close) {
  useEffect(() => {
    if (!isOpen.value) return;
    const look = (event) => box.current?.contains(event.target) || close();
    document.addEventListener("pointerdown", look);
    return () => document.removeEventListener("pointerdown", look);
  }, [isOpen.value]);
}

function Popup({ name, head, entries, close }) {
  const popup = useRef(null);
  useLayoutEffect(() => popup.current.querySelector(ITEMS)?.focus(), []);

  const onKeyDown = (event) => {
    if (event.key === "Escape") {
      event.stopPropagation();
      event.preventDefault();
      return close(true);
    }
    // Tab leaves, as from every menu, and goes on from the button.
    if (event.key === "Tab") return close(true);
    rove(event, popup.current, { selector: ITEMS, around: true });
    jumpByLetter(event, popup.current, ITEMS);
  };

  // What an entry opens gets the focus, and gives it back to the button.
  const choose = (entry) => {
    close(true);
    entry.run();
  };

  return html`<div class="menu" ref=${popup} onKeyDown=${onKeyDown}>
    ${head}
    <div role="menu" aria-label=${name}>
      ${entries.map((entry, index) => html`<${Entry} key=${index} entry=${entry} choose=${choose} />`)}
    </div>
  </div>`;
}

function Entry({ entry, choose }) {
  if (entry.line) return html`<div class="menu-line" role="separator"></div>`;
  if (entry.group) return html`<${Choices} ...${entry} />`;
  return html`<button
    type="button"
    role="menuitem"
    tabindex="-1"
    class=${entry.isDangerous ? "menu-entry dangerous" : "menu-entry"}
    onClick=${() => choose(entry)}
  >
    ${entry.icon && html`<${Icon} name=${entry.icon} small />`}
    <span>${entry.label}</span>
    ${entry.note && html`<span class="menu-note">${entry.note}</span>`}
  </button>`;
}

/** One of several; the menu stays, so that what a choice does can be seen and taken back. */
function Choices({ group, chosen, choices, choose }) {
  return html`<div role="group" aria-label=${group} class="menu-group">
    <div class="menu-group-name" aria-hidden="true">${group}</div>
    <div class="menu-choices">
      ${choices.map(
        ([value, label]) => html`<button
          type="button"
          role="menuitemradio"
          tabindex="-1"
          key=${value}
          class="menu-choice"
          aria-checked=${String(value === chosen)}
          onClick=${() => choose(value)}
        >
          ${label}
        </button>`,
      )}
    </div>
  </div>`;
}
