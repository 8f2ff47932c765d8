"""
How often somebody may: so many times a minute, or in another while, with
patience for a burst.
"""

from ipaddress import IPv6Address, IPv6Network, ip_address
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

    def _forget(self, now: float) -> None:
        self._full_until = {name: t for name, t in self._full_until.items() if t > now}
        if len(self._full_until) > MOST_NAMES:
            self._full_until.clear()


LONGEST_DELAY = 15 * MINUTE
"""Nobody is locked out for good: whoever fails keeps others from an account, too."""


@define
class Failures:
    """
    The same for attempts that failed: so many a minute, and then each further
    one makes the next wait twice as long, until there has been peace.

    @ivar _over: how many attempts there were at the limit since the last peace.
    """

    _per_minute: int
    _sentence: str
    _clock: IReactorTime
    _full_until: dict[str, float] = field(init=False, factory=dict)
    _over: dict[str, int] = field(init=False, factory=dict)

    def begin(self, *names: str) -> "Attempt":
        """
        Count an attempt as failed, under all its names, until it succeeds.

        @raise TooMany: it may not even be made, and is not counted.
        """
        now = self._clock.seconds()
        interval = MINUTE / self._per_minute
        for name in names:
            wait = self._until(name, now) + interval - now - MINUTE
            if wait > 1e-6:
                raise TooMany(self._sentence, max(1, ceil(wait)))
        return Attempt(self, {name: self._count(name, now, interval) for name in names})

    def _until(self, name: str, now: float) -> float:
        return max(now, self._full_until.get(name, now))

    def _count(self, name: str, now: float, interval: float) -> float:
        """
        @return: by how much the bucket has filled.
        """
        until = self._until(name, now)
        if until <= now:
            self._over.pop(name, None)
        cost = interval
        if until + 2 * interval > now + MINUTE + 1e-6:  # the last that fits
            over = self._over[name] = self._over.get(name, 0) + 1
            cost = min(interval * 2 ** min(over, 20), LONGEST_DELAY)
        self._full_until[name] = until + cost
        if len(self._full_until) > MOST_NAMES:
            self._forget(now)
        return cost

    def give_back(self, name: str, cost: float) -> None:
        if name in self._full_until:
            self._full_until[name] -= cost

    def _forget(self, now: float) -> None:
        self._full_until = {name: t for name, t in self._full_until.items() if t > now}
        if len(self._full_until) > MOST_NAMES:
            self._full_until.clear()
        self._over = {name: n for name, n in self._over.items() if name in self._full_until}


@define
class Attempt:
    _failures: Failures
    _costs: dict[str, float]

    def succeeded(self) -> None:
        """
        Only failures count.
        """
        for name, cost in self._costs.items():
            self._failures.give_back(name, cost)


class NoLimit:
    """
    Stands for a L{Limit} that was switched off.
    """

    def take(self, name: str) -> None:
        pass


class NoFailures:
    """
    Stands for L{Failures} that are not counted.
    """

    def begin(self, *names: str) -> "NoFailures":
        return self

    def succeeded(self) -> None:
        pass


def neighbourhood(host: str) -> str:
    """
    One name for all addresses that one client has: in IPv6, those of its /64.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return host
