import { html, useLayoutEffect, useRef } from "../lib.js";
import { me, users } from "../core/state.js";
import { notice } from "../core/notices.js";
import { isOnlyEmoji } from "../text/onlyemoji.js";
import { namesOf } from "../core/mentions.js";
import { rich } from "../text/markdown.js";
import { fullTime } from "../text/time.js";

/** What was read once is not read again when the window of the log slides back over it. */
const read = new WeakMap();
const NOBODY = new Map();

let colours = null;

/** The content of a message, as nodes; drawn anew only when its words or the names in it change. */
export function Rich({ message }) {
  const box = useRef(null);
  const { content, updatedAt } = message;
  const names = content.includes("@") ? namesOf(users.value) : NOBODY;
  useLayoutEffect(() => {
    box.current.replaceChildren(nodesOf(message, names));
    if (box.current.querySelector("[class^=language-]")) colourIn(box.current);
    if (updatedAt) markEdited(box.current, updatedAt);
  }, [content, updatedAt, names]);
  const size = isOnlyEmoji(content) ? "rich big" : "rich";
  return html`<div ref=${box} class=${size} dir="auto" onClick=${copyCode}></div>`;
}

/** Not reached: it stays as it is, and can be read. */
async function colourIn(box) {
  colours ??= import("./coloured.js").catch(() => (colours = null));
  (await colours)?.colour(box);
}

function nodesOf(message, names) {
  let known = read.get(message);
  if (known?.names !== names) {
    known = { names, nodes: rich(message.content, { names, me: me.value?.id }) };
    read.set(message, known);
  }
  return known.nodes.cloneNode(true);
}

/** Behind the last word, where it belongs, and not on a line of its own. */
function markEdited(box, at) {
  const mark = document.createElement("span");
  mark.className = "edited";
  mark.title = `Edited ${fullTime(at)}`;
  mark.textContent = "(edited)";
  const last = box.lastElementChild;
  if (last?.tagName === "P") {
    if (TURNING.test(last.textContent)) enclose(last);
    last.append(" ", mark);
  }
  else box.append(mark);
}

/** Signs that turn around what follows. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/;

function enclose(line) {
  const words = document.createElement("bdi");
  words.append(...line.childNodes);
  line.append(words);
}

async function copyCode({ target }) {
  const button = target.closest(".copy");
  if (!button) return;
  try {
    await navigator.clipboard.writeText(button.parentElement.querySelector("pre").textContent);
    button.textContent = "Copied";
    setTimeout(() => (button.textContent = "Copy"), 2000);
  } catch {
    notice("This browser does not let teamchat copy.", { kind: "error" });
  }
}
