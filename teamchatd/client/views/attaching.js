/**
 * Images to be sent along: which can be, and how they look before they are.
 */

import { html } from "../lib.js";
import { config } from "../core/config.js";
import { hold, KINDS } from "./attach.js";
import { Icon } from "./icon.js";
import { styled } from "./styled.js";

await styled("style/attaching.css");

const ENDINGS = /\.(?:jpe?g|png|webp|svg)$/i;
const MEGA = 1024 * 1024;

/** Take those that can be sent, and say what is wrong with the others. */
export function take(pad, files) {
  const sentences = files.map(refusal);
  pad.refused.value = sentences.filter(Boolean).join(" ");
  hold(pad, files.filter((_, at) => !sentences[at]).map(named));
}

function refusal({ name, type, size }) {
  if (!KINDS[type] && !ENDINGS.test(name)) {
    return `${name || "This file"} is not an image of a kind that can be sent: JPEG, PNG, WebP and SVG can.`;
  }
  const most = config.value.maxImageBytes;
  if (size > most) {
    return `${name} is too large: it has ${inMega(size)} MB, and an image may have ${inMega(most)} MB.`;
  }
  return size ? "" : `${name} is empty.`;
}

const inMega = (bytes) => (bytes / MEGA).toLocaleString("en", { maximumFractionDigits: 1 });

/** The server goes by the ending of the name; what comes from a clipboard may have none. */
function named(file) {
  if (ENDINGS.test(file.name)) return file;
  const stem = file.name.replace(/\.[^.]*$/, "") || "image";
  return new File([file], `${stem}.${KINDS[file.type]}`, { type: file.type });
}

function detach(pad, gone) {
  URL.revokeObjectURL(gone.url);
  pad.files.value = pad.files.value.filter((one) => one !== gone);
}

/** The images that will be sent along, and what kept others from it. */
export function Previews({ pad }) {
  const files = pad.files.value;
  return html`
    ${pad.refused.value && html`<div class="refused">
      <p role="alert">${pad.refused.value}</p>
      <button class="icon-button" type="button" aria-label="Dismiss" onClick=${() => (pad.refused.value = "")}>
        <${Icon} name="close" small />
      </button>
    </div>`}
    ${files.length > 0 && html`<ul class="previews" aria-label="Images to send">${files.map((one) => html`<li key=${one.url}>
      <img src=${one.url} alt=${one.file.name} title=${one.file.name} />
      <button class="preview-remove" type="button" aria-label=${`Remove ${one.file.name}`}
        title="Remove" onClick=${() => detach(pad, one)}><${Icon} name="close" small /></button>
    </li>`)}</ul>`}
  `;
}
