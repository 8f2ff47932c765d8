"""
Bring a database up to the schema that this version of the code expects.

C{schema/} holds numbered SQL files.  A released file is never edited: a change
to the schema is a new file.  The table C{schema} remembers which were applied.
"""

import os
import re
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.logger import Logger

log = Logger()

COMPATIBLE_FROM = 4
"""
Code that knows this schema works with what we write; older code would be wrong
about it.  Raise it with a step that makes that true of more.

The fifth step made it true of nothing: code that knows the fourth moves no pointers,
and leaves those of users and channels that go, where nobody comes across them.
"""


class Unusable(Exception):
    """
    This database cannot be worked with.  Says why, for the operator.
    """


class FromTheFuture(Unusable):
    """
    The database was written by a newer teamchat.
    """


@frozen
class Step:
    number: int
    name: str
    sql: str


def steps(engine: str = "") -> list[Step]:
    """
    Every step there is, in order.

    @param engine: those that are written for this one alone.
    """
    here = files("teamchatd.store").joinpath("schema")
    ending = f".{engine}" if engine else ""
    found = []
    for file in here.iterdir():
        if named := re.fullmatch(rf"(\d{{4}})-[^.]*{re.escape(ending)}\.sql", file.name):
            found.append(Step(int(named[1]), file.name, file.read_text("utf-8")))
    return sorted(found, key=lambda step: step.number)


def applied(connection: sqlite3.Connection) -> int:
    """
    The number of the last step that C{connection}'s database has seen.
    """
    [(exists,)] = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema'")
    if not exists:
        return 0
    [(number,)] = connection.execute("SELECT coalesce(max(number), 0) FROM schema")
    return int(number)


def upgrade(connection: sqlite3.Connection, spare: Path | None = None) -> None:
    """
    Apply the steps that this database has not seen, each in a transaction.

    @param spare: the folder for a copy of the database, which is made before
        the first step touches a database that was in use.
    @raise FromTheFuture: a newer teamchat wrote it, in a way we do not know.
    @raise Unusable: it cannot be copied.
    """
    known = steps()
    seen = applied(connection)
    if seen > known[-1].number:
        refuse_future(connection, known[-1].number)
    missing = [step for step in known if step.number > seen]
    if seen and missing and spare is not None:
        _copy(connection, spare, seen, missing[-1].number)
    for step in missing:
        _apply(connection, step)
        if seen:
            log.info("Upgraded the database: {step}", step=step.name)


def refuse_future(connection: Any, known: int) -> None:
    """
    What a newer version has added need not trouble an older one.

    @param connection: to a database of any kind.
    """
    [(newest, needed)] = connection.execute("SELECT max(number), max(compatible_from) FROM schema")
    if needed > known:
        raise FromTheFuture(
            f"the database has schema {newest}, and this version of teamchat knows {known}"
            " at the most: it was written by a newer version. Install that one, or restore a"
            " backup made before the upgrade."
        )


def copies_in(spare: Path) -> Iterator[Path]:
    """
    What upgrades have copied, whole or not.
    """
    return spare.glob("before-schema-*.sqlite*")


def _copy(connection: sqlite3.Connection, spare: Path, seen: int, wanted: int) -> None:
    """
    Copy the database to a file that tells which state of it this is.

    A whole copy is never touched again: should a step fail, the next start finds
    a database that is half upgraded, and must not put that in the copy's place.
    """
    [(number,)] = connection.execute("SELECT number FROM head")
    copy = spare / f"before-schema-{wanted}-from-{seen}-at-{number}.sqlite"
    if copy.exists():
        return
    half = copy.with_name(f"{copy.name}.new")
    try:
        half.unlink(missing_ok=True)  # left by an upgrade that was cut off
        file = os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            connection.execute("VACUUM INTO ?", (str(half),))
            os.fsync(file)
        finally:
            os.close(file)
        half.rename(copy)
    except OSError as error:
        raise Unusable(f"the database cannot be copied to {copy}: {error.strerror}") from error
    log.info("Copied the database to {copy} before its upgrade", copy=str(copy))


def as_table() -> str:
    """
    What remembers the steps.
    """
    return (
        "CREATE TABLE IF NOT EXISTS schema"
        " (number INTEGER PRIMARY KEY, compatible_from INTEGER NOT NULL) STRICT;"
    )


def _apply(connection: sqlite3.Connection, step: Step) -> None:
    try:
        # executescript commits what is open, so the script brings its own transaction.
        connection.executescript(
            "BEGIN IMMEDIATE;"
            f"{as_table()}"
            f"{step.sql}\n;"
            "INSERT INTO schema (number, compatible_from)"
            f" VALUES ({step.number}, {COMPATIBLE_FROM});"
            "COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
