"""
Requests: posting messages and reading them.
"""

from collections.abc import Iterator
from typing import Any

from tests.bench import load
from tests.bench.serving import MESSAGES, Place, Target
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong, number


def posts(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Messages that are on disk, when nobody listens.
    """
    with place.fresh() as (target, _):
        report = _posted(target, sizes, "--path", target.post)
    yield Row("posts, 32 connections", report["req_per_s"], "1/s", 8_000, 10_000)
    yield from _costs(report)


def heard_posts(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same, and each of them is told to each of twenty listeners: twenty
    deliveries a message, and a message is posted as soon as another is answered.
    It counts from the first post to the last delivery.
    """
    options = ("--rate", 0, "--pub-conns", 32, "--hold", 0.5, "--drain", 10)
    with place.fresh() as (target, _):
        report = load.streams(target, 20, *load.publishing(target, sizes.heard, *options))
    fanout = report["fanout"]
    posted = fanout["published"] / fanout["seconds"]
    yield Row("posts, 32 connections, 20 listeners each", posted, "1/s", 4_000, 5_000)
    yield Row("  heard, p99", fanout["receipt"]["p99_ms"], "ms", less=True)
    yield count_of_wrong("  lost", fanout["lost"])
    yield count_of_wrong("  twice", fanout["duplicated"])
    yield count_of_wrong("  posts refused", fanout["post_failed"])


def direct(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Two people to each other.  This is the general path of a post: whatever is done
    for the one call that all clients make most, nothing is done for this one.

    Then again with many others online, who must not be noticed: whoever looks for
    the two among all who listen pays for each of them.
    """
    with place.fresh() as (target, _):
        asked = ("--path", target.direct, "--tokens", target.pair)
        alone = _posted(target, sizes, *asked)
        with load.crowd(target, sizes.many):
            amid = _posted(target, sizes, *asked)
        again = _posted(target, sizes, *asked, "--warmup", 3)  # until all of them are forgotten
    yield Row("posts by the general path, 32 connections", alone["req_per_s"], "1/s", 4_500)
    yield from _costs(alone)
    others = f"  with {number(sizes.many)} others online"
    yield Row(others, amid["req_per_s"], "1/s")
    # Before and after: the machine's mood changes too.
    growth = 2 / (1 / _growth(alone, amid) + 1 / _growth(again, amid))
    yield Row("  of the time with none", growth, "×", 1, less=True)


def history(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The newest page, which every client reads when it starts, and what is further
    back, which must not cost more for being old.  Those who ask for the same page
    at the same time share a reading: what a page of one's own costs is said by the
    rows of different pages.
    """
    yield from _history(place, MESSAGES, sizes)


def long_history(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same after years.
    """
    yield from _history(place, 1_000_000, sizes)


def _history(place: Place, messages: int, sizes: Sizes) -> Iterator[Row]:
    many = number(messages)
    with place.fresh(messages) as (target, _):
        asked = ("--duration", sizes.seconds)
        newest = load.requests(target, "--path", target.page, *asked)
        middle = load.requests(target, "--path", target.page_in_past, *asked)
    yield Row(f"newest 50 of {many}, 32 connections", newest["req_per_s"], "1/s", 4_000, 8_000)
    yield from _costs(newest)
    yield Row(f"any 50 of {many}, 32 connections", middle["req_per_s"], "1/s", 4_000, 8_000)
    yield from _costs(middle)
    yield Row("  of the newest page's time", _growth(newest, middle), "×", less=True)


def _posted(target: Target, sizes: Sizes, *options: object) -> dict[str, Any]:
    body = ("--method", "POST", "--body", target.message)
    return load.requests(target, *body, "--duration", sizes.seconds, *options)


def _growth(before: dict[str, Any], after: dict[str, Any]) -> float:
    """
    How many times as much processor time a request takes: the figure that moves least.
    """
    return load.cpu_of_each(after) / load.cpu_of_each(before)


def _costs(report: dict[str, Any]) -> Iterator[Row]:
    yield Row("  answered, p99", report["latency"]["p99_ms"], "ms", less=True)
    yield Row("  processor time of each", load.cpu_of_each(report), "µs", less=True)
