/**
 * Somebody reading a place: which part of it is in the page, and whether they are at its end.
 */

import { batch, signal } from "../lib.js";
import { Keeper } from "./keeper.js";
import { Steps } from "./steps.js";
import { isAtNewest, slidDown, slidUp, windowOf } from "./window.js";

/** In heights of the log: older ones are asked for before somebody arrives at the first. */
const SOON = 1.5;
const FAR = 0.75;
/** Where the first unread message is shown: a little below the top, with what led to it above. */
const BEGINNING = 0.2;

export class Reader {
  isAtEnd = signal(true);
  isFar = signal(false);
  /** The newest there was when they went away from the end; null while they are there. */
  left = signal(null);

  #first = signal(null); // the id that the window begins with; see window.js
  #shown = { from: 0, to: 0, messages: [] };
  #keeper = new Keeper(() => this.#moved());
  #steps = new Steps();
  #inner = null;
  #hasBegun = false;

  constructor(place) {
    this.place = place;
  }

  /** @returns {() => void} which lets go again. */
  watch(scroller, inner) {
    this.#inner = inner;
    const letGo = [this.#keeper.watch(scroller, inner), this.#steps.watch(scroller)];
    return () => letGo.forEach((each) => each());
  }

  /** Called while it is drawn, before anything has changed. @returns {{from, to}} of what to draw. */
  show(messages) {
    this.#shown = { messages, ...windowOf(messages, this.#first.value, this.#shown.from) };
    this.#keeper.remember();
    return this.#shown;
  }

  /** Called when it has been drawn. */
  drawn() {
    if (this.#hasBegun) this.#keeper.settle();
    else if (this.#shown.messages.length && this.place.loading.peek() !== "first") this.#begin();
    this.#steps.keep();
  }

  toNewest() {
    this.#keeper.isAtEnd = true;
    this.#turn(true);
    this.#keeper.settle();
    this.#steps.keep();
  }

  /** At the first unread message, if it would be out of sight at the end. */
  #begin() {
    this.#hasBegun = true;
    this.#keeper.toEnd();
    const line = this.#inner.querySelector(".new-line");
    if (line && this.#keeper.isOutOfSight(line)) this.#keeper.beginAt(line, BEGINNING);
    if (!this.#keeper.isAtEnd) this.#turn(false);
    // From now on the browser may guess the height of what is out of sight.
    requestAnimationFrame(() => (this.#inner.dataset.settled = ""));
  }

  /** Also when nothing was scrolled: what is shown may be too little to be scrolled at all. */
  #moved() {
    const { messages } = this.#shown;
    const isNewest = isAtNewest(messages, this.#shown);
    // The end of the window is not the end: it slides on.
    if (!isNewest) this.#keeper.isAtEnd = false;
    if (this.#keeper.isAtEnd !== this.isAtEnd.peek()) this.#turn(this.#keeper.isAtEnd);
    this.isFar.value = !isNewest || this.#keeper.below > FAR;
    if (this.#keeper.above < SOON) this.#upwards();
    else if (!isNewest && this.#keeper.below < SOON) this.#first.value = slidDown(messages, this.#shown);
  }

  #turn(toEnd) {
    const { messages, from } = this.#shown;
    batch(() => {
      this.isAtEnd.value = toEnd;
      this.left.value = toEnd ? null : (messages.at(-1) ?? null);
      this.#first.value = toEnd ? null : (messages[from]?.id ?? null);
    });
  }

  #upwards() {
    const { messages, from } = this.#shown;
    if (from > 0) this.#first.value = slidUp(messages, this.#shown);
    else if (this.place.hasOlder.peek() && !this.place.error.peek()) this.place.loadOlder();
  }
}
