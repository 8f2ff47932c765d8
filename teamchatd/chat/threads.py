"""
Replying to what was said in a channel.
"""

from attrs import define

from teamchatd.chat.access import Access
from teamchatd.chat.messages import Messages, Wording, page_size
from teamchatd.model import Actor, Message, ThreadMeta
from teamchatd.store.messages import MessageStore


@define
class Threads:
    """
    @ivar _messages: the rules of what can be said.
    """

    _access: Access
    _store: MessageStore
    _messages: Messages

    async def page(
        self, actor: Actor, message_id: str, limit: int, before: str | None
    ) -> list[Message]:
        """
        The newest C{limit} replies to a message, or those just before the reply
        C{before}; oldest first.

        @raise NoThread: it is a reply itself, or a direct message.
        @raise NoSuchMessage: C{before} is not in this thread.
        """
        parent = await self._access.thread(actor, message_id)
        return await self._store.replies(parent.id, page_size(limit), before)

    async def reply(
        self, actor: Actor, message_id: str, wording: Wording
    ) -> tuple[Message, ThreadMeta]:
        """
        @return: the reply, and what the thread has come to with it.
        @raise NoThread: what is answered is a reply itself, or a direct message.
        """
        parent = await self._access.thread(actor, message_id)
        draft = self._messages.draft(actor, parent.place.id, wording, parent.id)
        return await self._store.add_reply(draft)

    async def edit(self, actor: Actor, message_id: str, reply_id: str, wording: Wording) -> Message:
        reply = await self._access.reply_to_edit(actor, message_id, reply_id)
        return await self._messages.reword(actor, reply, wording)

    async def remove(self, actor: Actor, message_id: str, reply_id: str) -> None:
        reply = await self._access.reply_to_delete(actor, message_id, reply_id)
        await self._store.remove(actor.id, reply.id)
