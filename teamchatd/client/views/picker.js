/**
 * Choosing an emoji.
 *
 * emoji-picker-element would do this, too, but brings its style as a `<style>` element and
 * its templates through `innerHTML`: our pages allow neither, and to allow it would open
 * them to whoever gets a word into a message.
 */

import { html, useEffect, useLayoutEffect, useMemo, useRef, useSignal } from "../lib.js";
import { findEmoji, loadEmoji, noteUse, recentEmoji } from "../text/emoji.js";
import { isTouch } from "./textbox.js";
import { styled } from "./styled.js";

await styled("style/picker.css");

const COLUMNS = 8;
const MOST_FOUND = 160;
const GAP = 8;
const GROUPS = {
  0: "Smileys", 1: "People", 3: "Animals and nature", 4: "Food and drink", 5: "Travel and places",
  6: "Activities", 7: "Objects", 8: "Symbols", 9: "Flags",
};

export function Picker({ anchor, choose }) {
  const panel = useRef(null);
  const list = useSignal(null);
  const query = useSignal("");
  const sentence = useSignal("");
  const hint = useSignal(null);

  const load = () => {
    sentence.value = "";
    loadEmoji().then((all) => (list.value = all), () => (sentence.value = "The emoji could not be loaded."));
  };
  useEffect(load, []);
  useLayoutEffect(() => show(panel.current, anchor), []);
  useOutside(panel, () => choose(null));

  const sections = useMemo(
    () => sectionsOf(list.value ?? [], query.value),
    [list.value, query.value, recentEmoji.value],
  );
  const pressed = (event) => {
    event.stopPropagation(); // What lies below has keys of its own.
    if (event.defaultPrevented) return; // It was chosen by Enter, and all this is gone.
    if (event.key === "Escape") choose(null);
    else if (event.key === "Tab") keepWithin(event, panel.current);
    else step(event, panel.current);
  };
  const first = sections[0]?.emoji[0];
  const take = (emoji) => {
    noteUse(emoji);
    choose(emoji);
  };
  const picked = ({ target }) => {
    const button = target.closest("[data-emoji]");
    if (button) take(button.dataset.emoji);
  };
  const pointed = ({ target }) => (hint.value = target.closest("[data-emoji]")?.ariaLabel ?? hint.value);

  return html`<div ref=${panel} class="picker" role="dialog" aria-label="Emoji" aria-modal="true" popover="manual"
      tabindex="-1" onKeyDown=${pressed}>
    <input class="input picker-search" type="search" aria-label="Search emoji" placeholder="Search emoji"
      autocomplete="off" spellcheck=${false} value=${query.value}
      onInput=${({ target }) => (query.value = target.value)}
      onKeyDown=${(event) => event.key === "Enter" && first && (event.preventDefault(), take(first.emoji))} />
    <div class="picker-list scrolls" onClick=${picked} onPointerOver=${pointed} onFocusIn=${pointed}>
      ${sentence.value && html`<div class="picker-nothing" role="alert"><p>${sentence.value}</p>
        <button class="link-button" type="button" onClick=${load}>Try again</button></div>`}
      ${sections.map(({ name, emoji }) => html`<${Section} key=${name} name=${name} emoji=${emoji} />`)}
      ${!list.value && !sentence.value && html`<p class="picker-loading" role="status"><span class="spinner"
        aria-hidden="true"></span><span class="visually-hidden">Loading…</span></p>`}
      ${list.value && !sections.length && html`<p class="picker-nothing" role="status">There is no emoji by that name.</p>`}
    </div>
    <p class="picker-hint ellipsis" aria-hidden="true">${hint.value ?? "\u00a0"}</p>
  </div>`;
}

/** The same list makes the same buttons: to type a letter must not draw two thousand anew. */
function Section({ name, emoji }) {
  return useMemo(() => html`<section aria-label=${name} class="picker-section">
    <h3>${name}</h3>
    <div class="picker-grid">${emoji.map((one) => html`<button key=${one.emoji} type="button" tabindex="-1"
      data-emoji=${one.emoji} aria-label=${one.label}>${one.emoji}</button>`)}</div>
  </section>`, [name, emoji]);
}

const groups = new WeakMap();

function sectionsOf(list, query) {
  if (query.trim()) {
    const found = findEmoji(list, query, MOST_FOUND);
    return found.length ? [{ name: "Found", emoji: found }] : [];
  }
  if (!groups.has(list)) groups.set(list, grouped(list));
  const recent = recentEmoji.value.map((emoji) => list.find((one) => one.emoji === emoji) ?? { emoji, label: emoji });
  return [{ name: "Recent", emoji: recent }, ...groups.get(list)];
}

const grouped = (list) =>
  Object.entries(GROUPS)
    .map(([number, name]) => ({ name, emoji: list.filter(({ group }) => group === Number(number)) }))
    .filter(({ emoji }) => emoji.length);

// --- Where it is, and how one moves in it ------------------------------------------------

function show(panel, anchor) {
  panel.showPopover?.();
  place(panel, anchor);
  // With a finger the search field would bring up the keyboard, over what one came to choose.
  const first = isTouch() ? panel : panel.querySelector("input");
  first.focus({ preventScroll: true });
}

/**
 * Above what was pressed, or below where there is no room; on a telephone at its foot, by style.
 * Where one writes, above all of that: one chooses by what one has written.
 */
function place(panel, anchor) {
  const at = (anchor.closest(".composer-box") ?? anchor).getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = panel;
  const above = at.top - height - GAP;
  const below = Math.min(at.bottom + GAP, innerHeight - height - GAP);
  const left = at.left + width + GAP <= innerWidth ? at.left : at.right - width;
  panel.style.setProperty("--top", `${Math.max(GAP, above >= GAP ? above : below)}px`);
  panel.style.setProperty("--left", `${Math.max(GAP, left)}px`);
}

function useOutside(panel, leave) {
  useEffect(() => {
    const pressed = ({ target }) => panel.current?.contains(target) || leave();
    document.addEventListener("pointerdown", pressed, true);
    addEventListener("resize", leave);
    return () => {
      document.removeEventListener("pointerdown", pressed, true);
      removeEventListener("resize", leave);
    };
  }, []);
}

function keepWithin(event, panel) {
  event.preventDefault();
  const search = panel.querySelector("input");
  const isThere = document.activeElement === search;
  (isThere ? panel.querySelector("[data-emoji]") : search)?.focus();
}

function step(event, panel) {
  const isSearching = event.target.tagName === "INPUT";
  const all = [...panel.querySelectorAll("[data-emoji]")];
  if (isSearching && event.key !== "ArrowDown") return;
  const at = all.indexOf(document.activeElement);
  const to = isSearching ? 0 : stepFrom(event.key, at, all);
  if (to === null) return;
  event.preventDefault();
  if (to < 0) panel.querySelector("input").focus();
  else all[to]?.focus();
}

/** Up and down go by what stands there: the last row of a group may be a short one. */
function stepFrom(key, at, all) {
  const one = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (one) return Math.min(all.length - 1, at + one);
  if (key === "Home") return 0;
  if (key === "End") return all.length - 1;
  if (key === "ArrowDown") return vertical(all, at, 1) ?? at;
  if (key === "ArrowUp") return vertical(all, at, -1) ?? -1;
  return null;
}

function vertical(all, at, way) {
  const { offsetLeft, offsetTop } = all[at];
  for (let next = at + way; all[next] && Math.abs(next - at) <= 2 * COLUMNS; next += way) {
    const isNearer = Math.abs(all[next].offsetLeft - offsetLeft) < all[next].offsetWidth / 2;
    if (all[next].offsetTop !== offsetTop && isNearer) return next;
  }
  const edge = at + way * COLUMNS;
  return all[edge] ? edge : null;
}
