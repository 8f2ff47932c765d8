import { html } from "../lib.js";
import { openConversation } from "../core/acts.js";
import { go } from "../core/route.js";
import { conversations, me, users } from "../core/state.js";
import { Choosing } from "./choosing.js";

/** Whom to write to. */
export function NewMessage({ close }) {
  return html`<${Choosing}
    title="New message"
    label="Find people"
    placeholder="Find people by name or address"
    list="People"
    all=${people}
    choose=${write}
    none=${(query) => (query ? `Nobody here is called “${query}”.` : alone())}
    close=${close}
  />`;
}

const alone = () =>
  me.value?.isAdmin
    ? "You are the only one here so far. Add others under Administration."
    : "You are the only one here so far.";

async function write({ id }) {
  go({ placeId: await openConversation(id) });
}

/** Those one talks with come first, the latest on top. */
export function people() {
  const ranks = new Map(conversations.value.map(({ otherUser }, index) => [otherUser?.id, index]));
  return [...users.value.values()]
    .filter(({ id }) => id !== me.value?.id)
    .map(({ id, userName, email }) => ({ id, name: userName, note: email, rank: ranks.get(id) }));
}
