import { html } from "../../lib.js";
import { signInDev } from "../../core/entrance.js";
import { Icon } from "../icon.js";
import { EmailField } from "./field.js";
import { address, Form, Submit, useForm } from "./form.js";

/** For trying it out. It must be impossible to take this for a real door. */
export function DevSignIn() {
  const form = useForm(() => signInDev(address.value.trim()), "email");
  return html`<${Form} form=${form}>
    <p class="signin-caution">
      <${Icon} name="warning" />
      <span>This server is being tried out: anybody may sign in as anybody, without a password.</span>
    </p>
    <${EmailField} form=${form} value=${address} />
    <${Submit} form=${form}>Sign in<//>
  <//>`;
}
