"""
What users have read, and how much they have not.
"""

from attrs import define

from teamchatd.chat.access import Access
from teamchatd.model import Actor, Read
from teamchatd.store.reads import ReadStore


@define
class Reads:
    _access: Access
    _store: ReadStore

    async def all(self, actor: Actor) -> list[Read]:
        """
        Of every place that C{actor} can read.
        """
        return await self._store.all(actor.id)

    async def move(self, actor: Actor, place_id: str, message_id: str) -> Read:
        """
        C{actor} has read a place up to this message; to have read less than before
        changes nothing.

        @raise NoSuchMessage: it is not in this place, or a reply.
        """
        place = await self._access.place(actor, place_id)
        return await self._store.move(actor.id, place.id, message_id)
