import { html } from "../../lib.js";
import { config } from "../../core/config.js";
import { serverName } from "../../core/state.js";
import { Copy } from "../copy.js";

/** Words to be passed on by whoever reads them, since the server sends no letter. */
export function HandOver({ text, password = "" }) {
  const words = password && text.endsWith(password) ? text.slice(0, -password.length) : text;
  return html`<div class="handover">
    <p class="handover-words">${words}${words !== text && html`<code>${password}</code>`}</p>
    <${Copy} text=${text} name="Copy these words" />
  </div>`;
}

/** @returns {string} what they have to know to get in. */
export function wordsFor(email, password) {
  const where = `You can sign in to ${serverName.value} at ${location.origin}/`;
  const { mode, providers = [] } = config.value.auth;
  const others = providers.length ? ` “Continue with ${providers[0].name}” works, too.` : "";
  if (mode === "password") return `${where} with ${email} and this password: ${password}`;
  if (mode === "dev") return `${where} with ${email}. It asks for no password.${others}`;
  return `${where} with ${email}. A link to sign in comes by mail.${others}`;
}
