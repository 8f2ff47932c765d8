"""
What a run has found, to keep: C{REPORT.rst} and its two pictures.
"""

import os
import platform
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import twisted

from tests.bench import table
from tests.bench.drawing import Chart, Line
from tests.bench.listening import LAST, MEMORY
from tests.bench.table import FLOOR, OURS, Row

REPORT = """\
What was measured
=================

.. Written by make bench-report, and by nobody's hand.

{machine}

{notes}The goals are for a machine of two slow processors. In the columns *to goal* and *to it*,
1 is as good and 2 is twice as good. `README.rst <README.rst>`_ says how it is measured.

{goals}

Beside others
=============

Each was measured like ours and in the same run, over plain TCP on this machine. The others keep
nothing, or next to nothing, and know nobody; teamchat writes each message to the disk and looks who
may hear it. *{floor}* is a loop in C and does as little as can be done: nobody is faster here.

.. image:: latency.svg
   :alt: How long until the last client has heard, for numbers of streams

.. image:: memory.svg
   :alt: How much memory the server needs, for numbers of streams

{others}
"""


def machine() -> str:
    """
    What all this has run on.
    """
    model = _found("/proc/cpuinfo", r"model name\s*: (.+)")
    memory = int(_found("/proc/meminfo", r"MemTotal:\s*(\d+)") or 0) / 2**20
    processors = f"{os.cpu_count()} processors" + (f" ({model})" if model else "")
    return (
        f"{datetime.now(UTC):%Y-%m-%d}: {processors}, {memory:.0f} GB of memory,"
        f" {platform.system()} {platform.release()}, {platform.python_implementation()}"
        f" {platform.python_version()}, Twisted {twisted.__version__}."
    )


def _found(path: str, pattern: str) -> str | None:
    match = re.search(pattern, Path(path).read_text())
    return " ".join(match[1].split()) if match else None


def report(rows: list[Row], machine: str, notes: list[str]) -> str:
    """
    @param notes: sentences that a reader has to know, one each.
    """
    most = max((row.streams for row in rows if row.streams), default=None)
    shown = [row for row in rows if row.streams in (None, most)]  # the others are in the pictures
    return REPORT.format(
        machine=machine,
        notes="".join(f"{note}\n\n" for note in notes),
        goals=table.rst(table.against_goals(shown)),
        others=table.rst(table.side_by_side(shown)),
        floor=FLOOR,
    )


def pictures(rows: list[Row]) -> dict[str, Chart]:
    """
    By their names.
    """
    return {
        "latency.svg": _chart(
            rows,
            LAST,
            "Milliseconds until the last client has heard (median)",
            lambda row: row.figure,
        ),
        "memory.svg": _chart(
            rows,
            MEMORY,
            "Megabytes of memory for idle streams",
            lambda row: row.figure * (row.streams or 0) / 1000,
        ),
    }


def _chart(rows: list[Row], what: str, title: str, height: Callable[[Row], float]) -> Chart:
    points: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        if row.what == what and row.streams is not None:
            points.setdefault(row.by, []).append((row.streams, max(0, height(row))))
    kinds = {OURS: "ours", FLOOR: "floor"}
    order = sorted(points, key=lambda by: (by != OURS, by == FLOOR, by))
    lines = [Line(by, sorted(points[by]), kinds.get(by, "")) for by in order]
    return Chart(title, "open event streams", lines)


def write(directory: Path, rows: list[Row], notes: list[str]) -> None:
    (directory / "REPORT.rst").write_text(report(rows, machine(), notes))
    for name, chart in pictures(rows).items():
        (directory / name).write_text(chart.drawn())
