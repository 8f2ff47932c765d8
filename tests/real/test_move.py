"""
From SQLite into PostgreSQL: C{teamchat move}.
"""

import sqlite3
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psycopg
import pytest

from teamchatd.store import halfway, moving
from teamchatd.store.lock import take
from teamchatd.store.postgres import PostgreSQL
from teamchatd.store.sqlite import SQLite, found
from teamchatd.store.unusable import Unusable
from tests.files import corpus
from tests.killing import dying, survives
from tests.postgres import Place
from tests.real.command import teamchat
from tests.real.daemon import PATIENCE

pytestmark = pytest.mark.real

LATER = 4_000_000_000_000
"""Milliseconds: nothing of this goes while the test looks."""

OF_ITS_OWN = """
INSERT INTO links VALUES ('hash', 'invitation', 'x@example.org', 1, {later}, NULL);
INSERT INTO letters SELECT id, 'sign-in', id, id, 1, 2, {later}, {later} FROM (
    SELECT 'zoe@example.org' AS id UNION ALL SELECT 'abe@example.org' UNION ALL SELECT 'é😀');
DELETE FROM letters WHERE id = 'abe@example.org';
INSERT INTO oauth_states VALUES ('state', 'browser', 'x', 'verifier', 'nonce', {later});
INSERT INTO identities SELECT 'issuer', id, id, 5 FROM users;
INSERT INTO leftovers VALUES ('gone.png', {later});
INSERT INTO deleted_channels VALUES ('nowhere');
"""
"""What the record holds only for a moment, or of features that these daemons do not have."""


def fill(daemon):
    """
    Something of everything that there can be: the name of an image.
    """
    ada, bob, cyd = [daemon.token(name) for name in ("ada", "bob", "cyd")]
    general = daemon.general(ada)
    path = f"/channels/{general}/messages"
    given = {"filename": "a.png", "image": b64encode(corpus.png((500, 400))).decode()}
    image = daemon.done(daemon.post(f"{path}/image", ada, given))["filename"]
    question = daemon.say(ada, "100% of it? ?1 'quoted' \\ \U0001f600", images=[image])
    thread = f"/messages/{question['id']}"
    for who in (bob, ada, cyd):
        daemon.done(daemon.post(f"{thread}/thread", who, {"content": "answer"}))
        for reaction in ("b", "B", "\U0001f44d"):
            daemon.done(daemon.post(f"{thread}/reactions", who, {"reaction": reaction}))
    secret = daemon.say(bob, "an erased secret")
    daemon.done(daemon.delete(f"/messages/{secret['id']}", bob))
    me = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    talk = daemon.done(daemon.post("/conversations", ada, {"targetUserId": me}))["conversation"]
    daemon.done(daemon.post(f"/conversations/{talk['id']}/messages", ada, {"content": "psst"}))
    hook = {"name": "build", "channelId": general}
    hook = daemon.done(daemon.post("/webhooks", ada, hook))["webhook"]
    hooked = f"/webhooks/{hook['id']}/messages"
    daemon.done(daemon.post(hooked, hook["token"], {"content": "it is built"}))
    daemon.done(daemon.put(f"/reads/{general}", bob, {"messageId": question["id"]}))
    daemon.done(daemon.post("/users/exit", cyd))
    for number in range(20):
        daemon.say(bob, f"message {number}", clientId=f"{number}")
    return image


def add_the_rest(data):
    with closing(sqlite3.connect(data / "teamchat.sqlite", isolation_level=None)) as connection:
        connection.executescript(OF_ITS_OWN.format(later=LATER))


def selections(connection):
    """
    Asks for all that is in each table, in one order.
    """
    for table, key in moving.TABLES.items():
        names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
        names += ["rowid"] if key == ("rowid",) else []
        yield table, f"SELECT {', '.join(names)} FROM {table} ORDER BY {', '.join(key)}"


def answers(connection, asked):
    return {table: connection.execute(sql).fetchall() for table, sql in asked.items()}


def one(url, sql):
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(sql).fetchone()


@pytest.fixture
def place():
    made = Place()
    yield made
    made.drop()


@pytest.fixture
def stopped(in_memory):
    """
    A data directory with everything in it, on which nobody works.
    """
    daemon = in_memory()
    fill(daemon)
    daemon.stop()
    add_the_rest(daemon.directory)
    yield daemon.directory
    # Who made the daemon stops it once more: it has to be there for that.
    for name in ("teamchat.sqlite", moving.AWAY):
        (daemon.directory / name).unlink(missing_ok=True)
    daemon.start()


def assert_whole(directory, place):
    """
    What was SQLite's and what is PostgreSQL's are the same, and the former is put away.
    """
    assert not (directory / "teamchat.sqlite").exists()
    assert not [*directory.glob("teamchat.sqlite-*")]
    # By its head, in one file: a copy of it opens without any other (sqlite.org/fileformat).
    assert (directory / moving.AWAY).read_bytes()[18:20] == b"\1\1"
    with closing(sqlite3.connect(directory / moving.AWAY)) as old:
        asked = dict(selections(old))
        rows = answers(old, asked)
        [(era, number)] = old.execute("SELECT era, number FROM head")
        settings = dict(old.execute("SELECT name, value FROM settings"))
    assert all(rows.values()), [table for table, some in rows.items() if not some]
    with psycopg.connect(place.url) as new:
        assert answers(new, asked) == rows
        there = dict(new.execute("SELECT name, value FROM settings").fetchall())
        [(new_era, new_number)] = new.execute("SELECT era, number FROM head").fetchall()
    move = settings.pop(halfway.MOVING)
    assert there.pop(halfway.MOVED) == f"{move} {era}.{number}"
    assert there == settings
    assert (new_number, new_era != era) == (number, True)
    return rows


def test_tables_are_all():
    """
    Whoever adds a table to the schema says here how it moves.
    """
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        found(connection)
        tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
    assert tables == {*moving.TABLES, *moving.BESIDE}


def test_moved(as_process, place):
    """
    The daemon goes on with the same data directory, and nobody notices but for a reload.
    """
    daemon = as_process()
    image = fill(daemon)
    ada, bob = daemon.token("ada"), daemon.token("bob")
    listener = daemon.listen(ada)
    listener.await_events(1)
    daemon.say(ada, "heard")
    last_id = listener.await_events(2)[1].id
    listener.leave()
    path = f"/channels/{daemon.general(ada)}/messages"
    asked = ("/users", "/channels", f"{path}?limit=200", "/conversations", "/reads", "/webhooks")
    before = [daemon.done(daemon.get(each, ada)) for each in asked]
    bytes_before = daemon.get(f"{path}/image/{image}", ada).body

    refused = teamchat(daemon, "move")
    assert refused == (
        1,
        "",
        "teamchat: [storage] database is empty: say there where in PostgreSQL the record shall"
        " be.\n",
    )
    database = {"TEAMCHAT_STORAGE_DATABASE": place.url}
    refused = (1, "", f"teamchat: another teamchat is running on {daemon.data}\n")
    assert teamchat(daemon, "move", **database) == refused
    assert one(place.url, "SELECT to_regclass('users')") == (None,)

    daemon.kill()  # so that there is something beside the database
    add_the_rest(daemon.data)
    status, said, complaint = teamchat(daemon, "move", **database)
    assert (status, complaint) == (0, "")
    rows = assert_whole(daemon.data, place)
    assert f"{len(rows['messages'])} messages, " in said
    assert str(daemon.data / moving.AWAY) in said
    status, _, complaint = teamchat(daemon, "move", **database)
    assert (status, "was moved already" in complaint) == (1, True)

    with pytest.raises(AssertionError, match="the record was moved into PostgreSQL"):
        daemon.start()  # which nobody has told where the record is
    assert not (daemon.data / "teamchat.sqlite").exists()

    daemon._environ |= database
    daemon.start()
    assert [daemon.done(daemon.get(each, ada)) for each in asked] == before
    assert daemon.get(f"{path}/image/{image}", ada).body == bytes_before
    listener = daemon.listen(bob, last_id)
    assert [event.type for event in listener.await_events(2)] == ["CONNECTED", "RESET"]
    daemon.say(ada, "it goes on")
    heard = listener.await_events(3)[2]
    assert heard.payload["content"] == "it goes on"
    head = one(place.url, "SELECT era, number FROM head")
    assert heard.id == f"{head[0]}.{head[1]}"
    assert head[1] > rows["journal"][-1][0]
    assert daemon.read(ada)[-1] == "it goes on"
    eve = daemon.token("eve")
    assert daemon.done(daemon.get("/users", eve))["users"][-1]["email"] == "eve@example.org"
    highest = max(row[-1] for row in rows["users"])
    assert one(place.url, "SELECT max(rowid) FROM users") == (highest + 1,)
    listener.leave()
    daemon.assert_untroubled()


def test_secrets_of_systemd(as_process, place, tmp_path):
    """
    Secrets that are there only while the service runs keep nobody from moving: of them, the
    address of the new record is needed, and can be said as a file, too.
    """
    daemon = as_process()
    daemon.stop()
    address = tmp_path / "address"
    address.write_text(place.url)
    away = {"TEAMCHAT_AUTH_JWT_SECRET_FILE": "/run/credentials/teamchat.service/jwt-secret"}
    status, said, _ = teamchat(daemon, "move", TEAMCHAT_STORAGE_DATABASE_FILE=str(address), **away)
    assert (status, "The record is in PostgreSQL" in said) == (0, True)
    away["TEAMCHAT_STORAGE_DATABASE_FILE"] = "/run/credentials/teamchat.service/database"
    _, _, complaint = teamchat(daemon, "move", **away)
    assert "from /etc/credstore and while the service runs" in complaint


def test_killed_at_every_step(stopped, place, monkeypatch):
    """
    The power goes after each step, and each time somebody begins again.  What is half-way,
    no daemon takes for a record.
    """
    monkeypatch.setattr(moving, "AT_ONCE", 7)
    target, kills = PostgreSQL(place.url), 0

    def work():
        moving.move(SQLite(stopped), target, dying(kills))

    while not survives(work):
        kills += 1
        if one(place.url, "SELECT to_regclass('settings')") == (None,):
            continue  # killed before there was a schema
        if one(place.url, "SELECT 1 FROM settings WHERE name = 'moving'"):
            with (
                closing(target.connect()) as connection,
                pytest.raises(Unusable, match="run teamchat move again"),
            ):
                halfway.refuse(connection)
    assert kills > 5
    assert_whole(stopped, place)


def test_killed_before_it_is_put_away(stopped, place):
    """
    All is there and counts: what is left is the old one's name, even when the new one has
    gone on meanwhile.
    """

    def die(what):
        if what == "all rows are there":
            dying(0)()

    target = PostgreSQL(place.url)
    assert not survives(lambda: moving.move(SQLite(stopped), target, die))
    assert (stopped / "teamchat.sqlite").exists()
    with psycopg.connect(place.url, autocommit=True) as connection:
        connection.execute("DELETE FROM leftovers")
    moving.move(SQLite(stopped), target)
    assert (stopped / moving.AWAY).exists()
    assert one(place.url, "SELECT count(*) FROM leftovers") == (0,)


def test_server_away(stopped, place, monkeypatch):
    """
    It says so, and goes on when the server is back.
    """
    monkeypatch.setattr(moving, "AT_ONCE", 7)
    target, steps = PostgreSQL(place.url), []

    def shut(what):
        steps.append(what)
        if len(steps) == 6:
            place._run(f'ALTER DATABASE "{place.name}" ALLOW_CONNECTIONS false')
            place._run(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                f" WHERE datname = '{place.name}'"
            )

    with pytest.raises(Unusable, match=r"stays in SQLite: .*Run the command again"):
        moving.move(SQLite(stopped), target, shut)
    assert len(steps) == 6
    place._run(f'ALTER DATABASE "{place.name}" ALLOW_CONNECTIONS true')
    moving.move(SQLite(stopped), target)
    assert_whole(stopped, place)


def half_moved(directory, place):
    def stop(what):
        if "of sessions" in what:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        moving.move(SQLite(directory), PostgreSQL(place.url), stop)


def test_half_is_no_record(as_process, place):
    """
    A daemon and the command refuse what is half-way; one on SQLite stays with that, and then
    what was copied counts for nothing.
    """
    daemon = as_process()
    fill(daemon)
    daemon.stop()
    half_moved(daemon.data, place)
    database = {"TEAMCHAT_STORAGE_DATABASE": place.url}
    status, _, complaint = teamchat(daemon, "user", "list", **database)
    assert (status, "half-way from SQLite" in complaint) == (1, True)
    daemon._environ |= database
    with pytest.raises(AssertionError, match="half-way from SQLite"):
        daemon.start()
    del daemon._environ["TEAMCHAT_STORAGE_DATABASE"]
    daemon.start()
    daemon.token("bob")  # another session, of which the journal knows nothing
    daemon.stop()
    status, _, complaint = teamchat(daemon, "move", **database)
    assert (status, "before a daemon worked with it again" in complaint) == (1, True)
    assert (daemon.data / "teamchat.sqlite").exists()


def test_used_database(stopped, place):
    """
    A record that is there already is not touched.
    """
    half_moved(stopped, place)
    sql = "DELETE FROM settings WHERE name = 'moving' RETURNING name"
    assert one(place.url, sql) == ("moving",)
    users = one(place.url, "SELECT count(*) FROM users")
    with pytest.raises(Unusable, match="holds a record already"):
        moving.move(SQLite(stopped), PostgreSQL(place.url))
    assert one(place.url, "SELECT count(*) FROM users") == users


def test_somebody_begins_there(stopped, place):
    """
    A daemon that is just making its first record there comes first.
    """
    target = PostgreSQL(place.url)
    with closing(target.connect()) as daemon, ThreadPoolExecutor(1) as threads:
        target.found(daemon, lambda what: None)
        daemon.execute(target.begin_change)
        daemon.execute(target.lock_head)
        daemon.execute("INSERT INTO settings (name, value) VALUES ('serverName', 'theirs')")
        moved = threads.submit(moving.move, SQLite(stopped), target)
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = "
        while not moved.done() and one(place.url, f"{waiting} '{place.name}'") is None:
            pass
        daemon.commit()
        with pytest.raises(Unusable, match="holds a record already"):
            moved.result(PATIENCE)
    assert one(place.url, "SELECT name, value FROM settings") == ("serverName", "theirs")


def test_somebody_else_writes(stopped, place):
    """
    What is not the same in the end does not count.
    """
    half_moved(stopped, place)
    sql = "INSERT INTO leftovers VALUES ('a.png', 1) RETURNING name"
    assert one(place.url, sql) == ("a.png",)
    with pytest.raises(Unusable, match="leftovers has 2 rows instead of 1"):
        moving.move(SQLite(stopped), PostgreSQL(place.url))
    assert one(place.url, "SELECT count(*) FROM settings WHERE name = 'moving'") == (1,)
    assert one(place.url, "SELECT number FROM head") == (0,)
    assert (stopped / "teamchat.sqlite").exists()


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("DELETE FROM schema WHERE number > 4", "start the daemon, which upgrades it"),
        ("INSERT INTO schema VALUES (9999, 9999)", "written by a newer version"),
    ],
)
def test_another_schema(stopped, place, sql, said):
    with closing(sqlite3.connect(stopped / "teamchat.sqlite", isolation_level=None)) as connection:
        connection.execute(sql)
    with pytest.raises(Unusable, match=said):
        moving.move(SQLite(stopped), PostgreSQL(place.url))
    assert one(place.url, "SELECT to_regclass('users')") == (None,)


def test_nothing_to_move(tmp_path, place):
    with pytest.raises(Unusable, match="there is no database"):
        moving.move(SQLite(tmp_path), PostgreSQL(place.url))


def test_left_of_an_earlier_move(stopped, place):
    (stopped / moving.AWAY).write_bytes(b"precious")
    with pytest.raises(Unusable, match="left of an earlier move"):
        moving.move(SQLite(stopped), PostgreSQL(place.url))
    assert (stopped / moving.AWAY).read_bytes() == b"precious"


def test_locked(stopped, place):
    with take(stopped), pytest.raises(Unusable, match="another teamchat is running"):
        moving.move(SQLite(stopped), PostgreSQL(place.url))
