"""
What a backup says of itself.

Beside it lies C{SHA256SUMS}, a line for each file, as C{sha256sum --check} reads it; the
manifest has the sum of that list, and is written last.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from attrs import asdict, frozen

from teamchatd.console.copying import Sum, is_ours, printable, summed
from teamchatd.console.terminal import CannotDo

NAME = "manifest.json"
SUMS = "SHA256SUMS"

FORMAT = 1


@frozen
class Manifest:
    """
    @ivar version: of the teamchat that made it.
    @ivar schema: of the database.
    @ivar needed: the schema that code has to know to work with it.
    @ivar made_at: in milliseconds since the epoch.
    @ivar counts: of rows, by table.
    @ivar files: how many images and thumbnails there are.
    @ivar size: of all that is to be restored, in bytes.
    @ivar sums: the SHA-256 of the list of sums.
    """

    version: str
    schema: int
    needed: int
    era: str
    head: int
    made_at: int
    counts: dict[str, int]
    files: int
    size: int
    sums: str
    format: int = FORMAT


def write(backup: Path, manifest: Manifest) -> None:
    text = orjson.dumps(asdict(manifest), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    (backup / NAME).write_bytes(text)


def read(backup: Path) -> Manifest:
    """
    @raise CannotDo: this is no backup, or not a whole one.
    """
    try:
        said: Any = orjson.loads((backup / NAME).read_bytes())
    except FileNotFoundError:
        raise CannotDo(f"{backup} is no backup: there is no {NAME} in it.") from None
    except ValueError:
        raise CannotDo(f"{backup / NAME} is damaged.") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise CannotDo(f"{backup / NAME} is of another version of teamchat: install that one.")
    try:
        manifest = Manifest(**said)
    except TypeError:
        raise CannotDo(f"{backup / NAME} is damaged.") from None
    if not (backup / SUMS).exists() or summed(backup / SUMS).digest != manifest.sums:
        raise CannotDo(f"{backup / SUMS} is not what it was when the backup was made.")
    return manifest


def line(name: str, sum_: Sum) -> str:
    return f"{sum_.digest}  {name}\n"


def sums(backup: Path) -> Iterator[tuple[str, str]]:
    """
    Of each file in a backup: its path there, and the SHA-256 that it has to have.

    @raise CannotDo: it names what is not in any backup of ours.
    """
    with open(backup / SUMS, encoding="utf-8") as list_:
        for each in list_:
            digest, _, name = each.rstrip("\n").partition("  ")
            if not is_ours(name):
                raise CannotDo(f"{backup / SUMS} names {printable(name)}, which we did not make.")
            yield name, digest
