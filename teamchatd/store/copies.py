"""
Copies of the database, which nobody writes: what is in them, and making one the record.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from attrs import frozen

from teamchatd.store.schema import refuse_future
from teamchatd.store.settling import settle
from teamchatd.store.unusable import Unusable

COUNTED = (
    *("users", "channels", "messages", "reactions"),
    *("conversations", "webhooks", "images"),
)
"""Tables that are counted, where this schema has them already."""


@frozen
class Facts:
    """
    What a database is.

    @ivar schema: the number of its last step.
    @ivar needed: the schema that code has to know to work with it.
    @ivar counts: of the rows of some tables.
    """

    schema: int
    needed: int
    era: str
    head: int
    counts: dict[str, int]


def facts(path: Path) -> Facts:
    """
    @param path: of a copy, which nobody writes.
    @raise Unusable: it is no database of ours, or damaged.
    """
    try:
        with closing(_alone(path)) as connection:
            [(schema, needed)] = connection.execute(
                "SELECT max(number), max(compatible_from) FROM schema"
            )
            [(era, head)] = connection.execute("SELECT era, number FROM head")
            counts = {
                table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
                for table in COUNTED
                if _has(connection, table)
            }
    except (sqlite3.Error, ValueError) as error:
        raise Unusable(f"{path} is no database of teamchat, or damaged: {error}") from error
    return Facts(schema, needed, era, head, counts)


def files_of(path: Path) -> Iterator[str]:
    """
    The names of all files that a copy needs.
    """
    with closing(_alone(path)) as connection:
        if _has(connection, "images"):
            for (name,) in connection.execute(
                "SELECT name FROM images UNION ALL"
                " SELECT thumb_name FROM images WHERE thumb_name IS NOT NULL"
            ):
                yield name


def refuse_unsound(path: Path) -> None:
    """
    @raise Unusable: it is damaged, or a newer teamchat wrote it in a way we do not know.
    """
    try:
        with closing(_alone(path)) as connection:
            refuse_future(connection)
            complaint = complaints(connection)
    except sqlite3.Error as error:
        raise Unusable(f"{path} is damaged: {error}") from error
    if complaint:
        raise Unusable(f"{path} is damaged: {complaint}")


def complaints(connection: sqlite3.Connection) -> str:
    """
    What SQLite finds wrong, in a word or two; nothing, where all is well.
    """
    [(said,)] = connection.execute("PRAGMA quick_check(1)")
    return "" if said == "ok" else str(said)


def begin_era(path: Path) -> None:
    """
    What is written from now on is another history than the one that event ids were given
    for until now: clients that come with one are told to start anew.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("UPDATE head SET era = ?", (secrets.token_hex(4),))
    settle(path)


def _has(connection: sqlite3.Connection, table: str) -> bool:
    found = connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    return found is not None


def _alone(path: Path) -> sqlite3.Connection:
    """
    Without the files that SQLite lays beside one that may be written.
    """
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None
    )
