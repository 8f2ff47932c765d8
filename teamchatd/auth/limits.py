"""
How often somebody may: so many times a minute, or in another while, with
patience for a burst.
"""

from math import ceil

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from teamchatd.errors import TooMany

MINUTE = 60.0
MOST_NAMES = 100_000
"""Who sends more addresses than this in a window finds limits forgotten, not memory full."""


@define
class Limit:
    """
    The generic cell rate algorithm: for each name one number, the time at which
    its bucket will be empty again.

    @ivar _at_most: how many at once, and how many come back in a window.
    @ivar _sentence: what those are told who are over it.
    @ivar _window: how long a window is, in seconds.
    """

    _at_most: int
    _sentence: str
    _clock: IReactorTime
    _window: float = MINUTE
    _full_until: dict[str, float] = field(init=False, factory=dict)

    def take(self, name: str) -> None:
        """
        @raise TooMany: not now.
        """
        now = self._clock.seconds()
        until = max(now, self._full_until.get(name, now)) + self._window / self._at_most
        if until - now > self._window + 1e-6:
            raise TooMany(self._sentence, max(1, ceil(until - now - self._window)))
        self._full_until[name] = until
        if len(self._full_until) > MOST_NAMES:
            self._forget(now)

    def give_back(self, name: str) -> None:
        """
        What was taken was not used after all.
        """
        if name in self._full_until:
            self._full_until[name] -= self._window / self._at_most

    def _forget(self, now: float) -> None:
        self._full_until = {name: t for name, t in self._full_until.items() if t > now}
        if len(self._full_until) > MOST_NAMES:
            self._full_until.clear()


class NoLimit:
    """
    Stands for a L{Limit} that was switched off.
    """

    def take(self, name: str) -> None:
        pass

    def give_back(self, name: str) -> None:
        pass
