"""
What the server calls itself.
"""

from attrs import define
from twisted.logger import Logger

from teamchatd.chat import access, names
from teamchatd.model import Actor
from teamchatd.store.settings import SettingStore

log = Logger()


@define
class Settings:
    _store: SettingStore

    async def name(self, actor: Actor) -> str:
        return await self._store.name()

    async def public_name(self) -> str:
        """
        It stands over the door: whoever comes to it may read it.
        """
        return await self._store.name()

    async def rename(self, actor: Actor, name: str) -> str:
        access.admin(actor)
        renamed = await self._store.rename(actor.id, names.usable(name))
        log.info("The server was given another name, by {by}", by=actor.id)
        return renamed
