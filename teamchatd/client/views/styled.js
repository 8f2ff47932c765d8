import { asset } from "../core/config.js";

/**
 * The style of what is loaded later. A module that awaits it is there only when it is.
 * @param {string} path of the sheet.
 */
export function styled(path) {
  return new Promise((done, failed) => {
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = asset(path);
    link.onload = done;
    link.onerror = failed;
    document.head.append(link);
  });
}
