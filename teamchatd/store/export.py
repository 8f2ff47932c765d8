"""
All there is, one after another: read for whoever takes it elsewhere.

Everything here reads one state of the record, through one cursor, and holds little of it
at a time.  What is about to go, because its channel is deleted, is gone.
"""

from collections.abc import Iterator

from teamchatd.model import (
    Channel,
    Conversation,
    Image,
    ImageFile,
    Message,
    Reaction,
    Read,
    User,
    Webhook,
)
from teamchatd.store import channels, messages, reads, users, webhooks
from teamchatd.store.engine import Cursor
from teamchatd.store.images import Upload

AT_ONCE = 500
"""Messages that are read together, with what hangs on them."""

REACHABLE = "place_id NOT IN (SELECT id FROM deleted_channels)"


def all_users(cursor: Cursor) -> Iterator[User]:
    yield from users.all_of(cursor)


def all_channels(cursor: Cursor) -> Iterator[Channel]:
    yield from channels.all_of(cursor)


def all_conversations(cursor: Cursor) -> Iterator[Conversation]:
    """
    As nobody in particular sees them.
    """
    rows = cursor.execute(
        "SELECT id, first_id, second_id, created_at FROM conversations ORDER BY position"
    )
    for conversation_id, first_id, second_id, created_at in rows.fetchall():
        yield Conversation(conversation_id, (first_id, second_id), created_at)


def all_messages(cursor: Cursor) -> Iterator[Message]:
    """
    In channels, in threads, in conversations; in the order in which they were said.
    """
    position = -1
    while True:
        positions = cursor.execute(
            f"SELECT position FROM messages WHERE position > ? AND {REACHABLE}"
            " ORDER BY position LIMIT ?",
            (position, AT_ONCE),
        ).fetchall()
        if not positions:
            return
        last = positions[-1][0]
        yield from messages.between(cursor, position, last, REACHABLE)
        position = last


def all_reactions(cursor: Cursor) -> Iterator[Reaction]:
    rows = cursor.execute(
        "SELECT message_id, user_id, reaction FROM reactions"
        f" JOIN messages ON messages.id = message_id WHERE {REACHABLE}"
        " ORDER BY reactions.message_id, reactions.position"
    )
    for row in rows:
        yield Reaction(*row)


def all_images(cursor: Cursor) -> Iterator[Upload]:
    rows = cursor.execute(
        "SELECT name, content_type, thumb_name, thumb_type, place_id, thread_id, author_id"
        f" FROM images WHERE {REACHABLE} ORDER BY name"
    )
    for name, content_type, thumb_name, thumb_type, place_id, thread_id, author_id in rows:
        thumbnail = None if thumb_name is None else ImageFile(thumb_name, thumb_type)
        image = Image(ImageFile(name, content_type), thumbnail)
        yield Upload(image, place_id, thread_id, author_id)


def all_webhooks(cursor: Cursor) -> Iterator[Webhook]:
    yield from webhooks.all_of(cursor)


def all_reads(cursor: Cursor) -> Iterator[tuple[str, Read]]:
    """
    How far each user has read in each place.
    """
    for user in users.all_of(cursor):
        for read in reads.all_of(cursor, user.id):
            yield user.id, read
