/**
 * What somebody looks at the page with, as they would say it themselves.
 */

/** In this order: nearly every browser also says that it is one of those further down. */
const BROWSERS = [
  [/\bEdg(?:e|A|iOS)?\//, "Edge"],
  [/\b(?:OPR|Opera)\//, "Opera"],
  [/\bSamsungBrowser\//, "Samsung Internet"],
  [/\bVivaldi\//, "Vivaldi"],
  [/\b(?:Firefox|FxiOS)\//, "Firefox"],
  [/\bHeadlessChrome\//, "Chrome"],
  [/\b(?:Chrome|CriOS|Chromium)\//, "Chrome"],
  [/\bVersion\/.*\bSafari\//, "Safari"],
];

const SYSTEMS = [
  [/\biPad\b/, "iPad"],
  [/\biPhone\b|\biPod\b/, "iPhone"],
  [/\bAndroid\b/, "Android"],
  [/\bCrOS\b/, "ChromeOS"],
  [/\bWindows\b/, "Windows"],
  [/\bMac OS X\b|\bMacintosh\b/, "Mac"],
  [/\bLinux\b|\bX11\b/, "Linux"],
];

/** @returns {string} "Firefox on Linux", "curl", "An unknown program" */
export function deviceOf(userAgent) {
  const browser = nameIn(BROWSERS, userAgent);
  const system = nameIn(SYSTEMS, userAgent);
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? programOf(userAgent) ?? (system ? `A program on ${system}` : "An unknown program");
}

/** Small enough to be held in a hand. */
export const isHandheld = (userAgent) => /\b(iPhone|iPod|iPad|Android|Mobile)\b/.test(userAgent ?? "");

const nameIn = (table, text) => table.find(([sign]) => sign.test(text ?? ""))?.[1];

/** What is no browser begins with its own name: "curl/8.5.0". */
function programOf(userAgent) {
  const [, name] = /^([\w.-]{1,40})(?:\/|$)/.exec(userAgent ?? "") ?? [];
  return name === "Mozilla" ? undefined : name;
}
