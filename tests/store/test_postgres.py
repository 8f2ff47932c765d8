"""
The record in PostgreSQL, on a real server: written by several daemons as if by one.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import gatherResults
from twisted.logger import capturedLogs, formatEvent

from teamchatd.errors import Unavailable
from teamchatd.model import Everyone
from teamchatd.store.database import Database
from teamchatd.store.journal import Journal
from teamchatd.store.postgres import (
    UPGRADING,
    Impatient,
    PostgreSQL,
    TookTooLong,
    steps,
    translated,
    without_password,
)
from teamchatd.store.schema import Step, Unusable
from teamchatd.store.sqlite import SQLite
from tests.daemon import ThreadlessDatabase
from tests.postgres import Place

pytestmark = pytest.mark.real


def put(change, name):
    change.cursor.execute("INSERT INTO settings (name, value) VALUES (?, '')", (name,))
    change.tell(Everyone(), "PUT", {"name": name})
    return change.number


def put_and_fall_over(change, name):
    put(change, name)
    change.cursor.execute("SELECT 1 / 0")


def names(cursor):
    return sorted(name for (name,) in cursor.execute("SELECT name FROM settings"))


def ensure(test):
    return pytest_twisted.ensureDeferred(test)


@pytest.fixture
def place():
    made = Place()
    yield made
    made.drop()


@pytest.fixture
def open_database(place):
    """
    Opens the database as one more daemon does.
    """
    opened = []

    def open_one():
        made = Database(PostgreSQL(place.url), reactor)
        made.startService()
        made.told = []
        made.committed = lambda entries: made.told.extend(entry.number for entry in entries)
        opened.append(made)
        return made

    yield open_one
    for each in opened:
        pytest_twisted.blockon(each.stopService())


@ensure
async def test_two_daemons_write(open_database):
    """
    The numbers have no gap, each daemon is told all of them in order, its own and the
    other's, and those who asked are answered after that.
    """
    first, second = open_database(), open_database()
    asked = [(first, second)[index % 2].change(put, f"n{index:03}") for index in range(300)]
    assert sorted(await gatherResults(asked)) == list(range(1, 301))
    await gatherResults([first.look(), second.look()])
    assert first.told == second.told == list(range(1, 301))


@ensure
async def test_others_are_told_first(open_database):
    """
    What another daemon has written is told before what is written here after it.
    """
    first, second = open_database(), open_database()
    await first.change(put, "theirs")
    await second.change(put, "ours")
    assert second.told == [1, 2]


@ensure
async def test_failing_alone(open_database):
    """
    A change on which the server stumbles undoes itself, and none of its batch.
    """
    database = open_database()
    asked = [
        database.change(put if index % 3 else put_and_fall_over, f"n{index}").addErrback(
            lambda failure: failure.trap(psycopg.DataError) and None
        )
        for index in range(30)
    ]
    await gatherResults(asked)
    good = [f"n{index}" for index in range(30) if index % 3]
    assert await database.read(names) == sorted(good)
    assert database.told == list(range(1, len(good) + 1))


@ensure
async def test_server_restarts(open_database, place):
    """
    Connections that are cut while nobody uses them are no concern of those who ask
    next.
    """
    database = open_database()
    await database.change(put, "a")
    place.cut_all()
    await database.change(put, "b")
    place.cut_all()
    assert await database.read(names) == ["a", "b"]
    assert database.told == [1, 2]


@ensure
async def test_cut_in_the_middle(open_database, place):
    """
    A change whose connection is cut before its commit is refused, and did not happen.
    What was asked after it is done.
    """
    database = open_database()

    def cut_off(change):
        put(change, "lost")
        place.cut_all()
        put(change, "lost as well")

    with pytest.raises(Unavailable):
        await database.change(cut_off)
    await database.change(put, "kept")
    assert await database.read(names) == ["kept"]
    assert database.told == [1]


@ensure
async def test_reading_again(open_database, place):
    """
    A reading whose connection is cut is made again.
    """
    database, times = open_database(), []

    def cut_once(cursor):
        times.append(1)
        if len(times) == 1:
            place.cut_all()
        return names(cursor)

    await database.change(put, "a")
    assert await database.read(cut_once) == ["a"]
    assert len(times) == 2


@ensure
async def test_answer_of_commit_is_lost(open_database, place, monkeypatch):
    """
    A commit that came through although its answer did not: whoever asked cannot be told
    that it is done, but all hear of it.
    """
    database = open_database()
    commit = "teamchatd.store.postgres.Connection.commit"

    def commits_and_is_cut(connection):
        connection.raw.execute("COMMIT")
        place.cut_all()
        raise psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patch:
        patch.setattr(commit, commits_and_is_cut)
        with pytest.raises(Unavailable):
            await database.change(put, "a")
    assert database.told == []
    await database.look()
    assert database.told == [1]
    assert await database.change(put, "b") == 2


@ensure
async def test_in_doubt(open_database, place):
    """
    Whoever asked is not told that nothing was changed, when nobody can know.
    """
    database = open_database()

    def put_and_be_cut_off(change):
        """
        By the time of the commit.
        """
        raw = change.cursor.connection.raw
        execute = raw.execute
        raw.execute = lambda sql: place.cut_all() or execute(sql)
        put(change, "a")

    with pytest.raises(Unavailable, match="cannot tell whether"):
        await database.change(put_and_be_cut_off)
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await database.change(lambda change: place.cut_all() or put(change, "b"))


@ensure
async def test_server_stands_still(open_database, place, monkeypatch):
    """
    Who asks a server that neither answers nor hangs up, is answered for it after a while,
    once; and what is asked after that is asked on a new connection.
    """
    monkeypatch.setattr(Impatient, "patience", 0.3)
    database = open_database()
    asked = []

    def hang(cursor):
        asked.append(1)
        cursor.execute("SET statement_timeout = 0")  # a machine that stands still keeps none
        cursor.execute("SELECT pg_sleep(25)")

    with pytest.raises(Unavailable):
        await database.read(hang)
    with pytest.raises(Unavailable):
        await database.change(lambda change: hang(change.cursor))
    assert len(asked) == 2
    place.cut_all()  # what was asked for goes with the server, and the lock on the head
    assert await database.change(put, "a") == 1
    assert await database.read(names) == ["a"]


async def missed(database):
    """
    What the database says to those who listen when they have to begin anew.
    """
    heads = []
    database.missed = heads.append
    while await database.look():
        pass
    return [head.number for head in heads]


@ensure
async def test_away_for_long(open_database):
    """
    When entries have been trimmed that were not told here, all begin anew after them.
    """
    first, second = open_database(), open_database()
    for name in "abc":
        await first.change(put, name)
    await Journal(first).trim(2**60)
    await first.change(put, "d")
    assert await missed(second) == [3]
    assert second.told == [4]


@ensure
async def test_all_is_trimmed(open_database):
    first, second = open_database(), open_database()
    await first.change(put, "a")
    await Journal(first).trim(2**60)
    assert await missed(second) == [1]
    assert second.told == []
    assert await second.change(put, "b") == 2
    assert second.told == [2]


@pytest.mark.parametrize("how", ["looks", "writes"])
@ensure
async def test_far_behind(open_database, monkeypatch, how):
    """
    Who is too far behind does not take all of it into memory.
    """
    monkeypatch.setattr("teamchatd.store.batch.FURTHEST_BEHIND", 5)
    first, second = open_database(), open_database()
    for name in "abcdef":
        await first.change(put, name)
    heads = []
    second.missed = lambda head: heads.append(head.number)
    if how == "writes":
        await second.change(put, "g")
    await second.look()
    assert heads == [6]
    assert second.told == ([7] if how == "writes" else [])


def lose(database, number):
    """
    As a standby takes over that had not heard of the newest entries.
    """
    with closing(database._connect()) as connection:
        connection.execute("DELETE FROM journal WHERE number > ?", (number,))
        connection.execute("UPDATE head SET number = ?", (number,))


@pytest.mark.parametrize("how", ["looks", "writes"])
@ensure
async def test_history_is_lost(open_database, how):
    """
    All daemons agree on another era, so that no event id of what was lost is believed, and
    go on from what there is.
    """
    first, second = open_database(), open_database()
    before = first.head().era
    for name in "abc":
        await first.change(put, name)
    await second.look()
    lose(first, 1)
    heads = {first: [], second: []}
    for each in (first, second):
        each.missed = heads[each].append
    if how == "writes":
        with pytest.raises(Unavailable, match="Nothing was changed"):
            await first.change(put, "lost")
    for each in (first, second, first, second):
        await each.look()
    assert heads[first] == heads[second] == [first.head()]
    assert first.head().era != before
    assert await second.change(put, "d") == 2
    await first.look()
    assert first.told == second.told == [1, 2, 3, 2]


@ensure
async def test_on_one_state(open_database):
    """
    All that one reading asks is answered from one state of the record.
    """
    first, second = open_database(), open_database()

    def twice(cursor):
        before = names(cursor)
        with closing(PostgreSQL(second._engine.url).connect()) as connection:
            connection.execute("INSERT INTO settings (name, value) VALUES ('x', '')")
        return before, names(cursor)

    assert await first.read(twice) == ([], [])


@ensure
async def test_frozen_daemon(open_database, place):
    """
    Nobody waits for ever for a daemon that froze between two statements.
    """
    database = open_database()
    with closing(PostgreSQL(place.url).connect()) as frozen:
        frozen.execute("SET lock_timeout = '100ms'")
        frozen.execute("BEGIN")
        frozen.execute("SELECT number FROM head FOR UPDATE")
        [(limit,)] = frozen.execute("SHOW idle_in_transaction_session_timeout")
        assert limit == "10s"
        with closing(PostgreSQL(place.url).connect()) as other:
            assert [*other.execute("SHOW lock_timeout")] == [("5s",)]
    assert await database.change(put, "a") == 1


def tables_of_sqlite(tmp_path):
    database = ThreadlessDatabase(SQLite(tmp_path), reactor)
    database.startService()
    with closing(database._connect()) as connection:
        tables = [
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            ).fetchall()
        ]
        columns = {
            (table, name, bool(needed or key), "BIGINT" if kind == "INTEGER" else kind)
            for table in tables
            for _, name, kind, needed, _, key in connection.execute(
                f"SELECT * FROM pragma_table_info('{table}')"
            ).fetchall()
        }
        indexes = {
            name
            for (name,) in connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
            )
        }
    database.stopService()
    return columns, indexes


def test_same_schema(tmp_path, place):
    """
    Both databases have the same tables, columns and indexes.
    """
    columns, indexes = tables_of_sqlite(tmp_path)
    engine = PostgreSQL(place.url)
    with closing(engine.connect()) as connection:
        engine.found(connection, lambda what: None)
        there = {
            (table, name, needed == "NO", kind.upper())
            for table, name, needed, kind in connection.execute(
                "SELECT table_name, column_name, is_nullable, data_type"
                " FROM information_schema.columns WHERE table_schema = 'public'"
                " AND column_name <> 'rowid'"
            )
        }
        named = {
            name
            for (name,) in connection.execute(
                "SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
            )
            if not name.endswith(("_pkey", "_key"))
        }
        collations = set(
            connection.execute(
                "SELECT DISTINCT collation_name FROM information_schema.columns"
                " WHERE table_schema = 'public' AND data_type = 'text'"
            )
        )
    assert (there, named) == (columns, indexes)
    assert collations == {("C",)}


@ensure
async def test_steps_are_applied_once(open_database, place):
    """
    Daemons that start one after another, or at once, find the schema there.
    """
    for _ in range(3):
        open_database()
    with closing(PostgreSQL(place.url).connect()) as connection:
        applied = [number for (number,) in connection.execute("SELECT number FROM schema")]
    assert applied == [step.number for step in steps()]


def founds(place, told):
    with closing(PostgreSQL(place.url).connect()) as connection:
        PostgreSQL(place.url).found(connection, told.append)
        names = ("lock_timeout", "statement_timeout")
        return [connection.execute(f"SHOW {name}").fetchone() for name in names]


def test_one_upgrades(place):
    """
    Of daemons that start at once, one upgrades.  The others say in the log what they wait for,
    and to whoever would lose patience; and in the end are as strict as always.
    """
    told = []
    with capturedLogs() as logs, ThreadPoolExecutor(1) as thread:
        with psycopg.connect(place.url, autocommit=True) as first:
            first.execute("SELECT pg_advisory_lock(%s)", (UPGRADING,))
            waiting = thread.submit(founds, place, told)
            while told.count("Another daemon upgrades the database") < 2:
                assert not waiting.done(), waiting.result()
            assert [*first.execute("SELECT to_regclass('schema')")] == [(None,)]
        assert waiting.result() == [("5s",), ("10s",)]
    said = [formatEvent(event) for event in logs]
    assert "Another daemon looks after the schema: waiting for it" in said
    assert told[-1].startswith("Upgrading the database: ")


def test_long_step(place, monkeypatch):
    """
    Whoever would lose patience hears of a step for as long as it takes, longer than
    anything else may take.
    """
    monkeypatch.setattr(Impatient, "patience", 0.2)
    monkeypatch.setattr(
        "teamchatd.store.postgres.steps",
        lambda: [Step(1, "rest", "SELECT pg_sleep(1)")],
    )
    told = []
    founds(place, told)
    assert set(told) == {"Upgrading the database: rest"}
    assert len(told) > 3


def test_cut_in_an_upgrade(place, monkeypatch):
    """
    The operator is told what went wrong, and not only that the connection is closed.
    """
    cut = Step(1, "cut", "SELECT pg_terminate_backend(pg_backend_pid())")
    monkeypatch.setattr("teamchatd.store.postgres.steps", lambda: [cut])
    with pytest.raises(psycopg.OperationalError, match="terminating connection"):
        founds(place, [])


@ensure
async def test_takes_no_changes(open_database):
    """
    When the server takes no changes any more, the next change looks for one that does.
    """
    database = open_database()

    def backend(change):
        return change.cursor.execute("SELECT pg_backend_pid()").fetchone()

    def put_where_it_is_refused(change):
        change.cursor.execute("SET TRANSACTION READ ONLY")
        put(change, "lost")

    before = await database.change(backend)
    with pytest.raises(Unavailable, match="Nothing was changed"):
        await database.change(put_where_it_is_refused)
    assert await database.change(backend) != before
    assert await database.change(put, "a") == 1


@pytest.mark.parametrize(
    ("error", "is_cut"),
    [
        (psycopg.OperationalError("refused"), True),
        (psycopg.errors.AdminShutdown(), True),
        (psycopg.errors.ConnectionTimeout(), False),
        (psycopg.errors.QueryCanceled(), False),
        (TookTooLong(), False),
        (psycopg.errors.UndefinedTable(), False),
    ],
)
def test_worth_another_try(error, is_cut):
    """
    Who has waited for a server that does not answer is not made to wait for it again.
    """
    assert PostgreSQL("postgresql://localhost/x").is_cut(error) is is_cut


@ensure
async def test_newer_database(open_database, place):
    """
    A database that a newer teamchat has made its own is left alone.
    """
    open_database()
    with closing(PostgreSQL(place.url).connect()) as connection:
        connection.execute("INSERT INTO schema (number, compatible_from) VALUES (9999, 9999)")
    with pytest.raises(Unusable, match="written by a newer version"):
        Database(PostgreSQL(place.url), reactor).startService()


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_encoding(encoding):
    """
    A database that cannot keep all that people write is refused, also by the command.
    """
    place = Place(more=f"ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    try:
        database = Database(PostgreSQL(place.url), reactor)
        for open_it in (database.startService, database.visit):
            with pytest.raises(Unusable, match=f"has the encoding {encoding}, in which"):
                open_it()
    finally:
        place.drop()


@ensure
async def test_trimmed(open_database):
    """
    The journal forgets what is too old, and never counts back.
    """
    database = open_database()
    for name in "abc":
        await database.change(put, name)
    await Journal(database).trim(2**60)
    assert await database.change(put, "d") == 4
    assert (await Journal(database).after(0, 10)).oldest == 4


def test_server_is_away():
    """
    The operator is told what cannot be reached, and not with which password.
    """
    url = "postgresql://teamchat:secret@127.0.0.1:1/teamchat"
    with pytest.raises(Unusable, match="127.0.0.1:1/teamchat cannot be used") as refused:
        Database(PostgreSQL(url), reactor).startService()
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("ours", "theirs", "order"),
    [
        ("SELECT ?, ?", "SELECT %s, %s", None),
        ("SELECT ?2, ?1, ?2", "SELECT %s, %s, %s", (1, 0, 1)),
        ("SELECT 7 % ?", "SELECT 7 %% %s", None),
    ],
)
def test_translated(ours, theirs, order):
    statement = translated(ours)
    assert (statement.text, statement.order) == (theirs, order)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:secret@db.example.org:5433/chat",
        "postgresql://ada:secret@db.example.org:5433/chat?password=secret",
    ],
)
def test_without_password(url):
    assert without_password(url) == "postgresql://ada@db.example.org:5433/chat"


def is_too_slow(cursor):
    raise TookTooLong("the server does not answer")


@ensure
async def test_said_once(open_database):
    """
    While the server is away, the operator is told once, however many ask; and once when it
    is back.
    """
    database = open_database()
    with capturedLogs() as logs:
        for _ in range(3):
            with pytest.raises(Unavailable):
                await database.read(is_too_slow)
        assert await database.read(names) == []
    said = [formatEvent(event) for event in logs if event["log_namespace"].endswith("database")]
    assert len(said) == 2
    assert "cannot be read" in said[0]
    assert "can be read again" in said[1]
