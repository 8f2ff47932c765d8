/**
 * What the letters before the caret may become: a name after @, an emoji after a colon.
 */

import { html } from "../lib.js";
import { users } from "../core/state.js";
import { emojiOf, findEmoji, loadEmoji, noteUse } from "../text/emoji.js";
import { Avatar } from "./avatar.js";
import { styled } from "./styled.js";

await styled("style/offers.css");

export { noteUse };

const MOST = 8;
const NAME = /(?:^|[\s([{>"'*_~])@([^@\n]{0,64})$/u;
const EMOJI = /(?:^|[\s([{>"'*_~]):([a-z0-9_+-]{2,32})(:?)$/iu;

export function Offers({ id, offer, take }) {
  return html`<ul class="completion" role="listbox" id=${id} aria-label=${offer.label}>
    ${offer.options.map((option, place) => html`<li key=${option.words} role="option"
      id=${`${id}-${place}`} aria-selected=${place === offer.marked}
      onPointerDown=${(event) => event.preventDefault()} onClick=${() => take(option)}>
      ${option.user
        ? html`<${Avatar} id=${option.user.id} name=${option.user.userName} size="1.5rem" />
          <bdi class="ellipsis">${option.user.userName}</bdi>`
        : html`<span class="completion-emoji">${option.emoji}</span>
          <span class="ellipsis">${option.label}</span>`}
    </li>`)}
  </ul>`;
}

export async function offerFor(box) {
  if (!box || box.selectionStart !== box.selectionEnd) return null;
  const before = box.value.slice(0, box.selectionStart);
  // First, since a name may hold spaces: "@Grace and :ta" might be one that goes on.
  const code = EMOJI.exec(before);
  if (code) return offerEmoji(box, before, code[1], Boolean(code[2]));
  const name = NAME.exec(before);
  return name ? offerNames(name[1]) : null;
}

function offerNames(typed) {
  const asked = typed.toLowerCase();
  const found = [...users.value.values()]
    .map((user) => ({ user, rank: rankOf(user.userName.toLowerCase(), asked) }))
    .filter(({ rank }) => rank < 2)
    .sort((a, b) => a.rank - b.rank || a.user.userName.localeCompare(b.user.userName))
    .slice(0, MOST);
  const options = found.map(({ user }) => ({ user, words: `@${user.userName}`, typed: typed.length + 1 }));
  // The whole name stands there already: Enter then means the message, not the list.
  const isSaid = options.length === 1 && options[0].user.userName.toLowerCase() === asked;
  return { label: "People", options, isSaid };
}

function rankOf(name, asked) {
  if (name.startsWith(asked)) return 0;
  return name.split(/[\s._-]+/u).some((word) => word.startsWith(asked)) ? 1 : 2;
}

async function offerEmoji(box, before, typed, isClosed) {
  const list = await loadEmoji().catch(() => []);
  // It came over the network: somebody may have typed on meanwhile.
  if (box.value.slice(0, box.selectionStart) !== before) return null;
  if (isClosed) {
    const emoji = emojiOf(list, typed);
    return emoji ? { whole: { emoji, words: emoji, typed: typed.length + 2 }, options: [] } : null;
  }
  const options = findEmoji(list, typed, MOST).map(({ emoji, label }) => ({
    emoji, label, words: emoji, typed: typed.length + 1,
  }));
  return { label: "Emoji", options };
}
