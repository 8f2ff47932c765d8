import { html, useSignal } from "../../lib.js";
import { arrival, openLink, setPassword } from "../../core/session.js";
import { EmailField, PasswordField } from "./field.js";
import { address, Form, Submit, useForm } from "./form.js";

/** Whoever came by a link and wants to go another way: the link stays good. */
function leave(show, screen) {
  address.value = arrival.value.email || address.value;
  arrival.value = { kind: "none" };
  show(screen);
}

/**
 * A link to choose a password: an invitation, a forgotten one, or the first of all, which
 * belongs to no address yet and so asks for one.
 */
export function SetPassword({ link, show }) {
  const password = useSignal("");
  const form = useForm(
    () => setPassword(link.token, link.email || address.value.trim(), password.value),
    // What a link is refused for is the link: neither field could mend it.
    null,
  );
  return html`<${Form} form=${form}>
    <p class="signin-words">
      ${link.email ? "Choose the password for your account." : "Write your address and choose a password. This makes the first account."}
    </p>
    ${link.email
      ? html`<${KnownAddress} email=${link.email} />`
      : html`<${EmailField} form=${form} value=${address} />`}
    <${PasswordField} form=${form} value=${password} isNew />
    <${Submit} form=${form}>Set password<//>
    <div class="signin-ways">
      ${form.error.value &&
      html`<button type="button" class="link-button" onClick=${() => leave(show, "forgot")}>Ask for a new link</button>`}
      <button type="button" class="link-button" onClick=${() => leave(show, "start")}>Sign in instead</button>
    </div>
  <//>`;
}

/**
 * A link that signs in. It is good once, and programs that look through mail open links:
 * so it is used by pressing the button, not by looking at the page.
 */
export function OpenLink({ link, show }) {
  const form = useForm(() => openLink(link.token, link.email || address.value.trim()), null);
  return html`<${Form} form=${form}>
    <p class="signin-words">
      ${link.email ? "Your link is here. It signs you in once." : "Write your address. This makes the first account."}
    </p>
    ${link.email
      ? html`<${KnownAddress} email=${link.email} />`
      : html`<${EmailField} form=${form} value=${address} />`}
    <${Submit} form=${form}>Open teamchat<//>
    <div class="signin-ways">
      <button type="button" class="link-button" onClick=${() => leave(show, "start")}>Ask for a new link</button>
    </div>
  <//>`;
}

/** Shown, and there for the browser's keeper of passwords, which looks for a field. */
function KnownAddress({ email }) {
  return html`<div class="field">
    <span class="field-label">Email address</span>
    <p class="signin-address ellipsis" title=${email}><bdi>${email}</bdi></p>
    <input class="visually-hidden" type="text" name="username" autocomplete="username" value=${email} readonly tabindex="-1" aria-hidden="true" />
  </div>`;
}
