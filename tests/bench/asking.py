"""
Requests: posting messages and reading them.
"""

from collections.abc import Iterator
from typing import Any

from tests.bench import load
from tests.bench.serving import Place
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong


def posts(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Messages that are on disk, when nobody listens.
    """
    with place.fresh() as (target, _):
        report = load.requests(
            target,
            *("--method", "POST", "--path", target.post, "--body", target.message),
            *("--duration", sizes.seconds),
        )
    yield Row("posts, 32 connections", report["req_per_s"], "1/s", 8_000, 3_000)
    yield from _costs(report)


def heard_posts(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same, and everybody hears everything.
    """
    options = ("--rate", 0, "--pub-conns", 32, "--hold", 0.5, "--drain", 10)
    with place.fresh() as (target, _):
        report = load.streams(target, 20, *load.publishing(target, sizes.heard, *options))
    fanout = report["fanout"]
    posted = fanout["published"] / fanout["seconds"]
    yield Row("posts, 32 connections, 20 listeners", posted, "1/s", 4_000, 3_000)
    yield Row("  heard, p99", fanout["receipt"]["p99_ms"], "ms", less=True)
    yield count_of_wrong("  lost", fanout["lost"])
    yield count_of_wrong("  twice", fanout["duplicated"])
    yield count_of_wrong("  posts refused", fanout["post_failed"])


def history(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The newest page, which every client reads when it starts.  Those who ask for it
    at the same time share a reading: what a page of one's own costs is said by
    L{long_history}.
    """
    with place.fresh() as (target, _):
        report = load.requests(target, "--path", target.page, "--duration", sizes.seconds)
    yield Row("newest 50 of 20 000, 32 connections", report["req_per_s"], "1/s", 4_000, 3_000)
    yield from _costs(report)


def long_history(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Pages from the middle of a long past, a different one each time.
    """
    with place.fresh(1_000_000) as (target, _):
        report = load.requests(target, "--path", target.page_in_past, "--duration", sizes.seconds)
    yield Row("any 50 of 1 000 000, 32 connections", report["req_per_s"], "1/s", 4_000, 3_000)
    yield from _costs(report)


def _costs(report: dict[str, Any]) -> Iterator[Row]:
    yield Row("  answered, p99", report["latency"]["p99_ms"], "ms", less=True)
    yield Row("  processor time of each", load.cpu_of_each(report), "µs", less=True)
