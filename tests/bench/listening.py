"""
Event streams: many of them, idle and busy.
"""

from collections.abc import Iterator
from typing import Any

from attrs import evolve

from tests.bench import load
from tests.bench.serving import Place, Target
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong

MEMORY = "memory of each"
LAST = "the last has heard, p50"
DELIVERIES = "deliveries"
COST = "processor time of each delivery"
OTHERS = "other requests meanwhile, p99"

GOALS: dict[str, tuple[float, float]] = {
    MEMORY: (2.2, 0.8),
    LAST: (90, 70),
    DELIVERIES: (120_000, 150_000),
    OTHERS: (25, 12),
}
"""With ten thousand streams: what to reach, and what would be better still."""


def streams(place: Place, sizes: Sizes) -> Iterator[Row]:
    for count in sizes.steps:
        with place.fresh() as (target, _):
            report = told(target, count, sizes)
        for row in figures(report, count):
            yield _with_goal(row) if count == 10_000 else row
        yield from mistakes(report, count)


def told(target: Target, count: int, sizes: Sizes) -> dict[str, Any]:
    """
    Open them, leave them idle, then tell them all something again and again,
    the next as soon as the last of them has heard it.  For every server alike.
    """
    # What the first clients make the server load and reserve is no cost of a stream.
    load.streams(target, 100, "--hold", 0)
    return load.streams(
        target,
        count,
        *("--hold", 2, "--drain", 10),
        *load.publishing(target, sizes.told, "--lockstep"),
        *("--probe-path", target.probe, "--probe-rate", 100, "--probe-conns", 64),
    )


def figures(report: dict[str, Any], streams: int) -> Iterator[Row]:
    """
    What L{told} has found.
    """
    fanout = report["fanout"]
    memory = report["rss_per_conn_bytes"] / 1000
    yield Row(MEMORY, memory, "kB", less=True, streams=streams)
    connected = report["connect_to_headers"]["p99_ms"]
    yield Row("connected, 256 at once, p99", connected, "ms", less=True, streams=streams)
    last = fanout["last_client"]
    yield Row(LAST, last["p50_ms"], "ms", less=True, streams=streams)
    yield Row("the last has heard, p99", last["p99_ms"], "ms", less=True, streams=streams)
    yield Row(DELIVERIES, fanout["deliveries_per_s"], "1/s", streams=streams)
    cost = report["cpu_fanout_s"] * 1e6 / fanout["delivered"]
    yield Row(COST, cost, "µs", less=True, streams=streams)
    others = report["probe"]["fanout"]["p99_ms"]
    yield Row(OTHERS, others, "ms", less=True, streams=streams)


def _with_goal(row: Row) -> Row:
    goal, stretch = GOALS.get(row.what, (None, None))
    return evolve(row, goal=goal, stretch=stretch)


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
    goal, stretch = (2, 1) if sizes.returning == 8_000 else (None, None)
    name = f"{sizes.returning:,} return".replace(",", " ")
    connected = report["connect_s"]
    yield Row(f"{name}: all connected", connected, "s", less=True)
    caught_up = connected + report["fanout"]["last_client"]["max_ms"] / 1000
    yield Row("  all have what they missed", caught_up, "s", goal, stretch, less=True)
    yield from mistakes(report)
    greeting, after = 1, report["fanout"]["delivered"]
    wanted = sizes.returning * (greeting + target.missed_events) + after
    yield count_of_wrong("  events too few or too many", report["events"] - wanted)


def mistakes(report: dict[str, Any], streams: int | None = None) -> Iterator[Row]:
    found = {
        "lost": report["fanout"]["lost"],
        "twice": report["fanout"]["duplicated"],
        "cut off": report["closed_by_server"],
    }
    for what, count in found.items():
        yield count_of_wrong(f"  {what}" if streams is None else what, count, streams)
