"""
What two users say to each other, and nobody else reads.
"""

from collections.abc import Callable

from attrs import define

from teamchatd.chat.access import PRIVATE, Access
from teamchatd.chat.messages import Messages, Wording, page_size
from teamchatd.errors import Invalid
from teamchatd.model import Actor, Conversation, Message
from teamchatd.store.conversations import ConversationStore
from teamchatd.store.messages import MessageStore


class WithOneself(Invalid):
    """A conversation takes two."""


@define
class Conversations:
    """
    @ivar _messages: the rules of what can be said.
    """

    _access: Access
    _store: ConversationStore
    _said: MessageStore
    _messages: Messages
    _mint: Callable[[], str]

    async def all(self, actor: Actor) -> list[Conversation]:
        """
        Those that C{actor} takes part in, latest activity first.
        """
        return await self._store.all(actor.id)

    async def open(self, actor: Actor, target_id: str) -> tuple[Conversation, bool]:
        """
        The conversation with C{target_id}, and whether it is new.

        @raise WithOneself: that is thinking.
        @raise NoSuchUser: there is nobody to talk to.
        """
        if target_id == actor.id:
            raise WithOneself("You cannot open a conversation with yourself.")
        return await self._store.open(PRIVATE + self._mint(), actor.id, target_id)

    async def page(
        self, actor: Actor, conversation_id: str, limit: int, before: str | None
    ) -> list[Message]:
        """
        As in a channel.
        """
        place = await self._access.conversation(actor, conversation_id)
        return await self._said.page(place.id, page_size(limit), before)

    async def post(self, actor: Actor, conversation_id: str, wording: Wording) -> Message:
        place = await self._access.conversation(actor, conversation_id)
        return await self._said.add(self._messages.draft(actor, place.id, wording))

    async def edit(
        self, actor: Actor, conversation_id: str, message_id: str, wording: Wording
    ) -> Message:
        message = await self._access.direct_message_to_edit(actor, conversation_id, message_id)
        return await self._messages.reword(actor, message, wording)

    async def remove(self, actor: Actor, conversation_id: str, message_id: str) -> None:
        """
        @raise NotYours: not even an administrator may.
        """
        message = await self._access.direct_message_to_delete(actor, conversation_id, message_id)
        await self._said.remove(actor.id, message.id)
