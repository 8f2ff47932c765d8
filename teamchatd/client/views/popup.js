/**
 * What a menu opens.
 */

import { html, useLayoutEffect, useRef } from "../lib.js";
import { Icon } from "./icon.js";
import { rove } from "./roving.js";
import { styled } from "./styled.js";

await styled("style/menu.css");

const ITEMS = '[role^="menuitem"]';

export function Popup({ name, head, entries, close }) {
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
    jumpByLetter(event, popup.current);
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

/** Typing the beginning of a name goes there, as in the menus of every system. */
function jumpByLetter(event, list) {
  if (event.key.length !== 1 || event.key === " " || event.ctrlKey || event.metaKey || event.altKey) return;
  const all = [...list.querySelectorAll(ITEMS)];
  const here = all.indexOf(document.activeElement);
  const letter = event.key.toLocaleLowerCase();
  const inOrder = [...all.slice(here + 1), ...all.slice(0, here + 1)];
  inOrder.find((each) => each.textContent.trim().toLocaleLowerCase().startsWith(letter))?.focus();
}
