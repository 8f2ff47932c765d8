import { html, useSignal, useSignalEffect } from "../../lib.js";
import { renameServer } from "../../core/admin.js";
import { config } from "../../core/config.js";
import { notice } from "../../core/notices.js";
import { serverName } from "../../core/state.js";
import { BusyButton, Field, useForm, written } from "../form.js";
import { Panel } from "./panel.js";

export function ServerPanel() {
  return html`<${Panel} title="Server">
    <${Name} />
    <${Facts} />
  <//>`;
}

function Name() {
  const name = useSignal(serverName.peek());
  const known = useSignal(serverName.peek());
  // Another administrator has renamed it: unless somebody is writing here.
  useSignalEffect(() => {
    const now = serverName.value;
    if (name.peek() === known.peek()) name.value = now;
    known.value = now;
  });
  const form = useForm(async () => {
    const wanted = written(name, "Please write a name.");
    await renameServer(wanted);
    name.value = wanted;
    notice(`This server is called ${wanted} now.`);
  }, "name");
  const onKeyDown = (event) => {
    if (event.key !== "Escape" || name.value === known.value) return;
    event.preventDefault();
    name.value = known.value;
  };
  return html`<form class="admin-form" ref=${form.element} novalidate onSubmit=${form.submit} onKeyDown=${onKeyDown}>
    <${Field}
      label="Name of the server"
      name="name"
      value=${name}
      form=${form}
      hint="Everybody sees it: at the door, above the channels, and in the mails."
      maxlength="64"
    />
    <${BusyButton} type="submit" kind="primary" busy=${form.busy.value}>Save<//>
  </form>`;
}

const MODES = {
  password: "With a password",
  "magic-link": "With a link that comes by mail",
  dev: "With any address, to try things out",
};

/** What follows from its configuration, and can be changed only there. */
function Facts() {
  const { auth, hasMail, version } = config.value;
  const { mode, isInviteRequired, providers = [] } = auth;
  const facts = [
    ["People sign in", [MODES[mode], ...providers.map(({ name }) => `with ${name}`)].join(", or ")],
    ["New accounts", isInviteRequired ? "Administrators add people" : "Anybody can make one"],
    ["Mail", hasMail ? "Is sent" : "Is not set up"],
    ["Version", `teamchat ${version}`],
  ];
  return html`<h3 class="admin-group">As it is configured</h3>
    <dl class="admin-facts">
      ${facts.map(([name, fact]) => html`<div key=${name}><dt>${name}</dt><dd>${fact}</dd></div>`)}
    </dl>`;
}
