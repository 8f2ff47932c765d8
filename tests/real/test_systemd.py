"""
Run by systemd: what it is told, what it asks for, and the sockets that it lends.
"""

import http.client
import os
import re
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from teamchatd import __version__
from teamchatd.store import schema
from teamchatd.store.sqlite import found
from tests.real.daemon import IN_FRONT, PATIENCE, RealDaemon, free_port, twistd
from tests.real.manager import Manager

pytestmark = pytest.mark.real

OFTEN = 0.4
"""Seconds within which the daemon has to show that it is alive."""


@pytest.fixture
def manager(tmp_path):
    return Manager(str(tmp_path / "notify"))


@pytest.fixture
def watched(manager, as_process):
    """
    A daemon that has to show that it is alive, and that is up.
    """
    daemon = as_process(environ=manager.environ(OFTEN))
    manager.await_word("READY")
    return daemon


def answers(port):
    """
    Whether somebody serves there now, at the first try.
    """
    with closing(http.client.HTTPConnection("127.0.0.1", port, PATIENCE)) as line:
        line.request("GET", "/health")
        return line.getresponse().read() == b"OK"


# From the start to the end


@pytest.mark.parametrize("kind", ["a path", "a name"])
def test_ready(kind, tmp_path):
    """
    Who hears that it is ready is served, and hears once what it is and how many are there.
    """
    name = f"@teamchat-{os.getpid()}-{tmp_path.name}"
    manager = Manager(name if kind == "a name" else str(tmp_path / "notify"))
    port = free_port()
    daemon = object.__new__(RealDaemon)
    daemon.start = daemon.start_unheard
    daemon.__init__(tmp_path, environ=manager.environ(), port=port)
    try:
        ready = manager.await_word("READY")
        assert answers(port)
        assert ready == {
            "READY": "1",
            "STATUS": f"teamchat {__version__}, users listening: 0, streams: 0",
        }
    finally:
        daemon.stop()


def test_status(manager, as_process):
    """
    How many listen is told when it changes.
    """
    daemon = as_process(environ=manager.environ())
    manager.await_word("READY")
    listener = daemon.listen(daemon.token("ada"))
    status = f"teamchat {__version__}, users listening: 1, streams: 1"
    assert manager.await_word("STATUS")["STATUS"] == status
    listener.leave()


def test_never_ready(manager, tmp_path):
    """
    Who cannot listen is not ready, and says why.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        given = ["--port", str(port), "--data-dir", str(tmp_path / "data")]
        with twistd(*given, environ=manager.environ(), stderr=subprocess.DEVNULL) as process:
            assert process.wait(PATIENCE) == 1
    manager.catch_up()
    assert manager.said("READY") == []
    why = f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert manager.said("STATUS")[-1] == why


@pytest.fixture
def old_record(tmp_path, monkeypatch):
    """
    A data directory as an older version has left it.
    """
    everything = schema.steps()
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "teamchat.sqlite")) as connection:
        connection.isolation_level = None
        monkeypatch.setattr(schema, "steps", lambda: everything[:3])
        found(connection)
        monkeypatch.undo()
    return [step.name for step in everything[3:]]


def test_upgrade(old_record, manager, tmp_path):
    """
    While it upgrades its database it says with what it is busy, and asks for more time;
    only then it is ready.  A reload that is asked for meanwhile does not end it.
    """
    daemon = object.__new__(RealDaemon)
    daemon.start = daemon.start_unheard
    daemon.__init__(tmp_path, environ=manager.environ())
    try:
        first = manager.next()
        daemon.process.send_signal(signal.SIGHUP)
        manager.await_word("READY")
        steps = [f"Upgrading the database: {name}" for name in old_record]
        told = [message for message in manager.heard if "EXTEND_TIMEOUT_USEC" in message]
        assert first == told[0]
        assert list(dict.fromkeys(message["STATUS"] for message in told)) == [
            "Copying the database before its upgrade",
            *steps,
        ]
        assert all(int(message["EXTEND_TIMEOUT_USEC"]) >= 60_000_000 for message in told)
        assert "EXTEND_TIMEOUT_USEC" not in manager.heard[-1]
        manager.await_word("RELOADING")
        manager.await_word("READY")
    finally:
        daemon.stop()


def test_stopping(manager, as_process):
    """
    Its end may take as long as its configuration says, whatever the unit does.
    """
    daemon = as_process(server={"shutdown_seconds": 100}, environ=manager.environ())
    manager.await_word("READY")
    daemon.stop()
    manager.catch_up()
    last = manager.heard[-1]
    assert last.get("STOPPING") == "1", manager.heard
    assert int(last["EXTEND_TIMEOUT_USEC"]) > 100_000_000


def test_forked(manager, tmp_path):
    """
    A daemon that has forked says which process it is, and is alive in the name of the one
    that was started.
    """
    manner = ["--pidfile", str(tmp_path / "pid"), "--logfile", str(tmp_path / "log")]
    given = ["--port", "0", "--data-dir", str(tmp_path / "data")]
    command = [str(Path(sys.executable).with_name("twistd")), *manner, "teamchat", *given]
    root = str(Path(__file__).parent.parent.parent)
    subprocess.run(
        ["sh", "-c", 'WATCHDOG_PID=$$ exec "$@"', "sh", *command],
        env=os.environ | manager.environ(OFTEN) | {"PYTHONPATH": root},
        stderr=subprocess.DEVNULL,
        check=True,
        timeout=PATIENCE,
        cwd=tmp_path,
    )
    pid = int((tmp_path / "pid").read_text())
    process = os.pidfd_open(pid)
    try:
        assert manager.await_word("READY")["MAINPID"] == str(pid)
        manager.await_word("WATCHDOG")
    finally:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        os.close(process)
    manager.await_word("STOPPING")


def test_nobody_listens(manager, watched):
    """
    A manager that goes does no harm, and one that comes back hears us.
    """
    manager.go()
    assert watched.get("/health").status == 200
    manager.listen()
    manager.await_word("WATCHDOG")
    watched.assert_untroubled()


# Being alive


def test_alive(manager, watched):
    """
    It shows that it is alive, again and again.
    """
    for _ in range(5):
        manager.await_word("WATCHDOG")


def test_watching_another(manager, as_process):
    """
    What another process has to show, ours does not.
    """
    daemon = as_process(environ=manager.environ(OFTEN) | {"WATCHDOG_PID": "1"})
    manager.await_word("READY")
    assert manager.hears_nothing_for(2 * OFTEN)
    daemon.stop()
    manager.catch_up()
    assert manager.said("READY") == ["1"]
    assert manager.said("WATCHDOG") == []


def test_writer_hangs(manager, watched):
    """
    While its writer hangs, here because somebody else has the database, it does not say
    that it is alive; as soon as the writer answers, it does.
    """
    ada = watched.token("ada")
    path = f"/channels/{watched.general(ada)}/messages"
    with closing(sqlite3.connect(watched.data / "teamchat.sqlite")) as other:
        other.isolation_level = None
        other.execute("BEGIN IMMEDIATE")
        manager.catch_up()
        before = len(manager.said("WATCHDOG"))
        waiting = watched.another()
        with ThreadPoolExecutor() as pool:
            answer = pool.submit(waiting.post, path, ada, {"content": "in vain"})
            assert answer.result().status == 503  # after five seconds
        waiting.hang_up()
        # One may have been under way, and each try of the writer ends in an answer.
        manager.catch_up()
        assert len(manager.said("WATCHDOG")) - before <= 3
        other.execute("ROLLBACK")
    for _ in range(4):
        manager.await_word("WATCHDOG")


def test_reactor_hangs(manager, watched):
    """
    While its reactor hangs, here because it reads what nobody writes, it does not say that
    it is alive.
    """
    file = watched.directory / "teamchat.toml"
    file.unlink()
    os.mkfifo(file)
    watched.process.send_signal(signal.SIGHUP)
    with open(file, "w"):  # comes back when the daemon reads
        manager.await_word("RELOADING")
        manager.catch_up()
        assert manager.hears_nothing_for(3 * OFTEN)
    manager.await_word("READY")
    manager.await_word("WATCHDOG")


# Reloading


@pytest.fixture
def reload(manager):
    """
    Gives a daemon another configuration: C{reload(daemon, toml)}.  Returns what it then says
    in its log.
    """

    def reload(daemon, toml):
        (daemon.directory / "teamchat.toml").write_text(toml)
        begun = daemon.log.stat().st_size
        before = time.monotonic_ns() // 1000
        daemon.process.send_signal(signal.SIGHUP)
        reloading = manager.await_word("RELOADING")
        assert reloading["RELOADING"] == "1"
        assert before <= int(reloading["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000
        manager.await_word("READY")
        return daemon.log.read_text()[begun:]

    return reload


def test_reload(manager, as_process, reload):
    """
    What can change at once does; of the rest it is said that it does not.
    """
    daemon = as_process(environ=manager.environ(), rate_limit={"enabled": True})
    manager.await_word("READY")
    ada = daemon.token("ada")
    assert daemon.done(daemon.get("/config.json"))["maxImageBytes"] == 10 << 20
    said = reload(
        daemon,
        "[images]\nmaxBytes = 2048\n[rateLimit]\nrequestsPerMinute = 3\n"
        "[auth]\njwtExpirySeconds = 60\nmaxActiveSessions = 1\n",
    )
    changed = "[auth] maxActiveSessions, [images] maxBytes, [rateLimit] requestsPerMinute"
    assert f"changed: {changed}\n" in said
    assert "This takes effect at the next start: [auth] jwtExpirySeconds\n" in said
    assert daemon.done(daemon.get("/config.json"))["maxImageBytes"] == 2048
    assert [daemon.get("/users", ada).status for _ in range(4)][-1] == 429
    daemon.assert_untroubled()


def test_reload_again(manager, as_process, reload):
    """
    What waits for the next start is said again, until it does not wait any more; what has
    changed already is not.
    """
    daemon = as_process(environ=manager.environ())
    manager.await_word("READY")
    toml = "[events]\nkeepDays = 9\nstreamsPerUser = 2\n"
    assert "changed: [events] streamsPerUser\n" in reload(daemon, toml)
    said = reload(daemon, toml)
    assert "changed: nothing\n" in said
    assert "next start: [events] keepDays\n" in said
    assert "next start" not in reload(daemon, "[events]\nstreamsPerUser = 3\n")
    assert daemon.get("/health").status == 200


@pytest.mark.parametrize(
    ("toml", "why"),
    [
        ("[images", "is not TOML"),
        ("[images]\nmaxBytes = 1\n", "[images] maxBytes: 1 is not between"),
        ('[images]\nmaxBytes = 2048\n[auth]\nauthMode = "non"\n', "[auth] authMode"),
    ],
)
def test_bad_reload(manager, as_process, reload, toml, why):
    """
    A configuration that would be refused is, with its sentence; and nothing changes.
    """
    daemon = as_process(environ=manager.environ())
    manager.await_word("READY")
    said = reload(daemon, toml)
    assert "The configuration stays as it was: " in said
    assert why in said
    assert daemon.done(daemon.get("/config.json"))["maxImageBytes"] == 10 << 20
    daemon.assert_untroubled()


# Sockets that it lends


LENT = 'exec 3<&"$LENT" && LISTEN_PID=$$ exec "$@"'


@pytest.fixture
def lend(tmp_path):
    """
    Starts a daemon with a socket: C{lend(socket)}.  It logs to C{tmp_path / "log"}.
    """
    started = []

    def lend(ours, *options, name="teamchat", toml=""):
        (tmp_path / "teamchat.toml").write_text(toml)
        command = [str(Path(sys.executable).with_name("twistd")), *IN_FRONT, "teamchat"]
        given = ["--config", tmp_path / "teamchat.toml", "--data-dir", tmp_path / "data", *options]
        fd = ours.fileno()
        environ = {"LISTEN_FDS": "1", "LISTEN_FDNAMES": name, "LENT": str(fd)}
        root = str(Path(__file__).parent.parent.parent)
        with open(tmp_path / "log", "ab") as log:
            process = subprocess.Popen(
                ["bash", "-c", LENT, "bash", *command, *given],
                env=os.environ | environ | {"PYTHONPATH": root, "PYTHONUNBUFFERED": "1"},
                pass_fds=[fd],
                stdout=log,
                stderr=log,
                cwd=tmp_path,
            )
        started.append(process)
        return process

    yield lend
    for process in started:
        process.kill()
        process.wait()


def ask(line):
    line.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")


def answered(line):
    with line, line.makefile("rb") as stream:
        return stream.read().endswith(b"OK")


def connected(ours):
    line = socket.socket(ours.family)
    line.settimeout(PATIENCE)
    line.connect(ours.getsockname())
    return line


@pytest.fixture(params=["a port", "a path"])
def ours(request, tmp_path):
    """
    A socket as systemd makes it.
    """
    if request.param == "a port":
        with socket.create_server(("127.0.0.1", 0), backlog=64) as made:
            yield made
    else:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(tmp_path / "http.sock"))
            made.listen(64)
            (tmp_path / "http.sock").chmod(0o660)
            yield made


def test_restart_refuses_nobody(lend, ours, tmp_path):
    """
    Who connects while the daemon is started anew waits, and is answered; and the socket
    stays what it was.
    """
    process = lend(ours)
    for _ in range(2):
        line = connected(ours)
        ask(line)
        assert answered(line)
        process.send_signal(signal.SIGTERM)
        process.wait(PATIENCE)
        waiting = [connected(ours) for _ in range(20)]
        for line in waiting:
            ask(line)
        process = lend(ours)
        assert all(answered(line) for line in waiting)
    if ours.family == socket.AF_UNIX:
        assert stat.S_IMODE((tmp_path / "http.sock").stat().st_mode) == 0o660
    assert "not used" not in (tmp_path / "log").read_text()


def said(process, tmp_path, pattern):
    for _ in range(PATIENCE * 50):
        if match := re.search(pattern, (tmp_path / "log").read_text()):
            return match
        try:
            process.wait(0.02)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError((tmp_path / "log").read_text())


def test_written_port_is_not_used(lend, ours, tmp_path):
    """
    Who has written down a port hears that it is not used.
    """
    process = lend(ours, toml="[server]\nport = 4444\n")
    said(process, tmp_path, r"\[server\] host and port are not used")
    line = connected(ours)
    ask(line)
    assert answered(line)


def test_listen_wins(lend, ours, tmp_path):
    """
    Where it is written where to listen, that is where.
    """
    process = lend(ours, toml='[server]\nlisten = ["tcp:0:interface=127.0.0.1"]\n')
    port = int(said(process, tmp_path, r"listens at http://127\.0\.0\.1:(\d+)\n")[1])
    assert answers(port)


def test_called_otherwise(lend, ours, tmp_path):
    """
    A socket that is not called as ours is left alone.
    """
    process = lend(ours, "--port", "0", name="metrics")
    port = int(said(process, tmp_path, r"listens at http://127\.0\.0\.1:(\d+)\n")[1])
    assert answers(port)


def test_dev_mode_is_refused(lend, ours, tmp_path):
    """
    Nobody knows who reaches such a socket: dev mode is not for it.
    """
    process = lend(ours, "--auth-mode", "dev")
    assert process.wait(PATIENCE) == 1
    assert "is open to other machines" in (tmp_path / "log").read_text()
