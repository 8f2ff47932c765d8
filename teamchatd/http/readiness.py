"""
Whether this daemon can do its work now.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.errors import ChatError, Unavailable
from teamchatd.store.database import STOPPING, Database

log = Logger()

ONE_LOOK = 1.0
"""Seconds for which one look answers for all: whoever asks more often costs nothing."""

PATIENCE = 2.0
"""
Seconds for a change to come through the writer.  With a batch of five hundred before it, on a
slow disk, it needs a tenth of that; whoever posts into a longer wait gives up.
"""

LEAST_FREE = 16 << 20
"""Bytes.  With less, one large upload is one too many."""

STUCK = "The database takes no changes: what was to be written waits for too long."
NOT_WRITTEN = "The database cannot be written. Is the disk full, or failing?"
FULL = "The disk is full, or nearly."


def free_bytes(directory: Path) -> int:
    """
    What we may still write there; what is kept for root is not ours.
    """
    space = os.statvfs(directory)
    return space.f_bavail * space.f_frsize


@define(eq=False)
class Readiness:
    """
    Looks at most once a second, however many ask.

    @ivar _free: how many bytes there is room for on the disk.
    @ivar _why: why we are not ready, as far as we know; empty: we are.
    """

    _database: Database
    _clock: IReactorTime
    _free: Callable[[], int]
    _why: str = field(init=False, default="")
    _looked_at: float | None = field(init=False, default=None)
    _looking: "list[Deferred[None]] | None" = field(init=False, default=None)
    _is_stopping: bool = field(init=False, default=False)

    def stop(self) -> None:
        """
        From now on we are not: who sends people here shall send them elsewhere.
        """
        self._is_stopping = True

    async def check(self) -> None:
        """
        @raise Unavailable: not now.
        """
        if self._is_stopping:
            raise Unavailable(STOPPING)
        await self._fresh()
        if self._is_stopping:  # meanwhile
            raise Unavailable(STOPPING)
        if self._why:
            raise Unavailable(self._why)

    async def _fresh(self) -> None:
        """
        Look, unless somebody has just done so, or is doing it.
        """
        now = self._clock.seconds()
        if self._looking is not None:
            waiting: Deferred[None] = Deferred()
            self._looking.append(waiting)
            await waiting
        elif self._looked_at is None or not 0 <= now - self._looked_at < ONE_LOOK:
            self._looking = []
            self._say(await self._reason())
            others, self._looking = self._looking, None
            self._looked_at = self._clock.seconds()
            for other in others:
                other.callback(None)

    def _say(self, why: str) -> None:
        """
        Once in the log, when it begins and when it is over.
        """
        if why != self._why:
            if why:
                log.warn("Not ready: {why}", why=why)
            else:
                log.info("Ready again")
            self._why = why

    async def _reason(self) -> str:
        if self._has_waited_long():  # a probe would only wait behind it
            return STUCK
        try:
            if self._free() < LEAST_FREE:
                return FULL
            if not await self._comes_through():
                return STUCK
        except (ChatError, OSError):
            return NOT_WRITTEN
        except Exception:  # others wait for the same answer
            log.failure("whether we are ready could not be found out")
            return NOT_WRITTEN
        # The others of its batch may have failed, or nothing was written that proves the disk.
        return NOT_WRITTEN if self._database.is_broken else ""

    def _has_waited_long(self) -> bool:
        since = self._database.waiting_since()
        return since is not None and self._clock.seconds() - since / 1000 > PATIENCE

    async def _comes_through(self) -> bool:
        """
        @return: whether a probe did, in time.  One that did not goes on by itself: it
            cannot be called back from the writer.
        @raise Unavailable: it came back, and storage takes nothing.
        """
        back: Deferred[Any] = Deferred()
        too_late = self._clock.callLater(PATIENCE, back.callback, False)

        def over(outcome: Any) -> None:
            if too_late.active():
                too_late.cancel()
                back.callback(outcome or True)

        self._database.probe().addBoth(over)
        return bool(await back)
