/**
 * What somebody wrote, as nodes to be shown.
 *
 * marked reads the Markdown, DOMPurify lets through what is on a short list and gives
 * nodes, never a string that somebody would have to assign: the page forbids that.
 */

import DOMPurify from "../vendor/purify.js";
import { Marked, Tokenizer } from "../vendor/marked.js";
import { cutAtMentions } from "../core/mentions.js";

/** Deeper than anybody writes on purpose; thousands of nested quotes would hang the page. */
const DEEPEST = 24;
/** A table of hundreds of rows has fewer. */
const MOST_ELEMENTS = 3000;
/** What is emphasised ends so near: thousands of stars would each be compared with all others. */
const REACH = 1000;
const ALLOWED = {
  ALLOWED_TAGS: [
    "p", "br", "strong", "em", "del", "code", "pre", "a", "ul", "ol", "li", "blockquote", "hr",
    "h2", "table", "thead", "tbody", "tr", "th", "td", "span",
  ],
  ALLOWED_ATTR: ["href", "start", "class", "align"],
  ADD_URI_SAFE_ATTR: ["start", "align"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:\/\/|mailto:)/i,
  RETURN_DOM_FRAGMENT: true,
};
const BLOCKS = "p, li, h2, blockquote, th, td, ul, ol";
const LANGUAGE = /^[\w+#.-]{1,20}$/;
const SELDOM_PLAIN = /[\\`*_~[\]<>#|&:@^=\n\r\t]|www\.|^\s|^[-+]|^\d+[.)]|---/i;

const marked = new Marked({
  gfm: true,
  breaks: true,
  async: false,
  tokenizer: {
    // What looks like HTML is what somebody wrote, and is shown as that.
    html: () => undefined,
    tag: () => undefined,
    // A line of dashes under a sentence would make it a heading, and a link's definition
    // would vanish: neither is meant in a chat.
    lheading: () => undefined,
    def: () => undefined,
    emStrong: within(Tokenizer.prototype.emStrong),
    del: within(Tokenizer.prototype.del),
  },
  renderer: {
    // All of one level, below the name of the place: whoever jumps from heading to heading
    // would be lost among levels that some message has and its neighbours have not.
    heading({ tokens, depth }) {
      return `<h2 class="level-${Math.min(depth, 3)}">${this.parser.parseInline(tokens)}</h2>\n`;
    },
    // What stands behind ``` and is no language is the first line, for most who write it there.
    code({ text, lang = "", escaped: isEscaped }) {
      const isLanguage = LANGUAGE.test(lang);
      const code = lang && !isLanguage ? `${lang}\n${text}` : text;
      const name = isLanguage ? ` class="language-${lang}"` : "";
      return `<pre><code${name}>${isEscaped ? code : escaped(code)}\n</code></pre>\n`;
    },
    // An image from elsewhere would tell its owner who reads this, and when.
    image({ href, text }) {
      return `<a href="${escaped(href)}">${escaped(text || href)}</a>`;
    },
    checkbox: ({ checked }) => `<span class="${checked ? "box checked" : "box"}"></span> `,
  },
});

/** The same reader, near-sighted: `masked` is the paragraph, `src` the rest of it. */
function within(read) {
  return function near(src, masked, before) {
    if (masked.length <= REACH) return false; // as it would be read anyway
    const at = masked.length - src.length;
    return read.call(this, src.slice(0, REACH), masked.slice(Math.max(0, at - REACH), at + REACH), before);
  };
}

/**
 * @param {string} text as it was written.
 * @param {{names: Map<string, {id: string}>, me: string}} who may be mentioned, by name in
 *   lower case; the id of the one who reads.
 * @returns {DocumentFragment}
 */
export function rich(text, who) {
  const fragment = SELDOM_PLAIN.test(text) ? readMarkdown(text) : plain(text);
  fragment.querySelectorAll(BLOCKS).forEach((block) => (block.dir = "auto"));
  fragment.querySelectorAll("a").forEach(finishLink);
  fragment.querySelectorAll("pre").forEach(finishCode);
  fragment.querySelectorAll("code").forEach((code) => (code.dir = "ltr"));
  fragment.querySelectorAll("table").forEach((table) => (wrap(table, "div", "table").tabIndex = 0));
  fragment.querySelectorAll(".box").forEach(finishBox);
  if (text.includes("@")) markMentions(fragment, who);
  return fragment;
}

/** Nothing anybody writes may vanish or hang the page: then it is shown as it was written. */
function readMarkdown(text) {
  try {
    const fragment = DOMPurify.sanitize(marked.parse(text), ALLOWED);
    if (isShowing(fragment) && !isTooMuch(fragment)) return fragment;
  } catch {
    // So deeply nested that reading it ran out of stack.
  }
  return plain(text);
}

const isShowing = (fragment) => fragment.textContent.trim() || fragment.querySelector("hr, .box");

const isTooMuch = (fragment) =>
  fragment.querySelectorAll("*").length > MOST_ELEMENTS || isDeeperThan(fragment, DEEPEST);

function isDeeperThan(node, levels) {
  const walker = document.createTreeWalker(node, NodeFilter.SHOW_ELEMENT);
  while (walker.nextNode()) {
    let depth = 0;
    for (let at = walker.currentNode; at !== node; at = at.parentNode) {
      if (++depth > levels) return true;
    }
  }
  return false;
}

function plain(text) {
  const fragment = document.createDocumentFragment();
  const paragraph = element("p", "plain");
  paragraph.textContent = text;
  fragment.append(paragraph);
  return fragment;
}

/** A link that leads nowhere we allow is only its words again. */
function finishLink(link) {
  if (!link.hasAttribute("href")) return link.replaceWith(...link.childNodes);
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.dir = "auto";
  if (!link.href.startsWith(link.textContent)) link.title = link.href; // where it really leads
  link.tabIndex = -1; // The log is one stop of the Tab key; see views/steps.js.
}

/** Whoever is sent a command wants to copy it, not to select it. */
function finishCode(pre) {
  pre.dir = "ltr";
  pre.tabIndex = 0; // It scrolls, which one wants to do by keyboard, too; see views/steps.js.
  const copy = element("button", "copy");
  copy.type = "button";
  copy.tabIndex = -1;
  copy.textContent = "Copy";
  copy.setAttribute("aria-label", "Copy code");
  wrap(pre, "div", "code").append(copy);
}

function finishBox(box) {
  const isChecked = box.classList.contains("checked");
  box.setAttribute("role", "img");
  box.setAttribute("aria-label", isChecked ? "Done:" : "To do:");
  box.closest("li")?.classList.add("task");
}

function markMentions(fragment, { names, me }) {
  for (const node of textsOf(fragment)) {
    if (!node.data.includes("@")) continue;
    const pieces = cutAtMentions(node.data, names);
    if (pieces.some(({ id }) => id)) node.replaceWith(...pieces.map((piece) => shown(piece, me)));
  }
}

function textsOf(fragment) {
  const walker = document.createTreeWalker(fragment, NodeFilter.SHOW_TEXT);
  const texts = [];
  while (walker.nextNode()) {
    if (!walker.currentNode.parentElement?.closest("code, a, button")) texts.push(walker.currentNode);
  }
  return texts;
}

function shown({ text, name, id }, me) {
  if (!id) return text;
  const mention = element("bdi", id === me ? "mention me" : "mention");
  mention.textContent = name;
  return mention;
}

function wrap(node, tag, name) {
  const around = element(tag, name);
  node.replaceWith(around);
  around.append(node);
  return around;
}

function element(tag, name) {
  const node = document.createElement(tag);
  node.className = name;
  return node;
}

const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text) => text.replace(/[&<>"]/g, (sign) => ENTITIES[sign]);
