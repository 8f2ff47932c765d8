import { html, useSignal } from "../lib.js";
import { rename } from "../core/acts.js";
import { askPermission, permission } from "../core/attention.js";
import { notice } from "../core/notices.js";
import { signOut } from "../core/session.js";
import { me } from "../core/state.js";
import { chooseTheme, theme } from "../core/theme.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";
import { Menu } from "./menu.js";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** Oneself, at the foot of the sidebar, and what concerns only oneself. */
export function Account() {
  const isRenaming = useSignal(false);
  const user = me.value;
  if (!user) return null;
  const entries = [
    { label: "Change name", icon: "pencil", run: () => (isRenaming.value = true) },
    { label: "Notifications", icon: "bell", note: NOTIFICATIONS[permission.value].note, run: notifications },
    { line: true },
    { group: "Theme", chosen: theme.value, choices: THEMES, choose: chooseTheme },
    { line: true },
    { label: "Sign out", icon: "leave", run: signOut },
  ];
  return html`
    <${Menu} name="Your account" className="account" head=${html`<${Head} user=${user} />`} entries=${entries}>
      <${Avatar} id=${user.id} name=${user.userName} size="1.75rem" />
      <span class="ellipsis" title=${user.userName}><bdi>${user.userName}</bdi></span>
      <${Icon} name="chevron" small />
    <//>
    ${isRenaming.value && html`<${ChangeName} close=${() => (isRenaming.value = false)} />`}
  `;
}

function Head({ user }) {
  return html`<div class="account-head">
    <strong class="ellipsis" title=${user.userName}><bdi>${user.userName}</bdi></strong>
    <span class="ellipsis" title=${user.email}><bdi>${user.email}</bdi></span>
  </div>`;
}

// --- Notifications -----------------------------------------------------------------------

const NOTIFICATIONS = {
  default: { note: "Off" },
  granted: {
    note: "On",
    sentence: "Notifications are on. Your browser's settings for this site turn them off.",
  },
  denied: {
    note: "Blocked",
    sentence: "Your browser blocks notifications from here. Its settings for this site can allow them.",
  },
  unsupported: { note: "Not here", sentence: "This browser cannot show notifications for this address." },
};

/** A page may ask once; all else is up to the browser's settings, so we say where. */
async function notifications() {
  if (permission.value === "default") await askPermission();
  const { sentence } = NOTIFICATIONS[permission.value];
  if (sentence) notice(sentence);
}

// --- The name ------------------------------------------------------------------------------

function ChangeName({ close }) {
  const name = useSignal(me.value.userName);
  const error = useSignal("");
  const busy = useSignal(false);

  const submit = async (event) => {
    event.preventDefault();
    const field = event.currentTarget.elements.userName;
    if (busy.value) return;
    busy.value = true;
    error.value = await failureOf(() => changeTo(name.value.trim()));
    busy.value = false;
    if (error.value) field.focus();
    else close();
  };

  return html`<${Dialog} title="Change name" close=${close}>
    <form class="dialog-form" novalidate onSubmit=${submit}>
      <div class="field">
        <label for="userName">Your name</label>
        <input
          class="input"
          id="userName"
          name="userName"
          data-first
          dir="auto"
          autocomplete="off"
          maxlength="64"
          value=${name.value}
          aria-invalid=${error.value ? "true" : undefined}
          aria-describedby=${error.value ? "name-error" : "name-hint"}
          onInput=${(event) => (name.value = event.currentTarget.value)}
          onFocus=${(event) => event.currentTarget.select()}
        />
        <p class="field-hint" id="name-hint">Everybody sees it, also beside what you wrote before.</p>
      </div>
      ${error.value && html`<p class="alert" role="alert" id="name-error">${error.value}</p>`}
      <div class="dialog-buttons">
        <button type="button" class="button" onClick=${close}>Cancel</button>
        <button type="submit" class="button primary" aria-busy=${busy.value ? "true" : undefined}>
          <span class="button-words">Save</span>
          ${busy.value && html`<span class="spinner" aria-hidden="true"></span>`}
        </button>
      </div>
    </form>
  <//>`;
}

async function changeTo(name) {
  if (!name) throw new Error("Please write a name.");
  if (name !== me.value.userName) await rename(name);
}

/** @returns {Promise<string>} the sentence of what went wrong, "" when nothing did. */
async function failureOf(work) {
  try {
    await work();
    return "";
  } catch (failure) {
    return failure.message;
  }
}
