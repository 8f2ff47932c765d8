"""
The promises of L{teamchatd.store.database}, on the real thing and on the tests' own.
"""

import sqlite3

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import fail, gatherResults
from twisted.logger import globalLogPublisher

from teamchatd.errors import Invalid, Unavailable
from teamchatd.model import Everyone, Users
from teamchatd.store.batch import run_batch
from teamchatd.store.database import Database
from teamchatd.store.journal import Journal
from teamchatd.store.line import Job
from teamchatd.store.schema import Unusable
from teamchatd.store.sqlite import SQLite
from tests.daemon import ThreadlessDatabase


def put(change, name):
    change.cursor.execute("INSERT INTO settings (name, value) VALUES (?, '')", (name,))
    change.tell(Everyone(), "PUT", {"name": name})
    return change.number


def put_then_refuse(change, name):
    put(change, name)
    raise Invalid("Not after all.")


def put_twice(change, name):
    put(change, name)
    put(change, name)


def disk_fails(change):
    raise sqlite3.OperationalError("disk I/O error")


def names(cursor):
    return [name for (name,) in cursor.execute("SELECT name FROM settings ORDER BY rowid")]


def numbers(cursor):
    return [number for (number,) in cursor.execute("SELECT number FROM journal ORDER BY number")]


@pytest.fixture(params=["memory", pytest.param("threads", marks=pytest.mark.real)])
def database(request, tmp_path):
    kind = ThreadlessDatabase if request.param == "memory" else Database
    made = kind(SQLite(tmp_path), reactor)
    made.startService()
    made.told = []
    made.committed = lambda entries: made.told.append([entry.number for entry in entries])
    yield made
    pytest_twisted.blockon(made.stopService())


@pytest.fixture
def reader(tmp_path):
    """
    Runs jobs as one turn of the reader's thread.
    """
    made = ThreadlessDatabase(SQLite(tmp_path), reactor)
    made.startService()
    yield lambda jobs: made._run_readings(jobs)
    made.stopService()


def ensure(test):
    return pytest_twisted.ensureDeferred(test)


@ensure
async def test_kept(database):
    """
    What a change did, whoever reads afterwards sees.
    """
    await database.change(put, "a")
    assert await database.read(names) == ["a"]


@ensure
async def test_undone(database):
    """
    A change that fails has done nothing and told nothing, and takes no number.
    """
    with pytest.raises(Invalid):
        await database.change(put_then_refuse, "a")
    assert await database.change(put, "b") == 1
    assert await database.read(names) == ["b"]
    assert database.told == [[1]]


@ensure
async def test_failing_alone(database):
    """
    Of two hundred changes at once those that fail undo only themselves; the
    others are numbered without gaps, and told in that order.
    """
    outcomes = await gatherResults(
        database.change(put if index % 3 else put_twice, f"n{index}").addErrback(
            lambda failure: failure.trap(sqlite3.IntegrityError) and None
        )
        for index in range(200)
    )
    good = [f"n{index}" for index in range(200) if index % 3]
    assert await database.read(names) == good
    assert [number for number in outcomes if number] == list(range(1, len(good) + 1))
    assert sum(database.told, []) == await database.read(numbers)


@pytest.fixture
def batch(tmp_path):
    """
    Runs changes in one transaction.

    @return: what they have come to, and how many savepoints that took.
    """
    made = ThreadlessDatabase(SQLite(tmp_path), reactor)
    made.startService()
    connection, said = made._connect(), []
    connection.set_trace_callback(said.append)

    def run(*works):
        jobs = [Job(work, args, 0) for work, *args in works]
        run_batch(connection.cursor(), jobs, SQLite)
        connection.commit()
        taken = said.count("SAVEPOINT change")
        said.clear()
        return [job.outcome if job.failure is None else job.failure.type for job in jobs], taken

    yield run
    connection.close()
    made.stopService()


def test_savepoints(batch):
    """
    As long as nothing fails, nobody pays for being able to undo it; and what was done
    before a failure is not done twice.
    """
    assert batch([put, "a"], [put, "b"]) == ([1, 2], 0)
    refused = batch([put, "c"], [put_then_refuse, "d"], [put_twice, "e"], [put, "f"])
    assert refused == ([3, Invalid, sqlite3.IntegrityError, 4], 4)
    assert batch([lambda change: names(change.cursor)]) == ([["a", "b", "c", "f"]], 0)
    assert batch([put, "g"]) == ([5], 0)


@ensure
async def test_told_before_acknowledged(database):
    """
    Who hears that a change is done can rely on its having been told.
    """
    await database.change(put, "a")
    assert database.told == [[1]]


@ensure
async def test_told_even_if_telling_breaks(database):
    """
    A listener that breaks does not undo what is on disk, nor stop the writer.
    """
    heard = []
    globalLogPublisher.addObserver(heard.append)

    def broken(entries):
        raise ZeroDivisionError

    database.committed = broken
    await database.change(put, "a")
    await database.change(put, "b")
    globalLogPublisher.removeObserver(heard.append)
    assert await database.read(names) == ["a", "b"]
    assert any("not told" in event["log_format"] for event in heard)


@ensure
async def test_others_are_told_first(database):
    """
    What others have written meanwhile is told before what comes after it.
    """
    await database.change(put, "a")
    for name in "xy":
        database.change_at_once(put, name)  # as another process would
    await database.change(put, "b")
    await database.change(put, "c")
    assert database.told == [[1], [2, 3, 4], [5]]


@ensure
async def test_others_are_noticed(database):
    """
    Where nobody writes here, a look finds what others have written: once.
    """
    database.change_at_once(put, "x")
    database.change_at_once(put, "y")
    assert database.told == []
    for _ in range(2):
        assert not await database.look()
        assert database.told == [[1, 2]]


@ensure
async def test_others_many(database, monkeypatch):
    """
    One look does not read all that others may have written.
    """
    monkeypatch.setattr("teamchatd.store.batch.LOOKED_AT_ONCE", 2)
    for name in "xyz":
        database.change_at_once(put, name)
    assert [await database.look(), await database.look()] == [True, False]
    assert database.told == [[1, 2], [3]]


@ensure
async def test_looking_while_writing(database):
    """
    A look and a batch find the same, and it is told once and in order.
    """
    for round_ in range(20):
        database.change_at_once(put, f"x{round_}")
        await gatherResults(
            [database.look(), database.change(put, f"a{round_}"), database.look()]
            + [database.change(put, f"b{round_}")]
        )
    assert [number for run in database.told for number in run] == list(range(1, 61))


@ensure
async def test_from_the_beginning(database):
    """
    What was written before anybody listens is not told.
    """
    database.change_at_once(put, "x")
    assert database.begin() == database.head()
    await database.look()
    await database.change(put, "a")
    assert database.told == [[2]]


@ensure
async def test_disk_failure(database):
    """
    When the disk fails, everything in the batch is refused and nothing of it is
    kept; the next change is taken as if nothing had been.
    """
    waiting = [
        database.change(put, "a"),
        database.change(put, "b"),
        database.change(disk_fails),
        database.change(put, "c"),
    ]
    for each in waiting:
        each.addErrback(lambda failure: failure.trap(Unavailable))
    outcomes = await gatherResults(waiting)
    await database.change(put, "d")
    kept = await database.read(names)
    assert Unavailable in outcomes
    assert kept == [
        name for name, outcome in zip("ab_c", outcomes, strict=True) if outcome is not Unavailable
    ] + ["d"]
    assert sum(database.told, []) == await database.read(numbers)


@ensure
async def test_unreadable(database):
    """
    What cannot be read is refused in the same words.
    """

    def fails(cursor):
        raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(Unavailable):
        await database.read(fails)


@ensure
async def test_reading_at_once(database):
    """
    Of many who read at once each has their own answer, or their own failure, and
    sees all that was acknowledged before.
    """

    def double(cursor, number):
        if number % 7 == 0:
            raise Invalid(f"not {number}")
        return len(names(cursor)) * number

    await database.change(put, "a")
    await database.change(put, "b")
    answers = [
        database.read(double, number).addErrback(lambda failure: str(failure.value))
        for number in range(100)
    ]
    assert await gatherResults(answers) == [
        2 * number if number % 7 else f"not {number}" for number in range(100)
    ]


@ensure
async def test_same_question(database):
    """
    Who asks the same at the same time gets the same answer; a list in a question,
    which cannot be looked up, is no hindrance.
    """

    def ask(cursor, what):
        return [names(cursor), what]

    await database.change(put, "a")
    asked = ["x", "x", ["x"], ["x"], "y"]
    answers = await gatherResults([database.read(ask, what) for what in asked])
    assert answers == [[["a"], what] for what in asked]


@ensure
async def test_question_after_change(database):
    """
    An answer that was given before a change is not given again after it.
    """
    for name in "abc":
        before = database.read(names)
        await database.change(put, name)
        assert name in await database.read(names)
        await before


def test_same_question_is_asked_once(reader):
    """
    The storm of clients after a restart costs one reading and not thousands.
    """
    asked = []

    def ask(cursor, what):
        asked.append(what)
        return what.upper()

    jobs = [Job(ask, (what,), 0) for what in "aababa"]
    reader(jobs)
    assert asked == ["a", "b"]
    assert [job.outcome for job in jobs] == list("AABABA")


def test_failure_is_asked_again(reader):
    """
    Nobody is handed somebody else's exception.
    """

    def fails(cursor):
        raise Invalid("no")

    first, second = jobs = [Job(fails, (), 0), Job(fails, (), 0)]
    reader(jobs)
    assert first.failure.value is not second.failure.value


def test_readings_after_disk_failure(reader):
    """
    When the disk fails one of those who read, SQLite may end the transaction that
    all share; the others still see one state each.
    """

    def fails(cursor):
        cursor.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    def is_on_one_state(cursor):
        return cursor.connection.in_transaction

    bad, good = jobs = [Job(fails, (), 0), Job(is_on_one_state, (), 0)]
    reader(jobs)
    assert bad.failure.check(sqlite3.OperationalError)
    assert good.outcome is True


@ensure
async def test_reader_is_lost(database, monkeypatch):
    """
    When nobody can be asked at all, everybody is refused, and the next are not.
    """

    def lost(*args):
        return fail(sqlite3.OperationalError("unable to open database file"))

    with monkeypatch.context() as patch:
        patch.setattr(database._reader, "runInteraction", lost)
        with pytest.raises(Unavailable):
            await database.read(names)
    assert await database.read(names) == []


@ensure
async def test_audiences(database):
    """
    Whom an entry is for is read as it was written.
    """

    def tell(change):
        change.tell(Users(("u1", "u2")), "A", {}, subject="c/m")
        change.tell(Everyone(), "B", {})

    await database.change(tell)
    stretch = await Journal(database).after(0, 10)
    assert [entry.audience for entry in stretch.entries] == [Users(("u1", "u2")), Everyone()]
    assert stretch.oldest == 1


@ensure
async def test_erased(database):
    """
    What is told of a deletion takes the text of all that was told before about
    the same thing and what is below it, and of nothing else.
    """

    def tell(change):
        for subject in ("c", "c/m", "c/m/r", "c/m2", "cx", "c0"):
            change.tell(Everyone(), "SAID", {}, subject=subject)

    def erase(change):
        change.tell(Everyone(), "DELETED", {}, subject="c/m", erases=True)

    await database.change(tell)
    await database.change(erase)
    stretch = await Journal(database).after(0, 10)
    left = [entry.subject for entry in stretch.entries if entry.text is not None]
    assert left == ["c", "c/m2", "cx", "c0", "c/m"]


@ensure
async def test_trimmed(database):
    """
    The journal forgets what is too old, and never counts back.
    """
    for name in "abc":
        await database.change(put, name)
    await Journal(database).trim(2**60)
    assert await database.change(put, "d") == 4
    assert (await Journal(database).after(0, 10)).oldest == 4


@ensure
async def test_oldest_of_nothing(database):
    """
    An empty journal's oldest entry is the one that comes next.
    """
    await database.change(put, "a")
    await Journal(database).trim(2**60)
    stretch = await Journal(database).after(0, 10)
    assert (stretch.entries, stretch.oldest) == ([], 2)


def test_batch_is_one_transaction(tmp_path):
    """
    If the disk fails in the middle of a batch, nothing of it is left, not even
    of the changes before.
    """
    database = ThreadlessDatabase(SQLite(tmp_path), reactor)
    database.startService()
    connection = database._connect()
    jobs = [Job(put, ("a",), 0), Job(disk_fails, (), 0)]
    with pytest.raises(sqlite3.OperationalError):
        run_batch(connection.cursor(), jobs, SQLite)
    connection.rollback()
    assert names(connection.cursor()) == []
    connection.close()
    database.stopService()


@ensure
async def test_stopped(tmp_path):
    """
    Who asks after the end is refused, and not left waiting.
    """
    database = ThreadlessDatabase(SQLite(tmp_path), reactor)
    database.startService()
    await database.stopService()
    for ask in (lambda: database.change(put, "a"), lambda: database.read(names)):
        with pytest.raises(Unavailable):
            await ask()


@pytest.mark.real
@ensure
async def test_finishes_what_was_begun(tmp_path):
    """
    What was asked for before the end is done before the end.
    """
    database = Database(SQLite(tmp_path), reactor)
    database.startService()
    waiting = [database.change(put, f"n{index}") for index in range(1200)]
    waiting += [database.read(lambda cursor, index: index, index) for index in range(200)]
    await database.stopService()
    assert all(each.called for each in waiting)
    assert [each.result for each in waiting[1200:]] == list(range(200))
    with sqlite3.connect(tmp_path / "teamchat.sqlite") as connection:
        assert len(names(connection.cursor())) == 1200
    connection.close()


def test_one_daemon(tmp_path):
    """
    Two daemons on one directory would number the journal twice.
    """
    first, second = (
        ThreadlessDatabase(SQLite(tmp_path), reactor),
        ThreadlessDatabase(SQLite(tmp_path), reactor),
    )
    first.startService()
    with pytest.raises(Unusable, match="another teamchat is running"):
        second.startService()
    first.stopService()
    second.startService()
    second.stopService()


@pytest.mark.parametrize("statement", ["DELETE FROM head", "DROP TABLE head"])
def test_unreadable_head(tmp_path, statement):
    """
    A record whose journal's end is unknown is not written on.
    """
    database = ThreadlessDatabase(SQLite(tmp_path), reactor)
    database.startService()
    connection = database._connect()
    connection.execute(statement)
    connection.close()
    with pytest.raises(Unusable):
        database.head()
    database.stopService()
    with pytest.raises(Unusable):
        ThreadlessDatabase(SQLite(tmp_path), reactor).startService()
