"""
SIGTERM.
"""

import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from threading import Event

import pytest

from tests.daemon import request_bytes
from tests.real.daemon import PATIENCE, Sleeper

pytestmark = pytest.mark.real

END_OF_BODY = b"\r\n0\r\n\r\n"

HOUR = 3600

MANY = 20_000
"""Messages.  They take longer to go than somebody needs to stop the daemon."""

A_LITTLE = "x" * 16_000
"""A transport holds back four of these before it asks for no more."""


def open_stream(daemon, who):
    """
    @return: a socket on which the stream has begun.
    """
    line = daemon.connect()
    line.sendall(request_bytes("GET", f"/events?token={who}", {}, b""))
    begun = b""
    while b"CONNECTED" not in begun:
        begun += line.recv(4096)
    return line


def rest_of(line):
    """
    All that comes until the daemon hangs up.
    """
    with line, line.makefile("rb") as stream:
        return stream.read()


def put_to_sleep(daemon, sleeper, who):
    """
    Say so much that the kernel takes no more of it for C{sleeper}, and a little
    waits in the daemon: too little for it to hang up.

    An answer may be there before the event that it causes: that is written in the
    next turn of the reactor, and so before a second answer from then on.
    """
    before, now = -1, sleeper.unread
    while now > before:
        daemon.say(who, A_LITTLE)
        for _ in range(2):
            daemon.get("/health")
        before, now = now, sleeper.unread
    assert not sleeper.was_hung_up_on


def test_streams_end(as_process):
    """
    All who listen get the end of the body, and nobody waits for the time in
    which somebody could have been too slow.
    """
    daemon = as_process(server={"shutdown_seconds": HOUR})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    lines = [open_stream(daemon, who) for who in (ada, bob) for _ in range(25)]
    message = daemon.say(ada, "the last")
    assert daemon.stop() == -signal.SIGTERM
    for line in lines:
        rest = rest_of(line)
        assert rest.endswith(END_OF_BODY)
        assert message["id"] in rest.decode()
    assert "hanging up" not in daemon.log.read_text()
    daemon.assert_untroubled()


def test_one_does_not_read(as_process):
    """
    Somebody who does not read keeps the daemon for C{shutdownSeconds}, and not
    for ever; the others get their end, and nothing is lost.
    """
    # By a socket in the file system: what the kernel holds of it is little, and can be seen.
    listen = ("tcp:0:interface=127.0.0.1", "unix:socket")
    daemon = as_process(server={"shutdown_seconds": 2, "listen": listen})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    sleeper = Sleeper(daemon, bob, daemon.directory / "socket")
    put_to_sleep(daemon, sleeper, ada)
    lines = [open_stream(daemon, who) for who in (ada, bob) for _ in range(25)]
    message = daemon.say(ada, "the last")
    assert daemon.stop() == -signal.SIGTERM
    assert "hanging up" in daemon.log.read_text()
    for line in lines:
        rest = rest_of(line)
        assert rest.endswith(END_OF_BODY)
        assert message["id"] in rest.decode()
    daemon.start()
    assert daemon.read(ada)[-2:] == [A_LITTLE, "the last"]
    daemon.assert_untroubled()


def post_until_the_end(daemon, who, channel, name, begun):
    """
    @return: the contents that were acknowledged, those that were refused, and
        the one that nobody answered.
    """
    said = {200: [], 503: [], None: []}
    line = daemon.another()
    while not said[None]:
        content = f"{name} {sum(map(len, said.values()))}"
        try:
            answer = line.post(f"/channels/{channel}/messages", who, {"content": content})
        except (OSError, HTTPException):
            said[None].append(content)
        else:
            said[answer.status].append(content)
            begun.set()
    line.hang_up()
    return said


def test_while_posting(as_process):
    """
    What is posted while the daemon stops is acknowledged and there, or it is
    not there: what was begun is finished, and answered.
    """
    daemon = as_process(server={"shutdown_seconds": 2})
    ada = daemon.token("ada")
    general = daemon.general(ada)
    listener = daemon.listen(ada)
    names = ("one", "two", "three", "four")
    with ThreadPoolExecutor(len(names) + 1) as threads:
        begun = [Event() for _ in names]
        posting = [
            threads.submit(post_until_the_end, daemon, ada, general, name, event)
            for name, event in zip(names, begun, strict=True)
        ]
        hearing = threads.submit(listener.await_end)
        for event in begun:
            assert event.wait(PATIENCE)
        assert daemon.stop() == -signal.SIGTERM
        outcomes = [one.result(PATIENCE) for one in posting]
        hearing.result(PATIENCE)
    assert listener.ended_cleanly

    daemon.start()
    last = daemon.say(ada, "all is well")["id"]
    back = daemon.listen(ada, listener.events[-1].id)
    count = 1
    while back.await_events(count)[-1].payload.get("id") != last:
        count += 1
    told = [event.payload["content"] for event in (*listener.events[1:], *back.events[1:])]
    for name, said in zip(names, outcomes, strict=True):
        theirs = [content for content in told if content.startswith(name)]
        assert theirs == said[200]
    page = daemon.read(ada)
    assert page == told[-len(page) :]
    daemon.assert_untroubled()


def test_while_much_grows_too_old(as_process):
    """
    What takes long and is done by itself is not finished first: it goes on after
    the next start, and the log has nothing to complain of.
    """
    daemon = as_process(server={"shutdown_seconds": HOUR}, chat={"message_retention_days": 1})
    ada = daemon.token("ada")
    daemon.say(ada, "hello")
    daemon.stop()
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as database, database:
        database.execute(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers LIMIT ?)"
            " INSERT INTO messages (id, position, place_id, author_id, content, created_at)"
            " SELECT 'old' || n, -n, place_id, author_id, 'old', 0 FROM messages, numbers",
            (MANY,),
        )
    daemon.start()
    listener = daemon.listen(ada)
    assert listener.await_events(2)[1].type == "DELETE_MESSAGE"
    assert daemon.stop() == -signal.SIGTERM
    listener.await_end()
    daemon.assert_untroubled()
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as database:
        [(left,)] = database.execute("SELECT count(*) FROM messages")
    assert 1 < left <= MANY


def sign_in(daemon):
    line = daemon.another()
    given = {"email": "ada@example.org", "password": "not this one"}
    try:
        return line.post("/auth/password-login", given=given).status
    except (OSError, HTTPException):
        return None
    finally:
        line.hang_up()


def test_many_are_signing_in(as_process):
    """
    Passwords that wait to be checked do not keep the daemon: whoever waits is
    told so, and what is being checked takes part of a second.
    """
    daemon = as_process(server={"shutdown_seconds": 2}, auth={"auth_mode": "password"})
    assert sign_in(daemon) == 401
    with ThreadPoolExecutor(60) as threads:
        waiting = [threads.submit(sign_in, daemon) for _ in range(60)]
        while not any(one.done() for one in waiting):
            time.sleep(0.01)
        begun = time.monotonic()
        assert daemon.stop() == -signal.SIGTERM
        assert time.monotonic() - begun < 3
        answers = [one.result(PATIENCE) for one in waiting]
    assert answers.count(503) > 30
    assert set(answers) <= {401, 503, None}
    daemon.assert_untroubled()


def test_too_many_are_signing_in(as_process):
    """
    No more may wait than are served in a few seconds.
    """
    daemon = as_process(server={"shutdown_seconds": 1}, auth={"auth_mode": "password"})
    with ThreadPoolExecutor(90) as threads:
        waiting = [threads.submit(sign_in, daemon) for _ in range(90)]
        while not any(one.done() for one in waiting):
            time.sleep(0.01)
        daemon.stop()
        answers = [one.result(PATIENCE) for one in waiting]
    assert 429 in answers
    daemon.assert_untroubled()
