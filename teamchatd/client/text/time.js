/**
 * Times as people say them: words in the language of the page, clock and order of the
 * reader's own system. A page half in English and half in German would look broken, and
 * "2:03 PM" would to someone who has never read a clock that way.
 */

import { signal } from "../lib.js";

const MINUTE = 60_000;
const DAY = 86_400_000;

const theirs = new Intl.DateTimeFormat(undefined, { hour: "numeric" }).resolvedOptions();
const locale = theirs.locale.startsWith("en") ? theirs.locale : "en-GB";
const hourCycle = theirs.hourCycle;

const speaker = (options) => new Intl.DateTimeFormat(locale, options);
const clockTime = speaker({ hour: "numeric", minute: "2-digit", hourCycle });
const whole = speaker({ dateStyle: "full", timeStyle: "short", hourCycle });
const thisYears = speaker({ weekday: "long", day: "numeric", month: "long" });
const anyYears = speaker({ day: "numeric", month: "long", year: "numeric" });
const short = speaker({ day: "numeric", month: "short" });
const shortWithYear = speaker({ day: "numeric", month: "short", year: "numeric" });

/** The day it is, as its number: whoever reads it is drawn anew when midnight passes. */
export const today = signal(dayOf(Date.now()));

/** A clock that slept tells nobody: so we look again whenever somebody looks at us. */
function lookAtTheClock() {
  today.value = dayOf(Date.now());
}

setInterval(lookAtTheClock, MINUTE);
addEventListener("visibilitychange", lookAtTheClock);

/** @returns {number} the same for all moments of one day, here; days count up by one. */
export function dayOf(ms) {
  const at = new Date(ms);
  return Date.UTC(at.getFullYear(), at.getMonth(), at.getDate()) / DAY;
}

/** "14:03" */
export const clock = (ms) => clockTime.format(ms);

/** "Tuesday, 3 November 2026 at 14:03": what a time says when one asks it. */
export const fullTime = (ms) => whole.format(ms);

/** "Today", "Yesterday", "Tuesday, 3 November", "3 November 2025" */
export function dayName(ms) {
  const ago = today.value - dayOf(ms);
  if (ago === 0) return "Today";
  if (ago === 1) return "Yesterday";
  return (isOfThisYear(ms) ? thisYears : anyYears).format(ms);
}

/** "at 14:03", "yesterday at 14:03", "on 3 Nov": what comes after "Last reply". */
export function whenAgo(ms) {
  const ago = today.value - dayOf(ms);
  if (ago === 0) return `at ${clock(ms)}`;
  if (ago === 1) return `yesterday at ${clock(ms)}`;
  return `on ${(isOfThisYear(ms) ? short : shortWithYear).format(ms)}`;
}

/** "today", "yesterday", "3 Nov", "3 Nov 2025": what comes after "since". */
export function dayShortly(ms) {
  const ago = today.value - dayOf(ms);
  if (ago === 0) return "today";
  if (ago === 1) return "yesterday";
  return (isOfThisYear(ms) ? short : shortWithYear).format(ms);
}

const isOfThisYear = (ms) => new Date(ms).getFullYear() === new Date().getFullYear();
