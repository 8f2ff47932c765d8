"""
What the operator reads: the log, and the lines on the terminal.
"""

import json
import os
import re
import resource
import select
import signal
import subprocess
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from teamchatd import __version__
from tests.real.daemon import IN_FRONT, PATIENCE, twistd

pytestmark = pytest.mark.real


def run(*options):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with twistd(*options, **pipes) as process:
        said, wrong = process.communicate(timeout=PATIENCE)
    return process.returncode, said, wrong


def test_version():
    """
    It is ours, and not that of Twisted.
    """
    assert run("--version") == (0, f"teamchat {__version__}\n", "")


def test_wrong_number_of_arguments():
    """
    A sentence of Twisted's goes on in ours.
    """
    _, _, wrong = run("80")
    assert wrong == (
        "teamchat: Wrong number of arguments; twistd teamchat --help tells the options\n"
    )


def test_failed_start_says_it_once(tmp_path):
    """
    On a terminal the log and stderr are one place.
    """
    (tmp_path / "file").write_text("")
    status, said, wrong = run("--port", "0", "--data-dir", str(tmp_path / "file"))
    assert status == 1
    assert (said + wrong).count("the data directory") == 1


def test_open_files(as_process):
    """
    A shell gives so few that a thousand listeners are too many: we take all that
    we may have, and say what that comes to.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        daemon = as_process()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    limits = Path(f"/proc/{daemon.process.pid}/limits").read_text()
    assert re.search(rf"Max open files\s+{hard}\s+{hard}\s", limits)
    [room] = re.findall(r"room for (\d+) connections", daemon.log.read_text())
    assert hard - 100 < int(room) < hard


def test_start(as_process):
    """
    Dev mode is warned of, and no object of Twisted's says that it starts.
    """
    daemon = as_process()
    daemon.get("/health")
    log = daemon.log.read_text()
    assert log.count('authMode is "dev": whoever reaches this port') == 1
    assert "Starting factory" not in log


def test_what_was_done(as_process):
    """
    Who was added, given a password and removed, and by whom; nobody's address.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    ids = {}
    given = {"email": "bob@example.org", "role": "user"}
    daemon.done(daemon.post("/users/add", ada, given))
    users = daemon.done(daemon.get("/users", ada))["users"]
    ids["user"] = next(user["id"] for user in users if user["email"] == given["email"])
    ids["by"] = daemon.done(daemon.get("/auth/me", ada))["user"]["id"]
    path = f"/users/{ids['user']}"
    daemon.done(daemon.post(f"{path}/reset-password", ada, {"password": "battery staple"}))
    daemon.done(daemon.delete(path, ada))
    log = daemon.log.read_text()
    for line in (
        "User {user} was added as user, by {by}",
        "User {user} was given a new password, by {by}",
        "User {user} was removed, by {by}",
    ):
        assert log.count(line.format(**ids)) == 1
    assert "bob@" not in log


@pytest.mark.parametrize("place", ["stdout", "logfile", "detached"])
def test_json(tmp_path, place):
    """
    One object a line, wherever C{twistd} was told to write; and for each request its
    fields.
    """
    (tmp_path / "run").mkdir()
    log = tmp_path / "run" / "log"
    manner = {
        "stdout": IN_FRONT,
        "logfile": (*IN_FRONT, "--logfile", str(log)),
        "detached": ("--pidfile", str(tmp_path / "pid"), "--logfile", str(log)),
    }[place]
    with open(tmp_path / "terminal", "w") as terminal:
        process = twistd(
            *("--port", "0", "--data-dir", str(tmp_path / "data")),
            manner=manner,
            environ={"TEAMCHAT_LOG_FORMAT": "json"},
            cwd=tmp_path,
            stdout=terminal,
            stderr=terminal,
        )
    written = tmp_path / "terminal" if place == "stdout" else log
    address = await_match(written, r"listens at (http://127\.0\.0\.1:\d+)")[1]
    with urlopen(f"{address}/health?token=secret", timeout=PATIENCE) as answer:
        request_id = answer.headers["x-request-id"]
    pid = int((tmp_path / "pid").read_text()) if place == "detached" else process.pid
    os.kill(pid, signal.SIGTERM)
    await_match(written, "Server Shut Down")
    process.wait(PATIENCE)
    said = [json.loads(line) for line in written.read_text().splitlines()]
    assert all({"time", "level", "namespace", "text"} <= set(each) for each in said)
    [visit] = [each for each in said if each.get("request") == request_id]
    assert (visit["method"], visit["path"], visit["status"]) == ("GET", "/health", 200)
    assert (visit["bytes"], visit["user"]) == (2, "")
    assert "secret" not in written.read_text()
    if place != "stdout":
        assert (tmp_path / "terminal").read_text() == ""


def await_match(file, pattern):
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found = re.search(pattern, file.read_text() if file.exists() else "")
        if found:
            return found
        select.select([], [], [], 0.02)
    raise AssertionError(f"{file} never says {pattern}")


def test_debug_messages(as_process):
    """
    SIGUSR2 switches them on, and off again, while all goes on.
    """
    daemon = as_process()
    written = r"teamchatd\.store\.database#debug\] \d+ changes on disk"
    ada = daemon.token("ada")
    assert not re.search(written, daemon.log.read_text())
    daemon.process.send_signal(signal.SIGUSR2)
    daemon.await_log("Debug messages are on")
    daemon.say(ada, "hello")
    daemon.await_log(written)
    daemon.process.send_signal(signal.SIGUSR2)
    daemon.await_log("Debug messages are off")
    before = daemon.log.read_text().count("#debug")
    daemon.say(ada, "hello")
    daemon.get("/health")
    assert daemon.log.read_text().count("#debug") == before
    daemon.assert_untroubled()


def test_who_came(as_process):
    """
    Who came in and who did not, from where; never what they have typed.
    """
    user = {"user_name": "ada", "email": "ada@example.org", "password": "correct horse"}
    names = {f"TEAMCHAT_CHAT_INITIAL_USER_{name.upper()}": each for name, each in user.items()}
    daemon = as_process(auth={"auth_mode": "password"}, environ=names)
    given = {"email": "ada@example.org", "password": "correct horse"}
    token = daemon.done(daemon.post("/auth/password-login", None, given))["accessToken"]
    mine = daemon.done(daemon.get("/auth/me", token))["user"]["id"]
    assert daemon.post("/auth/password-login", None, given | {"password": "guess 1"}).status == 401
    assert daemon.post("/auth/password-login", None, given | {"email": "x@x.org"}).status == 401
    daemon.done(daemon.put("/server/settings", token, {"name": "Office"}))
    daemon.done(daemon.delete("/auth/sessions", token, {}))
    log = daemon.log.read_text()
    refused = "was refused: The e-mail address or the password is wrong."
    for line in (
        f"User {mine} signed in by password from 127.0.0.1\n",
        f"A sign-in by password from 127.0.0.1 to the account of user {mine} {refused}\n",
        f"A sign-in by password from 127.0.0.1 {refused}\n",
        f"The server was given another name, by {mine}\n",
        f"User {mine} has ended all their sessions\n",
    ):
        assert log.count(line) == 1, line
    for secret in ("correct horse", "guess 1", "ada@", "x@x.org"):
        assert secret not in log
