"""
Whether what is stored is sound, and can go on being stored.
"""

import os
import shutil
import stat
import tomllib
from collections.abc import Callable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any

from teamchatd.console.finding import Finding
from teamchatd.console.place import Place, me
from teamchatd.console.terminal import in_words
from teamchatd.store import images, restored, soundness
from teamchatd.store.schema import Unusable

LEAST_FREE = 200 << 20
"""Bytes."""

LEAST_FILES = 2000
"""Inodes: each image takes two."""

LEAST_SECONDS = 5
"""Two clocks may be that far apart; there is one here, but it may be set a little."""

AT_ONCE = 500
"""Names of files that are looked up together."""


def findings(place: Place, file: Path | None, now: float) -> list[Finding]:
    found = [*_looked("secrets", lambda: _secrets(file))] if file is not None else []
    found += _looked("data directory", lambda: _data(place, now))
    return found


def _looked(what: str, look: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """
    As far as it can be seen by whom we are.
    """
    try:
        yield from look()
    except OSError as error:
        whose = f" (this works as {me()})" if isinstance(error, PermissionError) else ""
        yield Finding.wrong(what, f"{error.filename}: {error.strerror}{whose}")


def _data(place: Place, now: float) -> Iterator[Finding]:
    if not place.directory.is_dir():
        sentence = f"{place.directory} is not there: --data-dir says where it is"
        yield Finding.wrong("data directory", sentence)
        return
    yield from _permissions(place)
    yield from _room(place)
    yield from _record(place, now)


def _secrets(path: Path) -> Iterator[Finding]:
    """
    Whoever can read the configuration of a server can read what secrets are in it.
    """
    secrets = dict(_said(tomllib.loads(path.read_text("utf-8-sig"))))
    open_ = [Path(named) for name, named in secrets.items() if name.endswith("File")]
    if any(not name.endswith("File") for name in secrets):
        open_.append(path)
    open_ = [each for each in open_ if each.exists() and each.stat().st_mode & 0o007]
    for each in open_:
        sentence = f"{each} has a secret in it that everybody on this machine can read: chmod 640"
        yield Finding.wrong("secrets", f"{sentence} {each}, and chown it to who runs the daemon")
    if not open_:
        yield Finding.ok("secrets", "nobody else can read those of the configuration")


def _said(table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """
    The secrets in a table, and the files that it names for them.
    """
    for name, value in table.items():
        inner = value if isinstance(value, list) else [value]
        for each in inner:
            if isinstance(each, dict):
                yield from _said(each)
        if isinstance(value, str) and value:
            if name.removesuffix("File").lower().endswith(("secret", "password")):
                yield name, value


def _permissions(place: Place) -> Iterator[Finding]:
    directory = place.directory.resolve()  # systemd's is a link of root's
    owner = directory.stat().st_uid
    inside = [each for each in directory.iterdir() if each.name != restored.FOR_REPAIRS]
    entries = [directory, *inside]
    strangers = [each for each in entries if each.lstat().st_uid != owner]
    open_ = [each for each in entries if _is_open(each)]
    if strangers:
        sentence = f"{strangers[0]} belongs to another than {place.directory}"
        yield Finding.wrong(
            "permissions", f"{sentence}: chown -R --reference {place.directory} {place.directory}"
        )
    if open_:
        sentence = f"others may read {open_[0]}"
        yield Finding.wrong("permissions", f"{sentence}: chmod -R go= {place.directory}")
    if not strangers and not open_:
        yield Finding.ok("permissions", "nobody else can read what is kept")


def _is_open(path: Path) -> bool:
    mode = path.lstat().st_mode
    return bool(mode & 0o077) and not stat.S_ISLNK(mode)


def _room(place: Place) -> Iterator[Finding]:
    free = shutil.disk_usage(place.directory).free
    path = place.path
    needed = max(LEAST_FREE, 2 * path.stat().st_size if path.exists() else 0)
    if free < needed:
        yield Finding.wrong(
            "disk",
            f"{in_words(free)} are free in {place.directory}, and an upgrade may take"
            f" {in_words(needed)}: make room",
        )
    else:
        yield Finding.ok("disk", f"{in_words(free)} are free in {place.directory}")
    system = os.statvfs(place.directory)
    if system.f_files and system.f_favail < LEAST_FILES:
        yield Finding.wrong("disk", f"only {system.f_favail} more files can be made: make room")


def _record(place: Place, now: float) -> Iterator[Finding]:
    try:
        database = place.database()
        if place.is_in_postgres:
            yield Finding.ok("database", "can be reached in PostgreSQL, and has our schema")
            return
        with database.at_once() as cursor:
            found = soundness.look(cursor)
            if found.complaint:
                yield Finding.wrong(
                    "database",
                    f"{place.path} is damaged ({found.complaint}): restore a backup",
                )
            else:
                yield Finding.ok(
                    "database",
                    f"is sound; schema {found.schema}, era {found.era}, event {found.number}",
                )
            yield _clock(found.newest_at, now)
            yield _files(place, cursor)
    except Unusable as wrong:
        yield Finding.wrong("database", str(wrong))
    yield from _left_over(place)


def _clock(newest_at: int | None, now: float) -> Finding:
    behind = 0 if newest_at is None else newest_at / 1000 - now
    if behind > LEAST_SECONDS:
        return Finding.wrong(
            "clock",
            f"is {behind:.0f} seconds before the newest event: it was set back, or was wrong when"
            " that happened. Set it right; what is sent until then has a wrong time.",
        )
    return Finding.ok("clock", "is not before the newest event")


def _files(place: Place, cursor: Any) -> Finding:
    directory = place.shelf.directory
    names = chain.from_iterable(
        [each.image.file.name] + ([each.image.thumbnail.name] if each.image.thumbnail else [])
        for each in soundness.uploads(cursor)
    )
    missing = sum(not (directory / name).exists() for name in names)
    unknown = 0
    if directory.is_dir():
        there = place.shelf.names()
        while some := list(islice(there, AT_ONCE)):
            unknown += len(images.unknown(cursor, some))
    if missing:
        return Finding.wrong(
            "images",
            f"{missing} files are missing in {directory}: a backup may have them"
            f" (and {unknown} are there that no message knows)",
        )
    if unknown:
        return Finding.note(
            "images",
            f"{unknown} files are there that no message knows; they go within a day or two",
        )
    return Finding.ok("images", "every one has its file, and every file is known")


def _left_over(place: Place) -> Iterator[Finding]:
    aside = sorted(place.directory.glob(f"{restored.ASIDE}*"))
    if aside:
        yield Finding.note(
            "restore", f"{aside[0]} is what was there before a restore: delete it when you can"
        )
    if (place.directory / restored.HALF).exists():
        yield Finding.note(
            "restore",
            f"{place.directory / restored.HALF} is left of a restore that was cut off, or one is"
            " going on: the next one takes it away",
        )
