"""
Event streams on real sockets: slow readers, old HTTP, restarts, endings.
"""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from teamchatd.http.events import KERNEL_BUFFER
from tests.real.daemon import PATIENCE, Sleeper

pytestmark = pytest.mark.real

LARGE = "\N{SPEAKING HEAD IN SILHOUETTE}" * 16_000
"""A message of 64 kB, in the record and on the line."""

MB = 1 << 20

BOUND = 28 * MB
"""
How much larger a daemon may get while many megabytes pass through it.  It holds
8 MB of the newest events for those who come back, 1 MB for each reader who does
not read, and SQLite three caches of 2 MB; the rest is what Python and malloc
waste.
"""

PASSING = 2 * BOUND
"""Bytes that pass through it meanwhile: held back for somebody, they would show."""

AT_ONCE = 8
"""Messages in one commit, and half of what may wait for a reader."""


def memory(daemon):
    """
    Bytes of the daemon that are in memory.
    """
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kilobytes) * 1024


def contents(events):
    return [event.payload["content"] for event in events if event.type == "NEW_MESSAGE"]


def test_never_reads(as_process):
    """
    Whoever does not read is hung up on, and costs a bounded amount of memory and
    nobody else a thing; when they come back, they are told what they missed.
    """
    daemon = as_process()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    general = daemon.general(ada)
    [connected] = daemon.listen(ada).await_events(1)
    for _ in range(10):
        daemon.say(ada, LARGE, general)
    before = most = memory(daemon)

    sleepers = [Sleeper(daemon, bob) for _ in range(5)]
    reader, ids = daemon.listen(ada), []
    lines = [daemon.another() for _ in range(AT_ONCE)]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        while len(ids) * len(LARGE.encode()) < PASSING:
            said = threads.map(lambda line: line.say(ada, LARGE, general), lines)
            ids += [message["id"] for message in said]
            # In turn: with all at once, a slow machine makes this reader one who does not read.
            heard = reader.await_events(1 + len(ids))
            most = max(most, memory(daemon))
    for line in lines:
        line.hang_up()
    count = len(ids)
    assert sorted(event.payload["id"] for event in heard[1:]) == sorted(ids)
    assert all(sleeper.was_hung_up_on for sleeper in sleepers)
    assert most - before < BOUND

    back = daemon.listen(bob, connected.id)
    assert back.await_events(11 + count)[11:] == heard[1:]
    assert memory(daemon) - before < BOUND
    daemon.assert_untroubled()


def test_kernel_holds_little(as_process):
    """
    What somebody does not read waits with us, once for all who do not, and not in
    the kernel, for each of them.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    general, sleeper = daemon.general(ada), Sleeper(daemon, ada)
    for _ in range(40):
        daemon.say(ada, "x" * 16_000, general)
    assert not sleeper.was_hung_up_on
    assert 0 < held_back_by_kernel(sleeper) <= 2 * KERNEL_BUFFER < 40 * 16_000
    daemon.assert_untroubled()


def held_back_by_kernel(sleeper):
    """
    Bytes that the kernel has of the daemon's, for one who does not read.
    """
    ports = [
        f":{port:04X}" for _, port in (sleeper.socket.getpeername(), sleeper.socket.getsockname())
    ]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, here, there, _, queues, *_ = line.split()
        if [here[-5:], there[-5:]] == ports:
            return int(queues.partition(":")[0], 16)
    raise AssertionError("there is no such connection")


@pytest.mark.parametrize("version", ["HTTP/1.0", "HTTP/1.1"])
def test_all_hear_the_same(as_process, version):
    """
    Two who listen hear what a third says while they do, in one order; an old
    proxy, which knows no chunks, loses nothing.
    """
    daemon = as_process()
    ada, bob, eve = (daemon.token(name) for name in ("ada", "bob", "eve"))
    listeners = [daemon.listen(ada, version=version), daemon.listen(bob, version=version)]
    for listener in listeners:
        listener.await_events(1)
    said = [f"{number}\n\ndata: no event of its own \N{CHEESE WEDGE}" for number in range(50)]
    with ThreadPoolExecutor() as threads:
        heard = [threads.submit(listener.await_events, 51) for listener in listeners]
        for content in said:
            daemon.say(eve, content)
        first, second = (one.result(PATIENCE) for one in heard)
    assert contents(first) == said
    assert second[1:] == first[1:]
    daemon.stop()
    for listener in listeners:
        listener.await_end()
        assert listener.ended_cleanly
        assert listener.events == first or listener.events == second


@pytest.mark.parametrize("way", ["header", "query"])
def test_across_a_restart(as_process, way):
    """
    Who comes back to a daemon that was restarted is told what was said
    meanwhile, before and after, once and in order.
    """
    daemon = as_process()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    listener = daemon.listen(bob)
    daemon.say(ada, "heard")
    last = listener.await_events(2)[-1]
    listener.leave()

    daemon.say(ada, "missed before")
    daemon.restart()
    daemon.say(ada, "missed after")
    if way == "header":
        back = daemon.listen(bob, last.id)
    else:
        back = daemon.listen(bob, path=f"/events?token={bob}&lastEventId={last.id}")
    back.await_events(3)
    daemon.say(ada, "new")
    connected, *events = back.await_events(4)
    assert connected.payload["cursor"] == connected.id == last.id
    assert contents(events) == ["missed before", "missed after", "new"]
    numbers = [int(event.id.partition(".")[2]) for event in (last, *events)]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


@pytest.fixture
def with_passwords(as_process):
    """
    A daemon with one account, and who signs in to it.
    """
    account = {"email": "ada@example.org", "password": "correct horse"}
    daemon = as_process(
        auth={"auth_mode": "password"},
        environ={
            "TEAMCHAT_CHAT_INITIAL_USER_EMAIL": account["email"],
            "TEAMCHAT_CHAT_INITIAL_USER_PASSWORD": account["password"],
        },
    )
    return daemon, lambda: daemon.done(daemon.post("/auth/password-login", given=account))


def log_out(daemon, tokens):
    return daemon.post(
        "/auth/logout", tokens["accessToken"], {"refreshToken": tokens["refreshToken"]}
    )


def end_this_session(daemon, tokens):
    sessions = daemon.done(daemon.get("/auth/sessions", tokens["accessToken"]))["sessions"]
    [this] = [session["id"] for session in sessions if session["isCurrent"]]
    return daemon.delete("/auth/sessions", tokens["accessToken"], {"sessionId": this})


@pytest.mark.parametrize("end", [log_out, end_this_session])
def test_session_ends(with_passwords, end):
    """
    The streams of a session end with it, cleanly, and another session's go on.
    """
    daemon, sign_in = with_passwords
    mine, other = sign_in(), sign_in()
    cut = [daemon.listen(mine["accessToken"]) for _ in range(2)]
    going_on = daemon.listen(other["accessToken"])
    daemon.say(mine["accessToken"], "before")
    daemon.done(end(daemon, mine))
    for listener in cut:
        listener.await_end()
        assert listener.ended_cleanly
        assert contents(listener.events) == ["before"]
    daemon.say(other["accessToken"], "after")
    assert contents(going_on.await_events(3)) == ["before", "after"]
    assert not going_on.closed


def test_all_sessions_end(as_process):
    """
    C{DELETE /auth/sessions} cuts all streams of this user and of nobody else.
    """
    daemon = as_process()
    ada, bob, again = daemon.token("ada"), daemon.token("bob"), daemon.token("bob")
    adas, bobs = daemon.listen(ada), [daemon.listen(bob), daemon.listen(again)]
    daemon.done(daemon.delete("/auth/sessions", bob))
    for listener in bobs:
        listener.await_end()
        assert listener.ended_cleanly
        assert listener.types == ["CONNECTED"]
    daemon.say(ada, "after")
    assert adas.await_events(2)[-1].payload["content"] == "after"


def test_removed_user(as_process):
    """
    The last that removed users hear is that they were removed.
    """
    daemon = as_process()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    me = daemon.done(daemon.get("/auth/me", bob))["user"]
    adas, bobs = daemon.listen(ada), daemon.listen(bob)
    daemon.done(daemon.delete(f"/users/{me['id']}", ada))
    daemon.say(ada, "after")
    bobs.await_end()
    assert bobs.ended_cleanly
    assert bobs.types == ["CONNECTED", "REMOVE_USER"]
    gone = {"id": me["id"], "userName": "bob", "email": "bob@example.org"}
    assert bobs.events[-1].payload == gone
    assert [event.type for event in adas.await_events(3)[1:]] == ["REMOVE_USER", "NEW_MESSAGE"]
    assert daemon.get("/events", bob).status == 401


def test_one_too_many(as_process):
    """
    One stream too many really closes the user's oldest, which is told not to
    come back at once.
    """
    daemon = as_process(events={"streams_per_user": 2})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    oldest, second, bobs = daemon.listen(ada), daemon.listen(ada), daemon.listen(bob)
    third = daemon.listen(ada)
    oldest.await_end()
    assert oldest.ended_cleanly
    assert oldest.types == ["CONNECTED", "REPLACED"]
    assert oldest.events[-1].payload == {}
    assert oldest.retry == 60000
    daemon.say(ada, "hello")
    for listener in (second, third, bobs):
        assert listener.await_events(2)[-1].payload["content"] == "hello"
        assert listener.retry is None
