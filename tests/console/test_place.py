"""
As whom C{teamchat} works, and what it says of what it cannot work with.
"""

import os
import shutil
import sqlite3
from contextlib import closing

import pytest

from teamchatd.config import Config
from teamchatd.console import backup, place, restore
from teamchatd.console.terminal import Progress, in_words
from tests.daemon import NOON
from tests.killing import refusal

OWNER = 54321
"""Nobody's id, as systemd and containers choose them."""


def owned(directory, owner):
    for path in (directory, *directory.rglob("*")):
        os.chown(path, owner, owner)


def test_root_leaves_nothing_behind(teamchat, daemon, ada, request):
    """
    What root does here is done as the owner of the data directory, or the daemon could not
    write what SQLite lays beside the database.  Whoever is not root stays who they are.
    """
    if os.geteuid() != 0:
        request.node.user_properties.append(("root", "is not: nobody else becomes anybody"))
        place.become_owner(daemon.directory)
        assert os.geteuid() == daemon.directory.stat().st_uid
        return
    daemon.database.stopService()
    owned(daemon.directory, OWNER)
    parents = list(daemon.directory.parents)
    for parent in parents[: parents.index(type(daemon.directory)("/tmp"))]:
        parent.chmod(parent.stat().st_mode | 0o055)

    def work():
        place.become_owner(daemon.directory)
        assert (os.getuid(), os.geteuid(), os.getegid()) == (OWNER, OWNER, OWNER)
        assert os.getgroups() in ([], [OWNER])
        database = sqlite3.connect(daemon.directory / "teamchat.sqlite")
        database.execute("UPDATE settings SET value = 'x'")
        database.commit()
        os._exit(0)  # as if killed: what SQLite laid there stays

    assert refusal(work, 1 << 30) == ""
    names = {path.name for path in daemon.directory.iterdir()}
    assert "teamchat.sqlite-wal" in names
    assert {path.stat().st_uid for path in daemon.directory.iterdir()} == {OWNER}
    owned(daemon.directory, 0)
    daemon.database.startService()


def test_where_only_root_gets(daemon, ada, tmp_path, request, silent):
    """
    systemd keeps what belongs to a C{DynamicUser=} in a directory of root's.  There root
    stays root, and what it makes belongs to the owner nevertheless.
    """
    if os.geteuid() != 0:
        request.node.user_properties.append(("root", "is not: nothing can be given away"))
        place.give(daemon.directory, daemon.directory)
        assert daemon.directory.stat().st_uid == os.geteuid()
        return
    daemon.database.stopService()
    private = tmp_path / "private"
    private.mkdir(mode=0o700)
    directory = private / "data"
    shutil.copytree(daemon.directory, directory)
    owned(directory, OWNER)
    backups = tmp_path / "backups"
    here = place.Place(Config(), directory)

    def work():
        place.become_owner(directory)
        assert os.geteuid() == 0
        database = sqlite3.connect(directory / "teamchat.sqlite")
        database.execute("UPDATE settings SET value = 'x'")
        database.commit()
        made = backup.back_up(here, backups, lambda: NOON, silent).folder
        assert {path.stat().st_uid for path in directory.rglob("*")} == {OWNER}
        assert (directory / "teamchat.sqlite-shm").exists()
        database.close()
        (directory / "lock").unlink()
        restore.restore(here, made, True, lambda: NOON, silent)
        assert len(list(directory.rglob("*"))) > 5
        assert {path.stat().st_uid for path in directory.rglob("*")} == {OWNER}

    assert refusal(work, 1 << 30) == ""
    daemon.database.startService()


def test_no_data_directory(teamchat, tmp_path, daemon):
    """
    A mistyped directory is not made.
    """
    before = sorted(tmp_path.iterdir())
    empty = tmp_path / "empty"
    daemon.directory, directory = empty, daemon.directory
    for command in (["user", "list"], ["stats"], ["export", tmp_path / "out"]):
        status, _, complaint = teamchat(*command)
        assert (status, "there is no database" in complaint) == (1, True)
    daemon.directory = directory
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("statement", "sentence"),
    [
        ("DELETE FROM schema WHERE number > 3", "start the daemon, which upgrades it"),
        ("INSERT INTO schema VALUES (9999, 9999)", "written by a newer version"),
    ],
)
def test_other_schema(teamchat, daemon, ada, tmp_path, statement, sentence):
    """
    A database of another release is not written; a backup can be made of it.
    """
    with closing(sqlite3.connect(daemon.directory / "teamchat.sqlite")) as connection:
        connection.execute(statement)
        connection.commit()
    status, _, complaint = teamchat("user", "add", "eve@example.org")
    assert (status, sentence in complaint) == (1, True)
    assert teamchat("backup", tmp_path / "backups")[0] == 0


def test_no_database_at_all(teamchat, daemon, ada):
    daemon.database.stopService()
    path = daemon.directory / "teamchat.sqlite"
    kept = path.with_name("kept")
    shutil.move(path, kept)
    path.write_text("this is not a database, however long it may be" * 100)
    status, _, complaint = teamchat("user", "list")
    assert (status, "cannot be used" in complaint) == (1, True)
    path.unlink()
    shutil.move(kept, path)
    daemon.database.startService()


def test_what_the_system_refuses(teamchat, daemon, tmp_path):
    """
    Mostly because somebody is not root: it is a sentence, and no traceback.
    """
    daemon.directory, directory = tmp_path / ("x" * 300), daemon.directory
    status, _, complaint = teamchat("stats")
    assert (status, complaint) == (1, f"teamchat: {daemon.directory}: File name too long\n")
    daemon.directory = directory


def test_secrets_of_systemd(teamchat, daemon, ada, tmp_path):
    """
    Files that systemd gives to the daemon are gone with it, which is when a backup is restored.
    Who needs no secret does not miss them.
    """
    file = tmp_path / "teamchat.toml"
    file.write_text(
        f'[auth]\njwtSecretFile = "{tmp_path}/gone"\n'
        '[email]\nhost = "mail.example.org"\nfrom = "chat@example.org"\nuser = "chat"\n'
        f'passwordFile = "{tmp_path}/gone-too"\n'
    )
    for command in (["stats"], ["user", "list"], ["backup", tmp_path / "backups"]):
        assert teamchat(*command, "--config", file)[0] == 0
    [made] = (tmp_path / "backups").iterdir()
    daemon.database.stopService()
    status, _, complaint = teamchat("restore", made, "--replace", "--config", file)
    assert (status, complaint) == (0, "")
    status, _, complaint = teamchat("check", "--config", file)
    assert (status, "jwtSecretFile" in complaint) == (1, True)
    daemon.database.startService()


def test_bad_configuration(teamchat, daemon, tmp_path):
    """
    A mistake in the configuration is named as the daemon would name it.
    """
    file = tmp_path / "bad.toml"
    file.write_text("[server]\nprot = 3000\n")
    status, _, complaint = teamchat("stats", "--config", file)
    assert status == 1
    assert complaint.startswith(f"teamchat: {file}: [server] prot: there is no such key")


class Stream:
    def __init__(self, is_terminal):
        self.isatty = lambda: is_terminal
        self.said = ""
        self.write = self._write
        self.flush = lambda: None

    def _write(self, text):
        self.said += text


def told(is_terminal):
    """
    What is told of work that takes a minute, and is asked for each second.
    """
    now, stream = [0.0], Stream(is_terminal)
    progress = Progress("Copying", stream, lambda: now[0])
    for second in range(61):
        now[0] = second
        progress.at(f"{second} files")
    progress.over()
    return stream.said


def test_progress():
    """
    A line that grows for who watches; a line now and then for a log.
    """
    assert told(is_terminal=False) == "".join(
        f"Copying: {second} files\n" for second in (10, 20, 30, 40, 50, 60)
    )
    shown = told(is_terminal=True)
    assert shown.count("\r") == 61
    assert "\n" not in shown
    assert shown.endswith("\r\033[K")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (10**7, "10.0 MB"),
        (10**13, "10000.0 GB"),
    ],
)
def test_in_words(size, words):
    assert in_words(size) == words
