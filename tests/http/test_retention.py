"""
What is not kept for ever: C{chat.messageRetentionDays}.
"""

from base64 import b64encode

import pytest

from teamchatd.recurring import PAUSE
from teamchatd.store import threads
from teamchatd.store.clearing import AT_ONCE

DAY = 24 * 60 * 60

A_WHILE = 61
"""Seconds, after which it was looked for what is too old."""

MANY = 40
"""Steps, in which all of it has gone."""

SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'


@pytest.fixture
def daemon(in_memory):
    """
    One that keeps messages for two days.
    """
    return in_memory(chat={"message_retention_days": 2})


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def reply(daemon, who, message, content="hi", **more):
    given = {"content": content, **more}
    return daemon.done(daemon.post(f"/messages/{message['id']}/thread", who, given))["reply"]


def page(daemon, who):
    path = f"/channels/{daemon.general(who)}/messages?limit=200"
    return daemon.done(daemon.get(path, who))["messages"]


def left(daemon, *tables):
    """
    How many rows there are in each.
    """
    return [daemon.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


def a_while(daemon):
    daemon.clock.advance(A_WHILE)
    daemon.clock.pump([PAUSE] * MANY)


def late(daemon):
    """
    Almost two days later.

    @return: ada's and bob's tokens: they have to sign in again.
    """
    daemon.clock.advance(2 * DAY - 10)
    return daemon.token("ada"), daemon.token("bob")


def conversation_of(daemon, who, other):
    given = {"targetUserId": user_id(daemon, other)}
    return daemon.done(daemon.post("/conversations", who, given))["conversation"]["id"]


@pytest.fixture
def steps(daemon, monkeypatch):
    """
    How many messages there were before each change.
    """
    counted, change = [], daemon.database.change

    def and_counted(*args):
        counted.extend(left(daemon, "messages"))
        return change(*args)

    monkeypatch.setattr(daemon.database, "change", and_counted)
    return counted


def test_for_ever(in_memory):
    """
    Unless the operator says otherwise, nothing is too old.
    """
    daemon = in_memory()
    daemon.say(daemon.token("ada"), "hello")
    for _ in range(3):
        daemon.clock.advance(3650 * DAY)
    assert daemon.read(daemon.token("ada")) == ["hello"]


def test_so_many_days(daemon):
    """
    A message is kept so many days from when it was said, whatever became of it
    later; what is newer stays, and so does the channel.
    """
    ada = daemon.token("ada")
    message = daemon.say(ada, "first")
    daemon.clock.advance(DAY)
    ada = daemon.token("ada")
    daemon.done(daemon.put(f"/messages/{message['id']}", ada, {"content": "changed"}))
    daemon.say(ada, "second")
    daemon.clock.advance(DAY - 1)
    ada = daemon.token("ada")
    assert daemon.read(ada) == ["changed", "second"]
    a_while(daemon)
    assert daemon.read(ada) == ["second"]
    daemon.say(ada, "third")
    daemon.clock.advance(DAY)
    assert daemon.read(daemon.token("ada")) == ["third"]


def test_all_of_it(daemon, listen):
    """
    Whoever said it, and wherever: it goes with its replies, reactions and
    images, everybody who could read it is told, and nothing of it is left.
    """
    ada, bob = daemon.token("ada"), daemon.token("bob")
    general, carol = daemon.general(ada), daemon.token("carol")
    start = listen(ada).events[0].id
    upload = {"filename": "x.svg", "image": b64encode(SQUARE).decode()}
    name = daemon.done(daemon.post(f"/channels/{general}/messages/image", ada, upload))["filename"]
    said = daemon.say(ada, "a secret", images=[name])
    reply(daemon, bob, said, "a secret answer")
    given = {"reaction": "secretly"}
    daemon.done(daemon.post(f"/messages/{said['id']}/reactions", bob, given))
    hook = {"name": "build", "channelId": general}
    hook = daemon.done(daemon.post("/webhooks", ada, hook))["webhook"]
    path = f"/webhooks/{hook['id']}/messages"
    bots = daemon.done(daemon.post(path, hook["token"], {"content": "a secret"}))["message"]
    direct = f"/conversations/{conversation_of(daemon, bob, carol)}/messages"
    theirs = daemon.done(daemon.post(direct, bob, {"content": "a secret"}))["message"]

    ada, bob = late(daemon)
    listeners = listen(ada), listen(bob)
    a_while(daemon)
    gone = [("DELETE_MESSAGE", {"id": each["id"], "channelId": general}) for each in (said, bots)]
    heard = [[(each.type, each.payload) for each in one.events[1:]] for one in listeners]
    assert heard[0] == gone
    assert [kind for kind, _ in heard[1]] == ["DELETE_MESSAGE"] * 2 + ["DELETE_DM_MESSAGE"]
    assert heard[1][-1][1]["id"] == theirs["id"]
    assert page(daemon, ada) == daemon.done(daemon.get(direct, bob))["messages"] == []
    [conversation] = daemon.done(daemon.get("/conversations", bob))["conversations"]
    assert "lastMessageAt" not in conversation

    tables = ("messages", "reactions", "images", "message_images")
    assert left(daemon, *tables) == [0] * len(tables)
    for table in ("journal", *tables):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    assert "secret" not in listen(ada, start).body.decode()
    assert (daemon.directory / "files" / name).exists()
    daemon.clock.advance(2 * 60 * 60)
    assert list((daemon.directory / "files").rglob("*.svg")) == []


def test_newer_replies(daemon, listen):
    """
    What was replied goes with what it answers, however new it is; it is told as
    if the author had deleted their message.
    """
    message = daemon.say(daemon.token("ada"), "hello")
    ada, bob = late(daemon)
    newer = daemon.say(ada, "newer")
    reply(daemon, bob, message, clientId="1")
    kept = reply(daemon, bob, newer)
    listener = listen(ada)
    a_while(daemon)
    gone = {"id": message["id"], "channelId": message["channelId"]}
    assert [(each.type, each.payload) for each in listener.events[1:]] == [("DELETE_MESSAGE", gone)]
    assert [each["id"] for each in page(daemon, ada)] == [newer["id"]]
    path = f"/messages/{newer['id']}/thread"
    assert daemon.done(daemon.get(path, ada))["replies"] == [kept]
    assert reply(daemon, bob, newer, clientId="1")["id"] != kept["id"]


def test_client_ids_are_free_again(daemon):
    """
    What was too old was not said: under its clientId something new may be.
    """
    first = daemon.say(daemon.token("ada"), "hello", clientId="1")
    ada, _ = late(daemon)
    assert daemon.say(ada, "hello", clientId="1") == first
    a_while(daemon)
    assert daemon.say(ada, "hello", clientId="1")["id"] != first["id"]
    assert daemon.read(ada) == ["hello"]


def test_grown_old_meanwhile(daemon):
    """
    What grew too old while the server was stopped goes once it is back.
    """
    daemon.say(daemon.token("ada"), "hello")
    daemon.stop()
    daemon.clock.advance(3 * DAY)
    daemon.start()
    a_while(daemon)
    assert daemon.read(daemon.token("ada")) == []


def test_in_small_steps(daemon, steps):
    """
    However much there is, no change takes many messages at once: others who
    write are not kept waiting.
    """
    ada = daemon.token("ada")
    for number in range(3 * AT_ONCE // 2):
        message = daemon.say(ada, str(number))
        for _ in range(number % 3):
            reply(daemon, ada, message)
    for _ in range(AT_ONCE):  # where a step has room for a few of them
        reply(daemon, ada, message)
    ada, _ = late(daemon)
    daemon.say(ada, "newer")
    [before] = left(daemon, "messages")
    steps.clear()
    a_while(daemon)
    steps += left(daemon, "messages")
    assert daemon.read(ada) == ["newer"]
    assert (steps[0], steps[-1]) == (before, 1)
    taken = [first - second for first, second in zip(steps, steps[1:], strict=False)]
    assert max(taken) <= AT_ONCE
    assert sum(map(bool, taken)) >= before // AT_ONCE


def test_many_short_ones(daemon, steps):
    """
    All that is too old goes as soon as it was looked for, step by step.
    """
    ada = daemon.token("ada")
    for number in range(2 * AT_ONCE):
        daemon.say(ada, str(number))
    late(daemon)
    steps.clear()
    a_while(daemon)
    assert left(daemon, "messages") == [0]
    assert {100, 50, 0} <= set(steps)


def test_long_thread(daemon, steps, listen):
    """
    A long thread goes before its message, some replies in each step, the oldest
    first.  Whoever reads it meanwhile finds what is left; all that is told is
    that the message is gone.
    """
    message = daemon.say(daemon.token("ada"), "hello")
    ada, bob = late(daemon)
    said = [reply(daemon, bob if number % 2 else ada, message) for number in range(170)]
    listener = listen(ada)
    steps.clear()
    daemon.clock.advance(A_WHILE)
    [found] = page(daemon, ada)
    assert found["threadMeta"] == {
        "replyCount": 120,
        "lastReplyAt": said[-1]["createdAt"],
        "lastReplyBy": said[-1]["author"],
        "participants": [each["author"]["id"] for each in said[50:52]],
    }
    path = f"/messages/{message['id']}/thread?limit=200"
    assert daemon.done(daemon.get(path, ada))["replies"] == said[50:]
    told = "SELECT count(*) FROM journal WHERE text LIKE '%NEW_THREAD_REPLY%'"
    assert daemon.rows(told) == [(120,)]
    daemon.clock.pump([PAUSE] * MANY)
    steps += left(daemon, "messages")
    taken = [first - second for first, second in zip(steps, steps[1:], strict=False)]
    assert sorted(filter(None, taken)) == [21, 50, 50, 50]
    gone = {"id": message["id"], "channelId": message["channelId"]}
    assert [(each.type, each.payload) for each in listener.events[1:]] == [("DELETE_MESSAGE", gone)]
    assert left(daemon, "messages") == [0]
    assert daemon.rows(told) == [(0,)]


def test_images_of_replies(daemon):
    """
    What the replies of a long thread showed goes with them.
    """
    message = daemon.say(daemon.token("ada"), "hello")
    ada, _ = late(daemon)
    where = f"/messages/{message['id']}/thread"
    upload = {"filename": "x.svg", "image": b64encode(SQUARE).decode()}
    for _ in range(2 * AT_ONCE):
        name = daemon.done(daemon.post(f"{where}/image", ada, upload))["filename"]
        reply(daemon, ada, message, images=[name])
    daemon.clock.advance(A_WHILE)
    assert left(daemon, "images", "leftovers") == [AT_ONCE, AT_ONCE]
    daemon.clock.pump([PAUSE] * MANY)
    assert left(daemon, "images", "leftovers") == [0, 2 * AT_ONCE]


def test_nobody_counts(daemon, monkeypatch):
    """
    A thread that goes is not counted for each of its replies.
    """
    message = daemon.say(daemon.token("ada"), "hello")
    ada, _ = late(daemon)
    for _ in range(2 * AT_ONCE):
        reply(daemon, ada, message)
    counted = []
    monkeypatch.setattr(threads, "metas", lambda *args: counted.append(args) or {})
    a_while(daemon)
    assert (left(daemon, "messages"), counted) == ([0], [])


def test_others_get_in_between(daemon, monkeypatch):
    """
    Between two steps others write: also into the thread that is going.
    """
    ada = daemon.token("ada")
    old = daemon.say(ada, "old")
    for _ in range(3 * AT_ONCE):
        reply(daemon, ada, old)
    ada, bob = late(daemon)
    change, written = daemon.database.change, []

    def others_first(work, *args):
        if work.__name__ == "_remove_aged":
            written.append(daemon.say(bob, "newer")["content"])
            answer = daemon.post(f"/messages/{old['id']}/thread", bob, {"content": "wait"})
            written.append(answer.status)
        return change(work, *args)

    monkeypatch.setattr(daemon.database, "change", others_first)
    a_while(daemon)
    monkeypatch.undo()
    assert len(written) > 6
    assert daemon.read(ada) == ["newer"] * written.count("newer")
    assert left(daemon, "messages") == [written.count("newer")]


def test_out_of_order(daemon):
    """
    A clock that went back for a moment keeps nothing from growing old.
    """
    ada = daemon.token("ada")
    for number in range(3):
        daemon.say(ada, str(number))
        daemon.clock.rightNow -= 5
    daemon.clock.advance(2 * DAY - 8)
    a_while(daemon)
    assert daemon.read(daemon.token("ada")) == []
