"""
C{/health/ready} of a daemon in trouble.
"""

import resource
import signal
import sqlite3
from contextlib import closing

import pytest

from teamchatd.http import readiness
from tests.daemon import request_bytes
from tests.real.daemon import PATIENCE, Sleeper
from tests.real.test_stopping import put_to_sleep

pytestmark = pytest.mark.real


def await_ready(daemon, status):
    """
    @return: what is said then.  Each look takes a second at the most.
    """
    for _ in range(1000):
        answer = daemon.get("/health/ready")
        if answer.status == status:
            return answer
        daemon.get("/health")
    raise AssertionError(f"never {status}: {answer.body}")


def test_stuck_writer(as_process):
    """
    Somebody else holds the lock of the database: we are alive and not ready, nobody waits
    longer than it takes to find out, and when they let go, all is well.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = daemon.get("/health/ready")
        assert (answer.status, answer.json) == (503, {"error": readiness.STUCK})
        assert daemon.get("/health").status == 200
        assert daemon.get("/auth/me", ada).status == 200
        other.execute("ROLLBACK")
    while daemon.get("/health/ready").status != 200:
        daemon.get("/health")
    assert "Not ready: " in daemon.log.read_text()
    assert "Ready again" in daemon.log.read_text()
    daemon.say(ada, "all is well")
    daemon.assert_untroubled()


def test_disk_that_takes_nothing(as_process):
    """
    After a change found no room we are not ready, also when nothing more is asked; and
    we find out by ourselves that there is room again.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    daemon.say(ada, "x" * 10_000)
    process = daemon.process.pid
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    full = (daemon.data / "teamchat.sqlite-wal").stat().st_size
    resource.prlimit(process, resource.RLIMIT_FSIZE, (full, hard))
    path = f"/channels/{daemon.general(ada)}/messages"
    assert daemon.post(path, ada, {"content": "no room"}).status == 503
    for _ in range(3):
        answer = await_ready(daemon, 503)
        assert answer.json == {"error": readiness.NOT_WRITTEN}
    resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))
    while daemon.get("/health/ready").status != 200:
        daemon.get("/health")
    daemon.say(ada, "all is well")
    daemon.assert_untroubled()


def test_stopping(as_process):
    """
    Whoever asks while the last clients are waited for is told that we go.
    """
    listen = ("tcp:0:interface=127.0.0.1", "unix:socket")
    daemon = as_process(server={"shutdown_seconds": 3600, "listen": listen})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    sleeper = Sleeper(daemon, bob, daemon.directory / "socket")
    put_to_sleep(daemon, sleeper, ada)
    line = daemon.connect()
    with line, line.makefile("rb") as answers:
        asked = request_bytes("GET", "/health/ready", {}, b"")
        line.sendall(asked)
        assert b"200 OK" in answers.readline()
        daemon.process.send_signal(signal.SIGTERM)
        said = b""
        while b"HTTP/1.1 503 " not in said:
            line.sendall(asked)
            said = answers.readline()
            assert said, "the daemon hung up before it said 503"
    sleeper.socket.close()
    assert daemon.process.wait(PATIENCE) == -signal.SIGTERM
    daemon.assert_untroubled()
