"""
C{teamchat move}: from SQLite into PostgreSQL.
"""

from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from typing import Any

from teamchatd.console.copying import explaining
from teamchatd.console.place import Place, give
from teamchatd.console.terminal import CannotDo, Progress, say
from teamchatd.store import lock, moving
from teamchatd.store.chosen import engine
from teamchatd.store.sqlite import SQLite

ABOUT = """\
Move the record from SQLite, in the data directory, into the PostgreSQL database that [storage]
database names, which has to be empty. Stop the daemon first; start it afterwards, with the same
data directory: the images and the secret stay there.

Cut off at any moment, it goes on where it was when you run it again, and no daemon starts on the
half of a record. Or leave [storage] database empty again: until the last moment, the old record
is the one that counts. In the end the rows of both are counted, and the old database is
renamed to teamchat.sqlite.moved: delete it when you need it no more.

Everybody stays signed in. Pages that are open start anew by themselves.
"""


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "move",
        parents=[common],
        help="move the record from SQLite into PostgreSQL, while the daemon is stopped",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verb.set_defaults(run=run, needs_secrets=["storage"])


def run(place: Place, chosen: Namespace) -> None:
    progress = Progress("Moving")
    try:
        moved = move(place, progress)
    finally:
        progress.over()
    counts = ", ".join(f"{count:,} {table}" for table, count in moved.counts.items() if count)
    say(f"In both databases there are: {counts}.")
    say(f"The record is in PostgreSQL. Start the daemon. What was SQLite's is {moved.away}.")


def move(place: Place, progress: Progress) -> moving.Moved:
    """
    @raise CannotDo: it is not said where to.
    @raise Unusable: the old record still counts.
    """
    if not place.is_in_postgres:
        raise CannotDo(
            "[storage] database is empty: say there where in PostgreSQL the record shall be."
        )
    if not place.directory.is_dir():
        raise CannotDo(f"There is no directory {place.directory}: --data-dir says where it is.")
    target = engine(place.settings.storage.database, place.directory)
    with explaining("The old database is not put away, run the command again"):
        moved = moving.move(SQLite(place.directory), target, progress.at)
        give(place.directory / lock.NAME, place.directory)
    return moved
