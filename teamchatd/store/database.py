"""
One SQLite file: a writer who commits for many at once, and a reader beside it.

A change is acknowledged when it is on disk (WAL, C{synchronous=FULL}), and its
events are handed on only then.  Changes that arrive while the writer is busy
share its next transaction, and one that fails undoes only itself.  Readings that
arrive while the reader is busy share its next transaction, too.  Whatever comes
alone waits for nobody.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Hashable
from contextlib import closing
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
from teamchatd.model import Entry
from teamchatd.store.change import Change
from teamchatd.store.line import Job, Line
from teamchatd.store.schema import Tell, Unusable, copies_in, upgrade

log = Logger()

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

LARGEST_BATCH = 500
"""Changes in one transaction: a longer one would make its first wait for its last."""

READ_AT_ONCE = 32
"""Readings in one transaction.  With fewer, handing them over is felt; with more, the waiting."""

NOT_STORED = "The server cannot store this right now. Nothing was changed. Try again later."
STOPPING = "The server is stopping. Try again in a moment."
NOT_READ = "The server cannot read its storage right now. Try again later."

CONNECT: dict[str, Any] = {
    "isolation_level": None,  # we say BEGIN ourselves
    "timeout": 5,  # seconds to wait for others who write: the console command
    "check_same_thread": False,  # adbapi closes from another thread
}

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


def run_batch(cursor: sqlite3.Cursor, jobs: list[Job]) -> list[Entry]:
    """
    Run C{jobs} in one transaction, which the caller commits.

    Mostly all of them succeed, and a savepoint for each would have been for nothing.
    If one fails, nothing has happened yet: they run again, each in a savepoint.

    @return: what is to be told once it is committed.
    @raise sqlite3.Error: the disk does not do it; nothing of the batch is kept.
    """
    cursor.execute("BEGIN IMMEDIATE")
    try:
        return _run_all(cursor, jobs, _run)
    except Exception as error:
        _raise_of_disk(cursor, error)
        cursor.execute("ROLLBACK")
    cursor.execute("BEGIN IMMEDIATE")
    return _run_all(cursor, jobs, _run_or_undo)


def _run_all(
    cursor: sqlite3.Cursor, jobs: list[Job], run: Callable[[Change, Job], bool]
) -> list[Entry]:
    before = number = cursor.execute("SELECT number FROM head").fetchone()[0]
    entries: list[Entry] = []
    for job in jobs:
        change = Change(cursor, job.at, number)
        if run(change, job):
            number = change.number
            entries += change.entries
    if number != before:
        cursor.execute("UPDATE head SET number = ?", (number,))
    return entries


def _run(change: Change, job: Job) -> bool:
    job.outcome, job.failure = job.work(change, *job.args), None
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
        changes hear that they are done.
    @ivar upgrading: told what is done while an older database is made one of ours.
    """

    _directory: Path
    _clock: IReactorTime
    committed: Callable[[list[Entry]], None] = field(default=lambda entries: None)
    upgrading: Tell = field(default=lambda what: None)
    _changes: Line = field(init=False)
    _readings: Line = field(init=False)
    _broken: bool = field(init=False, default=False)
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
            self.head()  # a record whose end is unknown cannot be written on
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

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)

    def _soon(self, function: Callable[[], None]) -> None:
        self._clock.callLater(0, function)

    def _run_changes(self, jobs: list[Job]) -> "Deferred[None]":
        batch: Deferred[list[Entry]] = self._writer.runInteraction(_in_one_transaction, jobs)
        return batch.addCallbacks(self._kept, self._lost, errbackArgs=(jobs,))

    def _run_readings(self, jobs: list[Job]) -> "Deferred[None]":
        reading: Deferred[None] = self._reader.runInteraction(_on_one_state, jobs)
        return reading.addErrback(_fail_all, jobs)

    def _kept(self, entries: list[Entry]) -> None:
        if self._broken:
            self._broken = False
            log.info("{path} can be written again", path=str(self.path))
        if entries:
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
        Make sure that this daemon is the only one in its data directory: two
        would each number the journal as if they were alone.
        """
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._directory / "lock"
            self._lock = open(lock, "a", opener=_for_us_only)  # noqa: SIM115 - held until we stop
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._close_to_others(lock)
        except BlockingIOError as error:
            self._lock.close()
            raise Unusable(f"another teamchat is running on {self._directory}") from error
        except OSError as error:
            raise Unusable(
                f"the data directory {self._directory} cannot be used: {error.strerror}"
            ) from error

    def _close_to_others(self, lock: Path) -> None:
        """
        A directory that somebody else made may be open to all, and so would be
        what SQLite makes in it.  Its other files get the mode of the database.
        """
        os.close(_for_us_only(str(self.path), os.O_RDONLY | os.O_CREAT))
        ours = [lock, *self._directory.glob(f"{self.path.name}*"), *copies_in(self._directory)]
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


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _in_one_transaction(transaction: Transaction, jobs: list[Job]) -> list[Entry]:
    return run_batch(transaction.connection.cursor(), jobs)


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
