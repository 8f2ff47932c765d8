import { html, useEffect, useSignal } from "../../lib.js";
import { curlOf, createWebhook, deleteWebhook, loadWebhooks, watchWebhooks, webhooks, webhooksTrouble } from "../../core/admin.js";
import { notice } from "../../core/notices.js";
import { channels, nameOf } from "../../core/state.js";
import { dayShortly } from "../../text/time.js";
import { Confirm } from "../confirm.js";
import { Copy } from "../copy.js";
import { Dialog } from "../dialog.js";
import { BusyButton, Buttons, Field, Form, useForm, written } from "../form.js";
import { Icon } from "../icon.js";
import { Nothing, Panel, Row, useOver } from "./panel.js";

export function WebhooksPanel() {
  const [over, open] = useOver();
  useEffect(watchWebhooks, []);
  return html`<${Panel}
    title="Webhooks"
    words="With one, a program posts into a channel: a build, a monitor, a form."
    act=${{ label: "Create a webhook", run: () => open(NewWebhook) }}
    over=${over}
  >
    <${Shown} open=${open} />
  <//>`;
}

function Shown({ open }) {
  if (webhooksTrouble.value) return html`<${Trouble} />`;
  if (!webhooks.value) {
    return html`<p class="admin-loading" role="status">
      <span class="spinner" aria-hidden="true"></span><span class="visually-hidden">Loading…</span>
    </p>`;
  }
  if (!webhooks.value.length) {
    return html`<${Nothing} icon="plug" title="No webhooks yet">
      A webhook has an address and a token. Whoever has both can post into its channel, and do nothing else.
    <//>`;
  }
  return channels.value.map((channel) => html`<${OfChannel} key=${channel.id} channel=${channel} open=${open} />`);
}

function OfChannel({ channel, open }) {
  const all = webhooks.value.filter(({ channelId }) => channelId === channel.id);
  if (!all.length) return null;
  const { id, name } = channel;
  return html`<h3 class="admin-group" id="webhooks-${id}"><${Icon} name="hash" small /><bdi>${name}</bdi></h3>
    <ul class="admin-list" role="list" aria-labelledby="webhooks-${id}">
      ${all.map(
        (webhook) => html`<${Row}
          key=${webhook.id}
          sign=${html`<${Icon} name="plug" />`}
          name=${webhook.name}
          note=${html`<span class="ellipsis">created ${dayShortly(webhook.createdAt)} by <bdi>${nameOf(webhook.createdBy)}</bdi></span>`}
        >
          <button
            type="button"
            class="icon-button"
            aria-label=${`Delete ${webhook.name}`}
            title="Delete"
            onClick=${() => open(DeleteWebhook, { webhook, channel })}
          >
            <${Icon} name="trash" small />
          </button>
        <//>`,
      )}
    </ul>`;
}

function Trouble() {
  const busy = useSignal(false);
  const again = async () => {
    busy.value = true;
    await loadWebhooks();
    busy.value = false;
  };
  return html`<div class="admin-nothing">
    <p role="alert">${webhooksTrouble.value}</p>
    <${BusyButton} busy=${busy.value} onClick=${again}>Try again<//>
  </div>`;
}

function NewWebhook({ close }) {
  const name = useSignal("");
  const channelId = useSignal(channels.peek()[0]?.id);
  const made = useSignal(null);
  const form = useForm(async () => {
    made.value = await createWebhook(written(name, "Please write a name."), channelId.value);
  }, "name");
  if (made.value) return html`<${Token} key="token" webhook=${made.value} close=${close} />`;
  return html`<${Dialog} key="asking" title="Create a webhook" close=${close}>
    <${Form} form=${form}>
      <${Field}
        label="Name"
        name="name"
        value=${name}
        form=${form}
        hint="Its messages have it as their author."
        placeholder="Builds"
        maxlength="64"
        data-first
      />
      <div class="field">
        <label for="webhook-channel">Channel</label>
        <select class="input" id="webhook-channel" value=${channelId.value} onChange=${(event) => (channelId.value = event.currentTarget.value)}>
          ${channels.value.map(({ id, name }) => html`<option key=${id} value=${id}>${name}</option>`)}
        </select>
      </div>
      <${Buttons} form=${form} close=${close}>Create<//>
    <//>
  <//>`;
}

/** The only time that the token can be seen: leaving without it is asked about first. */
function Token({ webhook, close }) {
  const isCopied = useSignal(false);
  const isAsking = useSignal(false);
  const copied = () => (isCopied.value = true);
  const leave = () => (isCopied.value || isAsking.value ? close() : (isAsking.value = true));
  const curl = curlOf(webhook);
  return html`<${Dialog} title=${`${webhook.name} is ready`} close=${leave} className="wide">
    <div class="dialog-form" onCopy=${copied}>
      <p>The token is shown this once: keep it now. Whoever has it can post as <bdi>${webhook.name}</bdi>.</p>
      <${Shell} label="Token" text=${webhook.token} name="Copy token" copied=${copied} />
      <${Shell} label="Try it in a shell" text=${curl} name="Copy command" copied=${copied} />
      <div class="dialog-buttons">
        <span class="token-caution" role="status">${isAsking.value && !isCopied.value && "You have not copied it, and it will not be shown again."}</span>
        <button type="button" class="button primary" data-first onClick=${leave}>${isAsking.value && !isCopied.value ? "Close anyway" : "Done"}</button>
      </div>
    </div>
  <//>`;
}

function Shell({ label, text, name, copied }) {
  return html`<div class="shown-code">
    <div class="shown-code-head">
      <span class="field-label">${label}</span>
      <${Copy} text=${text} name=${name} copied=${copied} />
    </div>
    <code class=${text.includes("\n") ? "lines" : ""} tabindex="0" role="textbox" aria-readonly="true" aria-multiline="true" aria-label=${label}>${text}</code>
  </div>`;
}

function DeleteWebhook({ webhook, channel, close }) {
  const act = async () => {
    await deleteWebhook(webhook);
    notice(`The webhook ${webhook.name} was deleted.`);
  };
  return html`<${Confirm} title="Delete the webhook?" button="Delete" act=${act} close=${close}>
    <p>
      From then on a program that posts with the token of <strong><bdi>${webhook.name}</bdi></strong> is refused. What it
      said in <bdi>${channel.name}</bdi> stays.
    </p>
  <//>`;
}
