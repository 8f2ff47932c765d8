import { html, useEffect, useRef, useSignal } from "../lib.js";
import { later } from "./later.js";

const Popup = later(() => import("./popup.js").then((module) => module.Popup));

/**
 * A button with a menu.
 *
 * @param {{name: string, className?: string, head?: any, entries: Entry[], children: any}} props
 *   `children` are what the button shows, `head` what stands above the entries.
 * Entry: `{label, run, icon?, note?, isDangerous?}`, `{line: true}`, or
 *   `{group: string, chosen: string, choices: [[value, label]], choose: (value) => void}`.
 */
export function Menu({ name, className = "", head, entries, children }) {
  const isOpen = useSignal(false);
  const box = useRef(null);
  const button = useRef(null);
  const close = (keepFocus) => {
    isOpen.value = false;
    if (keepFocus) button.current.focus();
  };
  useOutside(box, isOpen, () => close(false));

  const onButtonKey = (event) => {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    isOpen.value = true;
  };

  return html`<div class="menu-box ${className}" ref=${box}>
    <button
      type="button"
      ref=${button}
      class="menu-button"
      aria-label=${name}
      aria-haspopup="menu"
      aria-expanded=${String(isOpen.value)}
      onClick=${() => (isOpen.value = !isOpen.value)}
      onKeyDown=${onButtonKey}
    >
      ${children}
    </button>
    ${isOpen.value && html`<${Popup} name=${name} head=${head} entries=${entries} close=${close} />`}
  </div>`;
}

function useOutside(box, isOpen, close) {
  useEffect(() => {
    if (!isOpen.value) return;
    const look = (event) => box.current?.contains(event.target) || close();
    document.addEventListener("pointerdown", look);
    return () => document.removeEventListener("pointerdown", look);
  }, [isOpen.value]);
}
