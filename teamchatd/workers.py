"""
Threads for what takes long: hashing passwords, looking at pictures.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import chain
from threading import Thread
from typing import Any

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from teamchatd.errors import TooMany, Unavailable

RETRY_SECONDS = 10
STOPPING = "The server is stopping. Try again in a moment."

InThread = Callable[..., "Deferred[Any]"]
"""Runs a function with its arguments somewhere else."""

InTurn = Callable[..., "Deferred[Any]"]
"""The same, with the one it is for before the function: each has their turn."""


@frozen(eq=False)
class Job:
    function: Callable[..., Any] = field(repr=False)
    args: tuple[Any, ...] = field(repr=False)
    done: "Deferred[Any]" = field(factory=Deferred)


@define(eq=False, slots=False)
class Workers(Service):
    """
    A few threads for one kind of work.  Those for whom it is done take turns: who
    brings much of it waits for themselves, and not the others for them.

    The pool has a queue of its own, which has no bound, and which it works off
    before it stops; so it is given no more than it can do at once.

    @ivar _kind: what the threads are called.
    @ivar _too_busy: the sentence for those who are refused.
    @ivar _most_waiting: whoever waited longer than for so many others would give
        up, and have us work for nobody.
    @ivar _most_of_one: how much may wait of one.
    @ivar refused: how often it was too much, since the start.
    """

    _reactor: Any
    _kind: str
    _at_once: int
    _most_waiting: int
    _too_busy: str
    _most_of_one: int = 1 << 30
    refused: int = field(init=False, default=0)
    _pool: ThreadPool = field(init=False)
    _waiting: dict[str, deque[Job]] = field(init=False, factory=dict)
    _at_work: int = field(init=False, default=0)
    _idle: "list[Deferred[None]]" = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._pool = ThreadPool(minthreads=0, maxthreads=self._at_once, name=self._kind)
        # Whoever stops us waits as long as they like, and no longer: Python would wait for the
        # thread of a disk that hangs, for ever.
        self._pool.threadFactory = partial(Thread, daemon=True)  # type: ignore[assignment]

    def startService(self) -> None:
        super().startService()
        self._pool.start()

    def stopService(self) -> "Deferred[None]":
        """
        What waits is refused, what was begun is waited for: see L{idle}.
        """
        super().stopService()
        waiting, self._waiting = self._waiting, {}
        for job in chain.from_iterable(waiting.values()):
            job.done.errback(Unavailable(STOPPING))
        return self.idle()

    def idle(self) -> "Deferred[None]":
        """
        @return: fires when nothing is worked on.
        """
        idle: Deferred[None] = Deferred()
        self._idle.append(idle)
        self._look_idle()
        return idle

    def run(self, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """
        For nobody in particular.
        """
        return self.run_for("", function, *args)

    def run_for(self, whom: str, function: Callable[..., Any], *args: Any) -> "Deferred[Any]":
        """
        @raise TooMany: too much waits already.
        @raise Unavailable: we stop.
        """
        if not self.running:
            return fail(Unavailable(STOPPING))
        mine = self._waiting.get(whom, ())
        all_waiting = sum(map(len, self._waiting.values()))
        if len(mine) >= self._most_of_one or all_waiting >= self._most_waiting:
            self.refused += 1
            return fail(TooMany(self._too_busy, RETRY_SECONDS))
        job = Job(function, args)
        self._waiting.setdefault(whom, deque()).append(job)
        self._next()
        return job.done

    def _next(self) -> None:
        if self._waiting and self._at_work < self._at_once:
            job = self._next_in_turn()
            self._at_work += 1
            working = deferToThreadPool(self._reactor, self._pool, job.function, *job.args)
            working.addBoth(self._over).chainDeferred(job.done)

    def _next_in_turn(self) -> Job:
        """
        The first of the one whose turn it is, who goes behind the others then.
        """
        whom = next(iter(self._waiting))
        theirs = self._waiting.pop(whom)
        job = theirs.popleft()
        if theirs:
            self._waiting[whom] = theirs
        return job

    def _over(self, outcome: Any) -> Any:
        self._at_work -= 1
        self._next()
        self._look_idle()
        return outcome

    def _look_idle(self) -> None:
        if self._at_work:
            return
        if not self.running and self._pool.started:
            self._pool.stop()
        idle, self._idle = self._idle, []
        for waiting in idle:
            waiting.callback(None)
