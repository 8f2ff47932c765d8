import { html } from "../lib.js";

/* One 20 by 20 grid, one thickness: drawings from several hands side by side look cheap. */
const drawings = {
  menu: "M3 5.5h14M3 10h14M3 14.5h14",
  close: "M5 5l10 10M15 5L5 15",
  hash: "M8 3.5L6.5 16.5M13.5 3.5L12 16.5M4 7.5h12.5M3.5 12.5H16",
  compose: "M9 4H5a1.5 1.5 0 0 0-1.5 1.5v9.5A1.5 1.5 0 0 0 5 16.5h9.5A1.5 1.5 0 0 0 16 15v-4M8 12l.5-2.5 6.6-6.6a1.4 1.4 0 0 1 2 2L10.5 11.5z",
  pencil: "M4 16l.8-3.4 8.7-8.7a1.56 1.56 0 0 1 2.2 0l.4.4a1.56 1.56 0 0 1 0 2.2l-8.7 8.7zM12 5.5l2.5 2.5",
  check: "M4.5 10.5l3.5 3.5 7.5-8",
  chevron: "M6 8l4 4 4-4",
  back: "M12 5l-5 5 5 5",
  mail: "M3.5 5h13a1 1 0 0 1 1 1v8a1 1 0 0 1-1 1h-13a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1zM3 6l7 5.2L17 6",
  eye: "M2.5 10S5 4.8 10 4.8 17.5 10 17.5 10 15 15.2 10 15.2 2.5 10 2.5 10zM10 12.3a2.3 2.3 0 1 0 0-4.6 2.3 2.3 0 0 0 0 4.6z",
  eyeShut: "M3.5 3.5l13 13M8.3 8.4a2.3 2.3 0 0 0 3.2 3.2M6 6C3.7 7.5 2.5 10 2.5 10S5 15.2 10 15.2a7 7 0 0 0 3.7-1M8.4 5a7.6 7.6 0 0 1 1.6-.2c5 0 7.5 5.2 7.5 5.2a12 12 0 0 1-1.7 2.4",
  search: "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
  bell: "M5.5 8.5a4.5 4.5 0 0 1 9 0c0 4 1.5 5 1.5 5H4s1.5-1 1.5-5zM8.3 16.2a2 2 0 0 0 3.4 0",
  leave: "M8 16.5H5A1.5 1.5 0 0 1 3.5 15V5A1.5 1.5 0 0 1 5 3.5h3M12.5 13.5L16 10l-3.5-3.5M16 10H8",
  warning: "M10 3.5l7.2 12.6H2.8zM10 8.2v3.6M10 13.9v.1",
  bubble: "M3.5 5.5A1.5 1.5 0 0 1 5 4h10a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 15 14h-4.5L6.5 17v-3H5a1.5 1.5 0 0 1-1.5-1.5z",
};

/** A drawing that says nothing aloud: the control around it has the name. */
export function Icon({ name, small }) {
  return html`<svg class=${small ? "icon small" : "icon"} viewBox="0 0 20 20" aria-hidden="true">
    <path d=${drawings[name]} />
  </svg>`;
}
