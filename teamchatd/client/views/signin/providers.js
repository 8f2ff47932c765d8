import { html } from "../../lib.js";
import { config } from "../../core/config.js";
import { leaveFor } from "../../core/session.js";

/** The other ways in, beside whichever this server has. */
export function Providers() {
  const { providers = [] } = config.value.auth;
  if (!providers.length) return null;
  return html`<div class="signin-providers">
    <p class="signin-or"><span>or</span></p>
    ${providers.map((each) => html`<${Provider} key=${each.id} provider=${each} />`)}
  </div>`;
}

/** A link, since it leads away; by leaveFor, so that coming back is expected. */
function Provider({ provider }) {
  const leave = (event) => {
    event.preventDefault();
    leaveFor(provider);
  };
  return html`<a class="button wide" href=${provider.loginUrl} onClick=${leave}>
    <span class="ellipsis">Continue with ${provider.name}</span>
  </a>`;
}
