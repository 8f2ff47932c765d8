"""
Where we listen: L{teamchatd.http.listening}, at places that take their time.
"""

import subprocess
import sys

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactor
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site

from teamchatd.http import listening as listening_module
from teamchatd.http.listening import CannotListen, Listening, with_backlog


class Place:
    """
    An endpoint, the port that it opens, and the reactor that runs it all.
    """

    def __init__(self):
        self.opening = Deferred()
        self.did = []

    def listen(self, site):
        return self.opening

    def stopListening(self):  # noqa: N802 - Twisted's name
        self.did.append("closed")

    def stop(self):
        self.did.append("stopped")

    def fail_at_exit(self):
        self.did.append("failed")


@pytest.mark.parametrize(
    ("description", "backlog"),
    [
        ("tcp:0:interface=127.0.0.1", 4096),
        ("unix:socket", 4096),
        ("tcp:0:interface=127.0.0.1:backlog=7", 7),
    ],
)
def test_backlog(description, backlog):
    """
    All who come back at once after a restart find room, wherever we listen.
    """
    reactor = MemoryReactor()
    Listening(reactor, Site(Resource()), "", 0, [description]).startService()
    [(_, _, given, *_)] = [*reactor.tcpServers, *reactor.unixServers]
    assert given == backlog


@pytest.mark.parametrize("description", ["systemd:domain=INET:index=0", "haproxy:tcp:80", "x"])
def test_not_our_backlog(description):
    assert with_backlog(description) == description


REFUSED = CannotListenError("", 80, OSError(13, "Permission denied"))


@pytest.fixture
def place(monkeypatch):
    place = Place()
    monkeypatch.setattr(listening_module, "serverFromString", lambda *_: place)
    return place


@pytest.fixture
def service(place):
    return Listening(place, None, "", 0, ["slow:1"], fail_at_exit=place.fail_at_exit)


def test_refused_later(place, service):
    """
    A daemon that nobody can reach does not run on as if all were well.
    """
    service.startService()
    with capturedLogs() as logs:
        place.opening.errback(REFUSED)
    assert place.did == ["failed", "stopped"]
    [event] = logs
    assert event["log_level"] == LogLevel.critical
    assert event["why"] == "cannot listen on slow:1: Permission denied"


def test_refused_at_once(place, service):
    """
    While we start, it is said to whoever starts us.
    """
    place.opening.errback(REFUSED)
    with pytest.raises(CannotListen, match="cannot listen on slow:1: Permission denied"):
        service.startService()


def test_opened_later(place, service):
    """
    It is closed like all the others.
    """
    service.startService()
    place.opening.callback(place)
    assert place.did == []
    service.stopService()
    assert place.did == ["closed"]


@pytest.mark.parametrize("refused", [True, False])
def test_too_late(place, service, refused):
    """
    What comes after the end is nobody's trouble, and stays open for nobody.
    """
    service.startService()
    service.stopService()
    place.opening.callback(Failure(REFUSED) if refused else place)
    assert place.did == ([] if refused else ["closed"])


def test_status():
    """
    The process says that it failed.
    """
    code = "from teamchatd.http.listening import fail_at_exit; fail_at_exit()"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 1
