"""
C{python -m tests.bench [--quick] [--full] [--report DIRECTORY] [name ...]}
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import define, evolve, field

from tests.bench import asking, cluster, comparing, guessing, listening, living, page, report
from tests.bench.building import CannotMeasure, NotInstalled, TooSlow
from tests.bench.serving import Place
from tests.bench.sizes import QUICK, Sizes, fitting
from tests.bench.table import Row, against_goals, side_by_side, text

Measurement = Callable[[Place, Sizes], Iterator[Row]]

MEASUREMENTS: dict[str, Measurement] = {
    "least": comparing.least,
    "streams": listening.streams,
    **comparing.PEERS,  # at once, before the machine's mood changes
    "posts": asking.posts,
    "heard-posts": asking.heard_posts,
    "direct": asking.direct,
    "history": asking.history,
    "start": living.start,
    "returning": listening.returning,
    "stop": living.stop,
    "guesses": guessing.guesses,
    "cluster": cluster.cluster,
    "page-weight": page.weight,
    "page-opening": page.opening,
    "page-hearing": page.hearing,
    "page-rush": page.rush,
}

LONG_MEASUREMENTS: dict[str, Measurement] = {
    "long-history": asking.long_history,
    "long-start": living.long_start,
    "long-cluster": cluster.long_cluster,
}
"""Their data takes minutes to make: only with C{--full}, or by name."""


@define
class Run:
    """
    @ivar failed: whether something went wrong.
    @ivar notes: what is missing, and why.
    """

    rows: list[Row] = field(init=False, factory=list)
    notes: list[str] = field(init=False, factory=list)
    failed: bool = field(init=False, default=False)

    def measure(self, name: str, measurement: Measurement, place: Place, sizes: Sizes) -> None:
        """
        Measure what can be measured.
        """
        begun = time.monotonic()
        print(f"{name} …", end=" ", flush=True)
        try:
            self.rows += measurement(place, sizes)
        except NotInstalled as error:
            self._miss(f"Left out: {name}, for {error}.")
        except TooSlow as error:  # nothing here fails by time
            self._miss(f"Given up: {name}, {error}.")
        except CannotMeasure as error:
            self.failed = True
            self._miss(f"Failed: {name}, {error}.")
        else:
            print(f"{time.monotonic() - begun:.0f} s")

    def _miss(self, note: str) -> None:
        print(note)
        self.notes.append(note)


def main(arguments: list[str]) -> int:
    every = MEASUREMENTS | LONG_MEASUREMENTS
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(every))
    parser.add_argument("--quick", action="store_true", help="less of everything, few goals")
    parser.add_argument("--full", action="store_true", help="also a million messages")
    parser.add_argument("--report", type=Path, help="write REPORT.rst and its pictures there")
    chosen = parser.parse_args(arguments)
    names = chosen.names or list(every if chosen.full else MEASUREMENTS)
    if unknown := set(names) - set(every):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    sizes, warning = fitting(QUICK if chosen.quick else Sizes())
    run = Run()
    if warning:
        print(warning)
        run.notes.append(warning)
    if chosen.report:
        sizes = evolve(sizes, steps=sizes.drawn)
    with tempfile.TemporaryDirectory(prefix="teamchat-bench-") as directory:
        place = Place(Path(directory), sizes.users)
        for name in names:
            run.measure(name, every[name], place, sizes)
    _print(run)
    if chosen.report:
        report.write(chosen.report, run.rows, run.notes)
    return 1 if run.failed or any(row.wrong for row in run.rows) else 0


def _print(run: Run) -> None:
    for table in (against_goals(run.rows), side_by_side(run.rows)):
        if len(table) > 1:
            print(f"\n{text(table)}")
    print(f"\n{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; 1 is as good, 2 twice")
    for said in run.notes:
        print(said)
    for row in run.rows:
        if row.wrong:
            print(f"!!! {row.name.strip()}: {row.figure:.0f}, and there must be none")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
