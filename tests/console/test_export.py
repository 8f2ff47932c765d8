"""
C{teamchat export} and C{teamchat stats}.
"""

import json
import tracemalloc

import pytest

from teamchatd.console import export
from teamchatd.store import export as rows


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def busy(daemon, ada, bob, upload):
    """
    A daemon on which there is something of everything.
    """
    general = daemon.general(ada)
    pond = daemon.done(daemon.post("/channels", ada, {"name": "pond"}))["channel"]["id"]
    daemon.say(ada, "to be forgotten", pond)
    daemon.done(daemon.delete(f"/channels/{pond}", ada))
    said = daemon.say(ada, "hello")
    daemon.done(daemon.post(f"/messages/{said['id']}/reactions", bob, {"reaction": "🦆"}))
    daemon.done(daemon.post(f"/messages/{said['id']}/thread", bob, {"content": "a reply"}))
    upload()
    bobs = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    opened = daemon.done(daemon.post("/conversations", ada, {"targetUserId": bobs}))
    talk = opened["conversation"]["id"]
    daemon.done(daemon.post(f"/conversations/{talk}/messages", ada, {"content": "between us"}))
    hook = {"name": "Builds", "channelId": general}
    daemon.done(daemon.post("/webhooks", ada, hook))
    daemon.done(daemon.put(f"/reads/{general}", bob, {"messageId": said["id"]}))
    return daemon


def test_export(teamchat, busy, ada, tmp_path):
    """
    All there is, spelled as in the API, and nothing that opens anything.
    """
    target = tmp_path / "out"
    status, said, _ = teamchat("export", target)
    assert status == 0
    found = {path.stem: lines(path) for path in target.glob("*.jsonl")}
    assert {noun: len(each) for noun, each in found.items()} == {
        "users": 2,
        "channels": 1,
        "conversations": 1,
        "messages": 4,
        "reactions": 1,
        "images": 1,
        "webhooks": 1,
        "reads": 3 + 1,
    }
    assert said.startswith(f"{target}: 2 users, 1 channels, 1 conversations, 4 messages,")
    get = lambda path: busy.done(busy.get(path, ada))  # noqa: E731
    general = busy.general(ada)
    assert found["users"] == get("/users")["users"]
    assert found["channels"] == get("/channels")["channels"]
    assert found["webhooks"] == get("/webhooks")["webhooks"]
    [talk] = found["conversations"]
    page = get(f"/channels/{general}/messages")["messages"]
    assert [each for each in found["messages"] if each in page] == page
    contents = [each["content"] for each in found["messages"]]
    assert contents == ["hello", "a reply", "look", "between us"]
    assert found["messages"][3]["channelId"] == talk["id"]
    assert found["reactions"][0]["messageId"] == found["messages"][0]["id"]
    [image] = found["images"]
    assert [image["filename"]] == found["messages"][2]["images"]
    files = {path.name for path in (target / "files").iterdir()}
    assert files == {image["filename"], image["thumbnail"]}
    everything = "".join(path.read_text() for path in target.glob("*.jsonl"))
    for table, column in (("webhooks", "token_hash"), ("links", "hash"), ("pairs", "id")):
        for (secret,) in busy.rows(f"SELECT {column} FROM {table}"):
            assert secret not in everything
    assert "forgotten" not in everything


def test_messages_in_pieces(busy, here, silent, tmp_path, monkeypatch):
    """
    Read in pieces, each message is there once and in order.
    """
    whole = tmp_path / "whole"
    export.export_to(here, whole, silent)
    monkeypatch.setattr(rows, "AT_ONCE", 1)
    pieces = tmp_path / "pieces"
    export.export_to(here, pieces, silent)
    for path in whole.glob("*.jsonl"):
        assert (pieces / path.name).read_bytes() == path.read_bytes()


def test_bounded_memory(busy, here, silent, tmp_path, ada):
    """
    A long history is not read at once.
    """
    with here.raw_database.at_once() as cursor:
        [(author,)] = cursor.execute("SELECT id FROM users WHERE name_key = 'ada'").fetchall()
    general = busy.general(ada)
    connection = busy.database._connect()
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO messages (id, position, place_id, author_id, content, created_at)"
        " VALUES (?, ?, ?, ?, ?, 7)",
        [(f"n{n}", 1000 + n, general, author, "x" * 5000) for n in range(8000)],
    )
    connection.execute("COMMIT")
    connection.close()
    tracemalloc.start()
    counts = export.export_to(here, tmp_path / "out", silent)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert counts["messages"] == 8004
    assert most < 10 << 20, f"{most} bytes for 40 MB of messages"


@pytest.mark.parametrize("name", ["something", "something.partial"])
def test_not_over_anything(teamchat, busy, tmp_path, name):
    target = tmp_path / "something"
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine").write_text("mine")
    status, _, complaint = teamchat("export", target)
    assert (status, complaint.startswith("teamchat: ")) == (1, True)
    assert (tmp_path / name / "mine").read_text() == "mine"


def test_stats(teamchat, busy):
    """
    How much there is.
    """
    status, said, _ = teamchat("stats", "--json")
    assert status == 0
    found = json.loads(said)
    assert found["counts"] == {
        "users": 2,
        "admins": 1,
        "sessions": 2,
        "channels": 1,
        "conversations": 1,
        "messages": 5,  # what is about to go is still there
        "replies": 1,
        "directMessages": 1,
        "reactions": 1,
        "images": 1,
        "webhooks": 1,
        "lettersWaiting": 0,
        "events": busy.database.head().number,
    }
    assert found["bytes"]["database"] > 100_000
    assert found["bytes"]["files"] > 1000
    assert sum(found["tables"].values()) == pytest.approx(found["bytes"]["database"], rel=0.9)
    status, said, _ = teamchat("stats")
    assert status == 0
    assert "messages          " in said
