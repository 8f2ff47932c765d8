import { html, useSignal } from "../../lib.js";
import { config } from "../../core/config.js";
import { register, signInWithPassword } from "../../core/entrance.js";
import { EmailField, PasswordField } from "./field.js";
import { address, Form, Submit, useForm } from "./form.js";

/** Address and password, with the ways on for who has no password or no account. */
export function PasswordSignIn({ show }) {
  const password = useSignal("");
  const form = useForm(() => signInWithPassword(address.value.trim(), password.value), "password");
  return html`<${Form} form=${form}>
    <${EmailField} form=${form} value=${address} />
    <${PasswordField} form=${form} value=${password} />
    <${Submit} form=${form}>Sign in<//>
    <div class="signin-ways">
      <button type="button" class="link-button" onClick=${() => show("forgot")}>I forgot my password</button>
      ${!config.value.auth.isInviteRequired &&
      html`<button type="button" class="link-button" onClick=${() => show("register")}>Create account</button>`}
    </div>
  <//>`;
}

/** Only where everybody may come in without having been invited. */
export function CreateAccount({ show }) {
  const password = useSignal("");
  const form = useForm(() => register(address.value.trim(), password.value), "email");
  return html`<${Form} form=${form}>
    <${EmailField} form=${form} value=${address} />
    <${PasswordField} form=${form} value=${password} isNew />
    <${Submit} form=${form}>Create account<//>
    <div class="signin-ways">
      <span>You have an account? </span>
      <button type="button" class="link-button" onClick=${() => show("start")}>Sign in instead</button>
    </div>
  <//>`;
}
