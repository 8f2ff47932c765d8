"""
What it costs to count what is unread, by L{teamchatd.store.reads}.
"""

import sqlite3
from contextlib import closing

import pytest

from teamchatd.store import reads, schema
from teamchatd.store.batch import run_batch
from teamchatd.store.line import Job
from teamchatd.store.messages import NoSuchMessage
from teamchatd.store.sqlite import SQLite, prepare

PLACES = 7

ADD = (
    "INSERT INTO messages (id, position, place_id, thread_id, author_id, content, created_at)"
    " VALUES (?, ?, ?, ?, ?, 'hi', 7)"
)


@pytest.fixture
def connection():
    """
    A few channels, a conversation of ada and bob, and nothing said.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        prepare(made)
        schema.upgrade(made)
        made.executemany(
            "INSERT INTO users (id, user_name, name_key, is_admin, created_at, reads_from)"
            " VALUES (?, ?, ?, 0, 7, 5)",
            [(name, name, name) for name in ("ada", "bob", "carol")],
        )
        made.executemany(
            "INSERT INTO channels (id, name, name_key, visibility, is_general, created_at,"
            " position) VALUES (?, ?, ?, 'open', 0, 7, ?)",
            [(name, name, name, number) for number, name in enumerate(channels())],
        )
        made.execute("INSERT INTO conversations VALUES ('dm:1', 'ada', 'bob', 7, 9)")
        yield made


def channels():
    return [f"c{number}" for number in range(PLACES)]


def say(connection, count, place="c0", author="bob", thread=None, start=10):
    """
    So many messages: C{<place>-10}, C{<place>-11} …, in the order of their numbers.
    """
    shift = int(place[1:]) if place != "dm:1" else PLACES
    connection.executemany(
        ADD,
        (
            (f"{place}-{number}", number * 10 + shift, place, thread, author)
            for number in range(start, start + count)
        ),
    )


def steps(connection, work):
    """
    What C{work} costs, in steps of SQLite's machine.
    """
    taken = []
    connection.set_progress_handler(lambda: taken.append(None), 1)
    work()
    connection.set_progress_handler(None, 1)
    return len(taken)


def move(connection, place, message_id):
    """
    Ada has read so far.

    @return: what she is answered, and what is told.
    """
    job = Job(reads._move, ("ada", place, message_id), 7)
    entries = run_batch(connection.cursor(), [job], SQLite)
    connection.execute("COMMIT")
    if job.failure is not None:
        job.failure.raiseException()
    return job.outcome, entries


def counted(connection, who="ada"):
    return {read.channel_id: read.unread for read in reads.all_of(connection.cursor(), who)}


def test_counts(connection):
    """
    Each place by itself; of a conversation only the two have any.
    """
    say(connection, 3)
    say(connection, 2, "c1", author="ada")
    say(connection, 4, "dm:1")
    assert counted(connection) == dict.fromkeys(channels(), 0) | {"c0": 3, "dm:1": 4}
    assert counted(connection, "bob") == dict.fromkeys(channels(), 0) | {"c1": 2, "dm:1": 0}
    assert "dm:1" not in counted(connection, "carol")


@pytest.mark.parametrize("where", [channels(), ["dm:1"]])
def test_a_long_history(connection, where):
    """
    However much is unread, and however long the history before it: it costs no more
    than a hundred messages do.
    """
    cursor = connection.cursor()
    for place in where:
        say(connection, 100, place)
    few = steps(connection, lambda: reads.all_of(cursor, "ada"))
    for place in where:
        say(connection, 3000, place, start=110)
    assert steps(connection, lambda: reads.all_of(cursor, "ada")) == few
    for place in where:
        move(connection, place, f"{place}-3000")
    assert counted(connection)[where[0]] == 100
    with_pointers = steps(connection, lambda: reads.all_of(cursor, "ada"))
    assert with_pointers < few + 30 * len(where)


def test_a_long_thread(connection):
    """
    Replies are not counted past.
    """
    say(connection, 5)
    few = steps(connection, lambda: reads.all_of(connection.cursor(), "ada"))
    say(connection, 3000, thread="c0-10", start=20)
    assert steps(connection, lambda: reads.all_of(connection.cursor(), "ada")) == few
    assert counted(connection)["c0"] == 5


def test_moving(connection):
    """
    Neither does a move cost more for what there is elsewhere, or behind.
    """
    for place in channels():
        say(connection, 200, place)
    few = steps(connection, lambda: move(connection, "c0", "c0-20"))
    for place in channels():
        say(connection, 3000, place, start=210)
    assert steps(connection, lambda: move(connection, "c0", "c0-21")) < few + 30


@pytest.mark.parametrize(
    ("sql", "parameters"), [(reads.EVERYWHERE, ("ada",)), (reads.IN_ONE_PLACE, ("ada", "c0"))]
)
def test_plan(connection, sql, parameters):
    """
    What may be much is looked up: the history of a place by its index, and no table of
    it from end to end.
    """
    plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)]
    history = "SEARCH said USING INDEX messages_by_place (place_id=? AND position>?)"
    assert history in plan
    scanned = {line.split()[1] for line in plan if line.startswith("SCAN ")}
    assert scanned <= {
        "channels",
        "places",
        "(subquery-1)",
        "(subquery-2)",
        "looked_at",
        "counted",
        "CONSTANT",
    }


def test_one_entry_for_one_user(connection):
    """
    A pointer that moves is one entry for its user, in the same change; one that stays is none,
    and one that cannot be set leaves nothing.
    """
    say(connection, 3)
    read, [entry] = move(connection, "c0", "c0-11")
    assert (read.channel_id, read.last_read_id, read.unread) == ("c0", "c0-11", 1)
    assert entry.audience.ids == ("ada",)
    assert (entry.subject, entry.erases) == ("c0/reads/ada", False)
    for message_id in ("c0-11", "c0-10"):
        assert move(connection, "c0", message_id) == (read, [])
    with pytest.raises(NoSuchMessage):
        move(connection, "c1", "c0-12")
    assert connection.execute("SELECT * FROM reads").fetchall() == [("ada", "c0", 110)]
