import { html, useEffect, useMemo, useSignal } from "../lib.js";
import { threadOf } from "../core/places.js";
import { go, route } from "../core/route.js";
import { dropsInto, padOf } from "./attach.js";
import { Composer, keyOf } from "./composer.js";
import { isThreadOver } from "./drawer.js";
import { Icon } from "./icon.js";
import { isPressed } from "./keys.js";
import { Log } from "./log.js";
import { Message } from "./message.js";
import { DropHere } from "./place.js";

/** A message and what was replied to it, beside the place it is from. */
export function Thread({ parentId }) {
  const thread = threadOf(parentId);
  const parent = thread.parent.value;
  const isDropping = useSignal(false);
  const drops = useMemo(() => dropsInto(padOf(keyOf(thread)), isDropping), [thread]);
  useEffect(() => thread.enter(), [thread]);
  const close = () => {
    go({ placeId: route.peek().placeId ?? thread.channel.id });
    // Else the focus would be nowhere, and the next key do nothing.
    document.querySelector(`.place [data-id="${CSS.escape(parentId)}"]`)?.focus({ preventScroll: true });
  };
  const pressed = (event) => isPressed("close", event) && !event.defaultPrevented && close();

  // What covers all else is the main thing; the place is hidden, and its heading with it.
  const isOver = isThreadOver.value;
  return html`<section class="talk thread" role=${isOver ? "main" : "complementary"} aria-label="Thread" onKeyDown=${pressed} ...${drops}>
    <header class="talk-head">
      <${isOver ? "h1" : "h2"} class="talk-title">Thread<//>
      <span class="talk-note ellipsis">${thread.channel.name}</span>
      <button class="icon-button" type="button" aria-label="Close thread" title="Close thread" onClick=${close}>
        <${Icon} name="close" /></button>
    </header>
    <${Log} key=${parentId} place=${thread} label="Replies"
      parent=${html`<${Parent} thread=${thread} parent=${parent} />`} />
    <${Composer} key=${`write ${parentId}`} place=${thread}
      label=${parent ? `Reply to ${parent.author.userName}` : "Reply"} />
    ${isDropping.value && html`<${DropHere} />`}
  </section>`;
}

function Parent({ thread, parent }) {
  if (!parent) return null;
  const count = Math.max(thread.messages.value.length, parent.threadMeta?.replyCount ?? 0);
  // Where they could not be had, it would be a lie that there are none.
  const none = thread.error.value ? "Replies" : "No replies yet";
  const words = count === 0 ? none : count === 1 ? "1 reply" : `${count} replies`;
  return html`<${Message} message=${parent} isFirst=${true} place=${thread} isParent=${true} />
    <div class="thread-rule"><span>${words}</span></div>`;
}
