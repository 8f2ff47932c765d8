/**
 * Colours for code whose language somebody has named.
 *
 * The reader of each language is fetched when the first code of it is shown: most days
 * bring none, and all of them weigh as much as the rest of the page.
 */

import DOMPurify from "../vendor/purify.js";

const NAMES = {
  bash: ["bash", "sh", "shell", "zsh", "console"],
  diff: ["diff", "patch"],
  go: ["go", "golang"],
  javascript: ["javascript", "js", "jsx", "mjs", "typescript", "ts", "tsx"],
  json: ["json", "json5", "jsonc"],
  markdown: ["markdown", "md"],
  python: ["python", "py"],
  rust: ["rust", "rs"],
  sql: ["sql", "sqlite", "postgresql", "psql"],
  xml: ["xml", "html", "svg", "xhtml"],
  yaml: ["yaml", "yml"],
};
const LANGUAGE_OF = new Map(
  Object.entries(NAMES).flatMap(([language, names]) => names.map((name) => [name, language])),
);
/** More would hold up the page for what nobody reads to its end. */
const LONGEST = 20_000;
const ALLOWED = { ALLOWED_TAGS: ["span"], ALLOWED_ATTR: ["class"], RETURN_DOM_FRAGMENT: true };

const readers = new Map();

/** Colours the code within a node, now or as soon as its reader is here. */
export function colour(box) {
  for (const code of box.querySelectorAll('pre > code[class^="language-"]')) {
    const name = code.className.slice("language-".length).toLowerCase();
    const language = LANGUAGE_OF.get(name);
    if (language && code.textContent.length < LONGEST) colourCode(code, language);
  }
}

async function colourCode(code, language) {
  try {
    const highlighter = await readerOf(language);
    const { value } = highlighter.highlight(code.textContent, { language });
    code.replaceChildren(DOMPurify.sanitize(value, ALLOWED));
  } catch {
    // Not reached, or not understood: it stays as it is, and can be read.
  }
}

function readerOf(language) {
  if (!readers.has(language)) {
    const reader = load(language);
    readers.set(language, reader);
    reader.catch(() => readers.delete(language));
  }
  return readers.get(language);
}

async function load(language) {
  const [core, grammar] = await Promise.all([
    import("../vendor/highlight/core.js"),
    import(`../vendor/highlight/${language}.js`),
  ]);
  core.default.registerLanguage(language, grammar.default);
  return core.default;
}
