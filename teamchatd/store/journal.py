"""
The journal: what happened, numbered in the order of the commits.

Every change writes its entries in its own transaction, with
L{teamchatd.store.change.Change.tell}.  So there is no event without its change
and no change without its event; a client that was away is told from here.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd.model import Stretch
from teamchatd.store import entries
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor

TRIMMED_AT_ONCE = 1000
"""Entries.  More in one step would keep the writer from others for too long."""

LONGEST_STRETCH = 256 << 10
"""Characters of text.  Who comes back is sent no more than this in one go."""


@define
class Journal:
    _database: Database

    def after(self, number: int, limit: int) -> "Deferred[Stretch]":
        """
        The entries after C{number}, oldest first, at most C{limit} of them:
        fewer where they are long, but at least one.
        """
        return self._database.read(_after, number, limit)

    def trim(self, before: int) -> "Deferred[bool]":
        """
        Drop some of the entries that are older than the time C{before}.

        @return: whether there may be more.
        """
        return self._database.change(_trim, before)


def _after(cursor: Cursor, number: int, limit: int) -> Stretch:
    stretch, length = [], 0
    for entry in entries.after(cursor, number, limit):
        stretch.append(entry)
        length += len(entry.text or "")
        if length > LONGEST_STRETCH:
            break
    [(oldest,)] = cursor.execute(
        "SELECT coalesce((SELECT min(number) FROM journal), (SELECT number + 1 FROM head))"
    )
    return Stretch(stretch, oldest)


def _trim(change: Change, before: int) -> bool:
    """
    Looks at the oldest entries only: the numbers are in the order of time, and
    a search by time would read the whole journal to find nothing.
    """
    rows = change.cursor.execute(
        "SELECT number, at FROM journal ORDER BY number LIMIT ?", (TRIMMED_AT_ONCE,)
    ).fetchall()
    old = [number for number, at in rows if at < before]
    if old:
        change.cursor.execute("DELETE FROM journal WHERE number <= ?", (old[-1],))
    return len(old) == TRIMMED_AT_ONCE
