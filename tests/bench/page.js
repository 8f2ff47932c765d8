/*
 * What watches the page while it is measured, put into it before its own scripts run.  All
 * times are of its own clock: what the bench would have to be told comes later than it was.
 */
(() => {
  /** What stands before it, a name or a time, may be without a space between. */
  const NUMBERED = /no\. (\d+):/g;
  const ARTICLES = "[role=log] article";
  /** What the page asks for first. */
  const PAGE = 50;
  const waiting = new Set();
  const painted = new Map();
  let coming = [];
  let usable = null;
  let isDue = false;
  let longest = 0;
  let tasks = null;

  const now = () => performance.timeOrigin + performance.now();

  /** A task after the next frame: by then that frame has been drawn. */
  function afterPaint(done) {
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = done;
      port2.postMessage(null);
    });
  }

  /** One can read, and write. */
  const isUsable = () =>
    document.querySelector("main form textarea:enabled") &&
    document.querySelectorAll(ARTICLES).length >= PAGE;

  const numbersIn = (text) => [...text.matchAll(NUMBERED)].map(([, number]) => Number(number));

  new MutationObserver((records) => {
    for (const { addedNodes } of records) {
      for (const node of addedNodes) coming.push(...numbersIn(node.textContent));
    }
    const wasUsable = usable === null && isUsable();
    if ((coming.length || wasUsable) && !isDue) {
      isDue = true;
      afterPaint(drawn);
    }
  }).observe(document, { childList: true, subtree: true });

  function drawn() {
    isDue = false;
    for (const number of coming) if (!painted.has(number)) painted.set(number, now());
    coming = [];
    if (usable === null && isUsable()) usable = performance.now();
    waiting.forEach((look) => look());
  }

  /** @returns {Promise<any>} what `find` finds; null when that takes too long. */
  function found(find, seconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(done, seconds * 1000, null);
      const look = () => find() != null && done(find());
      function done(what) {
        clearTimeout(timer);
        waiting.delete(look);
        resolve(what);
      }
      waiting.add(look);
      look();
    });
  }

  globalThis.bench = {
    now,

    /** Milliseconds from the beginning of the navigation until the page was of use. */
    usable: (seconds) => found(() => usable, seconds),

    /** When a message was first painted. */
    painted: (number, seconds) => found(() => painted.get(number), seconds),

    /** How many of these were ever painted; looked at when the last of them is. */
    async countPainted(first, last, seconds) {
      await found(() => painted.get(last), seconds);
      let count = 0;
      for (let number = first; number <= last; number++) count += painted.has(number);
      return count;
    },

    /** The numbered messages in the log, from top to bottom. */
    shown: () =>
      [...document.querySelectorAll(ARTICLES)].flatMap(({ textContent }) => numbersIn(textContent)),

    /** Begin to look at frames, and at tasks that last longer than 50 ms. */
    watch() {
      tasks = [];
      longest = 0;
      const long = new PerformanceObserver((list) => tasks.push(...list.getEntries()));
      long.observe({ type: "longtask" });
      let before = performance.now();
      requestAnimationFrame(function frame(at) {
        longest = Math.max(longest, at - before);
        before = at;
        requestAnimationFrame(frame);
      });
    },

    watched: () => ({ longest, tasks: tasks.map(({ duration }) => duration) }),
  };
})();
