import { html, useComputed, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { openConversation } from "../core/acts.js";
import { go } from "../core/route.js";
import { conversations, me, users } from "../core/state.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";
import { Icon } from "./icon.js";

/** More names than this nobody reads; typing one more letter is quicker. */
const SHOWN = 50;

/** Whom to write to. The focus stays in the field; the arrows go through the people below it. */
export function NewMessage({ close }) {
  const query = useSignal("");
  const at = useSignal(0);
  const error = useSignal("");
  const busyWith = useSignal(null);
  const found = useComputed(() => matching(query.value));
  const shown = found.value.slice(0, SHOWN);
  const here = Math.min(at.value, shown.length - 1);

  const choose = async (user) => {
    if (!user || busyWith.value) return;
    busyWith.value = user.id;
    error.value = "";
    try {
      const placeId = await openConversation(user.id);
      close();
      go({ placeId });
    } catch (failure) {
      error.value = failure.message;
    } finally {
      busyWith.value = null;
    }
  };

  const onInput = (event) => {
    query.value = event.currentTarget.value;
    at.value = 0;
  };

  const onKeyDown = (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) at.value = (here + step + shown.length) % shown.length;
    else if (event.key === "Enter") choose(shown[here]);
    else return;
    event.preventDefault();
  };

  return html`<${Dialog} title="New message" close=${close} className="people">
    <div class="people-field">
      <${Icon} name="search" small />
      <input
        class="input"
        data-first
        dir="auto"
        aria-label="Find people"
        placeholder="Find people by name or address"
        autocomplete="off"
        spellcheck=${false}
        aria-controls="people"
        aria-autocomplete="list"
        aria-activedescendant=${shown.length ? `person-${here}` : undefined}
        value=${query.value}
        onInput=${onInput}
        onKeyDown=${onKeyDown}
      />
    </div>
    ${error.value && html`<p class="alert" role="alert">${error.value}</p>`}
    <${People} people=${shown} here=${here} busyWith=${busyWith.value} choose=${choose} hover=${(index) => (at.value = index)} />
    <p class="people-count" role="status">${countOf(found.value.length, query.value)}</p>
  <//>`;
}

function People({ people, here, busyWith, choose, hover }) {
  return html`<div class="people-list scrolls" role="listbox" id="people" aria-label="People">
    ${people.map(
      (user, index) => html`<${Person}
        key=${user.id}
        id="person-${index}"
        user=${user}
        isHere=${index === here}
        isBusy=${user.id === busyWith}
        choose=${choose}
        hover=${() => hover(index)}
      />`,
    )}
  </div>`;
}

function Person({ id, user, isHere, isBusy, choose, hover }) {
  const row = useRef(null);
  useLayoutEffect(() => {
    if (isHere) row.current.scrollIntoView({ block: "nearest" });
  }, [isHere]);
  return html`<div
    class="person"
    role="option"
    id=${id}
    ref=${row}
    aria-selected=${String(isHere)}
    onClick=${() => choose(user)}
    onPointerMove=${hover}
  >
    <${Avatar} id=${user.id} name=${user.userName} size="2rem" />
    <span class="person-words">
      <span class="ellipsis" title=${user.userName}><bdi>${user.userName}</bdi></span>
      <span class="person-address ellipsis" title=${user.email}><bdi>${user.email}</bdi></span>
    </span>
    ${isBusy && html`<span class="spinner" aria-hidden="true"></span>`}
  </div>`;
}

// --- Finding -------------------------------------------------------------------------------

const order = new Intl.Collator(undefined, { sensitivity: "base", numeric: true });

/** Without accents and capitals: nobody should have to know how to type another's name. */
const plain = (text) => String(text ?? "").normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** Those one talks with come first, the latest on top; then all others by name. */
function matching(query) {
  const words = plain(query).split(/\s+/).filter(Boolean);
  const recent = new Map(conversations.value.map(({ otherUser }, index) => [otherUser?.id, index]));
  const rank = (user) => recent.get(user.id) ?? Infinity;
  return [...users.value.values()]
    .filter((user) => user.id !== me.value?.id && fits(user, words))
    .sort((a, b) => compare(rank(a), rank(b)) || order.compare(a.userName, b.userName));
}

/** Infinity minus itself is no number, and sort would leave the list as it was. */
const compare = (a, b) => (a === b ? 0 : a < b ? -1 : 1);

function fits(user, words) {
  const text = `${plain(user.userName)} ${plain(user.email)}`;
  return words.every((word) => text.includes(word));
}

function countOf(count, query) {
  if (count > SHOWN) return `${count - SHOWN} more. Go on typing to find them.`;
  if (count) return "";
  return query.trim() ? `Nobody here is called “${query.trim()}”.` : "You are the only one here so far.";
}
