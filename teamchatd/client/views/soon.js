/**
 * What most people use in their first minute and nobody needs to see the page: fetched when it is
 * painted, so that it is there when it is wanted, also if the net is gone by then.
 */

import "./attaching.js";
import "./offers.js";
import "./popup.js";
