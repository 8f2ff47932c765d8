import { html } from "../lib.js";
import { Dialog } from "./dialog.js";
import { Buttons, Form, useForm } from "./form.js";

/**
 * Asks before something that cannot be taken back. The focus is on the way out.
 * @param {{title: string, button: string, act: () => Promise<void>, close: () => void}} props
 */
export function Confirm({ title, button, act, close, children }) {
  const form = useForm(async () => {
    await act();
    close();
  });
  return html`<${Dialog} title=${title} close=${close}>
    <${Form} form=${form}>
      <div class="confirm-words">${children}</div>
      ${form.error.value && html`<p class="alert" role="alert">${form.error.value}</p>`}
      <${Buttons} form=${form} close=${close} kind="danger" isCancelFirst>${button}<//>
    <//>
  <//>`;
}
