"""
Conversations, as rows: one for each pair of users.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd.errors import NotFound
from teamchatd.model import Author, Conversation, Place, Users
from teamchatd.store import places, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.users import NoSuchUser

# The newest message decides the order, the conversation itself where there is none.
SELECT = (
    "SELECT conversations.id, first_id, second_id, conversations.created_at,"
    " messages.created_at, users.id, users.user_name"
    " FROM conversations"
    " LEFT JOIN users ON users.id = CASE WHEN first_id = ?1 THEN second_id ELSE first_id END"
    " AND removed_at IS NULL"
    " LEFT JOIN messages ON messages.position = (SELECT max(position) FROM messages AS said"
    " WHERE said.place_id = conversations.id AND said.thread_id IS NULL)"
)

LATEST_FIRST = "ORDER BY coalesce(messages.position, conversations.position) DESC"


class NoSuchConversation(NotFound):
    """Nobody talks there."""

    def __init__(self) -> None:
        super().__init__("There is no such conversation.")


def _found(cursor: Cursor, user_id: str, where: str, *more: str) -> list[Conversation]:
    """
    As C{user_id} sees them.
    """
    rows = cursor.execute(f"{SELECT} {where}", (user_id, *more))
    return [_conversation_of(row) for row in rows]


def _conversation_of(row: tuple[str, str, str, int, int | None, str | None, str]) -> Conversation:
    conversation_id, first_id, second_id, created_at, last_message_at, other_id, other_name = row
    other = None if other_id is None else Author(other_id, other_name)
    return Conversation(conversation_id, (first_id, second_id), created_at, last_message_at, other)


def _all(cursor: Cursor, user_id: str) -> list[Conversation]:
    return _found(cursor, user_id, f"WHERE first_id = ?1 OR second_id = ?1 {LATEST_FIRST}")


def _between(cursor: Cursor, user_id: str, first: str, second: str) -> Conversation | None:
    found = _found(cursor, user_id, "WHERE first_id = ?2 AND second_id = ?3", first, second)
    return found[0] if found else None


def _open(
    change: Change, conversation_id: str, user_id: str, target_id: str
) -> tuple[Conversation, bool]:
    """
    The one conversation of the two, and whether it is new.

    @raise NoSuchUser: there is nobody to talk to.
    """
    users.acting(change.cursor, user_id)
    if users.find(change.cursor, target_id) is None:
        raise NoSuchUser()
    first, second = sorted((user_id, target_id))
    known = _between(change.cursor, user_id, first, second)
    if known is not None:
        return known, False
    change.cursor.execute(
        "INSERT INTO conversations (id, first_id, second_id, created_at, position)"
        " VALUES (?, ?, ?, ?, ?)",
        (conversation_id, first, second, change.at, change.position),
    )
    told = {"id": conversation_id, "participants": (first, second), "createdAt": change.at}
    change.tell(Users((first, second)), "NEW_CONVERSATION", told, subject=conversation_id)
    conversation = _between(change.cursor, user_id, first, second)
    assert conversation is not None
    return conversation, True


def _place(cursor: Cursor, conversation_id: str) -> Place | None:
    place = places.find(cursor, conversation_id)
    return None if place is None or place.participants is None else place


@define
class ConversationStore:
    _database: Database

    def all(self, user_id: str) -> "Deferred[list[Conversation]]":
        """
        Those that C{user_id} takes part in, latest activity first.
        """
        return self._database.read(_all, user_id)

    def place(self, conversation_id: str) -> "Deferred[Place | None]":
        return self._database.read(_place, conversation_id)

    def open(
        self, conversation_id: str, user_id: str, target_id: str
    ) -> "Deferred[tuple[Conversation, bool]]":
        """
        The one conversation of these two users, and whether it was made just now,
        with the id C{conversation_id}.

        @raise NoSuchUser: there is nobody to talk to.
        """
        return self._database.change(_open, conversation_id, user_id, target_id)
