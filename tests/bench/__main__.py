"""
C{python -m tests.bench [--quick] [--full] [name ...]}
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import asking, comparing, guessing, listening, living, load
from tests.bench.serving import Place
from tests.bench.sizes import QUICK, Sizes, fitting
from tests.bench.table import Row, draw

Measurement = Callable[[Place, Sizes], Iterator[Row]]

MEASUREMENTS: dict[str, Measurement] = {
    "start": living.start,
    "posts": asking.posts,
    "heard-posts": asking.heard_posts,
    "history": asking.history,
    "some-streams": listening.some_streams,
    "many-streams": listening.many_streams,
    "returning": listening.returning,
    "stop": living.stop,
    "guesses": guessing.guesses,
    "bare": comparing.bare,
}

LONG_MEASUREMENTS: dict[str, Measurement] = {
    "long-history": asking.long_history,
}
"""Their data takes minutes to make: only with C{--full}, or by name."""


def main(arguments: list[str]) -> int:
    every = MEASUREMENTS | LONG_MEASUREMENTS
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("names", nargs="*", metavar="name", help=", ".join(every))
    parser.add_argument("--quick", action="store_true", help="less of everything, no goals")
    parser.add_argument("--full", action="store_true", help="also a million messages")
    chosen = parser.parse_args(arguments)
    names = chosen.names or list(every if chosen.full else MEASUREMENTS)
    if unknown := set(names) - set(every):
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    sizes, warning = fitting(QUICK if chosen.quick else Sizes())
    if warning:
        print(warning)
    with tempfile.TemporaryDirectory(prefix="teamchat-bench-") as directory:
        place = Place(Path(directory), sizes.users)
        rows, failed = measured(names, place, sizes)
    print(f"\n{draw(rows)}\n")
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}; ratio 1 is the goal")
    wrong = [row for row in rows if row.wrong]
    for row in wrong:
        print(f"!!! {row.what.strip()}: {row.ours:.0f}, and there must be none")
    return 1 if wrong or failed else 0


def measured(names: list[str], place: Place, sizes: Sizes) -> tuple[list[Row], bool]:
    """
    Measure what can be measured.

    @return: the rows, and whether something went wrong.
    """
    rows: list[Row] = []
    failed = False
    for name in names:
        begun = time.monotonic()
        print(f"{name} …", end=" ", flush=True)
        try:
            rows += (MEASUREMENTS | LONG_MEASUREMENTS)[name](place, sizes)
        except load.TooSlow as error:  # nothing here fails by time
            print(f"given up: {error}")
        except load.CannotMeasure as error:
            failed = True
            print(f"failed: {error}")
        else:
            print(f"{time.monotonic() - begun:.0f} s")
    return rows, failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
