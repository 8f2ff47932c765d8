import { html, useSignal } from "../../lib.js";
import { createChannel, deleteChannel, isFixed, renameChannel } from "../../core/admin.js";
import { notice } from "../../core/notices.js";
import { go, hrefOf, route } from "../../core/route.js";
import { channels, nameOf } from "../../core/state.js";
import { dayShortly } from "../../text/time.js";
import { Dialog } from "../dialog.js";
import { Buttons, Field, Form, useForm, written } from "../form.js";
import { Icon } from "../icon.js";
import { Menu } from "../menu.js";
import { Panel, Row, useOver } from "./panel.js";

export function ChannelsPanel() {
  const [over, open] = useOver();
  return html`<${Panel}
    title="Channels"
    words="Everybody on this server reads them all."
    act=${{ label: "Create a channel", run: () => open(NewChannel) }}
    over=${over}
  >
    <ul class="admin-list" role="list" aria-label="Channels">
      ${channels.value.map((channel) => html`<${Channel} key=${channel.id} channel=${channel} open=${open} />`)}
    </ul>
  <//>`;
}

function Channel({ channel, open }) {
  const { name, createdAt, createdBy } = channel;
  const entries = [
    { label: "Rename", icon: "pencil", run: () => open(RenameChannel, { channel }) },
    { label: "Delete", icon: "trash", isDangerous: true, run: () => open(DeleteChannel, { channel }) },
  ];
  return html`<${Row}
    sign=${html`<${Icon} name="hash" />`}
    name=${name}
    note=${isFixed(channel)
      ? html`<span>It is always there, under this name.</span>`
      : html`<span class="ellipsis">created ${dayShortly(createdAt)} by <bdi>${nameOf(createdBy)}</bdi></span>`}
  >
    ${!isFixed(channel) &&
    html`<${Menu} name=${`Actions for ${name}`} className="admin-menu" entries=${entries}><${Icon} name="more" /><//>`}
  <//>`;
}

const EMPTY = "Please write a name.";

/** Whoever makes one from the sidebar wants to be there. */
export function NewChannel({ close }) {
  const name = useSignal("");
  const form = useForm(async () => {
    const channel = await createChannel(written(name, EMPTY));
    close();
    if (!route.peek().admin) go({ placeId: channel.id });
  }, "name");
  return html`<${Dialog} title="Create a channel" close=${close}>
    <${Form} form=${form}>
      <${Field}
        label="Name"
        name="name"
        value=${name}
        form=${form}
        hint="Everybody on this server sees it, and can write there."
        maxlength="64"
        data-first
      />
      <${Buttons} form=${form} close=${close}>Create<//>
    <//>
  <//>`;
}

function RenameChannel({ channel, close }) {
  const name = useSignal(channel.name);
  const form = useForm(async () => {
    const wanted = written(name, EMPTY);
    if (wanted !== channel.name) await renameChannel(channel, wanted);
    close();
  }, "name");
  return html`<${Dialog} title="Rename the channel" close=${close}>
    <${Form} form=${form}>
      <${Field}
        label="Name"
        name="name"
        value=${name}
        form=${form}
        hint="What was said in it stays, and links to it stay good."
        maxlength="64"
        data-first
        onFocus=${(event) => event.currentTarget.select()}
      />
      <${Buttons} form=${form} close=${close}>Rename<//>
    <//>
  <//>`;
}

/** So much goes with it that the name has to be typed: no slip of the hand does that. */
function DeleteChannel({ channel, close }) {
  const typed = useSignal("");
  const form = useForm(async () => {
    if (typed.value.trim() !== channel.name) throw new Error(`Write “${channel.name}” here to delete it.`);
    await deleteChannel(channel);
    notice(`The channel ${channel.name} was deleted.`);
    close();
  }, "name");
  return html`<${Dialog} title="Delete the channel?" close=${close}>
    <${Form} form=${form}>
      <div class="confirm-words">
        <p>
          With <strong><bdi>${channel.name}</bdi></strong> go all its messages, replies and images, and the webhooks that post
          there: for everybody, and for good.
        </p>
        <p><a href=${hrefOf({ placeId: channel.id })} target="_blank" rel="noopener">Look at it first</a></p>
      </div>
      <${Field}
        label=${html`To delete it, write its name: <strong class="to-type"><bdi>${channel.name}</bdi></strong>`}
        name="name"
        value=${typed}
        form=${form}
        hint="Capital letters count."
        autocapitalize="none"
        spellcheck=${false}
        data-first
      />
      <${Buttons} form=${form} close=${close} kind="danger">Delete the channel<//>
    <//>
  <//>`;
}
