"""
Channels: making, renaming, deleting them.
"""

from collections.abc import Callable

from attrs import define
from twisted.logger import Logger

from teamchatd.chat import access, names
from teamchatd.model import Actor, Channel
from teamchatd.store.channels import ChannelStore

log = Logger()


@define
class Channels:
    _store: ChannelStore
    _mint: Callable[[], str]

    async def all(self, actor: Actor) -> list[Channel]:
        """
        The channels that C{actor} can read, oldest first.
        """
        return await self._store.all()

    async def add(self, actor: Actor, name: str) -> Channel:
        """
        @raise ChannelNameTaken: ignoring case.
        """
        access.admin(actor)
        return await self._store.add(actor.id, self._mint(), names.usable(name))

    async def rename(self, actor: Actor, channel_id: str, name: str) -> Channel:
        """
        @raise ChannelNameTaken: ignoring case.
        @raise GeneralStays: it is the one that keeps its name.
        """
        access.admin(actor)
        return await self._store.rename(actor.id, channel_id, names.usable(name))

    async def remove(self, actor: Actor, channel_id: str) -> None:
        """
        Delete a channel, with everything that was said in it.

        @raise GeneralStays: it is the one that is always there.
        """
        access.admin(actor)
        await self._store.remove(actor.id, channel_id)
        log.info("Channel {channel} was deleted, by {by}", channel=channel_id, by=actor.id)
