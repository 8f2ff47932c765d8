/**
 * Keeps the place where somebody reads.
 *
 * At the end of a log one stays at its end, whatever comes. Anywhere else the line that one
 * is reading stays where it is, while messages come and go above and below it and images
 * get their size. Browsers do some of this themselves, but not at the very top, and not all
 * of them: so we look where the line has got to, and put right what is left to put right.
 */

const NEAR_END = 24;

export class Keeper {
  isAtEnd = true;
  #scroller = null;
  #line = null;
  #top = 0;
  #height = 0;
  #frame = 0;
  #onMove;

  /** @param {() => void} onMove it was scrolled, or something got another size. */
  constructor(onMove) {
    this.#onMove = onMove;
  }

  /** @returns {() => void} which lets go again. */
  watch(scroller, inner) {
    this.#scroller = scroller;
    const scrolled = () => this.#scrolled();
    const sizes = new ResizeObserver(() => this.settle());
    scroller.addEventListener("scroll", scrolled, { passive: true });
    sizes.observe(scroller);
    sizes.observe(inner);
    return () => {
      scroller.removeEventListener("scroll", scrolled);
      sizes.disconnect();
      cancelAnimationFrame(this.#frame);
    };
  }

  /** How far it is to the end and to the top, in heights of what one sees. */
  get below() {
    return this.#toEnd() / this.#scroller.clientHeight;
  }

  get above() {
    return this.#scroller.scrollTop / this.#scroller.clientHeight;
  }

  /** Called before something changes: afterwards nobody knows where it was. */
  remember() {
    if (this.isAtEnd || !this.#scroller) return;
    const line = this.#lineBeingRead();
    this.#line = line && { line, at: this.#placeOf(line) };
  }

  /** Called after something has changed. */
  settle() {
    const scroller = this.#scroller;
    if (this.isAtEnd) scroller.scrollTop = scroller.scrollHeight;
    else this.#putBack();
    this.#top = scroller.scrollTop;
    this.#height = scroller.clientHeight;
    this.#moved();
  }

  toEnd() {
    this.isAtEnd = true;
    this.settle();
  }

  /** Shows a line, at a share of the height, for somebody to begin reading there. */
  beginAt(line, share) {
    const scroller = this.#scroller;
    this.isAtEnd = false;
    scroller.scrollTop += this.#placeOf(line) - scroller.clientHeight * share;
    this.#line = null;
    this.settle();
    this.isAtEnd = this.#isNearEnd();
    this.remember();
  }

  isOutOfSight(line) {
    const at = this.#placeOf(line);
    return at < 0 || at > this.#scroller.clientHeight;
  }

  #scrolled() {
    const { scrollTop, clientHeight } = this.#scroller;
    const isUpwards = scrollTop < this.#top - 1 && clientHeight === this.#height;
    // What grows below us also takes us away from the end: only the reader may leave it.
    if (this.#isNearEnd()) this.isAtEnd = true;
    else if (isUpwards) this.isAtEnd = false;
    this.#top = scrollTop;
    this.#height = clientHeight;
    this.#moved();
  }

  /** Once a frame: a wheel turns far more often than anything can be shown. */
  #moved() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      // Heights that change at once above and below cancel out, and nobody tells us.
      if (this.isAtEnd && !this.#isAtVeryEnd()) this.#scroller.scrollTop = this.#scroller.scrollHeight;
      this.remember();
      this.#onMove();
    });
  }

  #isNearEnd() {
    return this.#toEnd() < NEAR_END;
  }

  #isAtVeryEnd() {
    return this.#toEnd() < 1;
  }

  #toEnd() {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #putBack() {
    if (!this.#line?.line.isConnected) return;
    const moved = this.#placeOf(this.#line.line) - this.#line.at;
    if (Math.abs(moved) >= 1) this.#scroller.scrollTop += moved;
  }

  #placeOf(line) {
    return line.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
  }

  /**
   * The second one that is seen: the first may lose its head to an older one of its author.
   * By halves, since to ask each of three hundred would take longer than the frame has.
   */
  #lineBeingRead() {
    const lines = this.#scroller.querySelectorAll("[data-line]");
    let low = 0;
    let high = lines.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#placeOf(lines[middle]) < 0) low = middle + 1;
      else high = middle;
    }
    const second = lines[low + 1];
    const isSeen = second && this.#placeOf(second) < this.#scroller.clientHeight;
    return (isSeen ? second : lines[low]) ?? null;
  }
}
