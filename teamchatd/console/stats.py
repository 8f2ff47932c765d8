"""
C{teamchat stats}: how much there is, and how fast it grows.
"""

import os
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teamchatd.console.place import Place
from teamchatd.console.terminal import in_words, say, say_json
from teamchatd.console.users import columns
from teamchatd.store.stats import stats


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "stats",
        parents=[common],
        help="show how much there is, and how fast it grows",
        description="How much there is. How many listen, only the running daemon knows.",
    )
    verb.add_argument("--json", action="store_true", help="for programs")
    verb.set_defaults(run=run)


def run(place: Place, chosen: Namespace) -> None:
    place.refuse_postgres("teamchat stats", "psql tells how much there is, and the metrics do")
    found = gathered(place, time.time)
    if chosen.json:
        say_json(found)
        return
    newest = found["newestMessageAt"]
    shown: list[tuple[str, ...]] = [(noun, f"{count:,}") for noun, count in found["counts"].items()]
    shown += [("size of " + what, in_words(size)) for what, size in found["bytes"].items()]
    shown += [("table " + name, in_words(size)) for name, size in found["tables"].items()]
    shown += [
        ("newest message", "none" if newest is None else _when(newest)),
        ("messages a day, in a week", f"{found['messagesPerDay']['week']:.1f}"),
        ("messages a day, in a month", f"{found['messagesPerDay']['month']:.1f}"),
        ("growth of the database a day", f"about {in_words(found['bytesPerDay'])}"),
    ]
    for line in columns(shown):
        say(line)


def gathered(place: Place, now: Callable[[], float]) -> dict[str, Any]:
    with place.database().at_once() as cursor:
        found = stats(cursor, int(now() * 1000))
    sizes = {
        "database": _size(place.path),
        "log": _size(Path(f"{place.path}-wal")),
        "files": _sizes(place.shelf.directory),
    }
    each = sizes["database"] / max(1, found.counts["messages"])
    return {
        "counts": found.counts,
        "bytes": sizes,
        "tables": found.tables,
        "newestMessageAt": found.newest_at,
        "messagesPerDay": {"week": found.weekly / 7, "month": found.monthly / 30},
        "bytesPerDay": int(each * found.weekly / 7),
    }


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _sizes(directory: Path) -> int:
    if not directory.is_dir():
        return 0
    with os.scandir(directory) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())


def _when(milliseconds: int) -> str:
    return f"{datetime.fromtimestamp(milliseconds / 1000, UTC):%Y-%m-%d %H:%M} UTC"
