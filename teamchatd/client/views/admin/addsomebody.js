import { html, useLayoutEffect, useRef, useSignal } from "../../lib.js";
import { addUser, invites } from "../../core/admin.js";
import { config } from "../../core/config.js";
import { users } from "../../core/state.js";
import { Dialog } from "../dialog.js";
import { Buttons, Field, Form, useForm, written } from "../form.js";
import { HandOver, wordsFor } from "./handover.js";
import { PasswordToGive } from "./password.js";
import { ResetPassword } from "./resetpassword.js";

const ROLES = [
  ["user", "Member", "Reads and writes in all channels."],
  ["admin", "Administrator", "Also adds and removes people, channels and webhooks."],
];

/** Somebody's address is all it takes; then it says how they get in. */
export function AddSomebody({ close, open }) {
  const added = useSignal(null);
  const again = () => (added.value = null);
  return html`<${Dialog} title=${added.value ? "Added" : "Add somebody"} close=${close}>
    ${added.value
      ? html`<${WhatNow} added=${added.value} again=${again} close=${close} open=${open} />`
      : html`<${Asking} added=${added} close=${close} />`}
  <//>`;
}

function Asking({ added, close }) {
  const email = useSignal("");
  const role = useSignal("user");
  const password = useSignal("");
  const givesPassword = config.value.auth.mode === "password" && !config.value.hasMail;
  const form = useForm(async () => {
    const whom = { email: written(email, "Please write their e-mail address."), role: role.value };
    if (givesPassword && password.value) whom.password = password.value;
    try {
      await addUser(whom);
    } catch (failure) {
      throw Object.assign(failure, { about: /password/i.test(failure.message) ? "password" : "email" });
    }
    added.value = whom;
  }, "email");
  return html`<${Form} form=${form}>
    <${Field}
      label="E-mail address"
      name="email"
      type="email"
      inputmode="email"
      autocapitalize="none"
      spellcheck=${false}
      data-first
      value=${email}
      form=${form}
      hint=${invites() ? "An invitation is sent there." : "They sign in with it."}
    />
    <fieldset class="choices">
      <legend class="field-label">Role</legend>
      ${ROLES.map(
        ([value, name, words]) => html`<label key=${value} class="choice-of">
          <input type="radio" name="role" value=${value} checked=${role.value === value} onChange=${() => (role.value = value)} />
          <span><strong>${name}</strong><span class="field-hint">${words}</span></span>
        </label>`,
      )}
    </fieldset>
    ${givesPassword &&
    html`<${PasswordToGive}
      form=${form}
      value=${password}
      label="First password (optional)"
      hint="This server sends no mail: they need a password from you."
    />`}
    <${Buttons} form=${form} close=${close}>Add<//>
  <//>`;
}

function WhatNow({ added, again, close, open }) {
  const done = useRef(null);
  // The form that had the focus is gone; without this it would be nowhere.
  useLayoutEffect(() => done.current.focus(), []);
  const { email, password } = added;
  const needsPassword = config.value.auth.mode === "password" && !config.value.hasMail && !password;
  const user = [...users.value.values()].find((each) => each.email.toLowerCase() === email.toLowerCase());
  return html`<div class="dialog-form">
    <div class="good-news" role="status">${sentenceOf(email)}</div>
    ${needsPassword
      ? html`<p>They have no password yet, and cannot sign in before you give them one.</p>`
      : !invites() && html`<p>The server sends them nothing, so tell them:</p><${HandOver} text=${wordsFor(email, password)} password=${password} />`}
    ${password && html`<p class="field-hint">The password is not shown again.</p>`}
    <div class="dialog-buttons">
      <button type="button" class="button quiet" onClick=${again}>Add another</button>
      ${needsPassword &&
      user &&
      html`<button type="button" class="button" onClick=${() => open(ResetPassword, { user })}>Give a password</button>`}
      <button type="button" class="button primary" ref=${done} onClick=${close}>Done</button>
    </div>
  </div>`;
}

const sentenceOf = (email) =>
  invites()
    ? html`An invitation was sent to <bdi>${email}</bdi>. The link in it is good for 7 days.`
    : html`<bdi>${email}</bdi> was added.`;
