"""
Starting: for the first time, again, and not at all.
"""

import http.client
import os
import re
import select
import signal
import socket
import sqlite3
import stat
import subprocess
from contextlib import closing

import pytest

from teamchatd.store.sqlite import found
from tests.real.daemon import PATIENCE, RealDaemon, twistd

pytestmark = pytest.mark.real

DEV = {"TEAMCHAT_AUTH_AUTH_MODE": "dev"}


@pytest.fixture
def refuse(tmp_path):
    """
    Starts a daemon that has to refuse: C{refuse(*options)}.  It says why in one
    line, which is returned, and ends with status 1.
    """

    def refuse(*options, data="data", port=0, environ=None):
        given = ["--data-dir", str(tmp_path / data), "--port", str(port), *options]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with twistd(*given, environ=environ, cwd=tmp_path, **pipes) as process:
            _, said = process.communicate(timeout=PATIENCE)
        line = re.fullmatch(r"teamchat: (.+)\n", said.decode())
        assert line, said.decode()
        assert process.returncode == 1
        return line[1]

    return refuse


@pytest.fixture
def taken_port():
    """
    A port on which somebody else listens.
    """
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.fixture
def record(tmp_path):
    """
    A data directory with a database that nobody uses, for the test to spoil.
    """
    (tmp_path / "data").mkdir()
    with closing(sqlite3.connect(tmp_path / "data" / "teamchat.sqlite")) as connection:
        connection.isolation_level = None
        found(connection)
        yield connection


def test_port_in_use(refuse, taken_port):
    """
    No daemon runs on without a port.
    """
    reason = refuse(port=taken_port)
    assert reason == f"cannot listen on 127.0.0.1:{taken_port}: Address already in use"


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("[server]\nprot = 1", "[server] prot: there is no such key; did you mean [server] port?"),
        ('[server]\nport = "x"', '[server] port: has to be a whole number, not "x"'),
        ("[server", "is not TOML"),
    ],
)
def test_wrong_file(refuse, tmp_path, toml, reason):
    """
    A wrong configuration is refused with the place and, if it is near another
    word, with that.
    """
    (tmp_path / "wrong.toml").write_text(toml)
    said = refuse("--config", "wrong.toml")
    assert said.startswith("wrong.toml: ")
    assert reason in said


@pytest.mark.parametrize(
    ("options", "environ", "reason"),
    [
        ((), {"TEAMCHAT_SERVER_SHUTDOWN_SECONDS": "soon"}, "SHUTDOWN_SECONDS"),
        ((), {"TEAMCHAT_SERVER_PROT": "80"}, "did you mean TEAMCHAT_SERVER_PORT?"),
        (("--port", "http"), {}, "--port"),
        (("--auth-mode", "none"), {}, '"none" is not "dev", "password" or "magic-link"'),
        (("--prot", "80"), {}, "--prot"),
        (("80",), {}, "--help"),
        (("--config", "missing.toml"), {}, "missing.toml: cannot be read: No such file"),
        ((), {**DEV, "TEAMCHAT_SERVER_HOST": "0.0.0.0"}, "open to other machines"),
    ],
)
def test_wrong_settings(refuse, options, environ, reason):
    """
    So is a wrong variable, a wrong option, a file that is not there, and a
    server that would let anybody in as anybody.
    """
    assert reason in refuse(*options, environ=environ)


def test_newer_database(refuse, record):
    """
    What a newer version wrote, an older one does not touch.
    """
    record.execute("INSERT INTO schema (number, compatible_from) VALUES (9999, 9999)")
    assert "schema 9999" in refuse()


def test_headless_database(refuse, record):
    """
    A journal that has lost count is not continued from nought.
    """
    record.execute("DELETE FROM head")
    assert "no readable head" in refuse()


def test_no_database(refuse, tmp_path):
    """
    What is no database is not replaced by one.
    """
    garbage = os.urandom(8192)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "teamchat.sqlite").write_bytes(garbage)
    assert "teamchat.sqlite cannot be used: file is not a database" in refuse()
    assert (tmp_path / "data" / "teamchat.sqlite").read_bytes() == garbage


@pytest.mark.parametrize("data", ["file", "file/below"])
def test_unusable_directory(refuse, tmp_path, data):
    """
    The data directory has to be one.
    """
    (tmp_path / "file").write_text("")
    assert f"the data directory {tmp_path / data} cannot be used" in refuse(data=data)


@pytest.mark.parametrize("content", [b"", b"too short", b"\xff" * 64])
def test_damaged_secret(refuse, tmp_path, content):
    """
    A damaged secret is not used, and not replaced either: that would sign
    everybody out.
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "jwt-secret").write_bytes(content)
    assert "jwt-secret" in refuse()
    assert (tmp_path / "data" / "jwt-secret").read_bytes() == content


def test_second_daemon(refuse, as_process):
    """
    A data directory has one daemon, which the second does not disturb.
    """
    first = as_process()
    reason = refuse(data=first.data)
    assert reason == f"another teamchat is running on {first.data}"
    assert first.get("/health").status == 200


def test_secret_is_kept(as_process):
    """
    The secret is for nobody else to read, and tokens outlive a restart.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    mode = (daemon.data / "jwt-secret").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    daemon.restart()
    assert daemon.get("/auth/me", ada).status == 200


# Becoming the first admin


def test_set_up_link(as_process):
    """
    The link in the log makes the first admin, once; a newer one voids it.
    """
    daemon = as_process(auth={"auth_mode": "password", "is_invite_required": True})
    given = {"email": "ada@example.org", "password": "correct horse"}
    outdated = daemon.setup_token
    daemon.restart()
    token = daemon.setup_token
    assert daemon.post("/auth/setup-password", given={**given, "token": outdated}).status == 400
    tokens = daemon.done(daemon.post("/auth/setup-password", given={**given, "token": token}))
    [ada] = daemon.done(daemon.get("/users", tokens["accessToken"]))["users"]
    assert (ada["email"], ada["isAdmin"]) == ("ada@example.org", True)

    again = {**given, "email": "eve@example.org", "token": token}
    assert daemon.post("/auth/setup-password", given=again).status == 400
    assert daemon.post("/auth/password-login", given=given).status == 200
    daemon.restart()
    assert daemon.setup_token == token, "there is another link, and nobody needs it"


def test_set_up_link_for_developers(as_process):
    """
    The same, where nobody has a password.
    """
    daemon = as_process(auth={"is_invite_required": True})
    token = daemon.setup_token
    ada = {"email": "ada@example.org", "token": token}
    eve = {"email": "eve@example.org", "token": token}
    assert daemon.post("/auth/dev-login", given={"email": "eve@example.org"}).status == 401
    assert daemon.done(daemon.post("/auth/dev-login", given=ada))["user"]["isAdmin"]
    assert daemon.post("/auth/dev-login", given=eve).status == 401


def test_initial_user(as_process):
    """
    The admin whom the configuration names can sign in; there is no link then.
    """
    daemon = as_process(
        auth={"auth_mode": "password"},
        environ={
            "TEAMCHAT_CHAT_INITIAL_USER_USER_NAME": "Ada",
            "TEAMCHAT_CHAT_INITIAL_USER_EMAIL": "ada@example.org",
            "TEAMCHAT_CHAT_INITIAL_USER_PASSWORD": "correct horse",
        },
    )
    assert daemon.setup_token is None
    daemon.restart()
    given = {"email": "ada@example.org", "password": "correct horse"}
    tokens = daemon.done(daemon.post("/auth/password-login", given=given))
    [ada] = daemon.done(daemon.get("/users", tokens["accessToken"]))["users"]
    assert (ada["userName"], ada["isAdmin"]) == ("Ada", True)
    assert "correct horse" not in daemon.log.read_text()


def test_unusable_initial_user(refuse):
    """
    An admin who could never sign in is not made.
    """
    begins = "TEAMCHAT_CHAT_INITIAL_USER_"
    environ = {begins + "EMAIL": "a,b@example.org", begins + "PASSWORD": "correct horse"}
    assert "a,b@example.org, cannot be made" in refuse(environ=environ)


def test_initial_user_too_late(as_process):
    """
    Whoever is named when there is an admin already is not made, and the log
    says so; of the admin themselves it says nothing.
    """
    told = "is not made: this server has an administrator already"
    variable = "TEAMCHAT_CHAT_INITIAL_USER_EMAIL"
    daemon = as_process(environ={variable: "ada@example.org"})
    daemon.restart()
    assert told not in daemon.log.read_text()
    daemon._environ[variable] = "eve@example.org"
    daemon.restart()
    said = daemon.log.read_text()
    assert f"[chat.initialUser] {told}" in said
    assert "eve@" not in said  # no address belongs into a log


@pytest.fixture
def opened_to_all(tmp_path):
    """
    A daemon whose data directory was there before it, for all to read.
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data").chmod(0o755)
    daemon = RealDaemon(tmp_path)
    yield daemon
    daemon.stop()


def test_for_nobody_else(opened_to_all):
    """
    What we keep is for us alone, also in a directory that is open to all, and
    also what was open to all itself.
    """
    data = opened_to_all.data
    opened_to_all.token("ada")
    assert modes(data) == {0o600}
    assert stat.S_IMODE((data / "files").stat().st_mode) == 0o700
    opened_to_all.stop()
    for path in data.iterdir():
        path.chmod(0o755 if path.is_dir() else 0o644)
    opened_to_all.start()
    assert modes(data) == {0o600}
    assert stat.S_IMODE((data / "files").stat().st_mode) == 0o700


def modes(directory):
    return {stat.S_IMODE(path.stat().st_mode) for path in directory.iterdir() if path.is_file()}


# As a daemon


@pytest.fixture
def daemonize(tmp_path):
    """
    Starts a daemon that forks: C{daemonize(*options)}, which returns the exit
    status of what was started.
    """

    def daemonize(*options):
        manner = ["--pidfile", str(tmp_path / "pid"), "--logfile", str(tmp_path / "log")]
        with twistd(*options, manner=manner, cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            return process.wait(PATIENCE)

    return daemonize


def test_daemon(daemonize, tmp_path):
    """
    Once C{twistd} has returned, the daemon serves; SIGTERM ends it, and takes
    its pidfile away.
    """
    assert daemonize("--port", "0", "--data-dir", "data") == 0
    pid = int((tmp_path / "pid").read_text())
    process = os.pidfd_open(pid)
    try:
        [port] = re.findall(r"listens at http://127.0.0.1:(\d+)", (tmp_path / "log").read_text())
        with closing(http.client.HTTPConnection("127.0.0.1", int(port), PATIENCE)) as line:
            line.request("GET", "/health")
            assert line.getresponse().read() == b"OK"
    finally:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended, _, _ = select.select([process], [], [], PATIENCE)
        os.close(process)
    assert ended
    assert not (tmp_path / "pid").exists()


def test_daemon_on_a_taken_port(daemonize, taken_port, tmp_path):
    """
    What fails after C{twistd} has forked is told to who started it, and to the
    log; no pidfile is left.
    """
    assert daemonize("--port", str(taken_port), "--data-dir", "data") == 1
    assert "Address already in use" in (tmp_path / "log").read_text()
    assert not (tmp_path / "pid").exists()


def test_daemon_with_wrong_settings(daemonize, tmp_path):
    """
    What is wrong with the settings is found before anything is forked.
    """
    assert daemonize("--auth-mode", "none", "--data-dir", "data") == 1
    assert not (tmp_path / "pid").exists()
