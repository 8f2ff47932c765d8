"""
Upgrading, by L{teamchatd.store.schema}.
"""

import sqlite3
from contextlib import closing

import pytest

from teamchatd.store import schema
from teamchatd.store.database import prepare
from teamchatd.store.schema import FromTheFuture, Step

MORE = Step(9001, "9001-more.sql", "CREATE TABLE more (name TEXT) STRICT;")


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
    assert not list(tmp_path.glob("*.sqlite"))
    connection.execute("INSERT INTO settings VALUES ('serverName', 'ours')")
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE])
    schema.upgrade(connection, tmp_path)
    with closing(sqlite3.connect(tmp_path / "before-schema-9001.sqlite")) as copy:
        assert "more" not in tables(copy)
        assert list(copy.execute("SELECT value FROM settings")) == [("ours",)]
    assert "more" in tables(connection)


def test_copy_over_half_a_copy(connection, tmp_path, monkeypatch):
    """
    What an upgrade that was cut off has left behind does not stop the next.
    """
    schema.upgrade(connection, tmp_path)
    (tmp_path / "before-schema-9001.sqlite").write_bytes(b"half")
    known = schema.steps()
    monkeypatch.setattr(schema, "steps", lambda: [*known, MORE])
    schema.upgrade(connection, tmp_path)
    assert "more" in tables(connection)


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
