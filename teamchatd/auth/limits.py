"""
How often somebody may: so many times a minute, or in another while, with
patience for a burst.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from math import ceil

from attrs import define, field
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.errors import TooMany

log = Logger()

MINUTE = 60.0
MOST_NAMES = 100_000
"""Who sends more addresses than this in a window finds limits forgotten, not memory full."""


Counted = Callable[[str], None]


def _nobody(name: str) -> None:
    """
    Stands for those who want to know what is counted, where there are none.
    """


@define
class Limit:
    """
    The generic cell rate algorithm: for each name one number, the time at which
    its bucket will be empty again.

    @ivar _at_most: how many at once, and how many come back in a window.
    @ivar _sentence: what those are told who are over it.
    @ivar _window: how long a window is, in seconds.
    @ivar refused: how often somebody was, since the start.
    @ivar counted: called with each name that was counted.
    """

    _at_most: int
    _sentence: str
    _clock: IReactorTime
    _window: float = MINUTE
    counted: Counted = _nobody
    refused: int = field(init=False, default=0)
    _full_until: dict[str, float] = field(init=False, factory=dict)

    def change(self, at_most: int, window: float = MINUTE) -> None:
        """
        From now on, so many.  Who had to wait waits as long as they were told.
        """
        self._at_most, self._window = at_most, window

    def take(self, name: str) -> None:
        """
        @raise TooMany: not now.
        """
        now = self._clock.seconds()
        self._full_until[name] = self._next(name, now)
        self.counted(name)
        if len(self._full_until) > MOST_NAMES:
            self._forget(now)

    def refuse_over(self, name: str) -> None:
        """
        Count nothing.

        @raise TooMany: if it were counted.
        """
        self._next(name, self._clock.seconds())

    def count(self, name: str, times: int) -> None:
        """
        Others have: it counts here, too, and fills the bucket at the most.
        """
        now = self._clock.seconds()
        until = max(now, self._full_until.get(name, now)) + times * self._window / self._at_most
        self._full_until[name] = min(until, now + self._window)
        if len(self._full_until) > MOST_NAMES:
            self._forget(now)

    def _next(self, name: str, now: float) -> float:
        until = max(now, self._full_until.get(name, now)) + self._window / self._at_most
        if until - now > self._window + 1e-6:
            self.refused += 1
            raise TooMany(self._sentence, max(1, ceil(until - now - self._window)))
        return until

    def _forget(self, now: float) -> None:
        self._full_until = {name: t for name, t in self._full_until.items() if t > now}
        if len(self._full_until) > MOST_NAMES:
            self._full_until.clear()


MOST_AT_ONCE = 100
"""Failures that another daemon has seen in a fraction of a second: more make no difference."""

LONGEST_DELAY = 15 * MINUTE
"""Nobody is locked out for good: whoever fails keeps others from an account, too."""


@define
class Failures:
    """
    The same for attempts that failed: so many a minute, and then each further
    one makes the next wait twice as long, until there has been peace.

    @ivar _over: how many failures there were at the limit since the last peace.
    @ivar _under_way: how many attempts at an account have not ended yet.
    """

    _per_minute: int
    _sentence: str
    _clock: IReactorTime
    counted: Counted = _nobody
    refused: int = field(init=False, default=0)
    _full_until: dict[str, float] = field(init=False, factory=dict)
    _over: dict[str, int] = field(init=False, factory=dict)
    _under_way: Counter[str] = field(init=False, factory=Counter)
    _silent_until: dict[str, float] = field(init=False, factory=dict)

    def change(self, per_minute: int) -> None:
        """
        From now on, so many.
        """
        self._per_minute = per_minute

    def take(self, *names: str) -> None:
        """
        Count what counts whatever becomes of it.

        @raise TooMany: it may not be, and is not counted under any name.
        """
        self._refuse_over(*names)
        for name in names:
            self._count(name)
            self.counted(name)

    def count(self, name: str, times: int) -> None:
        """
        Others have seen this fail.
        """
        for _ in range(min(times, MOST_AT_ONCE)):
            self._count(name)

    @contextmanager
    def watch(self, wrong: type[Exception], client: str, account: str = "") -> Iterator[None]:
        """
        An attempt, which counts for both names if it ends in C{wrong}.  How else
        it ends is no guess: a success, or a disk that is full.

        Attempts at one account that have not ended count as failures against
        each other: else a thousand guesses at once would all be looked at.
        Those of one client do not: a whole office may be behind its address.

        @raise TooMany: it may not even be made.
        """
        try:
            self._refuse_over(client, *filter(None, [account]))
        except TooMany:
            self._say(client)
            raise
        self._under_way[account] += 1
        try:
            yield
        except wrong:
            for name in filter(None, [account, client]):
                self._count(name)
                self.counted(name)
            raise
        finally:
            self._under_way[account] -= 1
            if not self._under_way[account]:
                del self._under_way[account]

    def _say(self, client: str) -> None:
        """
        Once a minute for each client, and without the account, which is an address:
        guessing must not fill the log.
        """
        now = self._clock.seconds()
        if now >= self._silent_until.get(client, now):
            if len(self._silent_until) > MOST_NAMES:
                self._silent_until.clear()
            self._silent_until[client] = now + MINUTE
            log.info("Too many failed sign-ins: {client} has to wait", client=client)

    def _refuse_over(self, *names: str) -> None:
        now = self._clock.seconds()
        for name in names:
            more = 1 + self._under_way[name]
            wait = self._until(name, now) + more * self._interval - now - MINUTE
            if wait > 1e-6:
                self.refused += 1
                raise TooMany(self._sentence, max(1, ceil(wait)))

    @property
    def _interval(self) -> float:
        return MINUTE / self._per_minute

    def _until(self, name: str, now: float) -> float:
        return max(now, self._full_until.get(name, now))

    def _count(self, name: str) -> None:
        now = self._clock.seconds()
        until = self._until(name, now)
        if until <= now:
            self._over.pop(name, None)
        cost = self._interval
        if until + 2 * cost > now + MINUTE + 1e-6:  # the last that fits
            over = self._over[name] = self._over.get(name, 0) + 1
            cost = min(cost * 2 ** min(over, 20), LONGEST_DELAY)
        # Many that were under way together do not add up to a day.
        self._full_until[name] = min(until + cost, now + MINUTE + LONGEST_DELAY)
        if len(self._full_until) > MOST_NAMES:
            self._forget(now)

    def _forget(self, now: float) -> None:
        self._full_until = {name: t for name, t in self._full_until.items() if t > now}
        if len(self._full_until) > MOST_NAMES:
            self._full_until.clear()
        self._over = {name: n for name, n in self._over.items() if name in self._full_until}


class NoLimit:
    """
    Stands for a L{Limit} that was switched off.
    """

    refused = 0

    def change(self, at_most: int, window: float = MINUTE) -> None:
        pass

    def take(self, name: str) -> None:
        pass

    def refuse_over(self, name: str) -> None:
        pass


class NoFailures:
    """
    Stands for L{Failures} that are not counted.
    """

    refused = 0

    def change(self, per_minute: int) -> None:
        pass

    def take(self, *names: str) -> None:
        pass

    @contextmanager
    def watch(self, wrong: type[Exception], client: str, account: str = "") -> Iterator[None]:
        yield


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """
    A socket that listens to both kinds calls 192.0.2.7 C{::ffff:192.0.2.7}: left
    so, all of IPv4 would be one /64, and no proxy of ours would be known.
    """
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def neighbourhood(host: str) -> str:
    """
    One name for all addresses that one client has: in IPv6, those of its /64.
    """
    address = address_of(host)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((address, 64), strict=False))
    return host if address is None else str(address)
