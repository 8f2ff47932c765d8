"""
Bring a database up to the schema that this version of the code expects.

C{schema/} holds numbered SQL files.  A released file is never edited: a change
to the schema is a new file.  The table C{schema} remembers which were applied.
"""

import re
import sqlite3
from importlib.resources import files
from pathlib import Path

from attrs import frozen
from twisted.logger import Logger

log = Logger()

COMPATIBLE_FROM = 1
"""The oldest schema that code which knows the newest can work beside."""


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


def steps() -> list[Step]:
    """
    Every step there is, in order.
    """
    here = files("teamchatd.store").joinpath("schema")
    found = []
    for file in here.iterdir():
        if named := re.fullmatch(r"(\d{4})-.*\.sql", file.name):
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
    @raise FromTheFuture: a newer teamchat wrote it.
    """
    known = steps()
    seen = applied(connection)
    if seen > known[-1].number:
        raise FromTheFuture(
            f"the database has schema {seen}, and this version of teamchat knows {known[-1].number}"
            " at the most: it was written by a newer version. Install that one, or restore a"
            " backup made before the upgrade."
        )
    missing = [step for step in known if step.number > seen]
    if seen and missing and spare is not None:
        copy = spare / f"before-schema-{missing[-1].number}.sqlite"
        copy.unlink(missing_ok=True)  # half a copy, left by an upgrade that was cut off
        connection.execute("VACUUM INTO ?", (str(copy),))
        log.info("Copied the database to {copy} before its upgrade", copy=str(copy))
    for step in missing:
        _apply(connection, step)
        if seen:
            log.info("Upgraded the database: {step}", step=step.name)


def _apply(connection: sqlite3.Connection, step: Step) -> None:
    try:
        # executescript commits what is open, so the script brings its own transaction.
        connection.executescript(
            "BEGIN IMMEDIATE;"
            "CREATE TABLE IF NOT EXISTS schema"
            " (number INTEGER PRIMARY KEY, compatible_from INTEGER NOT NULL) STRICT;"
            f"{step.sql}\n;"
            "INSERT INTO schema (number, compatible_from)"
            f" VALUES ({step.number}, {COMPATIBLE_FROM});"
            "COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
