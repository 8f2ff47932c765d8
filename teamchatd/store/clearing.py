"""
What goes without anybody deleting it: messages that grew too old, and what was said in
channels that are deleted.  Little by little, so that others write, too.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd.store import images, messages, news, pointers
from teamchatd.store.change import Change
from teamchatd.store.database import Database

OLDEST = "SELECT id, created_at FROM messages WHERE thread_id IS NULL ORDER BY position LIMIT ?"

AT_ONCE = 50
"""Messages that go in one step, replies included."""


def _remove_aged(change: Change, before: int) -> bool:
    """
    Delete some of the messages that are older than the time C{before}, each as if
    its author did.  Looks at the oldest only: they lie in the order of time.

    Before a message its thread goes, some replies in each step: at once, it would
    keep the writer from everybody else.

    @return: whether there may be more.
    """
    oldest = change.cursor.execute(OLDEST, (AT_ONCE,)).fetchall()
    aged = [message_id for message_id, created_at in oldest if created_at < before]
    return not _are_removed(change, aged) or len(aged) == AT_ONCE


def _remove_unreachable(change: Change) -> bool:
    """
    Delete some of what was said and shown in channels that are deleted.  Who
    could read it was told of the channel.

    @return: whether there may be more.
    """
    channel = change.cursor.execute("SELECT id FROM deleted_channels LIMIT 1").fetchone()
    if channel is None:
        return False
    rows = change.cursor.execute(
        "SELECT id FROM messages WHERE place_id = ? AND thread_id IS NULL"
        " ORDER BY position LIMIT ?",
        (*channel, AT_ONCE),
    )
    said = [message_id for (message_id,) in rows]
    is_empty = _are_removed(change, said) and not said
    if is_empty and not _are_more_discarded(change, *channel):
        change.cursor.execute("DELETE FROM deleted_channels WHERE id = ?", channel)
    return True


def _are_more_discarded(change: Change, channel_id: str) -> bool:
    """
    Delete some of what there is of a deleted channel beside its messages.

    @return: whether there may be more.
    """
    return images.discard_in(change, channel_id) or pointers.discard_in(change, channel_id)


def _are_removed(change: Change, message_ids: list[str]) -> bool:
    """
    Delete these messages, each after its replies, as far as one step goes.

    @return: whether none of them is left.
    """
    room = AT_ONCE
    for message_id in message_ids:
        room -= _remove_replies(change, message_id, room)
        if not room:
            return False
        if messages.look_up(change.cursor, message_id) is None:
            messages.delete(change, message_id)
        else:
            messages.take_away(change, message_id)
        room -= 1
    return True


def _remove_replies(change: Change, message_id: str, at_most: int) -> int:
    """
    Delete the oldest replies to a message that is about to go.  Nobody is told:
    that is what the message's own event says.

    @return: how many there were, of C{at_most}.
    """
    rows = change.cursor.execute(
        "SELECT id FROM messages WHERE thread_id = ? ORDER BY position LIMIT ?",
        (message_id, at_most),
    ).fetchall()
    for (reply_id,) in rows:
        reply = messages.look_up(change.cursor, reply_id)
        if reply is not None:  # else its channel is deleted, and forgotten already
            change.forget(news.subject_of(reply.place, reply))
        messages.delete(change, reply_id)
    return len(rows)


@define
class ClearingStore:
    _database: Database

    def remove_aged(self, before: int) -> "Deferred[bool]":
        """
        Delete some of what is older than the time C{before}, and tell of it as of
        every deletion.

        @return: whether there may be more.
        """
        return self._database.change(_remove_aged, before)

    def remove_unreachable(self) -> "Deferred[bool]":
        """
        Delete some of what was said and shown in channels that are deleted.

        @return: whether there may be more.
        """
        return self._database.change(_remove_unreachable)
