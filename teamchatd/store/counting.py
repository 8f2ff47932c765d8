"""
How many there are.
"""

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor


@frozen
class Counts:
    """
    @ivar users: who have not been removed.
    @ivar sessions: which have not ended.
    @ivar letters: which wait to be sent.
    """

    users: int
    sessions: int
    letters: int


def _counts(cursor: Cursor) -> Counts:
    [row] = cursor.execute(
        "SELECT (SELECT count(*) FROM users WHERE removed_at IS NULL),"
        " (SELECT count(*) FROM sessions), (SELECT count(*) FROM letters)"
    )
    return Counts(*row)


@define
class CountingStore:
    _database: Database

    def counts(self) -> "Deferred[Counts]":
        """
        @raise Unavailable: storage does not answer.
        """
        return self._database.read(_counts)
