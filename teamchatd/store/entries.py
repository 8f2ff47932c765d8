"""
The journal's entries, as rows.
"""

from collections.abc import Iterator

from teamchatd.model import Entry
from teamchatd.store import audiences
from teamchatd.store.engine import Cursor


def after(cursor: Cursor, number: int, limit: int = 2**31 - 1) -> Iterator[Entry]:
    """
    The entries after C{number}, oldest first.

    @param limit: so many at most; by default all of them.
    """
    rows = cursor.execute(
        "SELECT number, audience, text, subject, erases FROM journal"
        " WHERE number > ? ORDER BY number LIMIT ?",
        (number, limit),
    )
    for at, audience, text, subject, erases in rows:
        yield Entry(at, audiences.read(audience), text, subject, bool(erases))
