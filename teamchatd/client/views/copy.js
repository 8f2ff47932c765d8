import { html, useEffect, useSignal } from "../lib.js";
import "./drawings.js";
import { Icon } from "./icon.js";

const SHOWN = 2500;

const WORDS = { done: "Copied", failed: "Select it by hand" };

/** A button that copies. @param {{text: string, name: string, copied?: () => void}} props */
export function Copy({ text, name, copied = () => {} }) {
  const outcome = useSignal(null);
  useEffect(() => {
    if (!outcome.value) return;
    const timer = setTimeout(() => (outcome.value = null), SHOWN);
    return () => clearTimeout(timer);
  }, [outcome.value]);
  const copy = async ({ currentTarget }) => {
    const isDone = await copyText(text, currentTarget);
    outcome.value = { words: isDone ? WORDS.done : WORDS.failed, icon: isDone ? "check" : "copy" };
    if (isDone) copied();
  };
  const { words = "Copy", icon = "copy" } = outcome.value ?? {};
  return html`<span class="copy-box">
    <button type="button" class="button" aria-label=${name} onClick=${copy}>
      <${Icon} name=${icon} small />
      <span>${words}</span>
    </button>
    <span class="visually-hidden" role="status">${outcome.value?.words}</span>
  </span>`;
}

async function copyText(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copySelected(text, button);
  }
}

/** On a plain http:// address there is no clipboard, only what is selected. */
function copySelected(text, button) {
  const box = document.createElement("textarea");
  box.value = text;
  box.readOnly = true;
  box.className = "visually-hidden";
  // Out of the window that is open it could not be selected.
  button.parentElement.append(box);
  box.select();
  const isCopied = document.execCommand("copy");
  box.remove();
  button.focus();
  return isCopied;
}
