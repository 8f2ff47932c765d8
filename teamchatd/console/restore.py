"""
C{teamchat restore}: a backup becomes the record again.
"""

import os
import shutil
import time
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from teamchatd.console import backup, manifest
from teamchatd.console.copying import DATABASE, FILES, SECRET, copied, explaining, refuse_no_room
from teamchatd.console.place import Place, give
from teamchatd.console.terminal import CannotDo, Progress, in_words, say
from teamchatd.store import copies, copying, lock, restored

ABOUT = """\
Put a backup back: a folder that teamchat backup has made, such as DIR/2026-11-30T031500Z. Stop the
daemon first. Each file is compared with the sum that was noted when the backup was made, and the
database is looked through, before anything changes.

Or name a copy of the database that an upgrade has left in the data directory, such as
teamchat.sqlite.before-0006-at-4711, and say --replace: this is the way back from an upgrade. The
images and the secret that are there now go with it. The way back from a restore is the same, with
before-restore-.../teamchat.sqlite.

The data directory has to be empty, or not to be there; or say --replace, and what is in it moves
into a folder of it, before-restore-..., and is deleted by you. Cut off at any moment, this leaves
the old record or the new one: what is still to be moved then, the next start of the daemon moves.

Pages that are open start anew by themselves. Whoever signed in since the backup signs in again.
"""


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "restore",
        parents=[common],
        help="put a backup back, while the daemon is stopped",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verb.add_argument("backup", type=Path, metavar="DIR", help="the backup, or the copy")
    verb.add_argument(
        "--replace", action="store_true", help="move aside what is in the data directory"
    )
    verb.set_defaults(run=run)


INSTEAD = "stop all daemons, put the data directory back, and then that with pg_restore"


def run(place: Place, chosen: Namespace) -> None:
    place.refuse_postgres("teamchat restore", INSTEAD)
    progress = Progress("Restoring")
    try:
        aside = restore(place, chosen.backup.absolute(), chosen.replace, time.time, progress)
    finally:
        progress.over()
    say(f"{place.directory} is as it was when {chosen.backup} was made.")
    if aside is not None:
        say(f"What was there before is in {aside}. Delete it when you need it no more.")
    if place.directory.stat().st_uid == 0:
        say("It belongs to root. Give it to the user that the daemon runs as, with chown -R.")


def restore(
    place: Place, source: Path, replace: bool, now: Callable[[], float], progress: Progress
) -> Path | None:
    """
    @return: where what was there before is now; L{None} where nothing was.
    @raise CannotDo: all is as it was.
    """
    directory = place.directory
    _refuse_none(source)
    with explaining("Nothing was restored"):
        size = source.stat().st_size if source.is_file() else manifest.read(source).size
        with lock.take(directory):
            give(directory / lock.NAME, directory)
            restored.finish(directory)
            if restored.old(directory) and not replace:
                raise CannotDo(
                    f"There is something in {directory} already. With --replace it moves aside,"
                    " and nothing of it is deleted."
                )
            half = restored.new(directory)
            try:
                refuse_no_room(directory, size, "This backup")
                if source.is_file():
                    _fill_around(half, source, place, progress)
                else:
                    _fill(half, source, size, progress)
                copies.refuse_unsound(half / DATABASE)
                copies.begin_era(half / DATABASE)
                give(half, directory)
                restored.make_count(
                    directory, f"{datetime.fromtimestamp(now(), UTC):%Y-%m-%dT%H%M%S.%fZ}"
                )
            except BaseException:
                with suppress(OSError):
                    shutil.rmtree(half)
                raise
            with explaining("It is restored, and the daemon's next start moves in what is left"):
                aside = restored.finish(directory)
                if aside is not None:
                    give(aside, directory)
                return aside


def _refuse_none(source: Path) -> None:
    if source.is_file() or (source / manifest.NAME).exists():
        return
    if not source.is_dir():
        raise CannotDo(f"There is no directory {source}.")
    if found := backup.in_order(source):
        raise CannotDo(
            f"{source} is where backups are: name one of them. The newest is {found[-1]}"
        )


def _fill(half: Path, source: Path, size: int, progress: Progress) -> None:
    (half / FILES).mkdir(mode=0o700)
    done = 0
    for name, digest in manifest.sums(source):
        try:
            sum_ = copied(source / name, half / name)
        except FileNotFoundError:
            raise CannotDo(f"{source / name} is missing: this backup is not whole.") from None
        if sum_.digest != digest:
            raise CannotDo(f"{source / name} is not what it was when the backup was made.")
        done += sum_.size
        progress.at(f"{in_words(done)} of {in_words(size)}")
    if not (half / DATABASE).exists():
        raise CannotDo(f"There is no database in {source}: this backup is not whole.")


def _fill_around(half: Path, source: Path, place: Place, progress: Progress) -> None:
    """
    With a copy of the database, and all else as it is in the data directory now.  Files never
    change: they may be the same ones.  What is not there any more may lie beside the copy, if
    that is what a restore has moved aside.
    """
    if _has_more(source):
        copying.copy_of(source, half / DATABASE)
    else:
        copied(source, half / DATABASE)
    copies.refuse_unsound(half / DATABASE)
    if place.secret.exists():
        copied(place.secret, half / SECRET)
    (half / FILES).mkdir(mode=0o700)
    for count, name in enumerate(copies.files_of(half / DATABASE)):
        try:
            os.link(place.shelf.path(name), half / FILES / name, follow_symlinks=False)
        except FileNotFoundError:
            with suppress(FileNotFoundError):  # deleted since: teamchat check tells of it
                copied(source.parent / FILES / name, half / FILES / name)
        progress.at(f"{count} files")


def _has_more(source: Path) -> bool:
    """
    Whether what was written last is not in the database's file yet, but in that beside it: no
    copy of ours has one, but what a daemon has left that was cut off.
    """
    ahead = Path(f"{source}-wal")
    return ahead.exists() and ahead.stat().st_size > 0
