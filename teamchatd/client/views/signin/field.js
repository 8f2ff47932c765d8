import { html, useRef, useSignal } from "../../lib.js";
import "../drawings.js";
import { Icon } from "../icon.js";

/** One line to write into. `form` is of useForm: it knows which field is wrong. */
export function Field({ label, hint, form, value, children, ...input }) {
  const wrong = form.wrong.value === input.name;
  const described = wrong ? form.errorId : hint ? `${input.name}-hint` : undefined;
  return html`<div class="field">
    <label for=${input.name}>${label}</label>
    <div class="field-box">
      <input
        class="input"
        id=${input.name}
        dir="auto"
        value=${value.value}
        onInput=${(event) => (value.value = event.currentTarget.value)}
        aria-invalid=${wrong ? "true" : undefined}
        aria-describedby=${described}
        ...${input}
      />
      ${children}
    </div>
    ${hint && html`<p class="field-hint" id="${input.name}-hint">${hint}</p>`}
  </div>`;
}

export function EmailField(props) {
  return html`<${Field}
    label="E-mail address"
    name="email"
    type="email"
    inputmode="email"
    autocomplete="username"
    autocapitalize="none"
    spellcheck=${false}
    required
    ...${props}
  />`;
}

/**
 * A password can be looked at: who cannot see what they write makes it short.
 * `isNew` is for the browser's own keeper of passwords, which then proposes one.
 */
export function PasswordField({ isNew, ...props }) {
  const isShown = useSignal(false);
  const box = useRef(null);
  const turn = () => {
    isShown.value = !isShown.value;
    box.current.parentElement.querySelector("input").focus();
  };
  return html`<${Field}
    label="Password"
    name="password"
    type=${isShown.value ? "text" : "password"}
    autocomplete=${isNew ? "new-password" : "current-password"}
    autocapitalize="none"
    spellcheck=${false}
    minlength=${isNew ? 8 : undefined}
    hint=${isNew ? "At least 8 characters. Several words are better than one." : undefined}
    required
    ...${props}
  >
    <button
      type="button"
      ref=${box}
      class="icon-button field-end"
      aria-label=${isShown.value ? "Hide password" : "Show password"}
      title=${isShown.value ? "Hide password" : "Show password"}
      onClick=${turn}
    >
      <${Icon} name=${isShown.value ? "eyeShut" : "eye"} />
    </button>
  <//>`;
}
