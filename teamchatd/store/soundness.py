"""
Whether the record is sound.
"""

from collections.abc import Iterator
from typing import Any

from attrs import frozen

from teamchatd.store import export
from teamchatd.store.copies import complaints
from teamchatd.store.engine import Cursor
from teamchatd.store.images import Upload
from teamchatd.store.schema import applied


@frozen
class Soundness:
    """
    @ivar complaint: what SQLite finds wrong; empty, where it finds nothing.
    @ivar number: of the newest event.
    @ivar newest_at: when that happened, if it is still kept.
    """

    complaint: str
    schema: int
    era: str
    number: int
    newest_at: int | None


def look(cursor: Any) -> Soundness:
    """
    @param cursor: of SQLite, which may be damaged in ways that PostgreSQL tells by itself.
    """
    [(era, number)] = cursor.execute("SELECT era, number FROM head")
    newest = cursor.execute("SELECT at FROM journal ORDER BY number DESC LIMIT 1").fetchone()
    return Soundness(
        complaints(cursor.connection),
        applied(cursor.connection),
        era,
        number,
        None if newest is None else newest[0],
    )


def uploads(cursor: Cursor) -> Iterator[Upload]:
    return export.all_images(cursor)
