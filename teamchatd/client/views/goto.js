import { html } from "../lib.js";
import { openConversation } from "../core/acts.js";
import { go } from "../core/route.js";
import { channels, unread } from "../core/state.js";
import { Choosing } from "./choosing.js";
import { people } from "./newmessage.js";

/** To any place by the first letters of its name. */
export function GoTo({ close }) {
  return html`<${Choosing}
    title="Go to"
    label="Find a channel or a person"
    placeholder="Find a channel or a person"
    list="Channels and people"
    all=${everywhere}
    choose=${(choice) => choice.go()}
    none=${(query) => `There is no channel and nobody called “${query}”.`}
    close=${close}
  />`;
}

/** Where something waits comes first. */
function everywhere() {
  const rank = (id) => (unread.value.get(id) ? 0 : 1);
  return [
    ...channels.value.map(({ id, name }) => ({
      id,
      name,
      icon: "hash",
      rank: rank(id),
      go: () => go({ placeId: id }),
    })),
    ...people().map((person) => ({ ...person, rank: 2 + (person.rank ?? Infinity), go: () => write(person) })),
  ];
}

async function write({ id }) {
  go({ placeId: await openConversation(id) });
}
