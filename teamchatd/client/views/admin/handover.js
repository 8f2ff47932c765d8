import { html } from "../../lib.js";
import { Copy } from "../copy.js";

/** Words to be passed on by whoever reads them, since the server sends no letter. */
export function HandOver({ text }) {
  return html`<div class="handover">
    <p class="handover-words" data-text><bdi>${text}</bdi></p>
    <${Copy} text=${text} name="Copy these words" />
  </div>`;
}
