import { html, render } from "./lib.js";
import { followTheme } from "./core/theme.js";
import { App } from "./views/app.js";

followTheme();
render(html`<${App} />`, document.getElementById("app"));
