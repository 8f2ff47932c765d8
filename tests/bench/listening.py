"""
Event streams: many of them, idle and busy.
"""

from collections.abc import Iterator
from typing import Any

from tests.bench import load
from tests.bench.serving import Place, Target
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong

GOALS = {"memory": 2.2, "last": 90, "deliveries": 120_000, "others": 25}
"""With ten thousand streams."""


def some_streams(place: Place, sizes: Sizes) -> Iterator[Row]:
    with place.fresh() as (target, _):
        yield from _streams(target, sizes.some, sizes)


def many_streams(place: Place, sizes: Sizes) -> Iterator[Row]:
    with place.fresh() as (target, _):
        yield from _streams(target, sizes.many, sizes)


def _streams(target: Target, count: int, sizes: Sizes) -> Iterator[Row]:
    """
    Open them, leave them idle, then tell them all something again and again,
    the next as soon as the last of them has heard it.
    """
    # What the first clients make the daemon load and reserve is no cost of a stream.
    load.streams(target, 100, "--hold", 0)
    report = load.streams(
        target,
        count,
        *("--hold", 2, "--drain", 10),
        *load.publishing(target, sizes.told, "--lockstep"),
        *("--probe-path", target.probe, "--probe-rate", 100, "--probe-conns", 64),
    )
    fanout = report["fanout"]
    goal = GOALS if count == 10_000 else {}
    name = f"{count:,} streams".replace(",", " ")
    memory = report["rss_per_conn_bytes"] / 1000
    yield Row(f"{name}: memory of each", memory, "kB", goal.get("memory"), 4, less=True)
    connected = report["connect_to_headers"]["p99_ms"]
    yield Row("  connected, 256 at once, p99", connected, "ms", less=True)
    last = fanout["last_client"]
    yield Row("  the last has heard, p50", last["p50_ms"], "ms", goal.get("last"), less=True)
    yield Row("  the last has heard, p99", last["p99_ms"], "ms", less=True)
    delivered = fanout["deliveries_per_s"]
    yield Row("  deliveries", delivered, "1/s", goal.get("deliveries"))
    cost = report["cpu_fanout_s"] * 1e6 / fanout["delivered"]
    yield Row("  processor time of each", cost, "µs", less=True)
    others = report["probe"]["fanout"]["p99_ms"]
    yield Row("  other requests meanwhile, p99", others, "ms", goal.get("others"), less=True)
    yield from _mistakes(report)


def returning(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The daemon was restarted, and all come back at once, with the last event
    that they have seen.  It is over when each has heard what it missed: a
    message comes after that, so we wait until the last of them has this one.
    """
    with place.fresh() as (target, _):
        report = load.streams(
            target,
            sizes.returning,
            *("--inflight", sizes.returning, "--hold", 0, "--drain", 30),
            *("--header", f"Last-Event-ID: {target.missed}"),
            *load.publishing(target, 1, "--lockstep", "--lockstep-timeout", 30),
        )
    goal = 2 if sizes.returning == 8_000 else None
    name = f"{sizes.returning:,} return".replace(",", " ")
    connected = report["connect_s"]
    yield Row(f"{name}: all connected", connected, "s", less=True)
    caught_up = connected + report["fanout"]["last_client"]["max_ms"] / 1000
    yield Row("  all have what they missed", caught_up, "s", goal, less=True)
    yield from _mistakes(report)
    greeting, after = 1, report["fanout"]["delivered"]
    wanted = sizes.returning * (greeting + target.missed_events) + after
    yield count_of_wrong("  events too few or too many", report["events"] - wanted)


def _mistakes(report: dict[str, Any]) -> Iterator[Row]:
    yield count_of_wrong("  lost", report["fanout"]["lost"])
    yield count_of_wrong("  twice", report["fanout"]["duplicated"])
    yield count_of_wrong("  cut off", report["closed_by_server"])
