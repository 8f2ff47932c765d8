"""
What all daemons on one database must have in common, and cannot have from it.
"""

import os
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from twisted.logger import Logger

from teamchatd.store import moving
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.schema import Unusable
from teamchatd.store.sqlite import SQLite

log = Logger()

MARK = "shared-by"
"""The file that tells data directories apart."""

MOST_APART = 2
"""Seconds that clocks may differ without anybody being told."""


def _agree(change: Change, name: str, value: str) -> str:
    """
    @return: what the first daemon said.
    """
    change.cursor.execute(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value)
    )
    [(agreed,)] = change.cursor.execute("SELECT value FROM settings WHERE name = ?", (name,))
    return str(agreed)


def _marked(directory: Path, newcomer: str) -> tuple[str, bool]:
    """
    What the data directory is called, and whether it was C{newcomer} who called it so.  Of
    several daemons that come at once, one does.
    """
    mark = directory / MARK
    half = directory / f"{MARK}.{newcomer}.new"
    if mark.exists():
        return mark.read_text("utf-8").strip(), False
    try:
        half.write_text(f"{newcomer}\n", "utf-8")
        with suppress(FileExistsError):
            os.link(half, mark)  # whole, or not at all
    finally:
        half.unlink(missing_ok=True)
    found = mark.read_text("utf-8").strip()
    return found, found == newcomer


def meet(database: Database, directory: Path, jwt_secret: str, newcomer: str) -> str:
    """
    Make sure that this daemon belongs to the others, who may have been here first.

    @param newcomer: what the data directory is called from now on, if nobody has called
        it anything yet.
    @return: what it is called.
    @raise Unusable: it does not.
    """
    secret = sha256(jwt_secret.encode()).hexdigest()
    if database.change_at_once(_agree, "hashOfSecret", secret) != secret:
        raise Unusable(
            "[auth] jwtSecret is not that of the other daemons on this database, so that who"
            " signs in with one would be nobody to the others: give all of them the same"
        )
    mark = directory / MARK
    try:
        ours, is_new = _marked(directory, newcomer)
        agreed = database.change_at_once(_agree, "dataDirectory", ours)
        if agreed != ours and is_new:
            mark.unlink()
    except OSError as error:
        raise Unusable(f"{mark} cannot be used: {error.strerror}") from error
    if agreed != ours:
        raise Unusable(
            f"the data directory {directory} is not that of the other daemons on this database,"
            " who would not find the images that are put there: let all of them have the same,"
            f" and if this is a copy of it, copy its file {MARK}, too"
        )
    return ours


def _time_there(change: Change) -> float:
    [(seconds,)] = change.cursor.execute("SELECT extract(epoch FROM clock_timestamp())")
    return float(seconds)


def refuse_alone(directory: Path) -> None:
    """
    Make sure that nobody begins a record of their own beside that of the others.

    @raise Unusable: the data directory is one that several daemons share, or will.
    """
    if (directory / MARK).exists():
        raise Unusable(
            f"the daemons that share the data directory {directory} have their record in"
            " PostgreSQL, and [storage] database does not say where; if it is not there any"
            f" more, remove the file {MARK}"
        )
    away, path = directory / moving.AWAY, SQLite(directory).path
    if away.exists() and not path.exists():
        raise Unusable(
            f"the record was moved into PostgreSQL, and [storage] database does not say where; to"
            f" go back to what it was then, rename {away} to {path}"
        )


def compare_clocks(database: Database, now: float) -> None:
    """
    Tell the operator when this machine's clock is not that of the database's: by the
    clock sessions end, letters are taken up, and messages say when they were written.

    @param now: seconds since the epoch, here.
    """
    there = database.change_at_once(_time_there)
    if abs(there - now) > MOST_APART:
        log.warn(
            "The clock of this machine is {seconds} seconds {which} that of the database:"
            " keep the clocks of all machines together, with NTP",
            seconds=round(abs(there - now)),
            which="behind" if there > now else "ahead of",
        )
