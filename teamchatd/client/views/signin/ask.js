import { html, useLayoutEffect, useRef, useSignal } from "../../lib.js";
import { config } from "../../core/config.js";
import { askForLink, askForReset } from "../../core/entrance.js";
import { session } from "../../core/session.js";
import "../drawings.js";
import { Icon } from "../icon.js";
import { EmailField } from "./field.js";
import { address, Form, Submit, useForm } from "./form.js";

/** Forgot it, or never had one: a link by mail leads to a new password. */
export function ForgotPassword({ show }) {
  const back = html`<button type="button" class="link-button" onClick=${() => show("start")}>${session.value ? "Back to teamchat" : "Back to signing in"}</button>`;
  if (config.value.hasMail === false) return html`<${NoMail}>${back}<//>`;
  return html`<${AskByMail}
    ask=${askForReset}
    words="Write the address of your account. A link to choose a new password comes by mail."
    button="Send me a link"
  >
    ${back}
  <//>`;
}

/** Letting somebody wait for a mail that cannot come would be unkind. */
function NoMail({ children }) {
  return html`<div class="signin-form">
    <p class="signin-words">This server does not send mail. Please ask an administrator for a new password.</p>
    <div class="signin-ways">${children}</div>
  </div>`;
}

export function AskForLink({ show }) {
  return html`<${AskByMail}
    ask=${askForLink}
    words="There are no passwords here: a link that signs you in comes by mail."
    button="Send me a link"
  >
    ${session.value && html`<button type="button" class="link-button" onClick=${() => show("start")}>Back to teamchat</button>`}
  <//>`;
}

/** Asking for a mail, and what there is to see until it comes. */
function AskByMail({ ask, words, button, children }) {
  const answer = useSignal("");
  const form = useForm(async () => {
    answer.value = await ask(address.value.trim());
  }, "email");
  const again = () => (answer.value = "");
  if (answer.value) return html`<${LookInYourMail} sentence=${answer.value} again=${again}>${children}<//>`;
  return html`<${Form} form=${form}>
    <p class="signin-words">${words}</p>
    <${EmailField} form=${form} value=${address} />
    <${Submit} form=${form}>${button}<//>
    ${children && html`<div class="signin-ways">${children}</div>`}
  <//>`;
}

/** The server's own sentence: it does not say whether there is such an account, nor do we. */
function LookInYourMail({ sentence, again, children }) {
  const box = useRef(null);
  // The form that had the focus is gone; without this it would be nowhere.
  useLayoutEffect(() => box.current.focus(), []);
  return html`<div class="signin-form">
    <div class="signin-mail" role="status" tabindex="-1" ref=${box}>
      <span class="signin-mail-sign"><${Icon} name="mail" /></span>
      <p><strong>Look in your mail</strong></p>
      <p>${sentence}</p>
      <p class="signin-address ellipsis" title=${address.value}><bdi>${address.value}</bdi></p>
    </div>
    <p class="signin-words">It can take a minute. If nothing comes, look among the unwanted mail.</p>
    <div class="signin-ways">
      <button type="button" class="link-button" onClick=${again}>Ask again</button>
      ${children}
    </div>
  </div>`;
}
