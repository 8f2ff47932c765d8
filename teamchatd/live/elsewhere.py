"""
The streams that users have with other daemons, as far as those have told: a user may
have so many, wherever they are.
"""

from collections.abc import Callable, Iterable
from heapq import nsmallest
from itertools import chain
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

LONGEST_SILENCE = 15
"""Seconds until a daemon of which nothing is heard counts as gone, with its streams."""


@define(eq=False)
class Elsewhere:
    """
    @ivar _tell: tells the other daemons since when each of some users has their streams
        here: C{{user id: [microseconds, …]}}.
    @ivar changed: called with the id of a user who has other streams elsewhere now.
    """

    _clock: IReactorTime
    _tell: Callable[[dict[str, list[int]]], None]
    changed: Callable[[str], None] = field(default=lambda user_id: None)
    _ours: dict[str, list[int]] = field(init=False, factory=dict)
    _theirs: dict[str, dict[str, list[int]]] = field(init=False, factory=dict)
    _heard_at: dict[str, float] = field(init=False, factory=dict)
    _news: set[str] = field(init=False, factory=set)

    def now(self) -> int:
        """
        In microseconds: two that are opened at the same time would both be the oldest.
        """
        return int(self._clock.seconds() * 1_000_000)

    def opened(self, user_id: str, since: int) -> None:
        self._ours.setdefault(user_id, []).append(since)
        self._news.add(user_id)

    def closed(self, user_id: str, since: int) -> None:
        ours = self._ours[user_id]
        ours.remove(since)
        if not ours:
            del self._ours[user_id]
        self._news.add(user_id)

    def oldest_here(self, user_id: str, at_most: int) -> int:
        """
        How many of the user's streams here are to end, the oldest first, so that all
        daemons together have C{at_most}.  Each finds the same, and ends its own.
        """
        ours = sorted(self._ours.get(user_id, ()))
        theirs = [*chain.from_iterable(each.get(user_id, ()) for each in self._theirs.values())]
        over = len(ours) + len(theirs) - at_most
        if over <= 0 or not ours:
            return 0
        newest_to_go = nsmallest(over, chain(ours, theirs))[-1]
        return sum(1 for since in ours if since <= newest_to_go)

    def send(self) -> None:
        """
        Done a few times a second: tell what is new here, and forget who is gone.
        """
        now = self._clock.seconds()
        for daemon, heard_at in tuple(self._heard_at.items()):
            if now - heard_at > LONGEST_SILENCE:
                del self._heard_at[daemon]
                self._theirs.pop(daemon, None)
        if self._news:
            self._say(self._news)
            self._news = set()

    def _say(self, users: Iterable[str]) -> None:
        self._tell({user_id: self._ours.get(user_id, []) for user_id in users})

    def hear_from(self, daemon: str) -> None:
        """
        It is there.  One of which nothing was known knows nothing of us, either.
        """
        if daemon not in self._heard_at:
            self._news.update(self._ours)
        self._heard_at[daemon] = self._clock.seconds()

    def hear(self, daemon: str, told: Any) -> None:
        """
        @param told: as that daemon's C{_tell} was given it.
        """
        self.hear_from(daemon)
        theirs = self._theirs.setdefault(daemon, {})
        for user_id, since in told.items():
            if since:
                theirs[user_id] = [int(each) for each in since]
            else:
                theirs.pop(user_id, None)
            self.changed(user_id)
