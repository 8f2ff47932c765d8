"""
Where we listen: L{teamchatd.http.listening}, at places that take their time.
"""

import subprocess
import sys
import time
from pathlib import Path

import pytest
import trustme
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactor, MemoryReactorClock
from twisted.logger import LogLevel, capturedLogs
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import Site

from teamchatd.http import listening as listening_module
from teamchatd.http.certificates import DAY, Certificates
from teamchatd.http.listening import CannotListen, Listening, with_backlog, without_tls


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


@pytest.mark.parametrize(
    ("description", "directory", "place"),
    [
        ("tls:/a", "/a", "tcp6:port=443"),
        ("tls:/a:port=8443:backlog=7", "/a", "tcp6:port=8443:backlog=7"),
        ("tls:/a:8443:7", "/a", "tcp6:8443:7"),
        ("tls:port=8443:path=/a", "/a", "tcp6:port=8443"),
        ("tls:path=/a", "/a", "tcp6:port=443"),
        (r"tls:/a\:b\\c\=d:interface=\:\:1", r"/a:b\c=d", r"tcp6:port=443:interface=\:\:1"),
    ],
)
def test_tls(description, directory, place):
    """
    It is written as for Twisted.
    """
    assert without_tls(description) == (Path(directory), place)


@pytest.fixture
def secure(tmp_path):
    """
    A directory with a certificate.
    """
    issued = trustme.CA().issue_cert("chat.example.org")
    issued.private_key_and_cert_chain_pem.write_to_path(tmp_path / "all.pem")
    return tmp_path


def listening_at(description):
    reactor = MemoryReactorClock()
    reactor.advance(time.time())
    return reactor, Listening(reactor, Site(Resource()), "", 0, [description])


def test_secure(secure):
    """
    It listens where it was told to, as one can see, and looks at its certificates every day
    until it stops.
    """
    reactor, service = listening_at(f"tls:{secure}:port=443:interface=127.0.0.1")
    with capturedLogs() as logs:
        service.startService()
    [(port, _, backlog, interface)] = reactor.tcpServers
    assert (port, backlog, interface) == (443, 4096, "127.0.0.1")
    [address] = service.addresses()
    assert address.startswith("https://")
    assert ["is good until" in event["log_format"] for event in logs] == [True]
    (secure / "all.pem").unlink()
    for look in (service.reload, lambda: reactor.advance(DAY)):
        with capturedLogs() as logs:
            look()
        assert "no certificate is left" in logs[0]["trouble"]
    service.stopService()
    assert reactor.getDelayedCalls() == []


@pytest.mark.parametrize(
    ("description", "why"),
    [
        ("tls:{}:port=443", "no certificate in {} can be used: there is none in any .pem file"),
        ("tls:port=443", "tls: needs the directory that has the certificates"),
        ("tls:{}:port=x", "invalid literal for int() with base 10: 'x'"),
        ("tls:{}:prot=3", "got an unexpected keyword argument 'prot'"),
    ],
)
def test_not_secure(tmp_path, description, why):
    """
    What cannot be is refused when it starts, with the reason.
    """
    _, service = listening_at(description.format(tmp_path))
    with pytest.raises(CannotListen) as refusal:
        service.startService()
    said = str(refusal.value)
    assert said.startswith("[server] listen: 'tls:")
    assert said.endswith(why.format(tmp_path))


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


def test_reload_goes_on():
    """
    What goes wrong with some certificates keeps no others from being read again, nor whoever
    waits for the reload from hearing that it is over.
    """
    read = []
    listening = Listening(MemoryReactor(), Site(Resource()), "", 0, [])
    listening._certificates = [None, Certificates(Path("nowhere"), MemoryReactorClock())]
    with pytest.MonkeyPatch.context() as patched, capturedLogs() as logs:
        patched.setattr(
            Certificates, "reload", lambda certificates: read.append(certificates._pairs)
        )
        listening.reload()
    assert read == [()]
    assert [event["log_level"] for event in logs] == [LogLevel.critical]
