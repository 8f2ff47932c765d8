"""
Tests for L{teamchatd.systemd}, in one thread and without a daemon.
"""

import os
import socket

import pytest
from twisted.internet.defer import Deferred, fail

from teamchatd.errors import Unavailable
from teamchatd.systemd import EVERY, PATIENCE, Systemd, handed_over, prove_alive


@pytest.fixture
def ear(tmp_path):
    """
    The socket of a manager.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.setblocking(False)
        yield made


def heard(ear):
    messages = []
    while True:
        try:
            messages.append(ear.recv(65536).decode())
        except BlockingIOError:
            return messages


@pytest.fixture
def systemd(ear):
    return Systemd.of({"NOTIFY_SOCKET": ear.getsockname()})


def test_environment_is_ours():
    """
    What is meant for us is taken away, so that nobody whom we start has it.
    """
    environ = {
        "NOTIFY_SOCKET": "/nowhere",
        "WATCHDOG_USEC": "3000000",
        "WATCHDOG_PID": str(os.getpid()),
        "HOME": "/",
    }
    assert Systemd.of(environ).watchdog_seconds == 3
    assert environ == {"HOME": "/"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"WATCHDOG_USEC": "", "WATCHDOG_PID": str(os.getpid())},
        {"WATCHDOG_USEC": "soon"},
        {"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"},
    ],
)
def test_nothing_to_feed(environ):
    """
    Nobody waits for a sign of life, or for one of another process.
    """
    assert Systemd.of(environ).watchdog_seconds == 0


@pytest.mark.parametrize("address", ["", "/nowhere/at/all", "@teamchat-nobody", "vsock:2:1234"])
def test_nobody(address):
    """
    Who has nobody to tell tells it all the same, and nothing happens.
    """
    systemd = Systemd.of({"NOTIFY_SOCKET": address})
    systemd.ready("up")
    systemd.alive()
    systemd.stopping(1)


def test_one_line(ear, systemd):
    """
    A remark of several lines is no several messages.
    """
    systemd.remark("one\nREADY=1\x00")
    assert heard(ear) == ["STATUS=one READY=1 "]


def test_remark_is_news(ear, systemd):
    """
    What was said is not said again.
    """
    for remark in ("one", "one", "two", "one"):
        systemd.remark(remark)
    assert heard(ear) == ["STATUS=one", "STATUS=two", "STATUS=one"]


def test_upgrading(ear):
    """
    Who is told very often says it at once, and then every two seconds.
    """
    now = 100.0
    systemd = Systemd(ear.getsockname(), monotonic=lambda: now)
    for _ in range(1000):
        systemd.upgrading("a step")
    now += EVERY
    systemd.upgrading("a step")
    systemd.upgrading("another")
    more = f"EXTEND_TIMEOUT_USEC={PATIENCE * 1_000_000}"
    assert heard(ear) == [f"STATUS={what}\n{more}" for what in ("a step", "a step", "another")]


def test_no_room(ear, systemd):
    """
    What the manager has no room for comes with what is said next, once it has: but for
    signs of life, which were true when they were given.
    """
    systemd.alive()
    while not systemd._late:
        systemd.tell(FILL=1)
    systemd.ready("up")
    systemd.alive()
    assert not any("READY" in message for message in heard(ear))
    systemd.remark("up")  # which is no news
    assert heard(ear) == ["FILL=1\nREADY=1\nSTATUS=up"]


def test_forked(ear, systemd):
    """
    In another process than the one that was started, it says which.
    """
    systemd._pid = 1
    systemd.ready("up")
    assert heard(ear) == [f"READY=1\nSTATUS=up\nMAINPID={os.getpid()}"]


def test_proof():
    """
    It is alive when the writer has answered, and not before: be it that it cannot write.
    """
    under_way = Deferred()
    proof = Deferred.fromCoroutine(prove_alive(lambda: under_way))
    assert not proof.called
    under_way.callback(None)
    assert proof.called
    refused = Deferred.fromCoroutine(prove_alive(lambda: fail(Unavailable("full"))))
    assert refused.result is None


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"LISTEN_FDNAMES": "teamchat", "LISTEN_PID": "1", "LISTEN_FDS": "1"},
        {"LISTEN_FDNAMES": "teamchat"},  # which Twisted does not know of
    ],
)
def test_no_sockets(environ):
    """
    Names of sockets that were lent to another process, or to nobody, are nothing to us.
    """
    assert handed_over(environ) == []
