import { own } from "../core/own.js";

/**
 * Which window is in front of the room, by its name in app.js, or null.
 * The room draws it, and not whoever asked for it: in a drawer that closes it would be
 * hidden along with it.
 */
export const front = own();
