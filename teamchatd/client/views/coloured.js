/**
 * The style of code in colours: fetched once, when the first is shown.
 */

import { styled } from "./styled.js";

await styled("style/code.css");
