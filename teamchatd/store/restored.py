"""
A record that takes the place of another, whole or not at all.

The new one is made in a folder beside the old one.  Renaming that folder is the moment
from which it counts; what is left then is to move the old one aside and the new one in,
and whoever comes next finishes that: the daemon, before it opens anything, does.

It happens within the data directory, which may be the root of a file system, or a folder
that only root could rename.  Nothing of the old one is deleted.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from teamchatd.store import lock
from teamchatd.store.settling import settle, settle_all

HALF = ".restoring"
"""The new one while it is made: worth nothing yet."""

WHOLE = ".restored-"
"""Begins its name once it counts, and while the old one moves aside."""

MOVING = ".moving-in-"
"""Begins its name while it moves in itself: what lies beside it now is not old."""

ASIDE = "before-restore-"
"""Begins the name of where the old one goes."""

FOR_REPAIRS = "lost+found"
"""Is root's, and in the root of a file system always."""

STAYS = (lock.NAME, FOR_REPAIRS)


def old(directory: Path) -> list[Path]:
    """
    What would have to move aside.
    """
    others = (HALF, WHOLE, MOVING, ASIDE)
    return [
        entry
        for entry in sorted(directory.iterdir())
        if entry.name not in STAYS and not entry.name.startswith(others)
    ]


def is_unfinished(directory: Path) -> bool:
    """
    Whether one that counts has not wholly moved in.
    """
    return any(True for _ in _begun(directory, WHOLE)) or any(
        True for _ in _begun(directory, MOVING)
    )


def new(directory: Path) -> Path:
    """
    An empty folder for a record to be made in.  What is left of one that never came to
    count, which is a half copy of something, goes.
    """
    half = directory / HALF
    if half.exists():
        shutil.rmtree(half)
    half.mkdir(mode=0o700)
    return half


def make_count(directory: Path, stamp: str) -> None:
    """
    From here on what is in the folder that L{new} has made is the record.  What is left to
    be done, L{finish} does.

    @param stamp: tells the old one from others that were moved aside.
    """
    half = directory / HALF
    settle_all(half)
    half.rename(directory / f"{WHOLE}{stamp}")
    settle(directory)


def finish(directory: Path) -> Path | None:
    """
    Finish what L{make_count} has begun, if it has begun anything.  May itself be cut off
    at any moment, and called again.

    @return: where the old one is now, if it was moved just now.
    """
    aside = None
    for whole in list(_begun(directory, WHOLE)):
        stamp = whole.name.removeprefix(WHOLE)
        aside = _move_aside(directory, directory / f"{ASIDE}{stamp}")
        whole.rename(directory / f"{MOVING}{stamp}")
        settle(directory)
    for moving in list(_begun(directory, MOVING)):
        for entry in sorted(moving.iterdir()):
            entry.rename(directory / entry.name)
        settle(directory)
        moving.rmdir()
        settle(directory)
    return aside


def _begun(directory: Path, name: str) -> Iterator[Path]:
    return directory.glob(f"{name}*")


def _move_aside(directory: Path, aside: Path) -> Path | None:
    for entry in old(directory):
        aside.mkdir(mode=0o700, exist_ok=True)
        entry.rename(aside / entry.name)
    if not aside.exists():
        return None
    settle(aside)
    settle(directory)
    return aside
