"""
What is done again and again while the daemon runs.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from teamchatd.errors import ChatError

log = Logger()

PAUSE = 0.05
"""
Seconds between two steps, for everybody else: a step may keep the writer, the
disk and the reactor for a few hundredths of a second.
"""

Step = Callable[[], Any]
"""
Does a little, or returns a Deferred that fires when that is done.  Its answer is
L{True} where there is more to do, and anything else where there is not.
"""


@define(eq=False, slots=False)
class Recurring(Service):
    """
    One thing that is done every so many seconds: step by step, as long as there
    is more, and with a pause after each.

    When it fails this time, it is done again the next.
    """

    _clock: IReactorTime
    _seconds: float
    _step: Step
    _timer: LoopingCall = field(init=False)
    _over: "Deferred[Any]" = field(init=False)
    _pause: "Deferred[None] | None" = field(init=False, default=None)

    def startService(self) -> None:
        super().startService()
        self._timer = LoopingCall(self._do)
        self._timer.clock = self._clock
        self._over = self._timer.start(self._seconds)

    def stopService(self) -> "Deferred[None]":
        """
        Begin no further step.

        @return: fires when the last one is done.  Whoever waits for it may stop
            waiting; then it goes on without being heard of.
        """
        super().stopService()
        if self._timer.running:
            self._timer.stop()
        if self._pause is not None:
            self._pause.cancel()
        ended: Deferred[None] = Deferred()
        self._over.addBoth(lambda _: ended.callback(None))
        return ended

    async def _do(self) -> None:
        try:
            while await maybeDeferred(self._step) is True and self.running:
                await self._rest()
                if not self.running:
                    return
        except ChatError as refused:
            if self.running:  # else we stop, which is no news
                log.warn("What is done regularly has to wait: {why}", why=str(refused))
        except Exception:
            log.failure("What is done regularly went wrong")

    async def _rest(self) -> None:
        self._pause = deferLater(self._clock, PAUSE)
        with suppress(CancelledError):  # we stop
            await self._pause
