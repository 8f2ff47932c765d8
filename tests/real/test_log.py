"""
What the operator reads: the log, and the lines on the terminal.
"""

import re
import resource
import subprocess
from pathlib import Path

import pytest

from teamchatd import __version__
from tests.real.daemon import PATIENCE, twistd

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
