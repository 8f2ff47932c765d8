import { html, useEffect, useLayoutEffect, useRef, useSignal } from "../lib.js";
import { dismiss, notices, withdraw } from "../core/notices.js";
import { Icon } from "./icon.js";

/** What just happened, in passing. */
export function Notices() {
  return html`<div class="notices">
    ${notices.value.map((each) => html`<${Notice} key=${each.id} notice=${each} />`)}
  </div>`;
}

function Notice({ notice }) {
  const { id, text, kind, seconds, action } = notice;
  const isHeld = useSignal(false);
  useClock(() => dismiss(id), seconds, isHeld.value);
  const line = useRef(null);
  const before = useRef(null);
  useLayoutEffect(() => () => giveBack(line.current, before.current), []);
  const hold = () => (isHeld.value = true);
  const enter = ({ currentTarget, relatedTarget }) => {
    hold();
    if (!currentTarget.contains(relatedTarget)) before.current = relatedTarget;
  };
  // The pointer may have left while the focus is still on the button, and the other way round.
  const letGo = ({ currentTarget, relatedTarget }) =>
    (isHeld.value = currentTarget.contains(relatedTarget) || currentTarget.matches(":hover, :focus-within"));
  const act = () => {
    withdraw(id);
    action.run();
  };
  return html`<div
    ref=${line}
    class="notice"
    data-kind=${kind}
    role=${kind === "error" ? "alert" : "status"}
    onPointerEnter=${hold}
    onPointerLeave=${letGo}
    onFocusIn=${enter}
    onFocusOut=${letGo}
  >
    ${kind === "error" && html`<${Icon} name="warning" small />`}
    <p>${text}</p>
    ${action && html`<button type="button" class="notice-action" onClick=${act}>${action.label}</button>`}
    <button type="button" class="icon-button" aria-label="Dismiss" title="Dismiss" onClick=${() => dismiss(id)}>
      <${Icon} name="close" small />
    </button>
  </div>`;
}

/** What was pressed goes with its notice: the focus goes on from where it came from. */
function giveBack(line, before) {
  if (!line.contains(document.activeElement)) return;
  const to = before?.isConnected ? before : document.querySelector(".composer textarea");
  to?.focus({ preventScroll: true });
}

/**
 * It stands still while somebody points at the notice or is in it: Undo must not vanish
 * from under the pointer. Then the whole time begins again.
 */
function useClock(over, seconds, isHeld) {
  useEffect(() => {
    if (isHeld) return;
    const timer = setTimeout(over, seconds * 1000);
    return () => clearTimeout(timer);
  }, [isHeld]);
}
