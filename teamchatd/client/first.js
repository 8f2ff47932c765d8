/*
 * The one classic script of the page, in front of its style: it holds up the first
 * paint until the theme is known.  Without it, whoever chose dark on a light system
 * would be flashed at on every load, since modules run after the first paint.
 */
try {
  const chosen = JSON.parse(localStorage.getItem("teamchat.theme"));
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
} catch {
  // A browser that keeps nothing for us shows the theme of its system.
}
