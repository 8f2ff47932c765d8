"""
What others reach on this machine, in the same minutes, measured like ours.

They keep nothing, or next to nothing, and know nobody: figures to read ours by.
"""

from collections.abc import Callable, Iterator

from attrs import evolve

from tests.bench import listening, load, serving
from tests.bench.serving import Place
from tests.bench.sizes import Sizes
from tests.bench.table import FLOOR, OURS, Row

Measurement = Callable[[Place, Sizes], Iterator[Row]]


def least(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    Our part of it: the least that we can be asked for.
    """
    with place.fresh() as (target, _):
        yield _least(target, OURS, sizes)


def _peer(name: str, command: Callable[[], list[str]]) -> Measurement:
    def measure(place: Place, sizes: Sizes) -> Iterator[Row]:
        for count in sizes.steps:
            with place.peer(command) as target:
                if count == sizes.steps[0]:
                    yield _least(target, name, sizes)
                report = listening.told(target, count, sizes)
            for row in listening.figures(report, count):
                yield evolve(row, by=name)

    return measure


def _least(target: serving.Target, name: str, sizes: Sizes) -> Row:
    report = load.requests(target, "--path", target.probe, "--duration", min(2, sizes.seconds))
    return Row("the least request, 32 connections", report["req_per_s"], "1/s", by=name)


PEERS: dict[str, Measurement] = {
    "asyncio": _peer("asyncio", serving.asyncio),
    "twisted-web": _peer("twisted.web", serving.twisted_web),
    "nginx": _peer("nginx+nchan", serving.nginx),
    "floor": _peer(FLOOR, serving.floor),
}
