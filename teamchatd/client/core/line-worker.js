/**
 * The event stream of all tabs of this browser, in a SharedWorker.
 *
 * A browser opens six connections to a server: with a stream for each tab, the seventh
 * tab would wait for ever. A worker has no local storage, so it asks a tab for the token.
 */

import { Stream } from "./stream.js";

const PATIENCE = 10_000;
const UNREACHED = new Error("no tab has a token for us");

const tabs = new Set();
let stream = null;
let waiting = [];

onconnect = ({ ports: [tab] }) => {
  tab.onmessage = ({ data }) => said[data.kind]?.(tab, data);
};

const said = {
  hello(tab, { heartbeat, cursor }) {
    tabs.add(tab);
    if (stream) tab.postMessage({ kind: "state", ...stream.last });
    else open(heartbeat, cursor);
  },
  bye(tab) {
    tabs.delete(tab);
    if (tabs.size) return;
    stream?.close();
    stream = null;
  },
  token(tab, { token, failed }) {
    waiting.forEach(([resolve, reject]) => (failed ? reject(UNREACHED) : resolve(token)));
    waiting = [];
  },
  check: () => stream?.check(),
  reconnect: () => stream?.reconnect(),
};

function open(heartbeat, cursor) {
  stream = new Stream({
    heartbeat,
    cursor,
    token: askForToken,
    heard: (id, data) => tell({ kind: "event", id, data }),
    became(state) {
      tell({ kind: "state", ...state });
      if (state.state === "off") stream = null;
    },
  });
}

/** The first tab that answers will do: one that is frozen says nothing. */
function askForToken(refused) {
  return new Promise((resolve, reject) => {
    waiting.push([resolve, reject]);
    setTimeout(reject, PATIENCE, UNREACHED);
    tell({ kind: "token", refused });
  });
}

const tell = (what) => tabs.forEach((tab) => tab.postMessage(what));
