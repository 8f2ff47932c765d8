"""
Messages, as rows: in channels, in threads, in conversations.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Invalid, NotFound
from teamchatd.model import Author, Message, Place, ThreadMeta, Webhook
from teamchatd.store import images, news, places, threads, users, webhooks
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.places import Found, NoSuchChannel
from teamchatd.store.webhooks import NoSuchWebhook

SELECT = (
    "SELECT messages.id, place_id, author_id, user_name, webhook_id, bot_name, content,"
    " messages.created_at, updated_at, thread_id,"
    " EXISTS (SELECT 1 FROM reactions WHERE message_id = messages.id)"
    " OR EXISTS (SELECT 1 FROM message_images WHERE message_id = messages.id)"
    " OR EXISTS (SELECT 1 FROM messages AS replies WHERE replies.thread_id = messages.id)"
    " FROM messages LEFT JOIN users ON users.id = author_id"
)

NO_REACTIONS: Mapping[str, list[str]] = MappingProxyType({})

Row = tuple[Any, ...]
"""As L{SELECT} gives it: the last says whether anything hangs on the message."""


class NoSuchMessage(NotFound):
    """Also said of a message that is none of the asker's business."""

    def __init__(self) -> None:
        super().__init__("There is no such message.")


class SaidElsewhere(Invalid):
    """
    The sender has used the name of this message for another: a reply, a direct
    message and one in a channel are three things, and none is an answer for another.
    """

    def __init__(self) -> None:
        super().__init__("You have used this clientId for something that you said elsewhere.")


@frozen
class Draft:
    """
    A message that is not one yet.

    @ivar thread_id: of a reply: the message that it answers.
    @ivar images: names of files, which its author uploaded to this very place.
    @ivar client_id: the sender's own name for it, so that sending it again
        finds the first one.
    """

    id: str
    place_id: str
    author_id: str
    content: str
    thread_id: str | None = None
    images: tuple[str, ...] = ()
    client_id: str | None = None


def look_up(cursor: Cursor, message_id: str) -> Found | None:
    """
    Of what hangs on it, nothing is read, and its thread is not counted.

    @return: L{None} also of what was said in a channel that is deleted: its row
        is about to go.
    """
    row = cursor.execute(
        "SELECT place_id, coalesce(author_id, 'webhook:' || webhook_id), thread_id,"
        " EXISTS (SELECT 1 FROM message_images WHERE message_id = messages.id)"
        " FROM messages WHERE id = ?",
        (message_id,),
    ).fetchone()
    if row is None:
        return None
    place_id, author_id, thread_id, is_with_images = row
    place = places.find(cursor, place_id)
    if place is None:
        return None
    return Found(message_id, place, author_id, thread_id, bool(is_with_images))


def _there(cursor: Cursor, message_id: str) -> Found:
    """
    @raise NoSuchMessage: it was deleted meanwhile.
    """
    found = look_up(cursor, message_id)
    if found is None:
        raise NoSuchMessage()
    return found


def _found(cursor: Cursor, where: str, parameters: Sequence[object]) -> list[Message]:
    """
    Messages with their authors' names of now, and all that hangs on them.
    """
    rows = cursor.execute(f"{SELECT} {where}", parameters).fetchall()
    found = [_message_of(row) for row in rows]
    laden = dict.fromkeys(row[0] for row in rows if row[-1])
    return _with_all(cursor, found, laden) if laden else found


def between(cursor: Cursor, after: int, until: int, where: str) -> list[Message]:
    """
    What was said after one position and until another, wherever.

    @param where: a condition that is ours.
    """
    return _found(
        cursor,
        f"WHERE messages.position > ? AND messages.position <= ? AND {where}"
        " ORDER BY messages.position",
        (after, until),
    )


def _message_of(row: Row) -> Message:
    """
    Without what hangs on it.
    """
    # All names at once: a page has fifty of these, and each step of this is felt.
    id_, place_id, author_id, user_name, webhook_id, bot_name, said, at, edited, thread, _ = row
    if author_id is None:
        author = Author(f"webhook:{webhook_id}", bot_name, True)
    else:
        author = Author(author_id, user_name)
    return Message(id_, place_id, author, said, at, edited, NO_REACTIONS, (), thread)


def _with_all(cursor: Cursor, found: list[Message], laden: dict[str, None]) -> list[Message]:
    """
    @param laden: the ids of those on which something hangs.  On most, nothing does.
    """
    ids = list(laden)
    chosen, shown = _reactions(cursor, ids), images.shown_by(cursor, ids)
    replied = threads.metas(cursor, ids)
    return [
        message._replace(
            reactions=chosen.get(message.id, message.reactions),
            images=shown.get(message.id, ()),
            thread_meta=replied.get(message.id),
        )
        if message.id in laden
        else message
        for message in found
    ]


def _reactions(cursor: Cursor, message_ids: list[str]) -> dict[str, dict[str, list[str]]]:
    chosen: dict[str, dict[str, list[str]]] = defaultdict(dict)
    marks = ", ".join("?" * len(message_ids))
    for message_id, reaction, user_id in cursor.execute(
        f"SELECT message_id, reaction, user_id FROM reactions WHERE message_id IN ({marks})"
        " ORDER BY position",
        message_ids,
    ):
        chosen[message_id].setdefault(reaction, []).append(user_id)
    return chosen


def _page(cursor: Cursor, place_id: str, limit: int, before: str | None) -> list[Message]:
    """
    Oldest first.  By position: an offset would count through the whole past.
    """
    if places.find(cursor, place_id) is None:
        raise NoSuchChannel()
    return _newest(cursor, "place_id = ? AND thread_id IS NULL", place_id, limit, before)


def _replies(cursor: Cursor, message_id: str, limit: int, before: str | None) -> list[Message]:
    """
    Oldest first.

    @raise NoSuchMessage: what is replied to was deleted meanwhile.
    """
    _there(cursor, message_id)
    return _newest(cursor, "thread_id = ?", message_id, limit, before)


def _newest(
    cursor: Cursor, where: str, parameter: str, limit: int, before: str | None
) -> list[Message]:
    position = 2**63 - 1
    if before is not None:
        row = cursor.execute(
            f"SELECT position FROM messages WHERE id = ? AND {where}", (before, parameter)
        ).fetchone()
        if row is None:
            raise NoSuchMessage()
        [position] = row
    newest_first = _found(
        cursor,
        f"WHERE {where} AND position < ? ORDER BY position DESC LIMIT ?",
        (parameter, position, limit),
    )
    return newest_first[::-1]


def _add(change: Change, draft: Draft) -> Message:
    return _say(change, draft)[0]


def _say(change: Change, draft: Draft) -> tuple[Message, ThreadMeta | None]:
    """
    @return: the message, and of a reply what its thread has come to with it.
    @raise NoSuchChannel: it was deleted meanwhile.
    """
    author = users.acting(change.cursor, draft.author_id)
    place = places.find(change.cursor, draft.place_id)
    if place is None:
        raise NoSuchChannel()
    first = _sent_before(change, draft, place)
    if first is not None:
        return first, _meta_with(change, first)
    if draft.thread_id is not None:
        _refuse_no_parent(change, draft)
    message = Message(
        draft.id,
        draft.place_id,
        Author(author.id, author.user_name),
        draft.content,
        change.at,
        thread_id=draft.thread_id,
    )
    _insert(change, message, author_id=author.id, client_id=draft.client_id)
    if draft.images:
        message = message._replace(images=_show(change, message, draft.images))
    meta = _meta_with(change, message)
    news.said(change, place, message, meta)
    return message, meta


def _meta_with(change: Change, message: Message) -> ThreadMeta | None:
    """
    What the thread of a reply has come to.
    """
    return None if message.thread_id is None else threads.meta(change.cursor, message.thread_id)


def _sent_before(change: Change, draft: Draft, place: Place) -> Message | None:
    """
    What the author has called by the same name.

    @raise SaidElsewhere: it is something else.
    """
    if draft.client_id is None:
        return None
    first = change.cursor.execute(
        "SELECT id FROM messages WHERE author_id = ? AND client_id = ?",
        (draft.author_id, draft.client_id),
    ).fetchone()
    if first is None:
        return None
    if look_up(change.cursor, first[0]) is None:  # its channel is deleted: it was not said
        change.cursor.execute("UPDATE messages SET client_id = NULL WHERE id = ?", first)
        return None
    message, where = found_with_place(change.cursor, first[0])
    if _kind(where, message.thread_id) != _kind(place, draft.thread_id):
        raise SaidElsewhere()
    return message


def _kind(place: Place, thread_id: str | None) -> tuple[str | None, bool]:
    """
    What no client takes one for the other of: what is said in channels, replies,
    and what is said in each conversation.
    """
    return None if place.participants is None else place.id, thread_id is None


def _refuse_no_parent(change: Change, draft: Draft) -> None:
    """
    @raise NoSuchMessage: what is replied to was deleted meanwhile.
    """
    parent = change.cursor.execute(
        "SELECT 1 FROM messages WHERE id = ? AND place_id = ? AND thread_id IS NULL",
        (draft.thread_id, draft.place_id),
    ).fetchone()
    if parent is None:
        raise NoSuchMessage()


def _insert(
    change: Change,
    message: Message,
    author_id: str | None = None,
    client_id: str | None = None,
    webhook: Webhook | None = None,
) -> None:
    change.cursor.execute(
        "INSERT INTO messages (id, position, place_id, thread_id, author_id, webhook_id, bot_name,"
        " content, created_at, client_id) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            message.id,
            change.position,
            message.channel_id,
            message.thread_id,
            author_id,
            webhook and webhook.id,
            webhook and webhook.name,
            message.content,
            message.created_at,
            client_id,
        ),
    )


def _show(change: Change, message: Message, names: Sequence[str]) -> tuple[str, ...]:
    return images.show(
        change, message.id, message.author.id, message.channel_id, message.thread_id, names
    )


def _add_reply(change: Change, draft: Draft) -> tuple[Message, ThreadMeta]:
    reply, meta = _say(change, draft)
    assert meta is not None, "something else answered for a reply, or it was counted as none"
    return reply, meta


def _add_of_webhook(change: Change, message_id: str, webhook_id: str, content: str) -> Message:
    """
    @raise NoSuchWebhook: it was deleted meanwhile.
    """
    webhook = webhooks.find(change.cursor, webhook_id)
    if webhook is None:
        raise NoSuchWebhook()
    author = Author(f"webhook:{webhook.id}", webhook.name, is_bot=True)
    message = Message(message_id, webhook.channel_id, author, content, change.at)
    _insert(change, message, webhook=webhook)
    news.said(change, Place(webhook.channel_id), message)
    return message


def found_with_place(cursor: Cursor, message_id: str) -> tuple[Message, Place]:
    """
    A message that was found before, with all that hangs on it.

    @raise NoSuchMessage: it was deleted meanwhile.
    """
    place = _there(cursor, message_id).place
    [message] = _found(cursor, "WHERE messages.id = ?", (message_id,))
    return message, place


def _edit(
    change: Change, actor_id: str, message_id: str, content: str | None, names: Sequence[str] | None
) -> Message:
    """
    @param content: the new text; L{None} leaves it.
    @param names: of the images to show, and no others; L{None} leaves them.
    """
    users.acting(change.cursor, actor_id)
    before, place = found_with_place(change.cursor, message_id)
    message = before._replace(
        content=before.content if content is None else content,
        images=before.images if names is None else _show(change, before, names),
        updated_at=change.at,
    )
    change.cursor.execute(
        "UPDATE messages SET content = ?, updated_at = ? WHERE id = ?",
        (message.content, message.updated_at, message.id),
    )
    news.edited(change, place, message)
    return message


def _remove(change: Change, actor_id: str, message_id: str) -> None:
    users.acting(change.cursor, actor_id)
    take_away(change, message_id)


def take_away(change: Change, message_id: str) -> None:
    """
    With it go its replies, reactions and images.
    """
    found = _there(change.cursor, message_id)
    delete(change, found.id)
    news.removed(change, found)


def delete(change: Change, message_id: str) -> None:
    shown = images.below(change.cursor, message_id)
    change.cursor.execute("DELETE FROM messages WHERE id = ?", (message_id,))
    images.discard_unshown(change, shown)


@define
class MessageStore:
    _database: Database

    def page(
        self, place_id: str, limit: int, before: str | None = None
    ) -> "Deferred[list[Message]]":
        """
        The newest C{limit} messages of a place, or those just before the
        message C{before}; oldest first.

        @raise NoSuchChannel: there is no such place.
        @raise NoSuchMessage: C{before} is not in it.
        """
        return self._database.read(_page, place_id, limit, before)

    def replies(
        self, message_id: str, limit: int, before: str | None = None
    ) -> "Deferred[list[Message]]":
        """
        The same of a thread.
        """
        return self._database.read(_replies, message_id, limit, before)

    def find(self, message_id: str) -> "Deferred[Found | None]":
        return self._database.read(look_up, message_id)

    def add(self, draft: Draft) -> "Deferred[Message]":
        return self._database.change(_add, draft)

    def add_reply(self, draft: Draft) -> "Deferred[tuple[Message, ThreadMeta]]":
        """
        A reply, and what its thread has come to with it.
        """
        return self._database.change(_add_reply, draft)

    def add_of_webhook(self, message_id: str, webhook_id: str, content: str) -> "Deferred[Message]":
        return self._database.change(_add_of_webhook, message_id, webhook_id, content)

    def edit(
        self, actor_id: str, message_id: str, content: str | None, names: Sequence[str] | None
    ) -> "Deferred[Message]":
        """
        @param names: of the images to show, and no others; L{None} leaves them.
        """
        return self._database.change(_edit, actor_id, message_id, content, names)

    def remove(self, actor_id: str, message_id: str) -> "Deferred[None]":
        return self._database.change(_remove, actor_id, message_id)
