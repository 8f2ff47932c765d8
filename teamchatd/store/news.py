"""
What is told of a message: under which name, to whom, and in which words.

A message in a channel, a reply and a direct message are one thing in the record
and three in the contract (section 12); here is where they part.
"""

from typing import Any

from teamchatd import shapes
from teamchatd.model import Audience, InChannel, Message, Place, Users
from teamchatd.store import threads
from teamchatd.store.change import Change


def audience_of(place: Place) -> Audience:
    return InChannel(place.id) if place.participants is None else Users(place.participants)


def subject_of(message: Message) -> str:
    """
    What the journal calls what happens to C{message}: a reply is below what it
    answers, and goes with it.
    """
    if message.thread_id is not None:
        return f"{message.channel_id}/{message.thread_id}/{message.id}"
    return f"{message.channel_id}/{message.id}"


def said(change: Change, place: Place, message: Message) -> None:
    if place.participants is not None:
        _tell(change, place, message, "NEW_DM_MESSAGE", _direct(place, message))
    elif message.thread_id is not None:
        told = {
            "parentMessageId": message.thread_id,
            "channelId": place.id,
            "reply": shapes.message(message),
            "threadMeta": _meta_of(change, message.thread_id),
        }
        _tell(change, place, message, "NEW_THREAD_REPLY", told)
    else:
        _tell(change, place, message, "NEW_MESSAGE", shapes.message(message))


def edited(change: Change, place: Place, message: Message) -> None:
    if place.participants is not None:
        _tell(change, place, message, "UPDATE_DM_MESSAGE", _direct(place, message))
    elif message.thread_id is not None:
        _tell(change, place, message, "UPDATE_THREAD_REPLY", shapes.message(message))
    else:
        _tell(change, place, message, "UPDATE_MESSAGE", shapes.message(message))


def removed(change: Change, place: Place, message: Message) -> None:
    """
    What was told of it, and of what hung on it, is forgotten with this.
    """
    told: dict[str, Any] = {"id": message.id}
    if place.participants is not None:
        kind = "DELETE_DM_MESSAGE"
        told |= {"conversationId": place.id, "participants": place.participants}
    elif message.thread_id is not None:
        kind = "DELETE_THREAD_REPLY"
        meta = _meta_of(change, message.thread_id)
        told |= {"threadId": message.thread_id, "channelId": place.id, "threadMeta": meta}
    else:
        kind = "DELETE_MESSAGE"
        told |= {"channelId": place.id}
    _tell(change, place, message, kind, told, erases=True)


def reacted(
    change: Change, place: Place, message: Message, kind: str, user_id: str, reaction: str
) -> None:
    told = {"messageId": message.id, "userId": user_id, "reaction": reaction}
    _tell(change, place, message, kind, told)


def _tell(
    change: Change,
    place: Place,
    message: Message,
    kind: str,
    told: dict[str, Any],
    erases: bool = False,
) -> None:
    change.tell(audience_of(place), kind, told, subject_of(message), erases)


def _direct(place: Place, message: Message) -> dict[str, Any]:
    return shapes.message(message) | {"participants": place.participants}


def _meta_of(change: Change, message_id: str) -> dict[str, Any] | None:
    meta = threads.meta(change.cursor, message_id)
    return None if meta is None else shapes.thread_meta(meta)
