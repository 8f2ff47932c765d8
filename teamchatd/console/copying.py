"""
Files from one place to another, and whether they came as they were.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from attrs import frozen

from teamchatd.console.place import me
from teamchatd.console.terminal import CannotDo, in_words
from teamchatd.files.shelf import NAME

AT_ONCE = 1 << 20
"""Bytes."""

DATABASE = "teamchat.sqlite"
SECRET = "jwt-secret"
FILES = "files"

SPARE = 10 << 20
"""Bytes that are to stay free: somebody else works on this disk, too."""


@frozen
class Sum:
    """
    What a file is, in C{sha256sum}'s words.
    """

    digest: str
    size: int


def copied(source: Path, target: Path) -> Sum:
    """
    Copy a file to where there is none.
    """
    digest, size = sha256(), 0
    with (
        open(source, "rb", opener=_no_link) as original,
        open(target, "xb", opener=_for_us_only) as copy,
    ):
        while chunk := original.read(AT_ONCE):
            digest.update(chunk)
            copy.write(chunk)
            size += len(chunk)
    return Sum(digest.hexdigest(), size)


def summed(path: Path) -> Sum:
    digest, size = sha256(), 0
    with open(path, "rb") as file:
        while chunk := file.read(AT_ONCE):
            digest.update(chunk)
            size += len(chunk)
    return Sum(digest.hexdigest(), size)


def is_ours(name: str) -> bool:
    """
    Whether it is a path in a backup that we would give, and leads nowhere else.
    """
    folder, _, last = name.rpartition("/")
    if folder:
        return folder == FILES and NAME.fullmatch(last) is not None
    return name in (DATABASE, SECRET)


def refuse_no_room(where: Path, needed: int, what: str) -> None:
    """
    Better before than in the middle.
    """
    free = shutil.disk_usage(where).free
    if free < needed + SPARE:
        raise CannotDo(
            f"{what} takes {in_words(needed)}, and in {where} {in_words(free)} are free."
            " Nothing was changed: make room first."
        )


@contextmanager
def explaining(what: str) -> Iterator[None]:
    """
    What the system refuses, as a sentence.
    """
    try:
        yield
    except OSError as error:
        where = f" {error.filename}:" if error.filename else ""
        whose = f" (this works as {me()})" if isinstance(error, PermissionError) else ""
        raise CannotDo(f"{what}:{where} {error.strerror}{whose}") from error


def printable(text: str) -> str:
    return re.sub(r"[^\x20-\x7e]", "?", text)


def _no_link(path: str, flags: int) -> int:
    """
    Root may be asking for what somebody else has put there.
    """
    return os.open(path, flags | os.O_NOFOLLOW)


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)
