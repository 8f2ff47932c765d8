"""
C{teamchat check}, as far as it looks at what is stored.
"""

import os
import shutil
from collections import namedtuple

import pytest

from teamchatd.config import Config
from teamchatd.console import place, storage
from teamchatd.console.finding import NOTE, OK, WRONG, Finding
from teamchatd.console.place import Place
from tests.daemon import NOON

Space = namedtuple("Space", "total used free")


@pytest.fixture
def look(here, tmp_path):
    """
    What is found, by what it is about: state and sentence.
    """

    def look(now=NOON, toml=None):
        file = None
        if toml is not None:
            file = tmp_path / "teamchat.toml"
            file.write_text(toml)
        found = storage.findings(here, file, now)
        assert len({(each.what, each.sentence) for each in found}) == len(found)
        return {each.what: (each.state, each.sentence) for each in found}

    return look


def test_all_is_well(daemon, upload, look):
    upload()
    found = look()
    assert list(found) == ["permissions", "disk", "database", "clock", "images"]
    assert {state for state, _ in found.values()} == {OK}
    head = daemon.database.head()
    assert found["disk"][1].endswith(f" are free in {daemon.directory}")
    assert found["database"][1] == f"is sound; schema 5, era {head.era}, event {head.number}"


def test_open_to_others(daemon, ada, look):
    (daemon.directory / "jwt-secret").write_text("x" * 64)
    (daemon.directory / "jwt-secret").chmod(0o640)
    state, sentence = look()["permissions"]
    assert (state, "jwt-secret: chmod -R go= " in sentence) == (WRONG, True)


def test_lost_and_found(daemon, ada, look):
    """
    What is root's in the root of every file system is no trouble, and no news.
    """
    (daemon.directory / "lost+found").mkdir(mode=0o755)
    if os.geteuid() == 0:
        os.chown(daemon.directory / "lost+found", 54321, 54321)
    assert look()["permissions"][0] == OK


def test_what_cannot_be_looked_at(daemon, ada, here, tmp_path):
    """
    It is said, and the rest is looked at all the same.
    """
    longest = "x" * 300
    file = tmp_path / "teamchat.toml"
    file.write_text(f'[auth]\njwtSecretFile = "/{longest}"')
    found = storage.findings(here, file, NOON)
    assert found[0] == Finding.wrong("secrets", f"/{longest}: File name too long")
    assert {each.state for each in found[1:]} == {OK}
    [found] = storage.findings(Place(Config(), daemon.directory / longest), None, NOON)
    assert (found.what, found.state) == ("data directory", WRONG)
    assert found.sentence.endswith("File name too long")


def test_somebody_elses(daemon, ada, look, request):
    if os.geteuid() == 0:
        os.chown(daemon.directory / "lock", 54321, 54321)
    else:
        request.node.user_properties.append(("root", "is not: another's file is made believe"))
        (daemon.directory / "lock").unlink()
        (daemon.directory / "lock").symlink_to("/etc/passwd")
        request.getfixturevalue("monkeypatch").setattr(
            "pathlib.Path.lstat", lambda path: os.stat(path)
        )
    state, sentence = look()["permissions"]
    assert (state, "lock belongs to another" in sentence) == (WRONG, True)


@pytest.mark.parametrize(
    ("toml", "is_open"),
    [
        ('[email]\npassword = "x"\n', True),
        ('[auth]\njwtSecret = "x"\n', True),
        ('[oauth.presets.google]\nclientSecret = "x"\n', True),
        ('[[oauth.custom]]\nid = "x"\nclientSecret = "x"\n', True),
        ('[email]\npassword = ""\n', False),
        ("[server]\nport = 3000\n", False),
    ],
)
def test_secrets(daemon, ada, look, tmp_path, toml, is_open):
    os.umask(0o022)
    assert look(toml=toml)["secrets"][0] == (WRONG if is_open else OK)
    (tmp_path / "teamchat.toml").chmod(0o640)
    assert look(toml=toml)["secrets"][0] == OK


def test_secret_in_a_file(daemon, ada, look, tmp_path):
    named = tmp_path / "password"
    named.write_text("x")
    named.chmod(0o644)
    toml = f'[email]\npasswordFile = "{named}"\n'
    state, sentence = look(toml=toml)["secrets"]
    assert (state, sentence.startswith(f"{named} has a secret")) == (WRONG, True)
    named.chmod(0o600)
    assert look(toml=toml)["secrets"][0] == OK


def test_behind_a_link(daemon, ada, tmp_path, request):
    """
    systemd lays a link of root's to a data directory that belongs to a C{DynamicUser=}.
    """
    link = tmp_path / "link"
    link.symlink_to(daemon.directory)
    if os.geteuid() == 0:
        os.lchown(link, 54321, 54321)
    else:
        request.node.user_properties.append(("root", "is not: the link is our own"))
    found = storage.findings(place.Place(Config(), link), None, NOON)
    assert {each.what: each.state for each in found}["permissions"] == OK


def test_full_disk(daemon, ada, look, monkeypatch):
    monkeypatch.setattr(storage.shutil, "disk_usage", lambda path: Space(10**9, 10**9, 10**6))
    state, sentence = look()["disk"]
    assert (state, "1.0 MB are free" in sentence) == (WRONG, True)


def test_no_inodes(daemon, ada, look, monkeypatch):
    system = os.statvfs("/")
    few = os.statvfs_result([*system[:5], 100_000, 7, 7, *system[8:]])
    monkeypatch.setattr(storage.os, "statvfs", lambda path: few)
    assert look()["disk"] == (WRONG, "only 7 more files can be made: make room")


def test_clock(daemon, ada, look):
    """
    Events from the future say that the clock is wrong now, or was.
    """
    assert look(NOON - 4)["clock"][0] == OK
    state, sentence = look(NOON - 3600)["clock"]
    assert (state, sentence.startswith("is 3600 seconds before the newest event")) == (WRONG, True)


def test_lost_files(daemon, upload, look):
    name = upload()
    (daemon.directory / "files" / name).unlink()
    (daemon.directory / "files" / "stray.png").write_bytes(b"stray")
    state, sentence = look()["images"]
    assert (state, sentence.startswith("1 files are missing")) == (WRONG, True)
    assert "1 are there that no message knows" in sentence


def test_stray_files(daemon, upload, look):
    upload()
    for number in range(storage.AT_ONCE + 1):
        (daemon.directory / "files" / f"stray{number}.png").touch()
    state, sentence = look()["images"]
    assert (state, sentence.startswith("501 files are there")) == (NOTE, True)


def test_damaged(daemon, ada, look):
    """
    A page of the database that was overwritten.
    """
    for number in range(50):
        daemon.say(ada, f"{number} {'x' * 1000}")
    daemon.database.stopService()
    path = daemon.directory / "teamchat.sqlite"
    kept = path.with_name("kept")
    shutil.copy(path, kept)
    [(page,)] = rootpage(daemon)
    with open(path, "r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    state, sentence = look()["database"]
    assert state == WRONG
    assert "damaged" in sentence or "cannot be read" in sentence
    kept.rename(path)
    daemon.database.startService()


def rootpage(daemon):
    return daemon.rows("SELECT rootpage FROM sqlite_master WHERE name = 'messages'")


def test_nothing_there(daemon, look):
    shutil.move(daemon.directory, away := daemon.directory.with_name("away"))
    assert look()["data directory"][0] == WRONG
    shutil.move(away, daemon.directory)


def test_left_over(daemon, ada, look):
    (daemon.directory / "before-restore-x").mkdir(mode=0o700)
    assert look()["restore"][0] == NOTE
    (daemon.directory / ".restoring").mkdir(mode=0o700)
    assert "was cut off" in look()["restore"][1]
