"""
Starting and stopping.
"""

import time
from collections.abc import Iterator
from statistics import median

from tests.bench import load
from tests.bench.serving import Place
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong


def start(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From the command to the port.
    """
    taken = []
    with place.fresh() as (_, daemon):
        for _ in range(7):
            daemon.stop()
            daemon.start()
            taken.append(daemon.seconds_to_start * 1000)
    yield Row("start of twistd to listening", median(taken), "ms", 320, less=True)


def stop(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    From C{SIGTERM} to the exit, with streams open.
    """
    with place.fresh() as (target, daemon):
        report = load.streams(target, sizes.many, "--hold", 0.5, "--sigterm", target.pid)
        hung_up = time.monotonic()  # the load generator ends when all its streams have
        daemon.await_end()
        taken = report["sigterm"]["seconds"] + time.monotonic() - hung_up
    goal = 1 if sizes.many == 10_000 else None
    name = f"SIGTERM with {sizes.many:,} streams to exit".replace(",", " ")
    yield Row(name, taken, "s", goal, less=True)
    ends = report["sigterm"]
    yield count_of_wrong("  not ended in the way of HTTP", ends["open"] - ends["clean_chunk_end"])
