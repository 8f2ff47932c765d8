import { html } from "../lib.js";
import { askPermission, permission } from "../core/attention.js";
import { notice } from "../core/notices.js";
import { go } from "../core/route.js";
import { signOut } from "../core/session.js";
import { me } from "../core/state.js";
import { chooseTheme, theme } from "../core/theme.js";
import { Avatar } from "./avatar.js";
import { front } from "./front.js";
import { Icon } from "./icon.js";
import { Menu } from "./menu.js";
import { isTouch } from "./textbox.js";

const THEMES = [
  ["system", "System"],
  ["light", "Light"],
  ["dark", "Dark"],
];

/** Oneself, at the foot of the sidebar, and what concerns only oneself. */
export function Account() {
  const user = me.value;
  if (!user) return null;
  const entries = [
    { label: "Change name", icon: "pencil", run: () => (front.value = "change name") },
    { label: "Your sessions", icon: "screen", run: () => (front.value = "sessions") },
    { label: "Notifications", icon: "bell", note: NOTIFICATIONS[permission.value].note, run: notifications },
    ...(user.isAdmin ? [{ label: "Administration", icon: "cog", run: () => go({ admin: "people" }) }] : []),
    { line: true },
    { group: "Theme", chosen: theme.value, choices: THEMES, choose: chooseTheme },
    { line: true },
    ...(isTouch() ? [] : [{ label: "Keyboard shortcuts", icon: "keyboard", run: () => (front.value = "keys") }]),
    { label: "Leave this server", icon: "door", run: () => (front.value = "leave server") },
    { label: "Sign out", icon: "leave", run: signOut },
  ];
  return html`<${Menu} name=${`Your account, ${user.userName}`} className="account" head=${html`<${Head} user=${user} />`} entries=${entries}>
    <${Avatar} id=${user.id} name=${user.userName} size="1.75rem" />
    <span class="ellipsis" title=${user.userName}><bdi>${user.userName}</bdi></span>
    <${Icon} name="chevron" small />
  <//>`;
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
