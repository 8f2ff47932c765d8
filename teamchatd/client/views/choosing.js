import { html, useComputed, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { Avatar } from "./avatar.js";
import { Dialog } from "./dialog.js";
import { matching } from "./finding.js";
import { Icon } from "./icon.js";

/** More names than this nobody reads; typing one more letter is quicker. */
const SHOWN = 50;

/**
 * A window to find one of many in by name. The focus stays in its field; the arrows go
 * through what is found below it.
 *
 * @param {{title: string, label: string, placeholder: string, list: string, close: () => void,
 *   all: () => Choice[], choose: (choice: Choice) => Promise<void>, none: (query: string) => string}} props
 * Choice: `{id, name, note?, rank?, icon?}`; without an icon it is a person.
 */
export function Choosing({ title, label, placeholder, list, all, choose, none, close }) {
  const query = useSignal("");
  const at = useSignal(0);
  const error = useSignal("");
  const busyWith = useSignal(null);
  const found = useComputed(() => matching(all(), query.value));
  const shown = found.value.slice(0, SHOWN);
  const here = Math.min(at.value, shown.length - 1);

  const marked = shown.length ? `choice-${here}` : undefined;

  const take = async (choice) => {
    if (!choice || busyWith.value) return;
    busyWith.value = choice.id;
    error.value = "";
    try {
      await choose(choice);
      close();
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
    else if (event.key === "Enter") take(shown[here]);
    else return;
    event.preventDefault();
  };

  return html`<${Dialog} title=${title} close=${close} className="choosing">
    <div class="choosing-field">
      <${Icon} name="search" small />
      <input
        class="input"
        data-first
        dir="auto"
        aria-label=${label}
        placeholder=${placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck=${false}
        aria-controls="choices"
        aria-autocomplete="list"
        aria-activedescendant=${marked}
        value=${query.value}
        onInput=${onInput}
        onKeyDown=${onKeyDown}
      />
    </div>
    ${error.value && html`<p class="alert" role="alert">${error.value}</p>`}
    <div
      class="choosing-list scrolls"
      role="listbox"
      id="choices"
      tabindex="0"
      aria-label=${list}
      aria-activedescendant=${marked}
      onKeyDown=${onKeyDown}
    >
      ${shown.map(
        (choice, index) => html`<${Choice}
          key=${choice.id}
          id="choice-${index}"
          choice=${choice}
          isHere=${index === here}
          isBusy=${choice.id === busyWith.value}
          take=${() => take(choice)}
          point=${() => (at.value = index)}
        />`,
      )}
    </div>
    <p class="choosing-count" role="status">${countOf(found.value.length) || (!shown.length && none(query.value.trim()))}</p>
  <//>`;
}

const countOf = (count) => (count > SHOWN ? `${count - SHOWN} more. Go on typing to find them.` : "");

function Choice({ id, choice, isHere, isBusy, take, point }) {
  const { name, note, icon } = choice;
  const row = useRef(null);
  useLayoutEffect(() => {
    if (isHere) row.current.scrollIntoView({ block: "nearest" });
  }, [isHere]);
  return html`<div class="choice" role="option" id=${id} ref=${row} aria-selected=${String(isHere)} onClick=${take} onPointerMove=${point}>
    ${icon
      ? html`<span class="choice-sign"><${Icon} name=${icon} /></span>`
      : html`<${Avatar} id=${choice.userId ?? choice.id} name=${name} size="2rem" />`}
    <span class="choice-words">
      <span class="ellipsis" title=${name}><bdi>${name}</bdi></span>
      ${note && html`<span class="choice-note ellipsis" title=${note}><bdi>${note}</bdi></span>`}
    </span>
    ${isBusy && html`<span class="spinner" aria-hidden="true"></span>`}
  </div>`;
}
