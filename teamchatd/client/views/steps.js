/**
 * Going through a log by keyboard.
 *
 * The log is one stop of the Tab key: three hundred messages with all their buttons would
 * make the composer unreachable. Arrows go from message to message, and Tab into the one
 * that one is at. This is done on the nodes, not by drawing: else each step would draw
 * two messages and the list anew.
 */

const INSIDE = "a[href], button, [tabindex]";

export class Steps {
  #log;
  #at = null;

  watch(log) {
    this.#log = log;
    const entered = ({ target }) => {
      this.#enter(target.closest("[data-line]"));
      if (this.#at) reachInto(this.#at, 0);
    };
    const left = ({ target, relatedTarget }) => {
      const line = target.closest("[data-line]");
      if (line && !line.contains(relatedTarget)) reachInto(line, -1);
    };
    const pressed = (event) => this.#pressed(event);
    log.addEventListener("focusin", entered);
    log.addEventListener("focusout", left);
    log.addEventListener("keydown", pressed);
    return () => {
      log.removeEventListener("focusin", entered);
      log.removeEventListener("focusout", left);
      log.removeEventListener("keydown", pressed);
    };
  }

  /** Called after drawing: there is always a stop, and it is the newest until one has gone elsewhere. */
  keep() {
    const isHere = this.#log.contains(document.activeElement);
    if (isHere && this.#at?.isConnected) return;
    const lines = this.#lines();
    this.#enter(lines[lines.length - 1] ?? null);
  }

  #enter(line) {
    if (!line?.hasAttribute("tabindex") || line === this.#at) return;
    if (this.#at) this.#at.tabIndex = -1;
    this.#at = line;
    line.tabIndex = 0;
  }

  #pressed(event) {
    if (event.target !== this.#at || event.altKey || event.ctrlKey || event.metaKey) return;
    const lines = [...this.#lines()];
    const to = next(event.key, lines.indexOf(this.#at), lines.length - 1);
    if (to === null) return;
    event.preventDefault();
    lines[to].focus({ preventScroll: true });
    lines[to].scrollIntoView({ block: "nearest" });
  }

  #lines() {
    return this.#log.querySelectorAll("[data-line][tabindex]");
  }
}

function next(key, at, last) {
  if (key === "ArrowUp") return Math.max(0, at - 1);
  if (key === "ArrowDown") return Math.min(last, at + 1);
  if (key === "Home") return 0;
  if (key === "End") return last;
  return null;
}

/** From without, a message is one stop, whatever is in it. */
function reachInto(line, tabIndex) {
  line.querySelectorAll(INSIDE).forEach((control) => (control.tabIndex = tabIndex));
}
