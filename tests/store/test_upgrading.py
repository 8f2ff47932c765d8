"""
From every release on to this one, whatever happens on the way.
"""

import os
import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing

import pytest

from teamchatd.store import schema
from teamchatd.store.schema import FromTheFuture, Step, Unusable
from teamchatd.store.sqlite import SQLite, prepare
from tests.daemon import Daemon, ThreadlessDatabase
from tests.killing import OF_SQLITE, dying, refusal, survives

NEWEST = schema.steps()[-1].number

SAID = [(f"m{number}", f"{number} {'x' * 300}") for number in range(40)]


def made(path, number):
    """
    A database as the step C{number} has left it, in which something was said.
    """
    path.parent.mkdir(exist_ok=True)
    known = schema.steps()
    with pytest.MonkeyPatch.context() as patch, closing(connected(path)) as connection:
        patch.setattr(schema, "steps", lambda: known[:number])
        connection.execute("PRAGMA journal_mode = WAL")
        schema.upgrade(connection)
        fill(connection)
    return path


def connected(path):
    connection = sqlite3.connect(path, isolation_level=None)
    prepare(connection)
    return connection


def fill(connection):
    """
    With what there is in every schema.
    """
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO users (id, user_name, name_key, email, email_key, is_admin, created_at)"
        " VALUES (?1, ?1, ?1, ?1 || '@example.org', ?1 || '@example.org', ?2, 7)",
        [("ada", 1), ("bob", 0)],
    )
    connection.execute(
        "INSERT INTO channels (id, name, name_key, visibility, is_general, created_at, position)"
        " VALUES ('c', 'General', 'general', 'open', 1, 7, 1)"
    )
    connection.executemany(
        "INSERT INTO messages (id, position, place_id, author_id, content, created_at)"
        " VALUES (?, ?, 'c', 'ada', ?, 8)",
        [(message_id, at, content) for at, (message_id, content) in enumerate(SAID, 2)],
    )
    connection.execute("INSERT INTO reactions VALUES ('m3', 'bob', 'x', 50)")
    connection.execute("INSERT INTO settings VALUES ('serverName', 'ours')")
    connection.execute("UPDATE head SET number = 50")
    connection.execute("COMMIT")


def assert_whole(directory):
    """
    A daemon serves what was said, and takes more.
    """
    daemon = Daemon(directory)
    ada = daemon.token("ada")
    page = daemon.done(daemon.get("/channels/c/messages?limit=200", ada))["messages"]
    assert [(each["id"], each["content"]) for each in page] == SAID
    assert [each["reactions"] for each in page if each["reactions"]] == [{"x": ["bob"]}]
    assert daemon.done(daemon.get("/server/settings", ada)) == {"name": "ours"}
    daemon.say(ada, "more")
    assert daemon.rows("PRAGMA integrity_check") == [("ok",)]
    assert daemon.rows("PRAGMA foreign_key_check") == []
    daemon.stop()


@pytest.mark.parametrize("number", range(1, NEWEST + 1))
def test_from_every_step(tmp_path, number):
    """
    What any release has left is served by this one, and was copied before.
    """
    made(tmp_path / "data" / "teamchat.sqlite", number)
    assert_whole(tmp_path / "data")
    copies = list(schema.copies_in(tmp_path / "data"))
    if number == NEWEST:
        assert copies == []
        return
    [copy] = copies
    assert copy.name == f"teamchat.sqlite.before-{number + 1:04d}-at-50"
    with closing(connected(copy)) as connection:
        assert schema.applied(connection) == number


def test_back_to_the_copy(tmp_path):
    """
    The copy is the way back: the release before opens it, and it can be upgraded again.
    """
    directory = tmp_path / "data"
    path = made(directory / "teamchat.sqlite", 3)
    assert_whole(directory)
    [copy] = schema.copies_in(directory)
    path.unlink()
    copy.rename(path)
    assert_whole(directory)


def test_killed(tmp_path, monkeypatch):
    """
    C{kill -9} at any moment of an upgrade: the next start finds everything, and goes on.
    """
    monkeypatch.setattr(schema, "OPERATIONS", OF_SQLITE)  # until it tells again
    original = made(tmp_path / "original" / "teamchat.sqlite", 1)
    seen, moment = set(), 0
    while True:
        directory = tmp_path / f"killed-{moment}"
        shutil.copytree(original.parent, directory)

        def upgrade(path=directory / "teamchat.sqlite", moment=moment):
            connection = connected(path)
            connection.execute("PRAGMA journal_mode = WAL")
            schema.upgrade(connection, path.parent, dying(moment))

        if survives(upgrade):
            break
        with closing(connected(directory / "teamchat.sqlite")) as connection:
            seen.add(schema.applied(connection))
        assert_whole(directory)
        shutil.rmtree(directory)
        moment += 1
    assert seen >= {1, 3, 4}, "it was not killed in the middle"


def test_no_room(tmp_path, monkeypatch):
    """
    Where there is no room for the copy, nothing is begun, and the operator hears how much
    it takes.
    """
    directory = tmp_path / "data"
    made(directory / "teamchat.sqlite", 3)
    space = namedtuple("space", "total used free")
    monkeypatch.setattr(schema.shutil, "disk_usage", lambda path: space(0, 0, 100_000))
    with pytest.raises(Unusable, match=r"takes 0\.\d MB in .*, and 0\.1 MB are free there"):
        ThreadlessDatabase(SQLite(directory), None).startService()
    with closing(connected(directory / "teamchat.sqlite")) as connection:
        assert schema.applied(connection) == 3
    monkeypatch.undo()
    assert_whole(directory)


def test_disk_full_meanwhile(tmp_path):
    """
    A disk that gets full in the middle of an upgrade stops it with a sentence; with room
    again, it goes on.
    """
    original = made(tmp_path / "original" / "teamchat.sqlite", 1)
    sentences = []
    for size in range(8_192, 400_000, 24_576):
        directory = tmp_path / f"full-{size}"
        shutil.copytree(original.parent, directory)
        sentence = refusal(
            lambda at=directory: ThreadlessDatabase(SQLite(at), None).startService(), size
        )
        sentences.append(sentence)
        assert_whole(directory)
        assert not list(directory.glob("*.new"))
    refused = [each for each in sentences if each]
    assert len(refused) > 3
    assert all(each.startswith("Unusable: ") and "full" in each for each in refused), refused
    assert any("cannot be copied" in each for each in refused)
    assert any("cannot be used" in each for each in refused)
    assert sentences[-1] == ""


def test_newest_two_are_kept(tmp_path, monkeypatch):
    """
    Copies of upgrades that went well do not fill the disk.
    """
    path = made(tmp_path / "data" / "teamchat.sqlite", NEWEST)
    known = schema.steps()
    for number in range(4):
        more = Step(9001 + number, f"{9001 + number}-more.sql", f"CREATE TABLE t{number} (x);")
        known = [*known, more]
        monkeypatch.setattr(schema, "steps", lambda known=known: known)
        with closing(connected(path)) as connection:
            schema.upgrade(connection, path.parent)
        for age, copy in enumerate(sorted(schema.copies_in(path.parent), reverse=True)):
            os.utime(copy, ns=(10**18 - age, 10**18 - age))
    assert sorted(copy.name for copy in schema.copies_in(path.parent)) == [
        "teamchat.sqlite.before-9003-at-50",
        "teamchat.sqlite.before-9004-at-50",
    ]


def test_the_release_before(tmp_path, monkeypatch):
    """
    What a newer release has written, this one opens and serves, as long as the newer one
    says so; and then it does not touch it.
    """
    directory = tmp_path / "data"
    path = made(directory / "teamchat.sqlite", NEWEST)
    newer = Step(9001, "9001-more.sql", "ALTER TABLE users ADD COLUMN colour TEXT;")
    known = schema.steps()
    with monkeypatch.context() as patch, closing(connected(path)) as connection:
        patch.setattr(schema, "steps", lambda: [*known, newer])
        patch.setattr(schema, "COMPATIBLE_FROM", NEWEST)
        schema.upgrade(connection)
    assert_whole(directory)
    with closing(connected(path)) as connection:
        connection.execute("UPDATE schema SET compatible_from = 9001 WHERE number = 9001")
    with pytest.raises(FromTheFuture, match="Install that one, or restore a backup"):
        ThreadlessDatabase(SQLite(directory), None).startService()
