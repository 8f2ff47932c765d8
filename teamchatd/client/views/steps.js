/**
 * Going through a log by keyboard.
 *
 * The log is one stop of the Tab key: three hundred messages with all their buttons would
 * make the composer unreachable. Arrows go from message to message, and Tab into the one
 * that one is at. This is done on the nodes, not by drawing: else each step would draw
 * two messages and the list anew.
 */

import { actOf } from "./keys.js";

const INSIDE = "a[href], button, [tabindex]";
/** What scrolls by itself, and so has to be reached by keyboard. */
const SCROLLING = "pre, .table";

export class Steps {
  #log;
  #at = null;

  /** @returns {() => void} which lets go again. */
  watch(log) {
    this.#log = log;
    const heard = {
      focusin: (event) => this.#entered(event),
      focusout: (event) => this.#left(event),
      keydown: (event) => this.#pressed(event),
    };
    Object.entries(heard).forEach(([name, act]) => log.addEventListener(name, act));
    return () => Object.entries(heard).forEach(([name, act]) => log.removeEventListener(name, act));
  }

  /** Called after drawing: there is always a stop, and it is the newest until one has gone elsewhere. */
  keep() {
    const isHere = this.#log.contains(document.activeElement);
    if (isHere && this.#at?.isConnected) {
      // What has come into it meanwhile, as a reaction does, is a stop as well.
      if (this.#at.contains(document.activeElement)) reach(this.#at.querySelectorAll(INSIDE), 0);
      return;
    }
    const lines = this.#lines();
    this.#enter(lines[lines.length - 1] ?? null);
  }

  /**
   * From without, the Tab key may come upon what scrolls in some message or other; it is
   * led to the message that one was at. Once within, only what is in that one is a stop.
   */
  #entered({ target, relatedTarget }) {
    const line = target.closest("[data-line]");
    const isFromWithout = !this.#log.contains(relatedTarget);
    const isStray = target.matches(SCROLLING) && target.matches(":focus-visible");
    if (isFromWithout) reach(this.#log.querySelectorAll(SCROLLING), -1);
    if (isFromWithout && isStray && this.#at?.isConnected) return this.#at.focus();
    this.#enter(line);
    if (this.#at) reach(this.#at.querySelectorAll(INSIDE), 0);
    return undefined;
  }

  /** What was left may be out of the page already: the buttons of a message go with the focus. */
  #left({ relatedTarget }) {
    const line = this.#at;
    if (line && !line.contains(relatedTarget)) reach(line.querySelectorAll(INSIDE), -1);
    if (!this.#log.contains(relatedTarget)) reach(this.#log.querySelectorAll(SCROLLING), 0);
  }

  #enter(line) {
    if (!line?.hasAttribute("tabindex") || line === this.#at) return;
    if (this.#at) this.#at.tabIndex = -1;
    this.#at = line;
    line.tabIndex = 0;
  }

  #pressed(event) {
    if (event.target !== this.#at) return;
    const lines = [...this.#lines()];
    const at = lines.indexOf(this.#at);
    const last = lines.length - 1;
    const to = actOf(event, {
      above: () => Math.max(0, at - 1),
      below: () => Math.min(last, at + 1),
      first: () => 0,
      last: () => last,
    })?.();
    if (to === undefined) return;
    event.preventDefault();
    lines[to].focus({ preventScroll: true });
    lines[to].scrollIntoView({ block: "nearest" });
  }

  #lines() {
    return this.#log.querySelectorAll("[data-line][tabindex]");
  }
}

function reach(controls, tabIndex) {
  controls.forEach((control) => (control.tabIndex = tabIndex));
}
