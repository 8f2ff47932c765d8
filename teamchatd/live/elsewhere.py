"""
The streams that users have with other daemons, as far as those have told: a user may
have so many, wherever they are.
"""

from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import chain, islice
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

LOOKED_THROUGH_AT_ONCE = 2_000
"""
Users, a few times a second: when a daemon comes, the others tell it what they have, and
a hundred thousand users in one message would be too much for a Redis.
"""

LONGEST_SILENCE = 15
"""Seconds until a daemon of which nothing is heard counts as gone, with its streams."""


@define(eq=False)
class Elsewhere:
    """
    Most users have a few streams, and nothing has to be told of them: where each of three
    daemons has no more than a third of what a user may have, there are not too many.  One
    that has more tells the others, and those who have any of this user answer.

    @ivar _tell: tells the other daemons since when each of some users has their streams
        here: C{{user id: [microseconds, …]}}.
    @ivar at_most: so many streams a user may have.
    @ivar _told: the users of whom the others were told.
    @ivar changed: called with the id of a user who has other streams elsewhere now.
    """

    _clock: IReactorTime
    _tell: Callable[[dict[str, list[int]]], None]
    at_most: int
    changed: Callable[[str], None] = field(default=lambda user_id: None)
    _ours: dict[str, list[int]] = field(init=False, factory=dict)
    _theirs: dict[str, dict[str, list[int]]] = field(init=False, factory=dict)
    _heard_at: dict[str, float] = field(init=False, factory=dict)
    _news: dict[str, None] = field(init=False, factory=dict)
    _told: set[str] = field(init=False, factory=set)

    def now(self) -> int:
        """
        In microseconds: two that are opened at the same time would both be the oldest.
        """
        return int(self._clock.seconds() * 1_000_000)

    def opened(self, user_id: str, since: int) -> None:
        self._ours.setdefault(user_id, []).append(since)
        self._news[user_id] = None

    def closed(self, user_id: str, since: int) -> None:
        ours = self._ours[user_id]
        ours.remove(since)
        if not ours:
            del self._ours[user_id]
        self._news[user_id] = None

    def oldest_here(self, user_id: str) -> int:
        """
        How many of the user's streams here are to end, the oldest first, so that all
        daemons together have no more than allowed.  Each finds the same, and ends its own.
        """
        ours = sorted(self._ours.get(user_id, ()))
        theirs = [*chain.from_iterable(each.get(user_id, ()) for each in self._theirs.values())]
        over = len(ours) + len(theirs) - self.at_most
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
        looked_through = [*islice(self._news, LOOKED_THROUGH_AT_ONCE)]
        for user_id in looked_through:
            del self._news[user_id]
        self._say([user_id for user_id in looked_through if self._is_to_be_told(user_id)])

    def _is_to_be_told(self, user_id: str) -> bool:
        if user_id in self._told:
            return True
        daemons = 1 + len(self._heard_at)
        ours = len(self._ours.get(user_id, ()))
        return ours > 0 and (ours * daemons > self.at_most or self._is_elsewhere(user_id))

    def _is_elsewhere(self, user_id: str) -> bool:
        return any(user_id in each for each in self._theirs.values())

    def _say(self, users: Sequence[str]) -> None:
        if not users:
            return
        self._tell({user_id: self._ours.get(user_id, []) for user_id in users})
        for user_id in users:
            if user_id in self._ours:
                self._told.add(user_id)
            else:
                self._told.discard(user_id)

    def hear_from(self, daemon: str) -> None:
        """
        It is there.  One of which nothing was known knows nothing of us, either.
        """
        if daemon not in self._heard_at:
            self._news.update(dict.fromkeys(self._ours))
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
            if user_id in self._ours and user_id not in self._told:
                self._news[user_id] = None
            self.changed(user_id)
