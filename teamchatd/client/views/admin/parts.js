/**
 * What app.js shows of all this: one file to be asked for, and with it come the others.
 */

import { styled } from "../styled.js";

export { LeaveServer } from "../leaveserver.js";
export { Sessions } from "../sessions.js";
export { Administration } from "./administration.js";
export { NewChannel } from "./channels.js";

await styled("style/admin.css");
