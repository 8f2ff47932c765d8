import { html, useSignal } from "../lib.js";
import { config } from "../core/config.js";
import { arrival, lost } from "../core/session.js";
import { AskForLink, ForgotPassword } from "./signin/ask.js";
import { DevSignIn } from "./signin/dev.js";
import { OpenLink, SetPassword } from "./signin/link.js";
import { CreateAccount, PasswordSignIn } from "./signin/password.js";
import { Providers } from "./signin/providers.js";
import { styled } from "./styled.js";

await styled("style/signin.css");

/** The door: which screen it shows follows from the server's mode and what the address brought. */
export function SignIn() {
  const screen = useSignal("start");
  const show = (name) => (screen.value = name);
  // Dev mode sends no links; one from before it was switched on leads nowhere.
  const isLinked = arrival.value.kind === "link" && config.value.auth.mode !== "dev";
  return html`<main class="signin scrolls">
    <div class="signin-card">
      <header class="signin-head">
        <${Mark} />
        <h1 title=${config.value.serverName}><bdi>${config.value.serverName}</bdi></h1>
      </header>
      <${News} />
      ${isLinked ? html`<${Linked} link=${arrival.value} show=${show} />` : html`<${Unlinked} screen=${screen.value} show=${show} />`}
    </div>
  </main>`;
}

/** As in icon.svg, but in the colours of the theme. */
function Mark() {
  return html`<svg class="signin-sign" viewBox="0 0 64 64" aria-hidden="true">
    <path d="M18 6h28a14 14 0 0 1 14 14v16a14 14 0 0 1-14 14H32L19.4 59.6a2 2 0 0 1-3.4-1.4V50A14 14 0 0 1 4 36V20A14 14 0 0 1 18 6z" />
    <circle cx="19" cy="28" r="4.5" /><circle cx="32" cy="28" r="4.5" /><circle cx="45" cy="28" r="4.5" />
  </svg>`;
}

/** What happened before: being signed out, or a provider's refusal. */
function News() {
  if (arrival.value.kind === "failed") {
    return html`<p class="alert" role="alert">${arrival.value.sentence}</p>`;
  }
  if (!lost.value) return null;
  return html`<p class="signin-news" role="status">You were signed out. What you were writing is still here.</p>`;
}

function Linked({ link, show }) {
  return config.value.auth.mode === "magic-link"
    ? html`<${OpenLink} link=${link} show=${show} />`
    : html`<${SetPassword} link=${link} show=${show} />`;
}

function Unlinked({ screen, show }) {
  const Screen = screenOf(config.value.auth.mode, screen);
  return html`<${Screen} key=${screen} show=${show} /><${Providers} />`;
}

function screenOf(mode, screen) {
  if (mode === "dev") return DevSignIn;
  if (mode === "magic-link") return AskForLink;
  if (screen === "forgot") return ForgotPassword;
  return screen === "register" ? CreateAccount : PasswordSignIn;
}
