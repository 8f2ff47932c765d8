"""
Who may see what, and who may do what to it.

Every rule gets the things that it works on from here, so there is no way to hold
a message that the one who acts may not read.
"""

from attrs import define

from teamchatd.errors import Forbidden
from teamchatd.model import Actor, Message
from teamchatd.store.messages import MessageStore, NoSuchMessage


class AdminsOnly(Forbidden):
    """What is asked is for administrators."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


class NotYours(Forbidden):
    """Somebody else wrote it."""


def admin(actor: Actor) -> None:
    """
    @raise AdminsOnly: they are none.
    """
    if not actor.is_admin:
        raise AdminsOnly()


@define
class Access:
    _messages: MessageStore

    async def message(self, actor: Actor, message_id: str) -> Message:
        """
        A message that C{actor} can read.
        """
        message = await self._messages.find(message_id)
        if message is None:
            raise NoSuchMessage()
        return message

    async def message_to_edit(self, actor: Actor, message_id: str) -> Message:
        message = await self.message(actor, message_id)
        if message.author.id != actor.id:
            raise NotYours("Only its author may change a message.")
        return message

    async def message_to_delete(self, actor: Actor, message_id: str) -> Message:
        message = await self.message(actor, message_id)
        if message.author.id != actor.id and not actor.is_admin:
            raise NotYours("Only its author or an administrator may delete a message.")
        return message
