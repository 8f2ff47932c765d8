import { html } from "../lib.js";
import { Dialog } from "./dialog.js";
import { isApple, KEYS, partsOf } from "./keys.js";
import { styled } from "./styled.js";

await styled("style/keys.css");

/** Under each heading the names of keys, and what they do in a few words. */
const GROUPS = {
  Anywhere: {
    "go to": "Go to a channel or a person",
    "place above": "To the place above",
    "place below": "To the place below",
    "unread above": "To the next above with something new",
    "unread below": "To the next below with something new",
    close: "Close what is in front",
    keys: "Show this list",
  },
  Writing: {
    send: "Send",
    "new line": "Begin a new line",
    "send code": "Send, also from within code",
    take: "Take the name or emoji that is offered",
    "edit last": "Edit your last message, while the field is empty",
  },
  "At a message": {
    above: "To the message above",
    below: "To the message below",
    first: "To the first that is shown",
    last: "To the last",
    edit: "Edit it, if it is yours",
    reply: "Reply in a thread",
    react: "Add a reaction",
    remove: "Delete it",
    write: "Back to writing",
  },
  "At an image": {
    "image before": "To the one before",
    "image after": "To the next",
  },
};

const ON_APPLE = { Mod: "⌘", Alt: "⌥", Shift: "⇧" };
const SHOWN = {
  Mod: "Ctrl", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", Escape: "Esc",
  ...(isApple && ON_APPLE),
};
const ALOUD = { "↑": "Up", "↓": "Down", "←": "Left", "→": "Right", "+": "Plus", "/": "Slash", "?": "Question mark" };

/** What can be pressed, and what then happens. */
export function KeyList({ close }) {
  return html`<${Dialog} title="Keyboard shortcuts" close=${close} className="keys">
    <div class="keys-list scrolls" tabindex="0" data-first role="group" aria-label="Keys">
      ${Object.entries(GROUPS).map(([name, keys]) => html`<section key=${name}>
        <h3>${name}</h3>
        <dl>${Object.entries(keys).map(([key, words]) => html`<div key=${key} data-name=${key}>
          <dt>${words}</dt>
          <dd>${KEYS[key].split(" ").map((keys, at) => html`${at > 0 && " or "}<${Combination} keys=${keys} />`)}</dd>
        </div>`)}</dl>
      </section>`)}
    </div>
  <//>`;
}

function Combination({ keys }) {
  const each = partsOf(keys).map((key) => SHOWN[key] ?? key);
  return html`<span class="keys-one">${each.map((key) => html`<kbd>${ALOUD[key]
    ? html`<span aria-hidden="true">${key}</span><span class="visually-hidden">${ALOUD[key]}</span>`
    : key}</kbd>`)}</span>`;
}
