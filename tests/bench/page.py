"""
The page, in a browser.

It is Debian's Chromium, driven by Playwright, with the page of a server that has been used for a
while before it.  What is measured is what somebody sees: a time ends when the frame is drawn, by
the clock of the page itself (C{page.js}).
"""

import http.client
import json
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from math import ceil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from tests.bench.building import CannotMeasure, NotInstalled, TooSlow
from tests.bench.counting import Fetched, counted
from tests.bench.seeding import CHANNEL, DAY
from tests.bench.serving import Place, Target
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong, number
from tests.real.page.chromium import ARGUMENTS, CHROMIUM

if TYPE_CHECKING:
    from playwright.sync_api import Browser, CDPSession, Page

WATCHING = Path(__file__).with_name("page.js")

PATIENCE = 30
"""Seconds for what takes the page a moment."""

AT_REST = 2
"""Seconds after which a page that can be used has fetched all that it fetches by itself."""

FULL = 1_200
"""Messages after which a page that stays open has as many as it ever keeps, and forgets some."""

LONG = 50
"""Milliseconds; what keeps a page from answering for longer, people notice (W3C, Long Tasks)."""

SAID = [
    "no. {}: the quick brown fox jumps over the lazy dog",
    "no. {}: **Lunch** at _twelve_? There is soup: https://example.org/menu?day=today",
    "no. {}: I have looked into it, and there are two ways.\n\n- wait\n- ask once more",
    "no. {}: `make test` says:\n```\nERROR: there is no such file\n  in line 12\n```",
    "no. {}: fine \N{THUMBS UP SIGN}",
]
"""What people write, in turns, each with its number."""


# Our goals, here and below, are what we set ourselves, for a machine of two slow processors.


def weight(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    What a browser fetches that was never here, and what when it comes again.
    """
    with place.fresh() as (target, _), _chromium() as chromium, counted(target.port) as counter:
        reader = _Reader(chromium, target, counter.port)
        with reader.visit() as visit:
            loads = []
            for _ in range(2):
                before = len(counter.fetched)
                visit.open()
                visit.rest()
                loads.append(counter.fetched[before:])
    for name, load, goal in zip(("first load", "second load"), loads, (120, None), strict=True):
        files = [each for each in load if each.is_file]
        yield Row(f"page, {name}: its files", _kilobytes(files), "kB", goal, less=True)
        headers = sum(each.headers for each in files) / 1000
        yield Row("  of it, headers", headers, "kB", less=True)
        yield Row("  requests for them", len(files), less=True)
        others = [each for each in load if not each.is_file]
        yield Row("  what it shows", _kilobytes(others), "kB", less=True)


def opening(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From the beginning of the navigation until fifty messages are seen and one can write.
    """
    cold, warm = [], []
    with place.fresh() as (target, _), _chromium() as chromium:
        reader = _Reader(chromium, target, target.port)
        for attempt in range(sizes.openings + 1):
            with reader.visit() as visit:  # whose cache is empty
                taken = [visit.open(), visit.open()]
            if attempt:  # before the first, neither server nor browser has done this
                cold.append(taken[0])
                warm.append(taken[1])
    yield Row("page, never loaded, to 50 messages", median(cold), "ms", 500, less=True)
    yield Row("page, loaded before, to 50 messages", median(warm), "ms", 500, less=True)


def hearing(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From the moment at which another one sends until it is seen.
    """
    seen, answered = [], []
    with place.fresh() as (target, _), _chromium() as chromium:
        writer = _Writer(target)
        with _Reader(chromium, target, target.port).visit() as visit:
            visit.open()
            visit.rest()
            ahead = visit.ahead()
            for each in range(sizes.seen + 1):
                time.sleep(random.uniform(0.02, 0.1))  # no beat for frames to fall in with
                sent = time.time()
                writer.say(each, SAID[0])
                answered.append((time.time() - sent) * 1000)
                painted = visit.ask(f"bench.painted({each}, {PATIENCE})")
                if painted is None:
                    raise TooSlow(f"a message was not seen within {PATIENCE} seconds")
                seen.append(painted - ahead - sent * 1000)
    what = "page, sent by another to seen"
    yield Row(f"{what}, p50", percentile(seen[1:], 50), "ms", 50, less=True)
    yield Row("  p99", percentile(seen[1:], 99), "ms", less=True)
    yield Row("  of it, until the sender is answered, p50", median(answered[1:]), "ms", less=True)


def rush(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    A page open at the end of a channel in which everybody talks: whether it keeps up, can be
    used meanwhile, and is no larger afterwards.
    """
    first, last = FULL, FULL + sizes.rush - 1
    with place.fresh() as (target, _), _chromium() as chromium, ThreadPoolExecutor(1) as threads:
        writer = _Writer(target)
        with _Reader(chromium, target, target.port).visit() as visit:
            visit.open()
            for each in range(FULL):
                writer.say(each)
            visit.count_painted(FULL - 1, FULL - 1, PATIENCE)
            visit.rest()
            before = visit.metrics()
            visit.ask("bench.watch()")
            with visit.traced() as trace:
                talk = threads.submit(writer.say_all, range(first, last + 1), sizes.rush_seconds)
                painted = visit.count_painted(first, last, sizes.rush_seconds + PATIENCE)
                seconds = talk.result()
            watched = visit.ask("bench.watched()")
            visit.rest()
            after = visit.metrics()
            shown = visit.ask("bench.shown()")
    if seconds > 1.2 * sizes.rush_seconds:
        raise TooSlow(f"to say all took {seconds:.0f} seconds and not {sizes.rush_seconds}")
    tasks = watched["tasks"]
    busy = after["TaskDuration"] - before["TaskDuration"]
    yield Row(
        f"page, {number(sizes.rush)} messages in {sizes.rush_seconds} s: longest frame",
        watched["longest"],
        "ms",
        less=True,
    )
    yield Row(f"  tasks over {LONG} ms", len(tasks), goal=0, less=True)
    yield Row("  time in them", sum(tasks) / seconds / 10, "%", less=True)
    # What the page itself has taken: the two above also have what others took from it.
    yield Row("  longest task, processor time", longest_task(trace), "ms", LONG, less=True)
    yield Row("  processor time of each message", busy * 1000 / sizes.rush, "ms", less=True)
    yield Row("  nodes afterwards", after["Nodes"] / before["Nodes"], "×", 1.2, less=True)
    heaps = [each["JSHeapUsedSize"] for each in (before, after)]
    yield Row("  memory of scripts afterwards", heaps[1] / heaps[0], "×", less=True)
    yield Row("  which is", heaps[1] / 1e6, "MB", less=True)
    yield count_of_wrong("  lost", sizes.rush - painted)
    yield count_of_wrong("  not in order", out_of_order(shown, last))


# --- What is counted -----------------------------------------------------------------------


def percentile(values: list[float], share: int) -> float:
    """
    The least that C{share} of a hundred do not exceed.
    """
    return sorted(values)[max(0, ceil(len(values) * share / 100) - 1)]


def out_of_order(shown: list[int], last: int) -> int:
    """
    How many of those in the log are not where they belong: they end with C{last}, and
    each is one more than the one above it.  That there are none counts, too.
    """
    if not shown:
        return 1
    return sum(each != last - at for at, each in enumerate(reversed(shown)))


def longest_task(trace: list[dict[str, Any]]) -> float:
    """
    The milliseconds of the processor that the longest task of the page took.
    """
    named = [each for each in trace if each["name"] == "thread_name"]
    main = {
        (each["pid"], each["tid"]) for each in named if each["args"]["name"] == "CrRendererMain"
    }
    taken = [each.get("tdur", 0) for each in trace if (each["pid"], each["tid"]) in main]
    return max(taken, default=0) / 1000


def _kilobytes(fetched: list[Fetched]) -> float:
    return sum(each.size for each in fetched) / 1000


# --- Those who read and write --------------------------------------------------------------


@contextmanager
def _chromium() -> Iterator["Browser"]:
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NotInstalled("Playwright is not installed") from error
    if not CHROMIUM.exists():
        raise NotInstalled(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        try:
            yield browser
        except Error as error:
            raise CannotMeasure(f"the browser says: {error.message.splitlines()[0]}") from error
        finally:
            browser.close()


@define
class _Reader:
    """
    Somebody who is signed in, and has read all that was said.
    """

    _chromium: "Browser"
    _target: Target
    _port: int
    _kept: dict[str, Any] = field(init=False)

    def __attrs_post_init__(self) -> None:
        calls = _Calls(self._target.port, _tokens(self._target)[-1])
        newest = calls.done("GET", self._target.page)["messages"][-1]["id"]
        calls.done("PUT", f"/reads/{CHANNEL}", {"messageId": newest})
        session = {
            "access": calls.token,
            "refresh": None,
            "until": (time.time() + DAY) * 1000,
            "user": calls.done("GET", "/auth/me")["user"],
        }
        # What core/session.js keeps.  Passwords, of which those who are here have none, take long.
        self._kept = {
            "origin": f"http://127.0.0.1:{self._port}",
            "localStorage": [{"name": "teamchat.session", "value": json.dumps(session)}],
        }

    @contextmanager
    def visit(self) -> "Iterator[_Visit]":
        """
        A browser with nothing in it but who is signed in.
        """
        kept: Any = {"cookies": [], "origins": [self._kept]}
        context = self._chromium.new_context(
            viewport={"width": 1440, "height": 900},
            storage_state=kept,
        )
        context.add_init_script(path=WATCHING)
        try:
            page = context.new_page()
            session = context.new_cdp_session(page)
            yield _Visit(self._chromium, page, session, self._kept["origin"])
        finally:
            context.close()


@frozen
class _Visit:
    _chromium: "Browser"
    _page: "Page"
    _session: "CDPSession"
    _origin: str

    def open(self) -> float:
        """
        The milliseconds that it took.  A page that was open is closed before, and with it
        what its worker has.
        """
        self._page.goto("about:blank")
        self._page.goto(f"{self._origin}/#/p/{CHANNEL}", wait_until="commit")
        taken = self.ask(f"bench.usable({PATIENCE})")
        if taken is None:
            raise TooSlow(f"the page was of no use within {PATIENCE} seconds")
        return float(taken)

    def rest(self) -> None:
        self._page.wait_for_timeout(AT_REST * 1000)

    def ask(self, expression: str) -> Any:
        return self._page.evaluate(f"() => {expression}")

    def count_painted(self, first: int, last: int, seconds: int) -> int:
        count: int = self.ask(f"bench.countPainted({first}, {last}, {seconds})")
        return count

    @contextmanager
    def traced(self) -> Iterator[list[dict[str, Any]]]:
        """
        The list has all tasks of the browser, when it is over.
        """
        trace: list[dict[str, Any]] = []
        self._chromium.start_tracing(page=self._page, categories=["toplevel"])
        try:
            yield trace
        finally:
            told = json.loads(self._chromium.stop_tracing())
            trace += told["traceEvents"]

    def ahead(self) -> float:
        """
        By how many milliseconds the page's clock is ahead of ours: the two were set at
        different times.
        """
        tried = []
        for _ in range(20):
            begun = time.time()
            theirs = self.ask("bench.now()")
            ended = time.time()
            tried.append((ended - begun, theirs - (begun + ended) / 2 * 1000))
        return float(min(tried)[1])  # the quickest answer is the one that knows best

    def metrics(self) -> dict[str, float]:
        """
        What the page has and has done, after all that it needs no more is thrown away.
        """
        # Processor time: the other, of the wall, is longer when the machine has more to do.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for _ in range(2):
            self._session.send("HeapProfiler.collectGarbage")
        found = self._session.send("Performance.getMetrics")["metrics"]
        return {each["name"]: each["value"] for each in found}


@define
class _Writer:
    """
    Many who talk, over one connection: so each message has its author's face.
    """

    _target: Target
    _calls: "list[_Calls]" = field(init=False)

    def __attrs_post_init__(self) -> None:
        connection = _connection(self._target.port)
        tokens = _tokens(self._target)[:-1]
        self._calls = [_Calls(self._target.port, token, connection) for token in tokens]

    def say(self, number: int, words: str | None = None) -> None:
        words = words or SAID[number % len(SAID)]
        calls = self._calls[number % len(self._calls)]
        calls.done("POST", self._target.post, {"content": words.format(number)})

    def say_all(self, numbers: range, seconds: float) -> float:
        """
        Evenly; what is late does not wait.

        @return: the seconds that it took.
        """
        begun = time.monotonic()
        for at, each in enumerate(numbers, 1):
            self.say(each)
            time.sleep(max(0, begun + at * seconds / len(numbers) - time.monotonic()))
        return time.monotonic() - begun


@frozen
class _Calls:
    _port: int
    token: str
    _connection: http.client.HTTPConnection = field()

    @_connection.default
    def _own_connection(self) -> http.client.HTTPConnection:
        return _connection(self._port)

    def done(self, method: str, path: str, given: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        body = None if given is None else json.dumps(given)
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise CannotMeasure(f"{method} {path} was answered {answer.status}: {said!r}")
        return json.loads(said)


def _connection(port: int) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)


def _tokens(target: Target) -> list[str]:
    return target.writers.read_text().split()
