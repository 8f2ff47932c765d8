import { html } from "../../lib.js";
import { removeUser } from "../../core/admin.js";
import { config } from "../../core/config.js";
import { notice } from "../../core/notices.js";
import { Confirm } from "../confirm.js";

export function RemovePerson({ user, close }) {
  const { userName, email } = user;
  const act = async () => {
    await removeUser(user);
    notice(`${userName} was removed.`);
  };
  return html`<${Confirm} title=${`Remove ${userName}?`} button="Remove" act=${act} close=${close}>
    <p><bdi>${userName}</bdi> (<bdi>${email}</bdi>) is signed out everywhere at once, and cannot sign in any more.</p>
    <ul class="consequences">
      <li><strong>Stays:</strong> what they wrote, under their name, and the direct messages, for those they wrote with.</li>
      <li><strong>Goes:</strong> their account. If they are added again, they begin as somebody new.</li>
    </ul>
    ${!config.value.auth.isInviteRequired &&
    html`<p class="field-hint">Anybody may make an account on this server, so they could come back by themselves.</p>`}
  <//>`;
}
