import { html, useSignal } from "../../lib.js";
import { openLink, setPassword } from "../../core/entrance.js";
import { arrival, session } from "../../core/session.js";
import { AskForLink, ForgotPassword } from "./ask.js";
import { EmailField, PasswordField } from "./field.js";
import { address, Form, Submit, useForm } from "./form.js";

/** A link can be opened by somebody who is signed in already. */
const elsewhere = () => (session.value ? "Back to teamchat" : "Sign in instead");

/** Whoever came by a link and wants to go another way: the link stays good. */
function leave(show) {
  address.value = arrival.value.email || address.value;
  arrival.value = { kind: "none" };
  show("start");
}

/**
 * What a link is good for, if it is. One that is not leads on to asking for another.
 * @param {(email: string) => Promise<void>} use
 * @param {string} suspect the field that any other refusal is about.
 */
function useLink(link, use, suspect) {
  const refusal = useSignal("");
  const form = useForm(async () => {
    try {
      await use(link.email || address.value.trim());
    } catch (failure) {
      // A refused password has the same status, and can be mended here.
      if (failure.status !== 400 || !/\blink\b/i.test(failure.message)) throw failure;
      address.value = link.email || address.value;
      refusal.value = failure.message;
    }
  }, suspect);
  return { form, refusal: refusal.value };
}

/**
 * A link to choose a password: an invitation, a forgotten one, or the first of all, which
 * belongs to no address yet and so asks for one.
 */
export function SetPassword({ link, show }) {
  const password = useSignal("");
  const use = (email) => setPassword(link.token, email, password.value);
  const { form, refusal } = useLink(link, use, "password");
  if (refusal) return html`<${Refused} sentence=${refusal}><${ForgotPassword} show=${() => leave(show)} /><//>`;
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
      <button type="button" class="link-button" onClick=${() => leave(show)}>${elsewhere()}</button>
    </div>
  <//>`;
}

/**
 * A link that signs in. It is good once, and programs that look through mail open links:
 * so it is used by pressing the button, not by looking at the page.
 */
export function OpenLink({ link, show }) {
  const { form, refusal } = useLink(link, (email) => openLink(link.token, email), "email");
  if (refusal) return html`<${Refused} sentence=${refusal}><${AskForLink} show=${() => leave(show)} /><//>`;
  return html`<${Form} form=${form}>
    <p class="signin-words">
      ${link.email ? "Your link is here. It signs you in once." : "Write your address. This makes the first account."}
    </p>
    ${link.email
      ? html`<${KnownAddress} email=${link.email} />`
      : html`<${EmailField} form=${form} value=${address} />`}
    <${Submit} form=${form}>Open teamchat<//>
    <div class="signin-ways">
      <button type="button" class="link-button" onClick=${() => leave(show)}>
        ${session.value ? elsewhere() : "Ask for another link"}
      </button>
    </div>
  <//>`;
}

function Refused({ sentence, children }) {
  return html`<p class="alert" role="alert">${sentence}</p>${children}`;
}

/** Shown, and there for the browser's keeper of passwords, which looks for a field. */
function KnownAddress({ email }) {
  return html`<div class="field">
    <span class="field-label">E-mail address</span>
    <p class="signin-address ellipsis" title=${email}><bdi>${email}</bdi></p>
    <input class="visually-hidden" type="text" name="username" autocomplete="username" value=${email} readonly tabindex="-1" aria-hidden="true" />
  </div>`;
}
