"""
What is done in the threads of the database: changes that share a transaction, and
readings that share one state of the record.

Whoever waits for them is L{teamchatd.store.database}'s.
"""

from collections.abc import Callable, Hashable
from functools import partial
from secrets import token_hex
from typing import Any

from attrs import frozen
from twisted.enterprise.adbapi import Transaction
from twisted.python.failure import Failure

from teamchatd.model import Entry
from teamchatd.store import entries as journal
from teamchatd.store.change import Change
from teamchatd.store.engine import Cursor, Engine
from teamchatd.store.line import Job

LOOKED_AT_ONCE = 500
"""Entries that others have written, in one reading."""

FURTHEST_BEHIND = 10_000
"""
Entries that others have written.  Who is further behind, because it slept or was cut
off, does not take all of them into memory: its streams begin anew, from the journal.
"""


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


class Rewritten(Exception):
    """
    The journal ends before what was told already: a server took over that had not
    heard of all that was acknowledged.
    """


@frozen
class News:
    """
    What others have written.

    @ivar era: of the journal now.
    @ivar after: the number before the first of the entries.  Where it is not that of the
        last entry that was told here, some are missing: they were too many, or are
        trimmed already.
    @ivar has_more: whether there may be others behind these.
    """

    era: str
    after: int
    entries: list[Entry]
    has_more: bool


def in_one_transaction(
    transaction: Transaction, jobs: list[Job], engine: Engine, told: int
) -> Batch:
    entries = run_batch(transaction.connection.cursor(), jobs, engine, told)
    # What has undone itself counts for SQLite, but is on no disk.
    return Batch(entries, any(job.has_written and job.failure is None for job in jobs))


def run_batch(
    cursor: Cursor, jobs: list[Job], engine: Engine, told: int | None = None
) -> list[Entry]:
    """
    Run C{jobs} in one transaction, which the caller commits.

    Mostly all of them succeed, and a savepoint for each would have been for nothing.
    If one fails, nothing has happened yet: they run again, each in a savepoint.

    @param told: the number of the newest entry that was told here; L{None}: nobody is
        told what others have written.
    @return: what is to be told once it is committed: what others have written since
        C{told}, and what these jobs write.
    @raise Exception: an C{engine.error}: the disk does not do it; nothing of the batch
        is kept.
    """
    cursor.execute(engine.begin_change)
    try:
        return _run_all(cursor, jobs, engine, told, _run)
    except Exception as error:
        _raise_of_disk(cursor, engine, error)
        cursor.execute("ROLLBACK")
    cursor.execute(engine.begin_change)
    return _run_all(cursor, jobs, engine, told, partial(_run_or_undo, engine))


def _run_all(
    cursor: Cursor,
    jobs: list[Job],
    engine: Engine,
    told: int | None,
    run: Callable[[Change, Job], bool],
) -> list[Entry]:
    before = number = cursor.execute(engine.lock_head).fetchone()[0]
    entries = [] if told is None else _unheard(cursor, told, before)
    for job in jobs:
        change = Change(cursor, job.at, number)
        if run(change, job):
            number = change.number
            entries += change.entries
    if number != before:
        cursor.execute("UPDATE head SET number = ?", (number,))
    return entries


def _unheard(cursor: Cursor, told: int, head: int) -> list[Entry]:
    """
    What others have written, unless it is too much: then the first entry that follows
    shows that some are missing.
    """
    if head < told:
        raise Rewritten()
    if not told < head <= told + FURTHEST_BEHIND:
        return []
    return list(journal.after(cursor, told))


def _run(change: Change, job: Job) -> bool:
    connection = change.cursor.connection
    before = connection.total_changes
    job.outcome, job.failure = job.work(change, *job.args), None
    job.has_written = connection.total_changes > before
    return True


def _run_or_undo(engine: Engine, change: Change, job: Job) -> bool:
    """
    @return: whether it was done; else it has undone itself.
    """
    cursor = change.cursor
    cursor.execute("SAVEPOINT change")
    try:
        done = _run(change, job)
    except Exception as error:
        _raise_of_disk(cursor, engine, error)
        cursor.execute("ROLLBACK TO change")
        done, job.failure = False, Failure()
    cursor.execute("RELEASE change")
    return done


def _raise_of_disk(cursor: Cursor, engine: Engine, error: Exception) -> None:
    """
    After a disk error SQLite has rolled back everything, and there is no savepoint to
    go back to: going on would commit the rest of the batch without its beginning.
    """
    about_the_disk = isinstance(error, engine.error) and not isinstance(error, engine.refused)
    if about_the_disk or not cursor.connection.in_transaction:
        raise error


def news(cursor: Cursor, told: int) -> News:
    """
    Some of what others have written.

    @param told: the number of the last entry that was told here.
    """
    [(era, head)] = cursor.execute("SELECT era, number FROM head")
    if head > told + FURTHEST_BEHIND:
        return News(era, head, [], has_more=False)
    entries = list(journal.after(cursor, told, LOOKED_AT_ONCE))
    first = entries[0].number if entries else head + 1
    return News(era, first - 1, entries, has_more=len(entries) == LOOKED_AT_ONCE)


def new_era(cursor: Cursor, engine: Engine, old: str) -> Head:
    """
    The history that C{old} was given to has been lost in part.  The first who finds
    that gives another, so that no event id of the lost part is believed.
    """
    cursor.execute(engine.begin_change)
    cursor.execute(engine.lock_head)
    cursor.execute("UPDATE head SET era = ? WHERE era = ?", (token_hex(8), old))
    [(era, number)] = cursor.execute("SELECT era, number FROM head")
    return Head(era, number)


def in_new_era(transaction: Transaction, engine: Engine, old: str) -> Head:
    return new_era(transaction.connection.cursor(), engine, old)


def on_one_state(transaction: Transaction, jobs: list[Job], engine: Engine) -> None:
    cursor = transaction.connection.cursor()
    answers: dict[Hashable, Any] = {}
    for job in jobs:
        question = _question(job)
        try:
            if question not in answers:
                answers[question] = _answer(cursor, job, engine)
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


def _answer(cursor: Cursor, job: Job, engine: Engine) -> Any:
    # Also after a disk error, which ends the transaction: without one, each statement of a
    # reading would see a state of its own.
    if not cursor.connection.in_transaction:
        cursor.execute(engine.begin_reading)
    return job.work(cursor, *job.args)
