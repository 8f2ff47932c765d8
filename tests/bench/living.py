"""
Starting and stopping.
"""

import time
from collections.abc import Iterator
from statistics import median

from tests.bench import load
from tests.bench.serving import MESSAGES, Place
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong, number

TIMES = 7
"""Starts of each.  The middle one counts."""


def start(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From the command to the port, and whether that grows with what was said.
    """
    yield from _start(place, MESSAGES)


def long_start(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same after years.
    """
    yield from _start(place, 1_000_000)


def _start(place: Place, messages: int) -> Iterator[Row]:
    taken: dict[int, list[float]] = {0: [], messages: []}
    with place.fresh(0) as (_, empty), place.fresh(messages) as (_, full):
        for _ in range(TIMES):  # in turns: the machine's moods fall on both alike
            for daemon, seconds in zip((empty, full), taken.values(), strict=True):
                daemon.stop()
                daemon.start()
                seconds.append(daemon.seconds_to_start)
    none, all_of_them = map(median, taken.values())
    name = f"start of twistd to listening, {number(messages)} messages"
    yield Row(name, all_of_them * 1000, "ms", 320, 250, less=True)
    yield Row("  of the time with none", all_of_them / none, "×", less=True)


def stop(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From C{SIGTERM} to the exit, with streams open.
    """
    with place.fresh() as (target, daemon):
        report = load.streams(target, sizes.many, "--hold", 0.5, "--sigterm", target.pids[0])
        hung_up = time.monotonic()  # the load generator ends when all its streams have
        daemon.await_end()
        taken = report["sigterm"]["seconds"] + time.monotonic() - hung_up
    goal, stretch = (1, 0.5) if sizes.many == 10_000 else (None, None)
    name = f"SIGTERM with {number(sizes.many)} streams to exit"
    yield Row(name, taken, "s", goal, stretch, less=True)
    ends = report["sigterm"]
    yield count_of_wrong("  not ended in the way of HTTP", ends["open"] - ends["clean_chunk_end"])
