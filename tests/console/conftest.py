"""
The command C{teamchat} beside a daemon in memory.
"""

import sys
from base64 import b64encode
from io import StringIO

import pytest

from teamchatd.auth import passwords
from teamchatd.config import Config
from teamchatd.console import main, place
from teamchatd.console.terminal import Progress
from tests.daemon import BCRYPT_COST
from tests.files import corpus


class Typed(StringIO):
    """
    What somebody types, or sends.
    """

    def __init__(self, text, is_typed):
        super().__init__(text)
        self._is_typed = is_typed

    def isatty(self):
        return self._is_typed


@pytest.fixture
def make_daemon(in_memory):
    """
    In memory alone: what the command does in a process of its own is tested elsewhere.
    """
    return in_memory


@pytest.fixture
def teamchat(daemon, monkeypatch, capsys):
    """
    Runs C{teamchat ...} on the daemon's data directory and by its clock: status, what it
    says, and what it complains of.
    """
    monkeypatch.setattr(place, "reactor", daemon.clock)
    monkeypatch.setattr(passwords, "BCRYPT_COST", BCRYPT_COST)

    def teamchat(*arguments, sent="", typed=None, mode=None):
        """
        @param sent: what comes through a pipe.
        @param typed: what comes from a terminal instead.
        """
        monkeypatch.setenv("TEAMCHAT_AUTH_AUTH_MODE", mode or daemon.mode)
        monkeypatch.setattr(sys, "stdin", Typed(typed or sent, typed is not None))
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main([*map(str, arguments), "--data-dir", str(daemon.directory)])
        said = capsys.readouterr()
        return ended.value.code, said.out, said.err

    return teamchat


@pytest.fixture
def here(daemon, monkeypatch):
    """
    The place where the daemon keeps everything.
    """
    monkeypatch.setattr(place, "reactor", daemon.clock)
    return place.Place(Config(), daemon.directory)


@pytest.fixture
def silent():
    """
    Progress that nobody sees.
    """
    return Progress("Working", StringIO())


@pytest.fixture
def upload(daemon, ada):
    """
    Uploads an image to General, and says something with it: the name of its file.
    """

    def upload(content="look", size=(500, 400)):
        given = {"filename": "garden.png", "image": b64encode(corpus.png(size)).decode()}
        path = f"/channels/{daemon.general(ada)}/messages/image"
        name = daemon.done(daemon.post(path, ada, given))["filename"]
        daemon.say(ada, content, images=[name])
        return name

    return upload
