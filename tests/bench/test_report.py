"""
Tests for L{tests.bench.report}.
"""

from attrs import evolve

from tests.bench.listening import LAST, MEMORY
from tests.bench.report import machine, pictures, report, write
from tests.bench.table import FLOOR, OURS, Row

ROWS = [
    evolve(row, by=by, streams=streams)
    for by in (FLOOR, "asyncio", OURS)
    for streams in (1_000, 10_000)
    for row in (Row(MEMORY, 1.5, "kB", 3, 1, less=True), Row(LAST, 80, "ms", 90, less=True))
]
POSTS = Row("posts", 9_000, "1/s", 8_000)


def test_report():
    """
    Our rows at the most streams, and those without; what lies between is drawn.
    """
    written = report([*ROWS, POSTS], "A large machine.", ["Left out: nginx."])
    for expected in (
        "A large machine.",
        "Left out: nginx.",
        "10 000 streams: memory",
        "posts, 1/s",
    ):
        assert expected in written
    assert "\n1 000 streams" not in written


def test_machine():
    """
    What the figures depend on, in one line.
    """
    said = machine()
    for expected in ("processors", "GB of memory", "Python 3.", "Twisted "):
        assert expected in said
    assert "\n" not in said


def test_pictures():
    """
    A line for each server: ours first, the floor last.  Memory is that of all streams.
    """
    found = pictures(ROWS)
    assert [line.name for line in found["latency.svg"].lines] == [OURS, "asyncio", FLOOR]
    assert found["latency.svg"].lines[0].points == [(1_000, 80), (10_000, 80)]
    assert found["memory.svg"].lines[0].points == [(1_000, 1.5), (10_000, 15)]


def test_write(tmp_path):
    write(tmp_path, ROWS, [])
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["REPORT.rst", "latency.svg", "memory.svg"]
