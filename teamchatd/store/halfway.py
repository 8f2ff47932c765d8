"""
What says that a record is half-way from one database to another: a row in each of them, which
names the same move.

The old one stays good until the last moment.  A daemon that starts on it has changed its mind:
it takes the row away, and what the move has brought over by then counts for nothing.
"""

from typing import Any

from teamchatd.store.engine import Cursor
from teamchatd.store.unusable import Unusable

MOVING = "moving"
"""Names the move, in both."""

MOVED = "movedFrom"
"""Names it in the new one, once all is there."""


def named(cursor: Cursor, name: str) -> str | None:
    """
    Which move one of these two speaks of.
    """
    row = cursor.execute("SELECT value FROM settings WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def name(cursor: Cursor, setting: str, move: str) -> None:
    cursor.execute("INSERT INTO settings (name, value) VALUES (?, ?)", (setting, move))


def forget(cursor: Cursor, setting: str) -> None:
    cursor.execute("DELETE FROM settings WHERE name = ?", (setting,))


def refuse(connection: Any) -> None:
    """
    @raise Unusable: not all that belongs to this record is in it yet.
    """
    if named(connection.cursor(), MOVING) is not None:
        raise Unusable(
            "the record is half-way from SQLite into this PostgreSQL database: run teamchat move"
            " again, which goes on where it was; or leave [storage] database empty, and the"
            " daemon stays with SQLite"
        )


def stay(connection: Any) -> None:
    """
    Somebody works with the old record: what the move has copied of it is no longer all.
    """
    if named(connection.cursor(), MOVING) is not None:
        forget(connection.cursor(), MOVING)
