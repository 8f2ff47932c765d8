/**
 * Code in colours: fetched once, with its style, when the first is shown.
 */

import { styled } from "./styled.js";

export { colour } from "../text/highlight.js";

await styled("style/code.css");
