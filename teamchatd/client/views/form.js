import { html, useId, useRef, useSignal } from "../lib.js";

/**
 * What a form of a window does when it is sent: it is busy, and says in a sentence what
 * went wrong, with the focus in the field that this is about.
 *
 * @param {() => Promise<void>} act fails with a sentence, `about` a field if it knows one.
 * @param {string} suspect the field that it is about otherwise; without one the sentence
 *   stands alone.
 */
export function useForm(act, suspect) {
  const busy = useSignal(false);
  const error = useSignal("");
  const about = useSignal(suspect);
  const element = useRef(null);
  const submit = async (event) => {
    event?.preventDefault();
    if (busy.value) return;
    busy.value = true;
    error.value = "";
    try {
      await act();
    } catch (failure) {
      error.value = failure.message;
      about.value = failure.about ?? suspect;
      element.current?.elements[about.value]?.focus();
    } finally {
      busy.value = false;
    }
  };
  return { busy, error, about, submit, element };
}

export function Form({ form, children }) {
  return html`<form class="dialog-form" ref=${form.element} novalidate onSubmit=${form.submit}>${children}</form>`;
}

/** One line to write into. What is wrong with it takes the place of its hint, and moves nothing. */
export function Field({ label, name, value, hint, form, className = "", children, ...input }) {
  const id = useId();
  const wrong = form.about.value === name ? form.error.value : "";
  return html`<div class="field ${className}">
    <label for=${id}>${label}</label>
    <div class="field-line">
      <input
        class="input"
        id=${id}
        name=${name}
        dir="auto"
        autocomplete="off"
        value=${value.value}
        onInput=${(event) => (value.value = event.currentTarget.value)}
        aria-invalid=${wrong ? "true" : undefined}
        aria-describedby=${wrong || hint ? `${id}-hint` : undefined}
        ...${input}
      />
      ${children}
    </div>
    ${wrong
      ? html`<p class="field-hint wrong" role="alert" id="${id}-hint" key="wrong">${wrong}</p>`
      : hint && html`<p class="field-hint" id="${id}-hint" key="hint">${hint}</p>`}
  </div>`;
}

/** A button that keeps its size while it works. */
export function BusyButton({ busy, kind = "", type = "button", onClick, children, ...rest }) {
  return html`<button type=${type} class="button ${kind}" aria-busy=${busy ? "true" : undefined} onClick=${onClick} ...${rest}>
    <span class="button-words">${children}</span>
    ${busy && html`<span class="spinner" aria-hidden="true"></span>`}
  </button>`;
}

/** The foot of a window: going back on it, and doing it. */
export function Buttons({ form, close, kind = "primary", isCancelFirst, children }) {
  return html`<div class="dialog-buttons">
    <button type="button" class="button" data-first=${isCancelFirst} onClick=${close}>Cancel</button>
    <${BusyButton} type="submit" kind=${kind} busy=${form.busy.value}>${children}<//>
  </div>`;
}

/**
 * A name, asked for.
 * @param {string} empty what is said when there is none.
 */
export function written(value, empty) {
  const name = value.value.trim();
  if (!name) throw new Error(empty);
  return name;
}
