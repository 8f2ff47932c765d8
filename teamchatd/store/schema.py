"""
Bring a database up to the schema that this version of the code expects.

C{schema/} holds numbered SQL files.  A released file is never edited: a change
to the schema is a new file.  The table C{schema} remembers which were applied.
"""

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.logger import Logger

from teamchatd.store import copying
from teamchatd.store.unusable import Unusable

log = Logger()

COMPATIBLE_FROM = 4
"""
Code that knows this schema works with what we write; older code would be wrong
about it.  Raise it with a step that makes that true of more.

The fifth step made it true of nothing: code that knows the fourth moves no pointers,
and leaves those of users and channels that go, where nobody comes across them.
"""


COPY = "teamchat.sqlite.before-"
"""Begins the names of copies, which the number of a step follows."""

COPIES_KEPT = 2
"""Of upgrades that went well: this one, and the one before."""

COPIES = 2
"""
As much room an upgrade is to find: for the copy, and as much again for what is made anew.
"""

OPERATIONS = 100_000
"""Of SQLite's machine, until it is said again what is done: a few thousandths of a second."""

Tell = Callable[[str], object]
"""
Is told what is done to the database, again and again while that takes.  Who hears nothing for
long knows that it does not go on.
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


def upgrade(
    connection: sqlite3.Connection, spare: Path | None = None, tell: Tell = lambda what: None
) -> None:
    """
    Apply the steps that this database has not seen, each in a transaction.

    @param spare: the folder for a copy of the database, which is made before
        the first step touches a database that was in use.
    @param tell: is told what is done, for whoever would lose patience.
    @raise FromTheFuture: a newer teamchat wrote it, in a way we do not know.
    @raise Unusable: it cannot be copied, or there is no room.
    """
    known = steps()
    seen = applied(connection)
    refuse_future(connection)
    missing = [step for step in known if step.number > seen]
    if seen and missing and spare is not None:
        with _telling(connection, tell, "Copying the database before its upgrade"):
            _copy(connection, spare, missing[0].number)
    doing = "Upgrading" if seen else "Making"
    for step in missing:
        with _telling(connection, tell, f"{doing} the database: {step.name}"):
            _apply(connection, step)
        if seen:
            log.info("Upgraded the database: {step}", step=step.name)
    if seen and missing and spare is not None:
        _drop_older_copies(spare)


@contextmanager
def _telling(connection: sqlite3.Connection, tell: Tell, what: str) -> Iterator[None]:
    def again() -> None:  # an answer other than None would end it
        tell(what)

    again()
    connection.set_progress_handler(again, OPERATIONS)
    try:
        yield
    finally:
        connection.set_progress_handler(None, OPERATIONS)


def refuse_future(connection: sqlite3.Connection) -> None:
    """
    What a newer version has added need not trouble an older one.

    @raise FromTheFuture: this does.
    """
    known = steps()[-1].number
    if applied(connection) > known:
        refuse_newer(connection, known)


def refuse_newer(connection: Any, known: int) -> None:
    """
    The same, of a database of any kind that has more steps than are known.
    """
    [(newest, needed)] = connection.execute("SELECT max(number), max(compatible_from) FROM schema")
    if needed > known:
        raise FromTheFuture(
            f"the database has schema {newest}, and this version of teamchat knows {known}"
            " at the most: it was written by a newer version. Install that one, or restore a"
            " backup made before the upgrade."
        )


def refuse_past(connection: sqlite3.Connection) -> None:
    """
    @raise Unusable: this database waits for its upgrade, which is the daemon's to do.
    """
    refuse_older(applied(connection), steps()[-1].number)


def refuse_older(seen: int, known: int) -> None:
    """
    The same, of a database of any kind.
    """
    if seen < known:
        raise Unusable(
            f"the database has schema {seen}, and this version of teamchat works with {known}:"
            " start the daemon, which upgrades it"
        )


def copies_in(spare: Path) -> Iterator[Path]:
    """
    What upgrades have copied, whole or not.
    """
    return spare.glob(f"{COPY}*")


def _copy(connection: sqlite3.Connection, spare: Path, first: int) -> None:
    """
    Copy the database to a file that tells which state of it this is: before the step
    C{first}, and where the journal stood.

    A whole copy is never touched again: should a step fail, the next start finds
    a database that is half upgraded, and must not put that in the copy's place.
    """
    [(number,)] = connection.execute("SELECT number FROM head")
    target = spare / f"{COPY}{first:04d}-at-{number}"
    if target.exists():
        return
    _refuse_no_room(connection, spare)
    copying.copy(connection, target)
    log.info("Copied the database to {copy} before its upgrade", copy=str(target))


def _refuse_no_room(connection: sqlite3.Connection, spare: Path) -> None:
    """
    A full disk would stop the upgrade anyhow, and undo it: but later, and in the middle of
    a night perhaps.
    """
    needed = COPIES * copying.size(connection)
    try:
        free = shutil.disk_usage(spare).free
    except OSError as error:
        raise Unusable(f"the database cannot be copied to {spare}: {error.strerror}") from error
    if free < needed:
        raise Unusable(
            f"the database has to be upgraded, which takes {in_megabytes(needed)} in {spare}, and"
            f" {in_megabytes(free)} are free there. Nothing was changed: make room, and start"
            " again, or install the version that you had."
        )


def in_megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"


def _drop_older_copies(spare: Path) -> None:
    """
    All has gone well: what goes far back is of no use any more.
    """
    copies = sorted(copies_in(spare), key=lambda path: path.stat().st_mtime_ns)
    for path in copies[:-COPIES_KEPT]:
        path.unlink()
        log.info("Removed {copy}, of an earlier upgrade", copy=str(path))


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
