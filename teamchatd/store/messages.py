"""
Messages, as rows.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Sequence

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd import shapes
from teamchatd.errors import NotFound
from teamchatd.model import Author, InChannel, Message
from teamchatd.store import channels
from teamchatd.store.change import Change
from teamchatd.store.channels import NoSuchChannel
from teamchatd.store.database import Database
from teamchatd.store.users import NoSuchUser

SELECT = (
    "SELECT messages.id, place_id, author_id, users.user_name, content, messages.created_at,"
    " updated_at FROM messages JOIN users ON users.id = author_id"
)


class NoSuchMessage(NotFound):
    """Also said of a message that is none of the asker's business."""

    def __init__(self) -> None:
        super().__init__("There is no such message.")


@frozen
class Draft:
    """
    A message that is not one yet.

    @ivar client_id: the sender's own name for it, so that sending it again
        finds the first one.
    """

    id: str
    channel_id: str
    author_id: str
    content: str
    client_id: str | None = None


def subject_of(message: Message) -> str:
    """
    What the journal calls what happens to C{message}.
    """
    return f"{message.channel_id}/{message.id}"


def find(cursor: sqlite3.Cursor, message_id: str) -> Message | None:
    found = _found(cursor, "WHERE messages.id = ?", (message_id,))
    return found[0] if found else None


def _found(cursor: sqlite3.Cursor, where: str, parameters: Sequence[object]) -> list[Message]:
    """
    Messages with their authors' names of now, and their reactions.
    """
    found = [
        Message(message_id, place_id, Author(author_id, user_name), content, created_at, updated_at)
        for message_id, place_id, author_id, user_name, content, created_at, updated_at in (
            cursor.execute(f"{SELECT} {where}", parameters)
        )
    ]
    chosen: dict[str, dict[str, list[str]]] = defaultdict(dict)
    marks = ", ".join("?" * len(found))
    for message_id, reaction, user_id in cursor.execute(
        f"SELECT message_id, reaction, user_id FROM reactions WHERE message_id IN ({marks})"
        " ORDER BY position",
        [message.id for message in found],
    ):
        chosen[message_id].setdefault(reaction, []).append(user_id)
    return [
        message._replace(reactions=chosen[message.id]) if message.id in chosen else message
        for message in found
    ]


def _page(cursor: sqlite3.Cursor, channel_id: str, limit: int, before: str | None) -> list[Message]:
    """
    Oldest first.  By position: an offset would count through the whole past.
    """
    if channels.find(cursor, channel_id) is None:
        raise NoSuchChannel()
    position = None
    if before is not None:
        row = cursor.execute(
            "SELECT position FROM messages WHERE id = ? AND place_id = ? AND thread_id IS NULL",
            (before, channel_id),
        ).fetchone()
        if row is None:
            raise NoSuchMessage()
        [position] = row
    newest_first = _found(
        cursor,
        "WHERE place_id = ? AND thread_id IS NULL AND position < ? ORDER BY position DESC LIMIT ?",
        (channel_id, 2**63 - 1 if position is None else position, limit),
    )
    return newest_first[::-1]


def _add(change: Change, draft: Draft) -> Message:
    """
    @raise NoSuchChannel: it was deleted meanwhile.
    """
    if draft.client_id is not None:
        first = change.cursor.execute(
            "SELECT id FROM messages WHERE author_id = ? AND client_id = ?",
            (draft.author_id, draft.client_id),
        ).fetchone()
        if first is not None:
            return found_again(change.cursor, first[0])
    if channels.find(change.cursor, draft.channel_id) is None:
        raise NoSuchChannel()
    author = change.cursor.execute(
        "SELECT user_name FROM users WHERE id = ? AND removed_at IS NULL", (draft.author_id,)
    ).fetchone()
    if author is None:
        raise NoSuchUser()
    change.cursor.execute(
        "INSERT INTO messages (id, position, place_id, author_id, content, created_at, client_id)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            draft.id,
            change.position,
            draft.channel_id,
            draft.author_id,
            draft.content,
            change.at,
            draft.client_id,
        ),
    )
    message = Message(
        draft.id, draft.channel_id, Author(draft.author_id, author[0]), draft.content, change.at
    )
    _tell(change, "NEW_MESSAGE", message)
    return message


def found_again(cursor: sqlite3.Cursor, message_id: str) -> Message:
    """
    A message that has just been seen in this very transaction.
    """
    message = find(cursor, message_id)
    if message is None:
        raise NoSuchMessage()
    return message


def _tell(change: Change, kind: str, message: Message) -> None:
    told = shapes.message(message)
    change.tell(InChannel(message.channel_id), kind, told, subject=subject_of(message))


def _edit(change: Change, message_id: str, content: str | None) -> Message:
    """
    @param content: the new text; L{None} leaves it.
    """
    before = found_again(change.cursor, message_id)
    content = before.content if content is None else content
    message = before._replace(content=content, updated_at=change.at)
    change.cursor.execute(
        "UPDATE messages SET content = ?, updated_at = ? WHERE id = ?",
        (message.content, message.updated_at, message.id),
    )
    _tell(change, "UPDATE_MESSAGE", message)
    return message


def _remove(change: Change, message_id: str) -> None:
    message = found_again(change.cursor, message_id)
    change.cursor.execute("DELETE FROM messages WHERE id = ?", (message.id,))
    change.tell(
        InChannel(message.channel_id),
        "DELETE_MESSAGE",
        {"id": message.id, "channelId": message.channel_id},
        subject=subject_of(message),
        erases=True,
    )


@define
class MessageStore:
    _database: Database

    def page(
        self, channel_id: str, limit: int, before: str | None = None
    ) -> "Deferred[list[Message]]":
        """
        The newest C{limit} messages of a channel, or those just before the
        message C{before}; oldest first.

        @raise NoSuchChannel: there is none.
        @raise NoSuchMessage: C{before} is not in this channel.
        """
        return self._database.read(_page, channel_id, limit, before)

    def find(self, message_id: str) -> "Deferred[Message | None]":
        return self._database.read(find, message_id)

    def add(self, draft: Draft) -> "Deferred[Message]":
        return self._database.change(_add, draft)

    def edit(self, message_id: str, content: str | None) -> "Deferred[Message]":
        return self._database.change(_edit, message_id, content)

    def remove(self, message_id: str) -> "Deferred[None]":
        return self._database.change(_remove, message_id)
