"""
Work that waits for a database thread.
"""

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure


@define(eq=False)
class Job:
    """
    A change or a reading that somebody waits for.

    @ivar at: when it was asked for, in milliseconds since the epoch.
    @ivar has_written: whether it was done, and changed anything.
    """

    work: Callable[..., Any]
    args: tuple[Any, ...]
    at: int
    done: "Deferred[Any]" = field(factory=Deferred)
    outcome: Any = None
    failure: Failure | None = None
    has_written: bool = False

    def tell_outcome(self) -> None:
        if self.failure is None:
            self.done.callback(self.outcome)
        else:
            self.done.errback(self.failure)


@define(eq=False)
class Line:
    """
    Jobs for one thread.  To hand one over costs as much as most jobs themselves,
    so those that arrive in one turn of the reactor, or while the thread is busy,
    are handed over together.  A job that comes alone waits for nobody.

    @ivar _run: hands jobs to the thread; fires when each has its outcome.
    @ivar _soon: calls something when this turn of the reactor is over.
    @ivar _at_once: so many at most, or the first would wait too long for the last.
    """

    _run: "Callable[[list[Job]], Deferred[None]]"
    _soon: Callable[[Callable[[], None]], object]
    _at_once: int
    _waiting: list[Job] = field(init=False, factory=list)
    _under_way: list[Job] = field(init=False, factory=list)
    _is_busy: bool = field(init=False, default=False)
    _all_done: "list[Deferred[None]]" = field(init=False, factory=list)

    def join(self, job: Job) -> None:
        self._waiting.append(job)
        if not self._is_busy:
            self._is_busy = True
            self._soon(self._next)

    @property
    def length(self) -> int:
        """
        How many jobs are not done yet.
        """
        return len(self._under_way) + len(self._waiting)

    @property
    def waiting_since(self) -> int | None:
        """
        When the first of those that are not done was asked for, in milliseconds since
        the epoch.
        """
        first = self._under_way or self._waiting
        return first[0].at if first else None

    def all_done(self) -> "Deferred[None]":
        """
        Fires once nothing is under way, and nobody waits.
        """
        done: Deferred[None] = Deferred()
        self._all_done.append(done)
        self._look_done()
        return done

    def _next(self) -> None:
        jobs, self._waiting = self._waiting[: self._at_once], self._waiting[self._at_once :]
        self._is_busy, self._under_way = True, jobs
        self._run(jobs).addCallback(self._over, jobs)

    def _over(self, _: None, jobs: list[Job]) -> None:
        """
        The next go first: their thread works while these are answered.
        """
        self._is_busy, self._under_way = False, []
        if self._waiting:
            self._next()
        for job in jobs:
            job.tell_outcome()
        self._look_done()

    def _look_done(self) -> None:
        if not self._is_busy:
            all_done, self._all_done = self._all_done, []
            for done in all_done:
                done.callback(None)
