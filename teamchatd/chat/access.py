"""
Who may see what, and who may do what to it.

Every rule gets the things that it works on from here, so there is no way to hold
a message that the one who acts may not read.
"""

from attrs import define

from teamchatd.errors import Forbidden, Invalid
from teamchatd.model import Actor, Place
from teamchatd.store.conversations import ConversationStore, NoSuchConversation
from teamchatd.store.messages import MessageStore, NoSuchMessage
from teamchatd.store.places import Found, NoSuchChannel
from teamchatd.store.users import AdminsOnly

PRIVATE = "dm:"
"""How the id of a conversation begins, and of nothing else."""


class NotYours(Forbidden):
    """Somebody else wrote it."""


class NotAParticipant(Forbidden):
    """Two others talk there.  Administrators are no exception."""

    def __init__(self) -> None:
        super().__init__("You take no part in this conversation.")


class NoThread(Invalid):
    """Threads hang on the messages of channels, and on nothing else."""


def admin(actor: Actor) -> None:
    """
    @raise AdminsOnly: they are none.
    """
    if not actor.is_admin:
        raise AdminsOnly()


@define
class Access:
    _messages: MessageStore
    _conversations: ConversationStore

    def channel(self, actor: Actor, channel_id: str) -> Place:
        """
        A channel that C{actor} can read: every one.  Whether it is there, the
        store says in the same breath as it reads or writes; asking it twice would
        cost every message another trip.

        @raise NoSuchChannel: it is a conversation, which has its own rules.
        """
        if channel_id.startswith(PRIVATE):
            raise NoSuchChannel()
        return Place(channel_id)

    async def place(self, actor: Actor, place_id: str) -> Place:
        """
        A channel or a conversation that C{actor} can read, each by its own rules.
        """
        if place_id.startswith(PRIVATE):
            return await self.conversation(actor, place_id)
        return self.channel(actor, place_id)

    async def message(self, actor: Actor, message_id: str) -> Found:
        """
        A message that C{actor} can read.
        """
        return await self._found(actor, message_id)

    async def message_to_edit(self, actor: Actor, message_id: str) -> Found:
        return _to_edit(actor, await self._found(actor, message_id))

    async def message_to_delete(self, actor: Actor, message_id: str) -> Found:
        return _to_delete(actor, await self._found(actor, message_id))

    # Threads

    async def thread(self, actor: Actor, message_id: str) -> Found:
        """
        A message that may have replies.

        @raise NoThread: this one may not.
        """
        found = await self._found(actor, message_id)
        if found.place.participants is not None:
            raise NoThread("A direct message has no thread.")
        if found.thread_id is not None:
            raise NoThread("A reply has no thread of its own: answer the message it belongs to.")
        return found

    async def reply_to_edit(self, actor: Actor, message_id: str, reply_id: str) -> Found:
        return _to_edit(actor, await self._reply(actor, message_id, reply_id))

    async def reply_to_delete(self, actor: Actor, message_id: str, reply_id: str) -> Found:
        return _to_delete(actor, await self._reply(actor, message_id, reply_id))

    # Conversations

    async def conversation(self, actor: Actor, conversation_id: str) -> Place:
        """
        One that C{actor} takes part in.

        @raise NotAParticipant: it is there, and none of their business.
        """
        place = await self._conversations.place(conversation_id)
        if place is None:
            raise NoSuchConversation()
        if not _may_read(actor, place):
            raise NotAParticipant()
        return place

    async def direct_message_to_edit(
        self, actor: Actor, conversation_id: str, message_id: str
    ) -> Found:
        return _to_edit(actor, await self._direct_message(actor, conversation_id, message_id))

    async def direct_message_to_delete(
        self, actor: Actor, conversation_id: str, message_id: str
    ) -> Found:
        return _to_delete(actor, await self._direct_message(actor, conversation_id, message_id))

    async def _found(self, actor: Actor, message_id: str) -> Found:
        """
        What one may not read is not there: nothing tells the two apart.
        """
        found = await self._messages.find(message_id)
        if found is None:
            raise NoSuchMessage()
        if not _may_read(actor, found.place):
            raise NoSuchMessage()
        return found

    async def _reply(self, actor: Actor, message_id: str, reply_id: str) -> Found:
        found = await self._found(actor, reply_id)
        if found.thread_id != message_id:
            raise NoSuchMessage()
        return found

    async def _direct_message(self, actor: Actor, conversation_id: str, message_id: str) -> Found:
        place = await self.conversation(actor, conversation_id)
        found = await self._found(actor, message_id)
        if found.place != place:
            raise NoSuchMessage()
        return found


def _may_read(actor: Actor, place: Place) -> bool:
    return place.participants is None or actor.id in place.participants


def _to_edit(actor: Actor, found: Found) -> Found:
    if found.author_id != actor.id:
        raise NotYours("Only its author may change a message.")
    return found


def _to_delete(actor: Actor, found: Found) -> Found:
    """
    What two people say to each other, no administrator takes away.
    """
    if found.author_id == actor.id:
        return found
    if found.place.participants is not None:
        raise NotYours("Only its author may delete a direct message.")
    if not actor.is_admin:
        raise NotYours("Only its author or an administrator may delete a message.")
    return found
