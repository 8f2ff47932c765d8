import { html } from "../../lib.js";
import { Copy } from "../copy.js";

/** Words to be passed on by whoever reads them, since the server sends no letter. */
export function HandOver({ text, password = "" }) {
  const words = password && text.endsWith(password) ? text.slice(0, -password.length) : text;
  return html`<div class="handover">
    <p class="handover-words">${words}${words !== text && html`<code>${password}</code>`}</p>
    <${Copy} text=${text} name="Copy these words" />
  </div>`;
}
