/**
 * Where the page begins: what the daemon says of itself, who is signed in, what is shown.
 */

import { start } from "./core/chat.js";
import { loadConfig } from "./core/config.js";
import { arrive } from "./core/session.js";

await loadConfig();
await arrive();
start();
