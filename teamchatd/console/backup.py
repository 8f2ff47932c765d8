"""
C{teamchat backup}: a copy of all that is kept, made while the daemon runs.
"""

import fcntl
import os
import re
import shutil
import time
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from attrs import frozen

from teamchatd import __version__
from teamchatd.console import manifest
from teamchatd.console.copying import (
    DATABASE,
    FILES,
    SECRET,
    Sum,
    copied,
    explaining,
    refuse_no_room,
    summed,
)
from teamchatd.console.manifest import Manifest
from teamchatd.console.place import Place
from teamchatd.console.terminal import CannotDo, Progress, complain, in_words, say
from teamchatd.store import copies, copying
from teamchatd.store.settling import settle, settle_all

HALF = ".partial"

STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{6}Z(-\d+)?")
"""How the folder of a backup is called: its time, in UTC."""

ABOUT = """\
Copy all that is kept into a new folder of DIR that is called after the time, such as
DIR/2026-11-30T031500Z. The daemon may run, and goes on; what it has acknowledged before this
began is in the copy.

DIR is for backups alone. It is made if there is none, and refused if there is anything else in
it. A backup that is cut off leaves DIR/.partial, which the next one takes away; a folder that has
its name is whole, and on the disk. Only the owner of the data directory can read it: it holds
what people said, and the secret that tokens are signed with. The configuration is not part of it.

As root, this works as the owner of the data directory, who has to be able to write DIR.
"""


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "backup",
        parents=[common],
        help="copy all that is kept, while the daemon runs",
        description=ABOUT,
        formatter_class=RawDescriptionHelpFormatter,
    )
    verb.add_argument("root", type=Path, metavar="DIR", help="the directory of all backups")
    verb.add_argument(
        "--keep", type=_count, metavar="N", help="then delete all but the newest N of them"
    )
    verb.set_defaults(run=run)


INSTEAD = "first copy that with pg_dump, then the data directory"


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError("has to be a whole number, 1 or more")
    return int(text)


def run(place: Place, chosen: Namespace) -> None:
    place.refuse_postgres("teamchat backup", INSTEAD)
    progress = Progress("Copying")
    try:
        made = back_up(place, chosen.root.absolute(), time.time, progress)
    finally:
        progress.over()
    if made.missing:
        complain(
            f"teamchat: {len(made.missing)} files of images are not there any more, and not in the"
            " backup: teamchat check says more."
        )
    messages, files = made.manifest.counts["messages"], made.manifest.files
    size = f"{in_words(made.manifest.size)} of {place.directory}"
    say(f"{made.folder}: {messages} messages, {files} files, {size}")
    if chosen.keep:
        for old, is_kept in drop_older(chosen.root.absolute(), chosen.keep, made):
            say(f"{old} stays: it has some of these files." if is_kept else f"Deleted {old}")


@frozen
class Backup:
    """
    @ivar missing: the names of files that the data directory lacks.
    """

    folder: Path
    manifest: Manifest
    missing: list[str]


def back_up(place: Place, root: Path, now: Callable[[], float], progress: Progress) -> Backup:
    """
    @raise CannotDo: nothing is left of it.
    """
    if root.resolve().is_relative_to(place.directory.resolve()):
        raise CannotDo(f"{root} is in the data directory: a backup belongs elsewhere.")
    with explaining("The backup was not made"), _alone_in(root):
        half = _cleared(root)
        source = place.directory / DATABASE
        refuse_no_room(root, copying.size_of(source) + _size_of(place), "The backup")
        half.mkdir(mode=0o700)
        try:
            made_at = now()
            made, missing = _made(place, half, int(made_at * 1000), progress)
            settle_all(half)
            folder = half.rename(_free(root, made_at))
        except BaseException:
            with suppress(OSError):
                shutil.rmtree(half)
            raise
        settle(root)
    return Backup(folder, made, missing)


def _made(place: Place, half: Path, made_at: int, progress: Progress) -> tuple[Manifest, list[str]]:
    """
    The database first.  A row vanishes before its file does, by an hour: so all that the
    copy names is still there when its turn comes.
    """
    database, size, count = half / DATABASE, 0, 0
    missing: list[str] = []
    copying.copy_of(
        place.directory / DATABASE,
        database,
        lambda size: progress.at(f"database, {in_words(size)}"),
    )
    facts = copies.facts(database)
    with open(half / manifest.SUMS, "x", encoding="utf-8") as sums:

        def note(name: str, sum_: Sum) -> int:
            sums.write(manifest.line(name, sum_))
            return sum_.size

        size += note(DATABASE, summed(database))
        if place.secret.exists():  # else the configuration has it
            size += note(SECRET, copied(place.secret, half / SECRET))
        (half / FILES).mkdir(mode=0o700)
        for name in copies.files_of(database):
            try:
                size += note(f"{FILES}/{name}", copied(place.shelf.path(name), half / FILES / name))
                count += 1
            except FileNotFoundError:
                missing.append(name)
            progress.at(f"{count} files, {in_words(size)}")
    made = Manifest(
        __version__,
        facts.schema,
        facts.needed,
        facts.era,
        facts.head,
        made_at,
        facts.counts,
        count,
        size,
        summed(half / manifest.SUMS).digest,
    )
    manifest.write(half, made)
    return made, missing


def _size_of(place: Place) -> int:
    directory = place.shelf.directory
    if not directory.is_dir():
        return 0
    with os.scandir(directory) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """
    @raise CannotDo: there is something else in it, or another backup is being made.
    """
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    strange = [
        each.name
        for each in root.iterdir()
        if not STAMP.fullmatch(each.name) and each.name not in (HALF, "lost+found")
    ]
    if strange:
        raise CannotDo(
            f"{root} holds other things than backups, such as {min(strange)}: name a directory"
            " that is for them alone, and may not exist yet."
        )
    directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(directory, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise CannotDo(f"Another backup is being made in {root}.") from None
    finally:
        os.close(directory)


def _cleared(root: Path) -> Path:
    """
    Where a half backup would be, without what is left of one.
    """
    half = root / HALF
    if half.exists():
        shutil.rmtree(half)
    return half


def _free(root: Path, at: float) -> Path:
    stamp = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%dT%H%M%SZ}"
    folder, number = root / stamp, 1
    while folder.exists():
        number += 1
        folder = root / f"{stamp}-{number}"
    return folder


def in_order(root: Path) -> list[Path]:
    """
    The backups in C{root}, oldest first.
    """
    found = [each for each in root.iterdir() if STAMP.fullmatch(each.name)]
    return sorted(found, key=lambda each: (each.name[:18], int(each.name[19:] or 1)))


def drop_older(root: Path, keep: int, made: Backup) -> Iterator[tuple[Path, bool]]:
    """
    Delete all but the newest C{keep}, among which is what was just C{made}, whatever the clock
    said when the others were.

    One that has a file which is missing now stays, too: should a disk with images be gone, no
    night shall take away the last backup of them.

    @return: each of the older ones, and whether it stays.
    """
    with explaining("An older backup was not deleted"), _alone_in(root):
        others = [each for each in in_order(root) if each != made.folder]
        for old in others[: max(0, len(others) + 1 - keep)]:
            is_kept = any((old / FILES / name).exists() for name in made.missing)
            if not is_kept:
                # Under another name first: what has the name of a backup is a whole one.
                old.rename(_cleared(root))
                _cleared(root)
            yield old, is_kept
