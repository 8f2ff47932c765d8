"""
C{/events}: what happens, as it happens, with nothing missed.
"""

import re
from contextlib import closing
from datetime import datetime

import pytest

from teamchatd import __version__
from teamchatd.live.hub import CLOSING_SECONDS, Hub
from tests.answers import CONTRACT

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

DAY = 24 * 60 * 60
HEARTBEAT = 25

LARGE = "x" * 16_000
"""A message that fills a backlog of 1 MiB with less than seventy of its kind."""


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def said(listener):
    """
    The texts of the new messages that were heard.
    """
    return [e.payload["content"] for e in listener.events if e.type == "NEW_MESSAGE"]


def pass_time(daemon, seconds):
    """
    In steps as small as the timers', so that none is left out.
    """
    daemon.clock.pump([0.1] * round(seconds * 10))


# The beginning of a stream


def test_connected(daemon, ada, listen):
    """
    A stream begins by saying whose it is, which it is, and where it begins.
    """
    first, second = listen(ada), listen(ada)
    [one], [other] = first.await_events(1), second.await_events(1)
    assert one.type == "CONNECTED"
    keys = {"message", "timestamp", "userId", "connectionId", "cursor", "version", "assets"}
    assert set(one.payload) == keys
    assert one.payload["version"] == __version__
    assert one.payload["assets"] == daemon.done(daemon.get("/config.json"))["assets"]
    assert one.payload["message"] == "SSE connection established"
    assert one.payload["userId"] == user_id(daemon, ada)
    assert one.payload["connectionId"] != other.payload["connectionId"]
    assert one.id == one.payload["cursor"] == other.payload["cursor"]
    assert datetime.fromisoformat(one.payload["timestamp"]).tzinfo is not None


@memory_only
def test_wire(daemon, ada):
    """
    Byte for byte: the headers, an empty comment, and then blocks of an id line and one
    data line.
    """
    listener = daemon.listen(ada)
    daemon.say(ada, "hello\r\n\ndata: x\u2028")
    names = dict(line.lower().split(": ", 1) for line in listener.headers.split("\r\n")[1:])
    assert listener.headers.startswith("HTTP/1.1 200 ")
    assert names["content-type"] == "text/event-stream"
    assert names["cache-control"] == "no-cache"
    assert names["x-accel-buffering"] == "no"
    assert names["transfer-encoding"] == "chunked"
    CONTRACT.check_answer("GET", "/events", 200, names, listener.body)
    block = rb"id: [\w.-]+\ndata: \{\"type\":\"%b\",\"payload\":\{[^\n\r]*\}\}\n\n"
    assert re.fullmatch(rb":\n\n" + block % b"CONNECTED" + block % b"NEW_MESSAGE", listener.body)
    assert b'data: {"type":"CONNECTED","payload":{"message":"SSE conn' in listener.body


def test_old_proxies(daemon, ada):
    """
    To HTTP/1.0 the same is said without chunks, and the connection's end is
    the stream's.
    """
    listener = daemon.listen(ada, version="HTTP/1.0")
    message = daemon.say(ada, "hello")
    assert listener.await_events(2)[1].payload == message
    daemon.done(daemon.delete("/auth/sessions", ada))
    listener.await_end()
    listener.leave()


# Who may listen


@memory_only
def test_token(daemon, ada, bob):
    """
    The token stands in the query or in the header; the header is tried when the
    query's is bad, and not when it is good.
    """
    query, bad = f"/events?token={ada}", "/events?token=nonsense"
    assert user_of(daemon, query) == user_id(daemon, ada)
    assert user_of(daemon, "/events", ada) == user_id(daemon, ada)
    assert user_of(daemon, bad, ada) == user_id(daemon, ada)
    assert user_of(daemon, "/events?token=", ada) == user_id(daemon, ada)
    assert user_of(daemon, query, bob) == user_id(daemon, ada)
    assert user_of(daemon, query, "nonsense") == user_id(daemon, ada)


def user_of(daemon, path, bearer=None):
    """
    Whose stream is opened like that.
    """
    transport = daemon.connect()
    header = f"Authorization: Bearer {bearer}\r\n" if bearer else ""
    transport.dataReceived(f"GET {path} HTTP/1.0\r\n{header}\r\n".encode())
    [user] = re.findall(r'"userId":"(\w+)"', transport.value().decode())
    transport.leave()
    return user


@memory_only
def test_no_token(daemon, ada):
    """
    Who does not say who they are, or no longer may, is told so in JSON.
    """
    for path in ("/events", "/events?token=", "/events?token=x", "/events?lastEventId=x"):
        assert daemon.get(path).status == 401
        assert daemon.get(path, "nonsense").status == 401
    daemon.done(daemon.delete("/auth/sessions", ada))
    assert daemon.get(f"/events?token={ada}").status == 401
    assert daemon.get("/events", ada).status == 401


@memory_only
def test_head(daemon, ada):
    """
    HEAD says what would come, and opens nothing.
    """
    answer = daemon.ask("HEAD", "/events", ada)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/event-stream")
    assert daemon.house.hub.count == 0


# What is heard


def test_every_change(daemon, ada, bob, listen):
    """
    Everybody hears of every change, on every stream, in the order in which it
    happened, each with an id of its own.
    """
    listeners = [listen(ada), listen(ada), listen(bob)]
    channel = daemon.done(daemon.post("/channels", ada, {"name": "Ducks"}))["channel"]["id"]
    message = daemon.say(bob, "quack", channel)["id"]
    daemon.done(daemon.put(f"/messages/{message}", bob, {"content": "Quack"}))
    daemon.done(daemon.post(f"/messages/{message}/reactions", ada, {"reaction": "x"}))
    daemon.done(daemon.delete(f"/messages/{message}/reactions", ada, {"reaction": "x"}))
    daemon.done(daemon.delete(f"/messages/{message}", bob))
    daemon.done(daemon.put(f"/channels/{channel}", ada, {"name": "Drakes"}))
    daemon.done(daemon.delete(f"/channels/{channel}", ada))
    daemon.done(daemon.put("/users/me", bob, {"userName": "bobby"}))
    daemon.done(daemon.put("/server/settings", ada, {"name": "The Pond"}))
    eve = daemon.token("eve")
    daemon.done(daemon.post("/users/exit", eve))
    daemon.done(daemon.delete(f"/users/{user_id(daemon, daemon.token('mallory'))}", ada))
    heard = [listener.await_events(15)[1:] for listener in listeners]
    assert [event.type for event in heard[0]] == [
        "NEW_CHANNEL",
        "NEW_MESSAGE",
        "UPDATE_MESSAGE",
        "NEW_REACTION",
        "DELETE_REACTION",
        "DELETE_MESSAGE",
        "UPDATE_CHANNEL",
        "DELETE_CHANNEL",
        "UPDATE_USER",
        "UPDATE_SERVER_SETTINGS",
        "NEW_USER",
        "USER_EXIT",
        "NEW_USER",
        "REMOVE_USER",
    ]
    assert heard[0] == heard[1] == heard[2]
    assert len({event.id for event in heard[0]}) == 14


@memory_only
def test_nothing_of_ours(daemon, ada, bob, listen, told):
    """
    That sessions come and go is nobody else's business, and no event tells it.
    """
    listener = listen(ada)
    other = daemon.token("bob")
    daemon.done(daemon.delete("/auth/sessions", other, {"keepCurrent": True}))
    daemon.done(daemon.delete("/auth/sessions", other))
    assert told(listener) == []


# Coming back


def test_resume(daemon, ada, listen):
    """
    Who comes back with the last id they saw hears all that they missed, in
    order, each once, and then what is new; CONNECTED repeats the id.
    """
    first = listen(ada)
    daemon.say(ada, "heard")
    last = first.await_events(2)[1].id
    first.leave()
    for text in ("missed", "missed, too"):
        daemon.say(ada, text)
    second = listen(ada, last)
    assert second.await_events(1)[0].payload["cursor"] == last
    daemon.say(ada, "new")
    second.await_events(4)
    assert second.types == ["CONNECTED"] + ["NEW_MESSAGE"] * 3
    assert said(second) == ["missed", "missed, too", "new"]
    assert second.events[0].id == last


def test_resume_after_a_restart(daemon, ada, listen):
    """
    The same across a restart, from any place of the past.
    """
    first = listen(ada)
    start = first.await_events(1)[0].id
    for number in range(5):
        daemon.say(ada, str(number))
    ids = [event.id for event in first.await_events(6)]
    first.leave()
    daemon.restart()
    daemon.say(ada, "5")
    assert ids[0] == start
    for number, event_id in enumerate(ids):
        listener = listen(ada, event_id)
        listener.await_events(7 - number)
        assert said(listener) == [str(each) for each in range(number, 6)]


def test_cursor(daemon, ada, listen):
    """
    Who heard nothing yet comes back with the cursor, and misses nothing either.
    """
    first = listen(ada)
    cursor = first.await_events(1)[0].payload["cursor"]
    first.leave()
    daemon.say(ada, "missed")
    again = listen(ada, cursor)
    again.await_events(2)
    assert said(again) == ["missed"]
    newest = listen(ada).await_events(1)[0].payload["cursor"]
    assert newest == again.events[-1].id


@memory_only
def test_header_before_query(daemon, ada):
    """
    The id stands in the header or in the query; where both are, the header
    counts, and an empty one is none.
    """
    listener = daemon.listen(ada)
    for text in ("one", "two"):
        daemon.say(ada, text)
    start, one, _ = (event.id for event in listener.events)
    in_query = f"/events?token={ada}&lastEventId={start}"
    assert said(daemon.listen(ada, path=in_query)) == ["one", "two"]
    assert said(daemon.listen(ada, one, path=in_query)) == ["two"]
    assert said(daemon.listen(ada, "", path=in_query)) == ["one", "two"]
    assert daemon.listen(ada, "x", path=in_query).types == ["CONNECTED", "RESET"]
    assert daemon.listen(ada, path=f"/events?token={ada}&lastEventId=").types == ["CONNECTED"]


@memory_only
@pytest.mark.parametrize(
    "wrong",
    [
        "x",
        "0",
        "1",
        "{era}",
        "{era}.",
        "{era}.x",
        "{era}.-1",
        "{era}.1.2",
        "{era}. 1",
        "{era}.1e1",
        "{era}.0x1",
        "{era}.\u00b2",
        "{era}.999999",
        "{era}.99999999999999999999999999",
        "00000000.1",
        ".1",
        "null",
        "%00",
        "x" * 5000,
        "\u00ff\u00fe",
    ],
)
def test_unknown_id(daemon, ada, wrong):
    """
    An id that is none of ours, or not yet, is answered with RESET right after
    CONNECTED, and the stream goes on from now.
    """
    daemon.say(ada, "before")
    era = daemon.listen(ada).events[0].id.partition(".")[0]
    listener = daemon.listen(ada, wrong.format(era=era))
    assert listener.types == ["CONNECTED", "RESET"]
    connected, reset = listener.events
    assert set(reset.payload) == {"reason"}
    now = daemon.listen(ada).events[0].id
    assert connected.payload["cursor"] == connected.id == now
    daemon.say(ada, "after")
    assert said(listener) == ["after"]
    assert said(daemon.listen(ada, reset.id)) == ["after"]


@memory_only
def test_id_of_another_server(daemon, make_daemon, ada):
    """
    Numbers of another server mean something else.
    """
    other = make_daemon()
    foreign = other.listen(other.token("ada")).events[0].id
    assert daemon.listen(ada, foreign).types == ["CONNECTED", "RESET"]


@memory_only
def test_too_long_ago(make_daemon):
    """
    What is no longer held cannot be caught up: RESET.  What is, can.
    """
    daemon = make_daemon(events={"keep_days": 2})
    ada = daemon.token("ada")
    old = daemon.listen(ada).events[0].id
    daemon.say(ada, "old")
    last_old = daemon.listen(ada).events[0].id
    daemon.clock.advance(1 * DAY)
    ada = daemon.token("ada")
    daemon.say(ada, "young")
    assert said(daemon.listen(ada, old)) == ["old", "young"]
    daemon.clock.advance(1 * DAY + 3600)
    ada = daemon.token("ada")
    daemon.restart()
    assert daemon.listen(ada, old).types == ["CONNECTED", "RESET"]
    assert said(daemon.listen(ada, last_old)) == ["young"]
    daemon.clock.advance(3 * DAY)
    ada = daemon.token("ada")
    daemon.restart()
    assert daemon.listen(ada, last_old).types == ["CONNECTED", "RESET"]
    newest = daemon.listen(ada).events[0].id
    assert daemon.listen(ada, newest).types == ["CONNECTED"]


@memory_only
def test_long_absence(daemon, ada):
    """
    However much was missed, it all comes, in order and once, also while more
    is said.
    """
    start = daemon.listen(ada).events[0].id
    channel = daemon.general(ada)
    for number in range(700):
        daemon.say(ada, str(number), channel)
    daemon.restart()
    listener = daemon.listen(ada, start)
    daemon.say(ada, "700")
    assert said(listener) == [str(number) for number in range(701)]
    assert len({event.id for event in listener.events}) == 702


def test_while_others_talk(daemon, ada, bob, listen):
    """
    Who comes and goes while others talk puts together the whole, with nothing
    left out and nothing twice.
    """
    [connected] = listen(ada).await_events(1)
    last, heard, channel = connected.id, [], daemon.general(ada)
    for number in range(40):
        daemon.say(bob, str(number), channel)
        if number % 4 == 0:
            listener = listen(ada, last)
            daemon.say(bob, f"{number} more", channel)
            listener.await_events(3)
            heard += listener.events[1:]
            last = listener.events[-1].id
            listener.leave()
    listener = listen(ada, last)
    daemon.say(bob, "end", channel)
    while "end" not in said(listener):
        listener.await_events(len(listener.events) + 1)
    heard += listener.events[1:]
    assert [event.payload["content"] for event in heard] == daemon.read(ada)
    assert len({event.id for event in heard}) == len(heard)


# Slow readers


@memory_only
def test_slow_reader(daemon, ada):
    """
    For a reader who pauses, what happens is kept until they read on.
    """
    listener = daemon.listen(ada)
    listener.fall_asleep()
    for number in range(20):
        daemon.say(ada, str(number))
    assert said(listener) == []
    listener.wake_up()
    daemon.say(ada, "20")
    assert said(listener) == [str(number) for number in range(21)]


@memory_only
def test_too_slow_reader(daemon, ada):
    """
    A reader too slow to keep up is hung up on, never served a gap; others are
    not troubled, and who comes back has missed nothing.
    """
    slow, quick, channel = daemon.listen(ada), daemon.listen(ada), daemon.general(ada)
    slow.fall_asleep()
    for number in range(80):
        daemon.say(ada, f"{number} {LARGE}", channel)
    assert slow.closed
    assert not slow.ended_cleanly
    assert slow.types == ["CONNECTED"]
    assert len(said(quick)) == 80
    again = daemon.listen(ada, slow.events[0].id)
    assert said(again) == said(quick)


@memory_only
def test_slow_to_catch_up(daemon, ada):
    """
    Who is caught up slowly is served piece by piece, and misses nothing that is said
    meanwhile.
    """
    start, channel = daemon.listen(ada).events[0].id, daemon.general(ada)
    for number in range(600):
        daemon.say(ada, str(number), channel)
    daemon.restart()
    listener = daemon.listen(ada, start)
    listener.fall_asleep()
    daemon.say(ada, "600", channel)
    listener.wake_up()
    assert said(listener) == [str(number) for number in range(601)]


# Staying


@memory_only
def test_heartbeat(daemon, ada):
    """
    A comment keeps the connection alive every 25 seconds, on every stream.
    """
    listeners = [daemon.listen(ada) for _ in range(3)]
    assert [listener.comments for listener in listeners] == [1, 1, 1]
    for beats in (2, 3, 4):
        pass_time(daemon, HEARTBEAT)
        assert [listener.comments for listener in listeners] == [beats] * 3
    assert {len(listener.events) for listener in listeners} == {1}


@memory_only
def test_outlives_its_token(make_daemon):
    """
    A stream outlives the access token that it was opened with, but not its session.
    """
    daemon = make_daemon(auth={"auth_mode": "password"})
    given = {"email": "ada@example.org", "password": "correct horse", "token": daemon.setup_token}
    pair = daemon.done(daemon.post("/auth/setup-password", given=given))
    listener = daemon.listen(pair["accessToken"])
    daemon.clock.advance(901)
    assert daemon.get("/auth/me", pair["accessToken"]).status == 401
    pair = daemon.done(daemon.post("/auth/refresh", given={"refreshToken": pair["refreshToken"]}))
    daemon.say(pair["accessToken"], "hello")
    assert said(listener) == ["hello"]
    daemon.clock.advance(7 * DAY - 61)
    assert not listener.closed
    daemon.clock.advance(121)
    assert listener.closed


@memory_only
def test_ends_with_its_session(daemon, ada, bob):
    """
    A stream ends with its session, at once and in the way of HTTP, and hears
    nothing that comes after; other sessions' streams go on.
    """
    mine, other = daemon.listen(ada), daemon.listen(daemon.token("ada"))
    daemon.done(daemon.delete("/auth/sessions", ada))
    assert not mine.closed or mine.ended_cleanly
    assert mine.closed
    assert other.closed  # all of them were ended
    his = daemon.listen(bob)
    daemon.say(bob, "hello")
    assert said(his) == ["hello"]
    assert said(mine) == []
    assert daemon.house.hub.count == 1


@memory_only
def test_asleep_when_its_session_ends(daemon, ada, bob):
    """
    Who does not read is cut off as well, after a little time to read what waits
    for them, of which the last may be why: it is not sent later.
    """
    listener = daemon.listen(bob)
    listener.fall_asleep()
    daemon.say(ada, "hello")
    daemon.done(daemon.delete("/auth/sessions", bob))
    assert daemon.house.hub.count == 0
    pass_time(daemon, CLOSING_SECONDS + 1)
    assert listener.closed
    assert said(listener) == []


@memory_only
def test_asleep_when_removed(daemon, ada, bob):
    """
    Who wakes up in that time hears last that they were removed.
    """
    listener = daemon.listen(bob)
    listener.fall_asleep()
    daemon.done(daemon.delete(f"/users/{user_id(daemon, bob)}", ada))
    daemon.say(ada, "after")
    listener.wake_up()
    assert listener.closed
    assert listener.ended_cleanly
    assert listener.types == ["CONNECTED", "REMOVE_USER"]


@memory_only
def test_removed_whatever_breaks(daemon, ada, bob, monkeypatch):
    """
    A removed user is out at once, even if nobody can be told so.
    """
    listener = daemon.listen(bob)
    bobs_id = user_id(daemon, bob)
    monkeypatch.setattr(Hub, "deliver", lambda *_: 1 / 0)
    daemon.done(daemon.delete(f"/users/{bobs_id}", ada))
    assert listener.closed
    assert daemon.get("/auth/me", bob).status == 401


def test_leaving(daemon, ada, bob, listen):
    """
    Who leaves is forgotten; the others hear on.
    """
    leaving, staying = listen(bob), listen(bob)
    leaving.await_events(1)
    leaving.leave()
    message = daemon.say(ada, "hello")
    assert staying.await_events(2)[1].payload == message


@memory_only
def test_leaving_leaves_nothing(daemon, ada):
    """
    Nothing is kept of those who have left, not even of those who were asleep.
    """
    listeners = [daemon.listen(ada) for _ in range(3)]
    listeners[0].fall_asleep()
    daemon.say(ada, "hello")
    assert daemon.house.hub.count == 3
    for listener in listeners:
        listener.leave()
    assert daemon.house.hub.count == 0
    pass_time(daemon, HEARTBEAT)
    daemon.say(ada, "nobody hears")


@memory_only
def test_who_talks_back(daemon, ada):
    """
    What a listener sends after its request is read by nobody.
    """
    listener = daemon.listen(ada)
    listener.transport.dataReceived(b"GET /health HTTP/1.1\r\n\r\n" * 10)
    daemon.say(ada, "hello")
    assert listener.types == ["CONNECTED", "NEW_MESSAGE"]


# How many


def test_too_many_streams(make_daemon):
    """
    One stream more than a user may have closes the oldest, after telling it to
    wait a minute and why; other users' are not counted.
    """
    daemon = make_daemon(events={"streams_per_user": 2})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    his = daemon.listen(bob)
    first, second, third = (daemon.listen(ada) for _ in range(3))
    first.await_end()
    assert first.types == ["CONNECTED", "REPLACED"]
    assert first.events[1].payload == {}
    assert first.retry == 60_000
    daemon.say(bob, "hello")
    for listener in (his, second, third):
        listener.await_events(2)
        assert listener.types == ["CONNECTED", "NEW_MESSAGE"]
        assert not listener.closed
        listener.leave()
    first.leave()


@memory_only
def test_thirty_two(daemon, ada):
    """
    A user may have 32 streams, unless the operator says otherwise.  One that
    has left does not count.
    """
    listeners = [daemon.listen(ada) for _ in range(32)]
    assert not any(listener.closed for listener in listeners)
    listeners[5].leave()
    listeners[5] = daemon.listen(ada)
    assert not any(listener.closed for listener in listeners)
    daemon.listen(ada)
    assert [listener.closed for listener in listeners] == [True] + [False] * 31
    assert listeners[0].ended_cleanly


@memory_only
def test_only_one(make_daemon):
    """
    Where there may be one, each takes the place of the one before.
    """
    daemon = make_daemon(events={"streams_per_user": 1})
    ada = daemon.token("ada")
    listeners = [daemon.listen(ada) for _ in range(3)]
    assert [listener.closed for listener in listeners] == [True, True, False]
    daemon.say(ada, "hello")
    assert said(listeners[2]) == ["hello"]


@memory_only
def test_oldest_is_asleep(make_daemon):
    """
    An oldest stream that does not read is closed all the same.
    """
    daemon = make_daemon(events={"streams_per_user": 1})
    ada = daemon.token("ada")
    first = daemon.listen(ada)
    first.fall_asleep()
    daemon.listen(ada)
    assert first.closed
    assert daemon.house.hub.count == 1


@memory_only
def test_missed(make_daemon):
    """
    What somebody else has written, and has gone again before the daemon came to look, it
    cannot tell: streams begin anew, and a session that has ended meanwhile opens nothing.
    """
    daemon = make_daemon()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    listener = daemon.listen(ada)
    daemon.say(ada, "before")
    assert daemon.get("/auth/me", bob).status == 200
    bob_id = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    last = listener.await_events(2)[-1].id
    with closing(daemon.database._connect()) as connection:
        connection.execute("DELETE FROM sessions WHERE user_id = ?", (bob_id,))
        connection.execute("DELETE FROM journal")
        connection.execute("UPDATE head SET number = number + 7")
    daemon.database.look()
    listener.await_end()
    assert daemon.listen(ada, last).types == ["CONNECTED", "RESET"]
    assert daemon.get("/auth/me", bob).status == 401
    again = daemon.listen(ada)
    daemon.say(ada, "after")
    assert [event.payload.get("content") for event in again.await_events(2)] == [None, "after"]


@memory_only
def test_another_era(make_daemon):
    """
    The record was put back to an earlier state while the daemon ran: no event id from before
    is believed, and what is new is told.
    """
    daemon = make_daemon()
    ada = daemon.token("ada")
    listener = daemon.listen(ada)
    daemon.say(ada, "kept")
    [(kept,)] = daemon.rows("SELECT number FROM head")
    daemon.say(ada, "lost")
    last = listener.await_events(3)[-1].id
    with closing(daemon.database._connect()) as connection:
        connection.execute("DELETE FROM journal WHERE number > ?", (kept,))
        connection.execute("DELETE FROM messages WHERE position > ?", (kept,))
        connection.execute("UPDATE head SET number = ?", (kept,))
    daemon.database.look()
    listener.await_end()
    again = daemon.listen(ada, last)
    daemon.say(ada, "new")
    assert again.types == ["CONNECTED", "RESET", "NEW_MESSAGE"]
    assert again.events[-1].payload["content"] == "new"
