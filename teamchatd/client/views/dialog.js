import { html, useLayoutEffect, useRef } from "../lib.js";
import { Icon } from "./icon.js";
import { styled } from "./styled.js";

await styled("style/dialog.css");

/**
 * A window in front of everything. The browser keeps the focus within it and takes Esc;
 * the focus goes back to where it was.
 *
 * @param {{title: string, close: () => void, hasTitle?: boolean}} props with
 *   `hasTitle=${false}` the title is only read aloud and the window is all content.
 */
export function Dialog({ title, close, hasTitle = true, className = "", children }) {
  const dialog = useRef(null);
  const startedOutside = useRef(false);
  useLayoutEffect(() => open(dialog.current), []);

  // A selection that is drawn out of the window ends outside of it, and is no click there.
  const onPointerDown = (event) => (startedOutside.current = event.target === dialog.current);
  const onClick = (event) => startedOutside.current && event.target === dialog.current && close();
  const onCancel = (event) => {
    event.preventDefault();
    close();
  };

  return html`<dialog
    class="dialog ${className}"
    ref=${dialog}
    aria-label=${title}
    onCancel=${onCancel}
    onPointerDown=${onPointerDown}
    onClick=${onClick}
  >
    <div class="dialog-body">
      ${hasTitle &&
      html`<header class="dialog-head">
        <h2>${title}</h2>
        <button type="button" class="icon-button" aria-label="Close" title="Close" onClick=${close}>
          <${Icon} name="close" />
        </button>
      </header>`}
      ${children}
    </div>
  </dialog>`;
}

/** @returns {() => void} closes it; removed while open it would not give the focus back. */
function open(dialog) {
  const before = document.activeElement;
  dialog.showModal();
  dialog.querySelector("[data-first]")?.focus();
  return () => {
    dialog.close();
    if (before?.isConnected) before.focus();
  };
}
