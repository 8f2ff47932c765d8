"""
Reactions, as rows.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd.errors import Invalid
from teamchatd.model import Message
from teamchatd.store import messages, news, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database

MOST = 50
"""Different ones to a message: every page of the history brings them all."""


class TooManyReactions(Invalid):
    """One may still choose what others chose."""


def _add(change: Change, message_id: str, user_id: str, reaction: str) -> Message:
    """
    Again: no change, nothing to tell.
    """
    users.acting(change.cursor, user_id)
    message, place = messages.found_with_place(change.cursor, message_id)
    if reaction not in message.reactions and len(message.reactions) >= MOST:
        raise TooManyReactions(f"This message has {MOST} different reactions, and takes no more.")
    added = change.cursor.execute(
        "INSERT INTO reactions (message_id, user_id, reaction, position) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (message_id, user_id, reaction, change.position),
    )
    if not added.rowcount:
        return message
    news.reacted(change, place, message, "NEW_REACTION", user_id, reaction)
    chosen = {reaction: [*message.reactions.get(reaction, []), user_id]}
    return message._replace(reactions={**message.reactions, **chosen})


def _remove(change: Change, message_id: str, user_id: str, reaction: str) -> Message:
    """
    Not there: no change, nothing to tell.
    """
    users.acting(change.cursor, user_id)
    was_there = change.cursor.execute(
        "DELETE FROM reactions WHERE message_id = ? AND user_id = ? AND reaction = ?",
        (message_id, user_id, reaction),
    ).rowcount
    message, place = messages.found_with_place(change.cursor, message_id)
    if was_there:
        news.reacted(change, place, message, "DELETE_REACTION", user_id, reaction)
    return message


@define
class ReactionStore:
    _database: Database

    def add(self, message_id: str, user_id: str, reaction: str) -> "Deferred[Message]":
        return self._database.change(_add, message_id, user_id, reaction)

    def remove(self, message_id: str, user_id: str, reaction: str) -> "Deferred[Message]":
        return self._database.change(_remove, message_id, user_id, reaction)
