"""
Upgrading, by L{teamchatd.store.schema}.
"""

import sqlite3
import stat
from contextlib import closing

import pytest

from teamchatd.store import clearing, images, reads, schema
from teamchatd.store.schema import FromTheFuture, Step, Unusable
from teamchatd.store.sqlite import prepare

MORE = Step(9001, "9001-more.sql", "CREATE TABLE more (name TEXT) STRICT;")

MORE_YET = Step(9002, "9002-more.sql", "CREATE TABLE more (name TEXT) STRICT;")

COPY = "teamchat.sqlite.before-9001-at-0"


@pytest.fixture
def connection(tmp_path):
    with closing(sqlite3.connect(tmp_path / "database", isolation_level=None)) as made:
        prepare(made)
        yield made


def tables(connection):
    return {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}


def dump(connection):
    """
    All that is in the database but its era, which is made by chance.
    """
    connection.execute("UPDATE head SET era = ''")
    return list(connection.iterdump())


def test_step_by_step(connection, monkeypatch):
    """
    A database that was upgraded release by release is like one made today.
    """
    everything = [*schema.steps(), MORE]
    for count in range(1, len(everything) + 1):
        monkeypatch.setattr(schema, "steps", lambda count=count: everything[:count])
        schema.upgrade(connection)
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as today:
        schema.upgrade(today)
        assert dump(connection) == dump(today)


@pytest.fixture
def lively(connection, monkeypatch):
    """
    A database as the third step left it, in which two users have said something.
    """
    everything = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: everything[:3])
    schema.upgrade(connection)
    connection.executemany(
        "INSERT INTO users (id, user_name, name_key, is_admin, created_at) VALUES (?, ?, ?, 0, 7)",
        [("a", "Ada", "ada"), ("b", "Bob", "bob")],
    )
    connection.execute(
        "INSERT INTO channels (id, name, name_key, visibility, is_general, created_at, position)"
        " VALUES ('c', 'General', 'general', 'open', 1, 7, 1)"
    )
    connection.executemany(
        "INSERT INTO messages (id, position, place_id, author_id, content, created_at, updated_at,"
        " client_id) VALUES (?, ?, 'c', ?, ?, ?, ?, ?)",
        [
            ("z", 9, "a", "third", 30, None, None),  # neither by id nor by row in the order of time
            ("m", 2, "a", "first \0", 10, 11, "1"),
            ("n", 5, "b", "second", 20, None, "1"),
        ],
    )
    connection.executemany(
        "INSERT INTO reactions (message_id, user_id, reaction, position) VALUES (?, ?, ?, ?)",
        [("m", "b", "x", 3), ("m", "a", "x", 8), ("m", "a", "y", 4), ("z", "b", "x", 10)],
    )
    connection.execute("UPDATE head SET number = 10")
    monkeypatch.undo()
    return connection


SAID = "SELECT id, position, place_id, author_id, content, created_at, updated_at, client_id"

CHOSEN = "SELECT message_id, reaction, user_id, position FROM reactions ORDER BY position"


def test_messages_are_kept(lively):
    """
    Messages were made anew, so that a webhook can have said one.  Each is still
    there, in its order, with its clientId, and with its reactions; none became
    a reply or a bot's.
    """
    said = lively.execute(f"{SAID} FROM messages ORDER BY position").fetchall()
    chosen = lively.execute(CHOSEN).fetchall()
    assert [len(said), len(chosen)] == [3, 4]
    schema.upgrade(lively)
    assert lively.execute(f"{SAID} FROM messages ORDER BY position").fetchall() == said
    assert lively.execute(CHOSEN).fetchall() == chosen
    new = "SELECT DISTINCT thread_id, webhook_id, bot_name FROM messages"
    assert lively.execute(new).fetchall() == [(None, None, None)]
    assert lively.execute("SELECT number FROM head").fetchall() == [(10,)]


def test_rules_are_kept(lively):
    """
    What referred to the old table refers to the new one: a clientId is one
    user's once, and what hangs on a message goes with it.
    """
    schema.upgrade(lively)
    assert lively.execute("PRAGMA foreign_key_check").fetchall() == []
    assert lively.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    add = (
        "INSERT INTO messages (id, position, place_id, thread_id, author_id, content, created_at,"
        " client_id) VALUES (?, ?, 'c', ?, 'a', 'hi', 40, ?)"
    )
    for wrong in (
        ("r", 11, None, "1"),  # a clientId of hers
        ("r", 9, None, None),  # where another message stands
        ("z", 11, None, None),  # another's id
        ("r", 11, "nothing", None),  # a reply to nothing
    ):
        with pytest.raises(sqlite3.IntegrityError):
            lively.execute(add, wrong)
    lively.execute(add, ("r", 11, "m", None))
    lively.execute("INSERT INTO reactions VALUES ('r', 'b', 'x', 12)")
    lively.execute("DELETE FROM messages WHERE id = 'm'")
    assert lively.execute("SELECT id FROM messages ORDER BY position").fetchall() == [
        ("n",),
        ("z",),
    ]
    assert lively.execute(CHOSEN).fetchall() == [("z", "x", "b", 10)]


@pytest.fixture
def settled(connection, monkeypatch):
    """
    A database as the fourth step left it, to which users have come before, between
    and after what ada has said.
    """
    everything = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: everything[:4])
    schema.upgrade(connection)
    connection.executemany(
        "INSERT INTO users (id, user_name, name_key, is_admin, created_at, removed_at)"
        " VALUES (?1, ?1, ?1, 0, ?2, ?3)",
        [
            ("ada", 5, None),
            ("bob", 20, None),  # in the very millisecond of a message: that was not before
            ("cleo", 21, None),
            ("dan", 35, 36),
            ("eve", 99, None),
        ],
    )
    connection.executemany(
        "INSERT INTO channels (id, name, name_key, visibility, is_general, created_at, position)"
        " VALUES (?1, ?1, ?1, 'open', ?2, 5, ?2)",
        [("garden", 1), ("pond", 0)],
    )
    connection.execute("INSERT INTO conversations VALUES ('dm:1', 'ada', 'cleo', 6, 2)")
    connection.executemany(
        "INSERT INTO messages (id, position, place_id, thread_id, author_id, content, created_at)"
        " VALUES (?, ?, ?, ?, 'ada', 'hi', ?)",
        [
            ("m1", 4, "garden", None, 10),
            ("m2", 6, "garden", None, 20),
            ("m3", 7, "dm:1", None, 20),
            ("r1", 8, "garden", "m1", 25),
            ("m4", 9, "garden", None, 30),
        ],
    )
    connection.execute("UPDATE head SET number = 9")
    monkeypatch.undo()
    return connection


def test_what_was_read_before_pointers(settled):
    """
    Nobody knows what was read before there were pointers: all begin with nothing unread.
    """
    kept = "SELECT * FROM messages ORDER BY position"
    said = settled.execute(kept).fetchall()
    schema.upgrade(settled)
    assert settled.execute(kept).fetchall() == said
    assert settled.execute("SELECT * FROM reads").fetchall() == []
    for who in ("ada", "bob", "cleo", "eve"):
        assert {read.unread for read in reads.all_of(settled.cursor(), who)} == {0}
    add = (
        "INSERT INTO messages (id, position, place_id, author_id, content, created_at)"
        " VALUES ('m5', 10, 'garden', 'ada', 'hi', 100)"
    )
    settled.execute(add)
    unread = {read.channel_id: read.unread for read in reads.all_of(settled.cursor(), "bob")}
    assert unread == {"garden": 1, "pond": 0}
    assert settled.execute("PRAGMA foreign_key_check").fetchall() == []
    assert settled.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_beside_code_that_knows_no_pointers(settled):
    """
    Going back to the version before finds what it needs: it names no column of users
    that this step has added, and joins messages with a users that has no position.
    """
    schema.upgrade(settled)
    settled.execute(
        "INSERT INTO users (id, user_name, name_key, is_admin, created_at)"
        " VALUES ('fay', 'fay', 'fay', 0, 99)"
    )
    last = "SELECT max(position) FROM messages LEFT JOIN users ON users.id = author_id"
    assert settled.execute(last).fetchall() == [(9,)]
    needed = "SELECT max(compatible_from) FROM schema WHERE number = 5"
    assert settled.execute(needed).fetchall() == [(4,)]
    assert [read.unread for read in reads.all_of(settled.cursor(), "fay")] == [0, 3]


def test_all_or_nothing(connection, monkeypatch):
    """
    A step that breaks leaves the database as it was.
    """
    broken = Step(1, "0001-broken.sql", "CREATE TABLE a (b); INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(schema, "steps", lambda: [broken])
    with pytest.raises(sqlite3.OperationalError):
        schema.upgrade(connection)
    assert tables(connection) == set()
    assert not connection.in_transaction


def test_copy_before_upgrade(connection, tmp_path, monkeypatch):
    """
    Before an upgrade touches a database that was in use, it is copied.
    """
    schema.upgrade(connection, tmp_path)
    assert not list(schema.copies_in(tmp_path))
    connection.execute("INSERT INTO settings VALUES ('serverName', 'ours')")
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE])
    schema.upgrade(connection, tmp_path)
    with closing(sqlite3.connect(tmp_path / COPY)) as copy:
        assert "more" not in tables(copy)
        assert list(copy.execute("SELECT value FROM settings")) == [("ours",)]
    assert "more" in tables(connection)


def test_copy_over_half_a_copy(connection, tmp_path, monkeypatch):
    """
    What an upgrade that was cut off has left behind does not stop the next.
    """
    schema.upgrade(connection, tmp_path)
    (tmp_path / f"{COPY}.new").write_bytes(b"half")
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE])
    schema.upgrade(connection, tmp_path)
    assert "more" in tables(connection)
    [copy] = schema.copies_in(tmp_path)
    assert copy.read_bytes().startswith(b"SQLite")


def test_copy_outlives_failures(connection, tmp_path, monkeypatch):
    """
    An upgrade that fails half-way, again and again, leaves the copy of what was
    there before it.
    """
    schema.upgrade(connection, tmp_path)
    broken = Step(9002, "9002-broken.sql", "INSERT INTO nowhere VALUES (1)")
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE, broken])
    for _ in range(3):
        with pytest.raises(sqlite3.OperationalError):
            schema.upgrade(connection, tmp_path)
    original, later = sorted(schema.copies_in(tmp_path))
    for path, has_more in ((original, False), (later, True)):
        with closing(sqlite3.connect(path)) as copy:
            assert ("more" in tables(copy)) is has_more
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_no_room_for_a_copy(connection, tmp_path, monkeypatch):
    """
    What cannot be copied is not upgraded, and the operator hears why.
    """
    schema.upgrade(connection, tmp_path)
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE])
    with pytest.raises(Unusable, match="cannot be copied to .*No such file"):
        schema.upgrade(connection, tmp_path / "nowhere")
    assert "more" not in tables(connection)


def test_compatible_future(connection):
    """
    What a newer teamchat has only added, we work beside.
    """
    schema.upgrade(connection)
    newest = schema.steps()[-1].number
    connection.execute("INSERT INTO schema VALUES (9999, ?)", (newest,))
    schema.upgrade(connection)
    connection.execute("UPDATE schema SET compatible_from = ? WHERE number = 9999", (newest + 1,))
    with pytest.raises(FromTheFuture):
        schema.upgrade(connection)


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (
            "DELETE FROM messages WHERE place_id = '' AND thread_id IS NULL",
            "messages_by_place",
        ),
        (
            "SELECT max(position) FROM messages WHERE place_id = '' AND thread_id IS NULL",
            "messages_by_place",
        ),
        (
            "SELECT id FROM messages WHERE thread_id = '' AND position < 7"
            " ORDER BY position DESC LIMIT 50",
            "messages_by_thread",
        ),
        (
            "SELECT author_id, count(*), min(position), max(position) FROM messages"
            " WHERE thread_id IN ('') GROUP BY thread_id, author_id",
            "messages_by_replier",
        ),
        ("DELETE FROM images WHERE unused_since < 7", "images_by_age"),
        ("SELECT user_id FROM reads WHERE place_id = '' LIMIT 1000", "reads_by_place"),
        (images.KNOWN.replace("?1", "''"), "images_by_thumbnail"),
        (
            "SELECT id FROM messages WHERE place_id = '' AND thread_id IS NULL AND position < 7"
            " ORDER BY position DESC LIMIT 50",
            "messages_by_place",
        ),
        ("SELECT id, used FROM pairs WHERE bought_with = '' AND void = 0", "pairs_by_price"),
    ],
)
def test_indexes(connection, sql, index):
    """
    What is asked often, or of much, is looked up and neither scanned nor sorted.
    """
    schema.upgrade(connection)
    plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
    assert any(f"INDEX {index} " in line for line in plan)
    assert not any("SCAN" in line or "TEMP B-TREE" in line for line in plan)


def test_oldest(connection):
    """
    The oldest messages are read off the beginning of an index, and no reply is.
    """
    schema.upgrade(connection)
    [row] = connection.execute(f"EXPLAIN QUERY PLAN {clearing.OLDEST}", (50,))
    assert row[-1] == "SCAN messages USING INDEX messages_by_age"


def test_from_the_future(connection):
    """
    What a newer teamchat has written is not touched.
    """
    schema.upgrade(connection)
    connection.execute("INSERT INTO schema VALUES (9999, 9999)")
    with pytest.raises(FromTheFuture, match="newer version"):
        schema.upgrade(connection)


def test_again(connection):
    """
    What is up to date stays as it is.
    """
    schema.upgrade(connection)
    before = list(connection.iterdump())
    schema.upgrade(connection)
    assert list(connection.iterdump()) == before


COUNT = (
    "CREATE TABLE counted AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n"
    " LIMIT 200000) SELECT n FROM n;"
)


def test_telling(connection, tmp_path, monkeypatch):
    """
    Whoever waits for an upgrade hears what is done, at the beginning of each step and again
    while it takes.
    """
    schema.upgrade(connection)
    everything = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*everything, Step(9001, "long", COUNT), MORE_YET])
    told = []
    schema.upgrade(connection, tmp_path, told.append)
    assert list(dict.fromkeys(told)) == [
        "Copying the database before its upgrade",
        "Upgrading the database: long",
        "Upgrading the database: 9002-more.sql",
    ]
    assert told.count("Upgrading the database: long") > 5
    before = len(told)
    connection.execute(COUNT.replace("counted", "counted_again"))
    assert len(told) == before
