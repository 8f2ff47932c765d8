"""
What is told of a message: under which name, to whom, and in which words.

A message in a channel, a reply and a direct message are one thing in the record
and three in the contract (section 12); here is where they part.
"""

from typing import Any

from teamchatd import shapes
from teamchatd.model import Audience, InChannel, Message, Place, ThreadMeta, Users
from teamchatd.store import threads
from teamchatd.store.change import Change
from teamchatd.store.places import Found


def audience_of(place: Place) -> Audience:
    return InChannel(place.id) if place.participants is None else Users(place.participants)


def subject_of(place: Place, message: Message | Found) -> str:
    """
    What the journal calls what happens to C{message}: a reply is below what it
    answers, and goes with it.
    """
    if message.thread_id is not None:
        return f"{place.id}/{message.thread_id}/{message.id}"
    return f"{place.id}/{message.id}"


def said(change: Change, place: Place, message: Message, meta: ThreadMeta | None = None) -> None:
    """
    @param meta: of a reply: what its thread has come to with it.
    """
    if place.participants is not None:
        _tell(change, place, message, "NEW_DM_MESSAGE", _direct(place, message))
    elif message.thread_id is not None:
        told = {
            "parentMessageId": message.thread_id,
            "channelId": place.id,
            "reply": shapes.message(message),
            "threadMeta": meta and shapes.thread_meta(meta),
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


def removed(change: Change, message: Found) -> None:
    """
    What was told of it, and of what hung on it, is forgotten with this.
    """
    place = message.place
    told: dict[str, Any] = {"id": message.id}
    if place.participants is not None:
        kind = "DELETE_DM_MESSAGE"
        told |= {"conversationId": place.id, "participants": place.participants}
    elif message.thread_id is not None:
        kind = "DELETE_THREAD_REPLY"
        meta = threads.meta(change.cursor, message.thread_id)
        told |= {"threadId": message.thread_id, "channelId": place.id}
        told["threadMeta"] = meta and shapes.thread_meta(meta)
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
    message: Message | Found,
    kind: str,
    told: dict[str, Any],
    erases: bool = False,
) -> None:
    change.tell(audience_of(place), kind, told, subject_of(place, message), erases)


def _direct(place: Place, message: Message) -> dict[str, Any]:
    return shapes.message(message) | {"participants": place.participants}
