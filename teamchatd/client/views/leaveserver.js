import { html } from "../lib.js";
import { config } from "../core/config.js";
import { notice } from "../core/notices.js";
import { leaveServer } from "../core/sessions.js";
import { serverName } from "../core/state.js";
import { Confirm } from "./confirm.js";

/** For good, unlike signing out. */
export function LeaveServer({ close }) {
  const name = serverName.value;
  const act = async () => {
    await leaveServer();
    notice(`You have left ${name}.`, { seconds: 12 });
  };
  return html`<${Confirm} title="Leave this server?" button="Leave for good" act=${act} close=${close}>
    <p>
      This ends your account on <strong><bdi>${name}</bdi></strong>, everywhere and at once. If you only want to stop for
      today, sign out instead.
    </p>
    <ul class="consequences">
      <li><strong>Stays:</strong> what you wrote, under your name, and your direct messages, for those you wrote with.</li>
      <li>
        <strong>Goes:</strong> your account. ${config.value.auth.isInviteRequired
          ? "To come back you would have to be added again, and would begin as somebody new."
          : "If you come back, you begin as somebody new."}
      </li>
    </ul>
  <//>`;
}
