"""
What users have read, and how much they have not: counted each time, because a
count that is kept would be wrong one day.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd import shapes
from teamchatd.model import Read, Users
from teamchatd.store import places, pointers, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.messages import NoSuchMessage
from teamchatd.store.places import NoSuchChannel

MOST_COUNTED = 100
"""Nobody reads a greater number, and to count a million would keep all others waiting."""

MOST_LOOKED_AT = 2000
"""
Messages of a place, one's own included, which are passed over: a program that posts and
never reads would have half a million of them, and each question would walk them all.
"""

# An index holds all that is counted, and each place costs what it has unread, up to the limits.
SELECT = (
    "SELECT places.id, messages.id,"
    " (SELECT count(*) FROM (SELECT 1 FROM (SELECT said.author_id FROM messages AS said"
    " WHERE said.place_id = places.id AND said.thread_id IS NULL"
    " AND said.position > coalesce(reads.position, users.reads_from)"
    f" ORDER BY said.position LIMIT {MOST_LOOKED_AT}) AS looked_at"
    " WHERE looked_at.author_id IS NULL OR looked_at.author_id <> users.id"
    f" LIMIT {MOST_COUNTED}) AS counted)"
    " FROM users CROSS JOIN ({places}) AS places"
    " LEFT JOIN reads ON reads.user_id = users.id AND reads.place_id = places.id"
    " LEFT JOIN messages ON messages.position = reads.position"
    " WHERE users.id = ?1 ORDER BY places.position"
)

EVERYWHERE = SELECT.format(
    places="SELECT id, position FROM channels UNION ALL SELECT id, position FROM conversations"
    " WHERE first_id = ?1 OR second_id = ?1"
)

IN_ONE_PLACE = SELECT.format(places="SELECT ?2 AS id, 0 AS position")


def all_of(cursor: Cursor, user_id: str) -> list[Read]:
    return [Read(*row) for row in cursor.execute(EVERYWHERE, (user_id,))]


def _move(change: Change, user_id: str, place_id: str, message_id: str) -> Read:
    """
    Nothing is told of a pointer that stays where it is.

    @raise NoSuchChannel: it was deleted meanwhile.
    """
    users.acting(change.cursor, user_id)
    if places.find(change.cursor, place_id) is None:
        raise NoSuchChannel()
    position = _position(change.cursor, place_id, message_id)
    is_moved = pointers.move(change, user_id, place_id, position)
    [row] = change.cursor.execute(IN_ONE_PLACE, (user_id, place_id))
    read = Read(*row)
    if is_moved:
        subject = pointers.subject(place_id, user_id)
        change.tell(Users((user_id,)), "UPDATE_READ", shapes.read(read), subject)
    return read


def _position(cursor: Cursor, place_id: str, message_id: str) -> int:
    """
    @raise NoSuchMessage: it is not in the history of this place, where no reply is.
    """
    row = cursor.execute(
        "SELECT position FROM messages WHERE id = ? AND place_id = ? AND thread_id IS NULL",
        (message_id, place_id),
    ).fetchone()
    if row is None:
        raise NoSuchMessage()
    return int(row[0])


@define
class ReadStore:
    _database: Database

    def all(self, user_id: str) -> "Deferred[list[Read]]":
        """
        Of every channel, and of every conversation of C{user_id}: the oldest first.
        """
        return self._database.read(all_of, user_id)

    def move(self, user_id: str, place_id: str, message_id: str) -> "Deferred[Read]":
        """
        C{user_id} has read a place up to this message.

        @return: up to where they have, which may be further.
        @raise NoSuchMessage: it is not in this place, or a reply.
        """
        return self._database.change(_move, user_id, place_id, message_id)
