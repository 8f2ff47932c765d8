import { html } from "../lib.js";
import { own } from "../core/own.js";
import { later } from "./later.js";

const Viewer = later(() => import("./lightbox.js").then((module) => module.Viewer));

/** `{message, at}` of what is looked at, or null. */
export const looked = own();

export function openLightbox(message, at) {
  looked.value = { message, at };
}

/** The images of a message, one at a time and as large as the window. Stands once in the page. */
export function Lightbox() {
  return looked.value && html`<${Viewer} ...${looked.value} />`;
}
