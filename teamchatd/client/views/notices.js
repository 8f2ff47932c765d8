import { html, useSignal } from "../lib.js";
import { dismiss, notices } from "../core/notices.js";
import { Icon } from "./icon.js";

/**
 * What just happened, in passing. One that is pointed at or has the focus stays after its
 * time: it must not vanish from under the pointer that is about to press Undo.
 */
export function Notices() {
  const held = useSignal(null);
  const shown = notices.value.filter(({ id }) => id !== held.value?.id);
  if (held.value) shown.push(held.value);
  shown.sort((a, b) => a.id - b.id);
  return html`<div class="notices">
    ${shown.map((each) => html`<${Notice} key=${each.id} notice=${each} held=${held} />`)}
  </div>`;
}

function Notice({ notice, held }) {
  const hold = () => (held.value = notice);
  const letGo = (event) => {
    const stays = event.currentTarget.matches(":hover, :focus-within") && event.type !== "pointerleave";
    if (!stays && held.value?.id === notice.id) held.value = null;
  };
  const away = () => {
    held.value = null;
    dismiss(notice.id);
  };
  const act = () => {
    away();
    notice.action.run();
  };
  return html`<div
    class="notice"
    data-kind=${notice.kind}
    role=${notice.kind === "error" ? "alert" : "status"}
    onPointerEnter=${hold}
    onPointerLeave=${letGo}
    onFocusIn=${hold}
    onFocusOut=${letGo}
  >
    ${notice.kind === "error" && html`<${Icon} name="warning" small />`}
    <p>${notice.text}</p>
    ${notice.action && html`<button type="button" class="notice-action" onClick=${act}>${notice.action.label}</button>`}
    <button type="button" class="icon-button" aria-label="Dismiss" onClick=${away}><${Icon} name="close" small /></button>
  </div>`;
}
