"""
What is not kept for ever.
"""

from attrs import define
from twisted.internet.interfaces import IReactorTime

from teamchatd.store.clearing import ClearingStore

DAY = 24 * 60 * 60 * 1000


@define
class Retention:
    """
    @ivar days: how long a message is kept; 0 for ever.
    """

    _store: ClearingStore
    _clock: IReactorTime
    days: int

    async def remove_aged(self) -> bool:
        """
        Delete some of the messages that are too old, with their replies, reactions
        and files, and tell everyone who could read them.

        @return: whether there may be more.
        """
        if not self.days:
            return False
        now = int(self._clock.seconds() * 1000)
        return await self._store.remove_aged(now - self.days * DAY)
