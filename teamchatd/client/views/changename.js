import { html, useSignal } from "../lib.js";
import { rename } from "../core/acts.js";
import { me } from "../core/state.js";
import { Dialog } from "./dialog.js";

export function ChangeName({ close }) {
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
        ${error.value
          ? html`<p class="field-hint wrong" role="alert" id="name-error" key="error">${error.value}</p>`
          : html`<p class="field-hint" id="name-hint" key="hint">Everybody sees it, also beside what you wrote before.</p>`}
      </div>
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
