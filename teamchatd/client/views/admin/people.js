import { html, useComputed, useSignal, useSignalEffect } from "../../lib.js";
import { completeUsers } from "../../core/admin.js";
import { config } from "../../core/config.js";
import { me, users } from "../../core/state.js";
import { dayShortly } from "../../text/time.js";
import { Avatar } from "../avatar.js";
import { matching } from "../finding.js";
import { Icon } from "../icon.js";
import { Menu } from "../menu.js";
import { AddSomebody } from "./addsomebody.js";
import { Nothing, Panel, Row, useOver } from "./panel.js";
import { RemovePerson } from "./removeperson.js";
import { ResetPassword } from "./resetpassword.js";

/** More than this nobody reads; a few letters find whom one means. */
const SHOWN = 100;

export function PeoplePanel() {
  const query = useSignal("");
  const [over, open] = useOver();
  const found = useComputed(() => matching(everybody(), query.value));
  useCompleteness();
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || !query.value) return;
    event.preventDefault();
    query.value = "";
  };
  return html`<${Panel}
    title="People"
    words="Everybody who can sign in here, and read all channels."
    act=${{ label: "Add somebody", run: () => open(AddSomebody) }}
    over=${over}
  >
    <div class="admin-search">
      <${Icon} name="search" small />
      <input
        class="input"
        type="search"
        dir="auto"
        aria-label="Search people"
        placeholder="Search by name or address"
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        value=${query.value}
        onInput=${(event) => (query.value = event.currentTarget.value)}
        onKeyDown=${onKeyDown}
      />
    </div>
    <p class="admin-count" role="status">${countOf(found.value.length, users.value.size, query.value.trim())}</p>
    <ul class="admin-list" role="list" aria-label="People">
      ${found.value.slice(0, SHOWN).map(({ id, user }) => html`<${Person} key=${id} user=${user} open=${open} />`)}
    </ul>
    ${!found.value.length &&
    html`<${Nothing} icon="people" title="Nobody like that">No name and no address here has “<bdi>${query.value.trim()}</bdi>” in it.<//>`}
  <//>`;
}

const everybody = () =>
  [...users.value.values()].map((user) => ({ id: user.id, name: user.userName, note: user.email, user }));

function countOf(found, all, query) {
  const more = found > SHOWN ? `, of whom ${SHOWN} are shown. Search to find the others.` : "";
  if (query) return `${found} of ${all} people${more}`;
  return `${all === 1 ? "1 person" : `${all} people`}${more}`;
}

function Person({ user, open }) {
  const { userName, email, isAdmin, createdAt } = user;
  const isOneself = user.id === me.value?.id;
  const entries = entriesOf(user, isOneself, open);
  return html`<${Row}
    sign=${html`<${Avatar} id=${user.id} name=${userName} size="2.25rem" />`}
    name=${userName}
    badge=${[isAdmin && "Administrator", isOneself && "You"].filter(Boolean).join(" · ")}
    note=${html`<span class="ellipsis" title=${email}><bdi>${email}</bdi></span>
      ${createdAt && html`<span class="admin-since">since ${dayShortly(createdAt)}</span>`}`}
  >
    ${entries.length > 0 &&
    html`<${Menu} name=${`Actions for ${userName}`} className="admin-menu" entries=${entries}><${Icon} name="more" /><//>`}
  <//>`;
}

function entriesOf(user, isOneself, open) {
  // Where nobody signs in with a password there is none to reset.
  const withPassword = config.value.auth.mode === "password";
  return [
    withPassword && { label: "Reset password", icon: "key", run: () => open(ResetPassword, { user }) },
    !isOneself && { label: "Remove", icon: "trash", isDangerous: true, run: () => open(RemovePerson, { user }) },
  ].filter(Boolean);
}

/** An event tells of a new user without their role; whoever looks here wants it. */
function useCompleteness() {
  useSignalEffect(() => {
    const isPart = [...users.value.values()].some(({ createdAt }) => createdAt === undefined);
    if (isPart) completeUsers().catch(() => {}); // the next load of everything brings it
  });
}
