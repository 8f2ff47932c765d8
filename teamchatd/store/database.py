"""
One SQLite file: a writer who commits for many at once, and a reader beside it.

A change is acknowledged when it is on disk (WAL, C{synchronous=FULL}), and its
events are handed on only then.  Changes that arrive while the writer is busy
share its next transaction, and one that fails undoes only itself.  Readings that
arrive while the reader is busy share its next transaction, too.  Whatever comes
alone waits for nobody.
"""

import os
import sqlite3
from collections.abc import Callable, Hashable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple, cast

from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.enterprise.adbapi import ConnectionPool, Transaction
from twisted.internet.defer import Deferred, fail, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from teamchatd.errors import Unavailable
from teamchatd.histogram import Histogram
from teamchatd.logs import is_debugging
from teamchatd.model import Entry
from teamchatd.store import entries as journal
from teamchatd.store import lock, restored
from teamchatd.store.change import Change
from teamchatd.store.line import Job, Line
from teamchatd.store.schema import Tell, Unusable, refuse_future, refuse_past, upgrade

log = Logger()

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LARGEST_BATCH = 500
"""Changes in one transaction: a longer one would make its first wait for its last."""

READ_AT_ONCE = 32
"""Readings in one transaction.  With fewer, handing them over is felt; with more, the waiting."""

LOOKED_AT_ONCE = 1000
"""Entries of others in one look."""

NOT_STORED = "The server cannot store this right now. Nothing was changed. Try again later."
STOPPING = "The server is stopping. Try again in a moment."
NOT_READ = "The server cannot read its storage right now. Try again later."

CONNECT: dict[str, Any] = {
    "isolation_level": None,  # we say BEGIN ourselves
    "timeout": 5,  # seconds to wait for others who write: the console command
    "check_same_thread": False,  # adbapi closes from another thread
}

COMMIT_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to where commits are told apart: a good disk needs one of the first, a bad one of the last."""

RECOVERABLE = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
"""What SQLite says of one statement.  Everything else it says is about the disk."""


def prepare(connection: sqlite3.Connection) -> None:
    """
    Make C{connection} behave: every connection goes through here.
    """
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")


def found(
    connection: sqlite3.Connection, spare: Path | None = None, tell: Tell = lambda what: None
) -> None:
    """
    Make the database what this version of the code works with.

    @param connection: a prepared one.
    @param spare: see L{upgrade}.
    @param tell: the same.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    upgrade(connection, spare, tell)


@frozen
class Head:
    """
    Where the journal stands.

    @ivar era: begins every event id.  It changes only when the record is
        restored or moved, so that ids from another history are not believed.
    @ivar number: of the newest entry; 0 before the first.
    """

    era: str
    number: int


@frozen
class Batch:
    """
    Changes that were committed together.

    @ivar entries: what is to be told of them.
    @ivar is_on_disk: whether anything was written.  If not, that it could be committed
        says nothing of the disk.
    """

    entries: list[Entry]
    is_on_disk: bool


def run_batch(cursor: sqlite3.Cursor, jobs: list[Job], told: int | None = None) -> list[Entry]:
    """
    Run C{jobs} in one transaction, which the caller commits.

    Mostly all of them succeed, and a savepoint for each would have been for nothing.
    If one fails, nothing has happened yet: they run again, each in a savepoint.

    @param told: the number of the last entry that was told, where all are to be: what
        others have written since comes before what C{jobs} write.
    @return: what is to be told once it is committed.
    @raise sqlite3.Error: the disk does not do it; nothing of the batch is kept.
    """
    cursor.execute("BEGIN IMMEDIATE")
    try:
        return _run_all(cursor, jobs, _run, told)
    except Exception as error:
        _raise_of_disk(cursor, error)
        cursor.execute("ROLLBACK")
    cursor.execute("BEGIN IMMEDIATE")
    return _run_all(cursor, jobs, _run_or_undo, told)


def _run_all(
    cursor: sqlite3.Cursor, jobs: list[Job], run: Callable[[Change, Job], bool], told: int | None
) -> list[Entry]:
    before = number = cursor.execute("SELECT number FROM head").fetchone()[0]
    entries: list[Entry] = []
    if told is not None and before > told:
        entries += journal.after(cursor, told)
    for job in jobs:
        change = Change(cursor, job.at, number)
        if run(change, job):
            number = change.number
            entries += change.entries
    if number != before:
        cursor.execute("UPDATE head SET number = ?", (number,))
    return entries


def _run(change: Change, job: Job) -> bool:
    connection = change.cursor.connection
    before = connection.total_changes
    job.outcome, job.failure = job.work(change, *job.args), None
    job.has_written = connection.total_changes > before
    return True


def _run_or_undo(change: Change, job: Job) -> bool:
    """
    @return: whether it was done; else it has undone itself.
    """
    cursor = change.cursor
    cursor.execute("SAVEPOINT change")
    try:
        done = _run(change, job)
    except Exception as error:
        _raise_of_disk(cursor, error)
        cursor.execute("ROLLBACK TO change")
        done, job.failure = False, Failure()
    cursor.execute("RELEASE change")
    return done


def _raise_of_disk(cursor: sqlite3.Cursor, error: Exception) -> None:
    """
    After a disk error SQLite has rolled back everything, and there is no savepoint to
    go back to: going on would commit the rest of the batch without its beginning.
    """
    about_the_disk = isinstance(error, sqlite3.Error) and not isinstance(error, RECOVERABLE)
    if about_the_disk or not cursor.connection.in_transaction:
        raise error


@define(eq=False, slots=False)
class Database(Service):
    """
    Everything above this class awaits; everything below it runs in a database
    thread and touches nothing but its cursor and its arguments.

    @ivar committed: called in the reactor's thread with the entries of each
        commit, in the order of their numbers, before those who asked for the
        changes hear that they are done.  What others have written is among them: the
        console command has the same record.
    @ivar commit_seconds: how long it took from when changes were handed to the writer
        until they were on disk.  What wrote nothing does not count.
    @ivar changes_done: how many were, since the start.
    @ivar _told: the number of the last entry that C{committed} was called with.
    @ivar upgrading: told what is done while an older database is made one of ours.
    """

    _directory: Path
    _clock: IReactorTime
    committed: Callable[[list[Entry]], None] = field(default=lambda entries: None)
    upgrading: Tell = field(default=lambda what: None)
    commit_seconds: Histogram = field(init=False, factory=lambda: Histogram(COMMIT_SECONDS))
    changes_done: int = field(init=False, default=0)
    _changes: Line = field(init=False)
    _readings: Line = field(init=False)
    _broken: bool = field(init=False, default=False)
    _told: int = field(init=False, default=0)
    _lock: Any = field(init=False, default=None)
    _writer: Any = field(init=False, default=None)
    _reader: Any = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._changes = Line(self._run_changes, self._soon, LARGEST_BATCH)
        self._readings = Line(self._run_readings, self._soon, READ_AT_ONCE)

    @property
    def path(self) -> Path:
        return self._directory / "teamchat.sqlite"

    def startService(self) -> None:
        """
        Open the database, and upgrade it if it is older than the code.

        @raise Unusable: with a sentence for the operator.
        """
        self._take_directory()
        try:
            with closing(self._connect()) as connection:
                found(connection, self._directory, self.upgrading)
            self.begin()  # a record whose end is unknown cannot be written on
        except sqlite3.Error as error:
            self._lock.close()
            raise Unusable(f"{self.path} cannot be used: {error}") from error
        except Unusable:
            self._lock.close()
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
        if restored.is_unfinished(self._directory):
            raise Unusable(
                f"{self._directory} is half-way through a restore: start the daemon, or restore"
                " again, and either finishes it"
            )
        if not self.path.exists():
            raise Unusable(f"there is no database {self.path}: --data-dir says where it is")
        try:
            with closing(self._connect()) as connection:
                refuse_future(connection)
                refuse_past(connection)
        except sqlite3.Error as error:
            raise Unusable(f"{self.path} cannot be used: {error}") from error
        self.begin()

    @contextmanager
    def at_once(self) -> Iterator[sqlite3.Cursor]:
        """
        Read one state of the record, in this thread.  Blocks: see L{visit}.
        """
        try:
            with closing(self._connect()) as connection:
                connection.execute("BEGIN")
                yield connection.cursor()
        except sqlite3.Error as error:
            raise Unusable(f"{self.path} cannot be read: {error}") from error

    def head(self) -> Head:
        """
        Where the journal stands.  Blocks: for the time before anybody waits.
        """
        try:
            with closing(self._connect()) as connection:
                [(era, number)] = connection.execute("SELECT era, number FROM head")
        except (sqlite3.Error, ValueError) as error:
            raise Unusable(f"{self.path} has no readable head: {error}") from error
        return Head(era, number)

    def begin(self) -> Head:
        """
        Where the journal stands: what comes after this is told.  Blocks, as L{head}.
        """
        head = self.head()
        self._told = head.number
        return head

    def change_at_once(self, work: Callable[[Change, *Ts], T], *args: *Ts) -> T:
        """
        Like L{change}, in this thread.  Blocks, and tells nobody: for the time
        before anybody listens.
        """
        job = Job(work, args, self._now())
        try:
            with closing(self._connect()) as connection:
                run_batch(connection.cursor(), [job])
                connection.commit()
        except sqlite3.Error as error:
            raise Unusable(f"{self.path} cannot be written: {error}") from error
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
        Bytes that the record takes on the disk, with what is written ahead of it.
        """
        files = self._directory.glob(f"{self.path.name}*")
        return sum(file.stat().st_size for file in files if not file.name.endswith("-shm"))

    def read(self, work: Callable[[sqlite3.Cursor, *Ts], T], *args: *Ts) -> "Deferred[T]":
        """
        Run C{work(cursor, *args)} in the reader's thread, on one state of the
        record, which holds all that was acknowledged until now.

        @return: what C{work} returned.  Nobody changes it: others may have asked
            the same at the same time, and have it too.
        @raise Unavailable: storage does not answer.
        """
        if not self.running:
            return fail(Unavailable(STOPPING))
        job = Job(work, args, self._now())
        self._readings.join(job)
        return job.done.addErrback(self._unreadable)

    def look(self) -> "Deferred[bool]":
        """
        Tell some of what others have written, if they have.

        @return: whether there may be more.
        """
        return self.read(_some_after, self._told).addCallback(self._tell_some)

    def _tell_some(self, entries: list[Entry]) -> bool:
        self._tell(entries)
        return len(entries) == LOOKED_AT_ONCE

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)

    def _soon(self, function: Callable[[], None]) -> None:
        self._clock.callLater(0, function)

    def _run_changes(self, jobs: list[Job]) -> "Deferred[None]":
        begun = self._clock.seconds()
        batch: Deferred[Batch] = self._writer.runInteraction(_in_one_transaction, jobs, self._told)
        return batch.addCallbacks(self._kept, self._lost, (jobs, begun), errbackArgs=(jobs,))

    def _run_readings(self, jobs: list[Job]) -> "Deferred[None]":
        reading: Deferred[None] = self._reader.runInteraction(_on_one_state, jobs)
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
            log.info("{path} can be written again", path=str(self.path))
        self._tell(batch.entries)

    def _tell(self, entries: list[Entry]) -> None:
        """
        A look and a batch may find the same, in any order.
        """
        if entries and entries[0].number <= self._told:
            entries = [entry for entry in entries if entry.number > self._told]
        if not entries:
            return
        self._told = entries[-1].number
        try:
            self.committed(entries)
        except Exception:
            log.failure("some of what was committed was not told")

    def _lost(self, failure: Failure, jobs: list[Job]) -> None:
        if not failure.check(sqlite3.Error):
            log.failure("a batch of changes broke", failure)
        elif not self._broken:
            self._broken = True
            log.error(
                "{path} cannot be written: {reason}. Is the disk full, or failing?"
                " Changes are refused until it can be written again.",
                path=str(self.path),
                reason=failure.getErrorMessage(),
            )
        for job in jobs:
            job.failure = Failure(Unavailable(NOT_STORED))

    def _unreadable(self, failure: Failure) -> Failure:
        if not failure.check(sqlite3.Error):
            return failure
        log.error(
            "{path} cannot be read: {reason}",
            path=str(self.path),
            reason=failure.getErrorMessage(),
        )
        return Failure(Unavailable(NOT_READ))

    def _take_directory(self) -> None:
        """
        Make sure that this daemon is the only one in its data directory, and that
        what is there is what was last restored.
        """
        self._lock = lock.take(self._directory)
        try:
            if restored.is_unfinished(self._directory):
                aside = restored.finish(self._directory)
                log.info("Finished a restore that had been cut off")
                if aside is not None:
                    log.info("What was there before it is in {aside}", aside=str(aside))
            self._close_to_others()
        except OSError as error:
            self._lock.close()
            raise Unusable(
                f"the data directory {self._directory} cannot be used: {error.strerror}"
            ) from error

    def _close_to_others(self) -> None:
        """
        A directory that somebody else made may be open to all, and so would be
        what SQLite makes in it.  Its other files get the mode of the database.
        """
        os.close(lock.for_us_only(str(self.path), os.O_RDONLY | os.O_CREAT))
        # Copies that upgrades have made are called like it, too.
        ours = [self._directory / lock.NAME, *self._directory.glob(f"{self.path.name}*")]
        for path in ours:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, **CONNECT)
        prepare(connection)
        return connection

    def _pool(self) -> ConnectionPool:
        """
        Of one connection: there is one writer, and Python runs one reader at a time.
        """
        return ConnectionPool(
            "sqlite3", self.path, **CONNECT, cp_min=1, cp_max=1, cp_openfun=prepare
        )

    def _close(self) -> None:
        self._writer.close()
        self._reader.close()
        self._lock.close()


def _in_one_transaction(transaction: Transaction, jobs: list[Job], told: int) -> Batch:
    connection: sqlite3.Connection = transaction.connection
    entries = run_batch(connection.cursor(), jobs, told)
    # What has undone itself counts for SQLite, but is on no disk.
    return Batch(entries, any(job.has_written and job.failure is None for job in jobs))


def _some_after(cursor: sqlite3.Cursor, number: int) -> list[Entry]:
    return list(journal.after(cursor, number, LOOKED_AT_ONCE))


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


def _on_one_state(transaction: Transaction, jobs: list[Job]) -> None:
    cursor = transaction.connection.cursor()
    answers: dict[Hashable, Any] = {}
    for job in jobs:
        question = _question(job)
        try:
            if question not in answers:
                answers[question] = _answer(cursor, job)
            job.outcome = answers[question]
        except Exception:
            job.failure = Failure()


def _question(job: Job) -> Hashable:
    """
    What a reading asks.  Those who ask the same of the same state get the same
    answer: after a restart all clients come back and read the newest page.
    """
    question = (job.work, job.args)
    try:
        hash(question)
    except TypeError:  # there is a list in it: nobody else asks this
        return job
    return question


def _answer(cursor: sqlite3.Cursor, job: Job) -> Any:
    # Also after a disk error, which ends the transaction: without one, each statement of a
    # reading would see a state of its own.
    if not cursor.connection.in_transaction:
        cursor.execute("BEGIN")
    return job.work(cursor, *job.args)


def _fail_all(failure: Failure, jobs: list[Job]) -> None:
    for job in jobs:
        job.failure = Failure(failure.value)
