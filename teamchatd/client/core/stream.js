/**
 * One open event stream, and all it takes to keep it open.
 *
 * It runs in a worker as well as in a tab, so it knows neither: tokens are asked for, and
 * what is heard is handed on. Read with `fetch` and not with `EventSource`, which can send
 * the token in the address only, where logs would keep it, and does not say why it failed.
 */

import { createParser } from "../vendor/eventsource-parser/index.js";

const LOOK = 5_000;
/** A timer this late was not late: the machine slept. Timers of hidden tabs run once a minute. */
const SLEPT = 90_000;
const SLACK = 5_000;
const PATIENCE = 10_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

export class Stream {
  #closed = false;
  #wait = FIRST_WAIT;
  #asked = 0;
  #heard = 0;
  #looked = Date.now();
  #connection = null;
  #wakeUp = () => {};
  #watch;

  /**
   * @param {object} how
   * @param {(refused: string|null) => Promise<string|null>} how.token null: nobody is signed in any more.
   * @param {(id: string, data: string) => void} how.heard an event, as JSON.
   * @param {(state: object) => void} how.became `{state, since, retryAt, cursor, resumed}`.
   * @param {number} how.heartbeat seconds between two signs of life.
   * @param {string|null} how.cursor the last event heard by whoever goes on listening here.
   */
  constructor({ token, heard, became, heartbeat, cursor = null }) {
    this.token = token;
    this.heard = heard;
    this.became = became;
    this.silence = 2 * heartbeat * 1000 + SLACK;
    this.cursor = cursor;
    this.last = null;
    this.#watch = setInterval(() => this.#look(), LOOK);
    this.#run();
  }

  close() {
    this.#closed = true;
    clearInterval(this.#watch);
    this.#connection?.abort();
    this.#wakeUp();
  }

  /** Do not wait any longer, and do not trust what seems open. */
  reconnect() {
    this.#wait = FIRST_WAIT;
    this.#connection?.abort();
    this.#wakeUp();
  }

  /** Somebody looks at the page again: is what seems open really open? */
  check() {
    const isQuiet = Date.now() - this.#heard > this.silence / 2;
    if (!this.#connection || isQuiet) this.reconnect();
  }

  #look() {
    const now = Date.now();
    const slept = now - this.#looked > SLEPT;
    this.#looked = now;
    if (this.#connection && (slept || now - this.#heard > this.silence)) this.reconnect();
  }

  async #run() {
    let refused = null;
    while (!this.#closed) {
      this.#become("connecting");
      const ended = await this.#listen(refused);
      if (this.#closed) return;
      if (ended.over) return this.#become("off");
      refused = ended.refused ?? null;
      if (refused) continue;
      await this.#pause(ended.replaced ? "replaced" : "waiting");
    }
  }

  /** @returns {Promise<object>} how it ended: `{over}`, `{refused}`, `{replaced}` or `{}`. */
  async #listen(refused) {
    const connection = (this.#connection = new AbortController());
    const { signal } = connection;
    // The daemon answers at once. What does not is a connection that died while it lay idle,
    // and the browser has not noticed.
    const patience = setTimeout(() => connection.abort(), PATIENCE);
    try {
      const token = await this.token(refused);
      if (token === null) return { over: true };
      this.#heard = Date.now();
      const response = await fetch("/events", this.#request(token, signal));
      clearTimeout(patience);
      // Once: if the new token is refused as well, asking on at once would help nobody.
      if (response.status === 401 && refused === null) return { refused: token };
      if (!response.ok) return this.#putOff(response);
      return await this.#read(response.body.getReader());
    } catch {
      return {}; // cut off, not reached, or given up by ourselves: the same from here
    } finally {
      clearTimeout(patience);
      this.#connection = null;
    }
  }

  #request(token, signal) {
    const headers = { Authorization: `Bearer ${token}` };
    if (this.cursor !== null) headers["Last-Event-ID"] = this.cursor;
    return { headers, signal, cache: "no-store" };
  }

  #putOff(response) {
    this.#asked = 1000 * (Number(response.headers.get("Retry-After")) || 0);
    return {};
  }

  async #read(reader) {
    const ended = {};
    const text = new TextDecoder();
    const parser = createParser({
      onEvent: (event) => this.#hear(event, ended),
      onRetry: (milliseconds) => (this.#asked = milliseconds),
    });
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return ended;
      this.#heard = Date.now();
      parser.feed(text.decode(value, { stream: true }));
    }
  }

  #hear({ id, data }, ended) {
    const resumed = this.cursor !== null;
    const type = /^\{"type":"(\w+)"/.exec(data)?.[1];
    if (id) this.cursor = id;
    if (type === "CONNECTED") {
      this.#wait = FIRST_WAIT;
      this.#asked = 0;
      this.#become("live", { resumed });
    }
    if (type === "REPLACED") ended.replaced = true;
    this.heard(id, data);
  }

  async #pause(state) {
    const wait = Math.max(this.#wait * (0.75 + Math.random() / 2), this.#asked);
    this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
    this.#asked = 0;
    this.#become(state, { retryAt: Date.now() + wait });
    await new Promise((done) => {
      const timer = setTimeout(done, wait);
      this.#wakeUp = () => {
        clearTimeout(timer);
        done();
      };
    });
  }

  #become(state, more = {}) {
    this.last = { state, since: Date.now(), retryAt: null, cursor: this.cursor, ...more };
    this.became(this.last);
  }
}
