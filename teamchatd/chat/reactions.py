"""
Reactions to what was said.
"""

from attrs import define

from teamchatd.chat.access import Access
from teamchatd.errors import Invalid
from teamchatd.model import Actor, Message
from teamchatd.store.reactions import ReactionStore

LONGEST = 64
"""Characters: some emoji are a family of them."""


class UnusableReaction(Invalid):
    """Blank or far too long."""


@define
class Reactions:
    _access: Access
    _store: ReactionStore

    async def add(self, actor: Actor, message_id: str, reaction: str) -> Message:
        """
        Choose a reaction; to choose it again changes nothing.
        """
        message = await self._access.message(actor, message_id)
        return await self._store.add(message.id, actor.id, _usable(reaction))

    async def remove(self, actor: Actor, message_id: str, reaction: str) -> Message:
        """
        Take a reaction back; one that is not there changes nothing.
        """
        message = await self._access.message(actor, message_id)
        return await self._store.remove(message.id, actor.id, _usable(reaction))


def _usable(reaction: str) -> str:
    if not reaction.strip():
        raise UnusableReaction("The reaction is empty.")
    if len(reaction) > LONGEST:
        raise UnusableReaction(f"The reaction is longer than {LONGEST} characters.")
    return reaction
