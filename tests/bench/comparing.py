"""
What the machine gives: a server that does next to nothing, measured like ours.
"""

from collections.abc import Iterator

from tests.bench import load
from tests.bench.serving import Place
from tests.bench.sizes import Sizes
from tests.bench.table import Row


def bare(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Plain twisted.web: figures without a goal, to read the others by.
    """
    with place.bare() as target:
        report = load.requests(target, "--path", target.probe, "--duration", sizes.seconds)
        yield Row("(bare twisted.web: GET, 32 connections)", report["req_per_s"], "1/s")
        options = load.publishing(target, sizes.told, "--lockstep")
        report = load.streams(target, sizes.many, "--hold", 2, *options)
    memory = report["rss_per_conn_bytes"] / 1000
    yield Row(f"(  {sizes.many} streams: memory of each)", memory, "kB", less=True)
    last = report["fanout"]["last_client"]["p50_ms"]
    yield Row("(  the last has heard, p50)", last, "ms", less=True)
    yield Row("(  deliveries)", report["fanout"]["deliveries_per_s"], "1/s")
