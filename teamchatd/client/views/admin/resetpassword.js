import { html, useLayoutEffect, useRef, useSignal } from "../../lib.js";
import { resetPassword, suggestPassword } from "../../core/admin.js";
import { me } from "../../core/state.js";
import { Dialog } from "../dialog.js";
import { Buttons, Form, useForm, written } from "../form.js";
import { HandOver, wordsFor } from "./handover.js";
import { PasswordToGive } from "./password.js";

export function ResetPassword({ user, close }) {
  const password = useSignal(suggestPassword());
  const isDone = useSignal(false);
  const form = useForm(async () => {
    await resetPassword(user, written(password, "Please write a password."));
    isDone.value = true;
  }, "password");
  if (isDone.value) return html`<${NewPassword} user=${user} password=${password.value} close=${close} />`;
  return html`<${Dialog} title="Reset password" close=${close}>
    <${Form} form=${form}>
      <p>${isOneself(user)
        ? "From then on only the new password is good. You are signed out everywhere, here too."
        : html`From then on only the new password is good. <bdi>${user.userName}</bdi> is signed out everywhere.`}</p>
      <${PasswordToGive}
        form=${form}
        value=${password}
        label=${html`New password of <bdi>${user.userName}</bdi>`}
        hint="A suggestion. Write another, if you like, of at least 8 characters."
        isSuggested
      />
      <${Buttons} form=${form} close=${close}>Reset password<//>
    <//>
  <//>`;
}

const isOneself = (user) => user.id === me.value?.id;

function NewPassword({ user, password, close }) {
  const done = useRef(null);
  useLayoutEffect(() => done.current.focus(), []);
  return html`<${Dialog} title="Reset password" close=${close}>
    <div class="dialog-form">
      <div class="good-news" role="status"><bdi>${user.userName}</bdi> has a new password, and was signed out everywhere.</div>
      <p>The server sends them nothing, so tell them. The password is not shown again.</p>
      <${HandOver} text=${wordsFor(user.email, password)} password=${password} />
      <div class="dialog-buttons">
        <button type="button" class="button primary" ref=${done} onClick=${close}>Done</button>
      </div>
    </div>
  <//>`;
}
