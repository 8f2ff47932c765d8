import { html } from "../../lib.js";
import { suggestPassword } from "../../core/admin.js";
import { Copy } from "../copy.js";
import { Field } from "../form.js";
import { Icon } from "../icon.js";

/** A password for somebody else: it is to be passed on, so it is there to be read. */
export function PasswordToGive({ form, value, label, hint, isSuggested }) {
  const suggest = () => (value.value = suggestPassword());
  return html`<${Field}
    label=${label}
    name="password"
    className="password-to-give"
    value=${value}
    form=${form}
    hint=${hint}
    data-first=${isSuggested}
    autocapitalize="none"
    autocomplete="off"
    spellcheck=${false}
  >
    <button type="button" class="icon-button" aria-label="Suggest a password" title="Suggest a password" onClick=${suggest}>
      <${Icon} name="retry" small />
    </button>
    ${isSuggested && html`<${Copy} text=${value.value} name="Copy password" />`}
  <//>`;
}
