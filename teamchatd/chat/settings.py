"""
What the server calls itself.
"""

from attrs import define

from teamchatd.chat import access, names
from teamchatd.model import Actor
from teamchatd.store.settings import SettingStore


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
        return await self._store.rename(actor.id, names.usable(name))
