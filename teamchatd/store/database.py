"""
The record: a writer who commits for many at once, and a reader beside it.

A change is acknowledged when it is on disk, and its events are handed on only then.
Changes that arrive while the writer is busy share its next transaction, and one that
fails undoes only itself.  Readings that arrive while the reader is busy share its next
transaction, too.  Whatever comes alone waits for nobody.

Others may write too: the console command, and other daemons where the database
takes several.  What they wrote is told here in its turn, as if it were ours: the
next change finds it before its own, and else L{Database.look} does.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeVar, TypeVarTuple, cast

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from teamchatd.errors import Unavailable
from teamchatd.histogram import Histogram
from teamchatd.logs import is_debugging
from teamchatd.model import Entry
from teamchatd.store import halfway
from teamchatd.store.batch import (
    Batch,
    Head,
    News,
    Rewritten,
    in_new_era,
    in_one_transaction,
    news,
    on_one_state,
    run_batch,
)
from teamchatd.store.change import Change
from teamchatd.store.engine import Cursor, Engine
from teamchatd.store.line import Job, Line
from teamchatd.store.schema import Tell, Unusable

log = Logger()

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LARGEST_BATCH = 500
"""Changes in one transaction: a longer one would make its first wait for its last."""

READ_AT_ONCE = 32
"""Readings in one transaction.  With fewer, handing them over is felt; with more, the waiting."""

NOT_STORED = "The server cannot store this right now. Nothing was changed. Try again later."
STOPPING = "The server is stopping. Try again in a moment."
IN_DOUBT = (
    "The server cannot tell whether this was stored: it lost its database at that very moment."
    " Look before you try again."
)
NOT_READ = "The server cannot read its storage right now. Try again later."

COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to where commits are told apart: a good disk needs one of the first, a bad one of the last."""

READ_AGAIN = (0.1, 0.3, 1.0, 2.0)
"""
Seconds before a reading is tried again that has found the way to the database cut:
a server that restarts is back by then.  A change is not tried again: its commit may
have come through.
"""


@define(eq=False, slots=False)
class Database(Service):
    """
    Everything above this class awaits; everything below it runs in a database
    thread and touches nothing but its cursor and its arguments.

    @ivar committed: called in the reactor's thread with the entries of each
        commit, in the order of their numbers, before those who asked for the
        changes hear that they are done.  What others have written is among them.
    @ivar missed: called instead where some entries cannot be told: whoever listens has to
        begin anew, here.
    @ivar written: called with the number of the newest entry that was written here.
    @ivar commit_seconds: how long it took from when changes were handed to the writer
        until they were on disk.  What wrote nothing does not count.
    @ivar changes_done: how many were, since the start.
    @ivar upgrading: told what is done while an older database is made one of ours.
    """

    _engine: Engine
    _clock: IReactorTime
    committed: Callable[[list[Entry]], None] = field(default=lambda entries: None)
    upgrading: Tell = field(default=lambda what: None)
    commit_seconds: Histogram = field(init=False, factory=lambda: Histogram(COMMIT_SECONDS))
    changes_done: int = field(init=False, default=0)
    _changes: Line = field(init=False)
    _readings: Line = field(init=False)
    _era: str = field(init=False, default="")
    _told: int = field(init=False, default=0)
    _rung: int = field(init=False, default=0)
    _is_looking: bool = field(init=False, default=False)
    written: Callable[[int], None] = field(default=lambda number: None)
    missed: Callable[[Head], None] = field(default=lambda head: None)
    _broken: bool = field(init=False, default=False)
    _is_unread: bool = field(init=False, default=False)
    _writer: Any = field(init=False, default=None)
    _reader: Any = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._changes = Line(self._run_changes, self._soon, LARGEST_BATCH)
        self._readings = Line(self._run_readings, self._soon, READ_AT_ONCE)

    @property
    def is_shared(self) -> bool:
        """
        Whether other daemons may work with it at the same time.
        """
        return self._engine.is_shared

    def startService(self) -> None:
        """
        Open the database, and upgrade it if it is older than the code.

        @raise Unusable: with a sentence for the operator.
        """
        self._engine.take()
        try:
            with closing(self._connect()) as connection:
                self._engine.found(connection, self.upgrading)
                (halfway.refuse if self.is_shared else halfway.stay)(connection)
            self.begin()  # a record whose end is unknown cannot be written on
        except self._engine.error as error:
            self._engine.let_go()
            raise Unusable(f"{self._engine.name} cannot be used: {_said_by(error)}") from error
        except Unusable:
            self._engine.let_go()
            raise
        self._writer, self._reader = self._pool(), self._pool()
        super().startService()

    def stopService(self) -> "Deferred[None]":
        """
        Finish what was begun, then let go of the files.
        """
        super().stopService()
        done = gatherResults([self._changes.all_done(), self._readings.all_done()])
        return done.addCallback(lambda _: self._close())

    def visit(self) -> None:
        """
        See whether the record can be worked with from here, beside a daemon that may be
        running on it: with L{change_at_once} and L{at_once}.

        @raise Unusable: it cannot.
        """
        self._engine.refuse_missing()
        try:
            with closing(self._connect()) as connection:
                self._engine.refuse_strange(connection)
                if self.is_shared:
                    halfway.refuse(connection)
        except self._engine.error as error:
            raise Unusable(f"{self._engine.name} cannot be used: {_said_by(error)}") from error
        self.begin()

    @contextmanager
    def at_once(self) -> Iterator[Cursor]:
        """
        Read one state of the record, in this thread.  Blocks: see L{visit}.
        """
        try:
            with closing(self._connect()) as connection:
                cursor = connection.cursor()
                cursor.execute(self._engine.begin_reading)
                yield cursor
        except self._engine.error as error:
            raise Unusable(f"{self._engine.name} cannot be read: {_said_by(error)}") from error

    def begin(self) -> Head:
        """
        What is committed from now on is told.  Blocks: for the time before anybody
        waits.

        @return: where the journal stands.
        """
        head = self.head()
        self._era, self._told = head.era, head.number
        return head

    def head(self) -> Head:
        """
        Where the journal stands.  Blocks, too.
        """
        try:
            with closing(self._connect()) as connection:
                [(era, number)] = connection.execute("SELECT era, number FROM head")
        except (self._engine.error, ValueError) as error:
            raise Unusable(
                f"{self._engine.name} has no readable head: {_said_by(error)}"
            ) from error
        return Head(era, number)

    def change_at_once(self, work: Callable[[Change, *Ts], T], *args: *Ts) -> T:
        """
        Like L{change}, in this thread.  Blocks, and tells nobody: for the time
        before anybody listens.
        """
        job = Job(work, args, self._now())
        try:
            with closing(self._connect()) as connection:
                run_batch(connection.cursor(), [job], self._engine)
                connection.commit()
        except self._engine.error as error:
            raise Unusable(f"{self._engine.name} cannot be written: {_said_by(error)}") from error
        if job.failure is not None:
            job.failure.raiseException()
        return cast(T, job.outcome)

    def change(self, work: Callable[[Change, *Ts], T], *args: *Ts) -> "Deferred[T]":
        """
        Run C{work(change, *args)} in the writer's thread: all of it or nothing.

        @return: what C{work} returned, once it is on disk and told.
        @raise Unavailable: storage does not take it.  Nothing was changed.
        """
        if not self.running:
            return fail(Unavailable(STOPPING))
        job = Job(work, args, self._now())
        self._changes.join(job)
        return job.done

    def probe(self) -> "Deferred[None]":
        """
        Go the way of a change, and change nothing.  It waits behind those that wait, so
        whoever asks learns how long that takes.

        While writing fails it writes, or nobody would ever learn that there is room
        again: those who are told that we are not ready send no changes.

        @raise Unavailable: storage takes no changes.
        """
        return self.change(_rewrite_head if self._broken else _do_nothing)

    @property
    def is_broken(self) -> bool:
        """
        Whether a change could not be written, and none could since.
        """
        return self._broken

    @property
    def changes_waiting(self) -> int:
        """
        How many changes are not on disk yet.
        """
        return self._changes.length

    def waiting_since(self) -> int | None:
        """
        When the oldest change that is not done was asked for, in milliseconds since the
        epoch; L{None} where none is.
        """
        return self._changes.waiting_since

    def size(self) -> int:
        """
        Bytes that the record takes on the disk; 0 where that is another machine's.
        """
        return self._engine.size()

    def read(self, work: Callable[[Cursor, *Ts], T], *args: *Ts) -> "Deferred[T]":
        """
        Run C{work(cursor, *args)} in the reader's thread, on one state of the
        record, which holds all that was acknowledged until now.

        @return: what C{work} returned.  Nobody changes it: others may have asked
            the same at the same time, and have it too.
        @raise Unavailable: storage does not answer.
        """
        if not self.running:
            return fail(Unavailable(STOPPING))
        return self._read(work, args, READ_AGAIN)

    def _read(
        self, work: Callable[..., T], args: tuple[Any, ...], again: tuple[float, ...]
    ) -> "Deferred[T]":
        job = Job(work, args, self._now())
        self._readings.join(job)
        return job.done.addCallbacks(self._was_read, self._unreadable, errbackArgs=(job, again))

    def _was_read(self, answer: T) -> T:
        if self._is_unread:
            self._is_unread = False
            log.info("{name} can be read again", name=self._engine.name)
        return answer

    def look(self) -> "Deferred[bool]":
        """
        Tell some of what others have written, if they have.

        @return: whether there may be more.
        """
        told = self._told
        return self.read(news, told).addCallback(self._tell_news, told)

    async def look_for(self, number: int) -> None:
        """
        Somebody says that they have written the entry of this number: tell all up to it.
        """
        self._rung = max(self._rung, number)
        if self._is_looking:
            return
        self._is_looking = True
        try:
            before = -1
            while before < self._told < self._rung and self.running:
                before = self._told
                await self.look()
        except Unavailable:
            pass  # it was logged, and the next look is in a second
        finally:
            self._is_looking = False

    def _tell_news(self, found: News, told: int) -> "Deferred[bool] | bool":
        """
        @param told: what was told when it was asked for.
        """
        if found.era != self._era or found.after < told:
            return self._begin_anew().addCallback(lambda _: False)
        if found.after > self._told:
            self._miss(found.after)
        self._tell(found.entries)
        return found.has_more

    def _miss(self, number: int) -> None:
        log.warn(
            "{count} events came too late to be told as they happened: all streams begin anew",
            count=number - self._told,
        )
        self._told = number
        self.missed(Head(self._era, number))

    def _begin_anew(self) -> "Deferred[None]":
        """
        It is another history.
        """
        beginning: Deferred[Head] = self._writer.runInteraction(in_new_era, self._engine, self._era)
        return beginning.addCallbacks(self._begun_anew, self._unwritable)

    def _begun_anew(self, head: Head) -> None:
        if head.era == self._era:  # somebody else here has found it, too
            return
        log.warn(
            "{name} has lost some of what was acknowledged: all streams begin anew",
            name=self._engine.name,
        )
        self._era, self._told, self._rung = head.era, head.number, 0
        self.missed(head)

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)

    def _soon(self, function: Callable[[], None]) -> None:
        self._clock.callLater(0, function)

    def _run_changes(self, jobs: list[Job]) -> "Deferred[None]":
        begun = self._clock.seconds()
        batch: Deferred[Batch] = self._writer.runInteraction(
            in_one_transaction, jobs, self._engine, self._told
        )
        return batch.addCallbacks(self._kept, self._lost, (jobs, begun), errbackArgs=(jobs,))

    def _run_readings(self, jobs: list[Job]) -> "Deferred[None]":
        reading: Deferred[None] = self._reader.runInteraction(on_one_state, jobs, self._engine)
        return reading.addErrback(_fail_all, jobs)

    def _kept(self, batch: Batch, jobs: list[Job], begun: float) -> None:
        if batch.is_on_disk:  # others, as probes are, would make a slow disk look fast
            self.commit_seconds.observe(self._clock.seconds() - begun)
        self.changes_done += len(jobs)
        if is_debugging():
            ms = round((self._clock.seconds() - begun) * 1000, 1)
            log.debug("{count} changes on disk in {ms} ms", count=len(jobs), ms=ms)
        if self._broken and batch.is_on_disk:
            self._broken = False
            log.info("{name} can be written again", name=self._engine.name)
        before = self._told
        self._tell(batch.entries)
        if self._told > before:
            self.written(self._told)

    def _tell(self, entries: list[Entry]) -> None:
        """
        A change and a look may both have found what somebody else has written.
        """
        fresh = [entry for entry in entries if entry.number > self._told]
        if not fresh:
            return
        if fresh[0].number > self._told + 1:
            self._miss(fresh[0].number - 1)
        self._told = fresh[-1].number
        try:
            self.committed(fresh)
        except Exception:
            log.failure("some of what was committed was not told")

    def _lost(self, failure: Failure, jobs: list[Job]) -> "Deferred[None] | None":
        self._unwritable(failure)
        in_doubt = self._engine.in_doubt and failure.check(*self._engine.in_doubt)
        for job in jobs:
            job.failure = Failure(Unavailable(IN_DOUBT if in_doubt else NOT_STORED))
        return self._begin_anew() if failure.check(Rewritten) else None

    def _unwritable(self, failure: Failure) -> None:
        if failure.check(Rewritten):
            return
        if not failure.check(self._engine.error):
            log.failure("a batch of changes broke", failure)
        elif not self._broken:
            self._broken = True
            log.error(
                "{name} cannot be written: {reason}. {trouble}"
                " Changes are refused until it can be written again.",
                name=self._engine.name,
                reason=_said_by(failure.value),
                trouble=self._engine.trouble,
            )

    def _unreadable(self, failure: Failure, job: Job, again: tuple[float, ...]) -> Any:
        """
        @param again: after how many seconds it is tried again, if it is worth it.
        """
        if not failure.check(self._engine.error):
            return failure
        if self._engine.is_cut(failure.value) and again and self.running:
            return deferLater(self._clock, again[0], self._read, job.work, job.args, again[1:])
        if not self._is_unread:
            self._is_unread = True
            log.error(
                "{name} cannot be read: {reason}",
                name=self._engine.name,
                reason=_said_by(failure.value),
            )
        return Failure(Unavailable(NOT_READ))

    def _connect(self) -> Any:
        return self._engine.connect()

    def _pool(self) -> Any:
        return self._engine.pool()

    def _close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._engine.let_go()


def _said_by(error: BaseException | None) -> str:
    """
    In one line: PostgreSQL says more.
    """
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _do_nothing(change: Change) -> None:
    """
    The writer has to take its lock for this, and that is all.
    """


def _rewrite_head(change: Change) -> None:
    """
    Twice, as SQLite writes no page to which nothing was done.
    """
    change.cursor.execute("UPDATE head SET number = number + 1")
    change.cursor.execute("UPDATE head SET number = number - 1")


def _fail_all(failure: Failure, jobs: list[Job]) -> None:
    for job in jobs:
        job.failure = Failure(failure.value)
