"""
Event streams over TLS: its connections end only when both sides agree.
"""

import re
import signal
import socket
import ssl
import time
from pathlib import Path

import pytest
import trustme

from teamchatd.live.hub import CLOSING_SECONDS
from tests.daemon import request_bytes
from tests.real.daemon import PATIENCE

pytestmark = pytest.mark.real

END_OF_BODY = b"\r\n0\r\n\r\n"


class Secure:
    """
    A daemon that is reached over TLS, too.
    """

    def __init__(self, as_process, directory, **server):
        authority = trustme.CA()
        issued = authority.issue_cert("127.0.0.1")
        issued.private_key_pem.write_to_path(directory / "key.pem")
        issued.cert_chain_pems[0].write_to_path(directory / "cert.pem")
        files = f"privateKey={directory / 'key.pem'}:certKey={directory / 'cert.pem'}"
        listen = ("tcp:0:interface=127.0.0.1", f"ssl:0:interface=127.0.0.1:{files}")
        self.daemon = as_process(server={"listen": listen, **server})
        said = re.search(
            r"listens at \S+, https?://127\.0\.0\.1:(\d+)", self.daemon.log.read_text()
        )
        self._port = int(said[1])
        self._context = ssl.create_default_context()
        authority.configure_trust(self._context)

    def open_by_hand(self, who):
        return ByHand(socket.create_connection(("127.0.0.1", self._port), PATIENCE), self._context)

    def open_stream(self, who):
        """
        @return: a socket on which the stream has begun.
        """
        plain = socket.create_connection(("127.0.0.1", self._port), PATIENCE)
        line = self._context.wrap_socket(
            plain, server_hostname="127.0.0.1", suppress_ragged_eofs=False
        )
        line.sendall(request_bytes("GET", f"/events?token={who}", {}, b""))
        begun = b""
        while b"CONNECTED" not in begun:
            begun += line.recv(4096)
        return line

    @property
    def connections(self):
        """
        How many sockets the daemon has.
        """
        files = Path(f"/proc/{self.daemon.process.pid}/fd").iterdir()
        return sum(
            str(file.readlink()).startswith("socket:") for file in files if file.is_symlink()
        )


class ByHand:
    """
    A connection over TLS that keeps all that came, as it came.

    @ivar wire: what was read from the socket.
    @ivar heard: what was in it.
    """

    def __init__(self, plain, context):
        self._socket = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname="127.0.0.1")
        self.wire = self.heard = b""
        self._until_done(self._tls.do_handshake)

    def send(self, data):
        self._until_done(self._tls.write, data)

    def await_heard(self, words):
        while words not in self.heard:
            self.heard += self._until_done(self._tls.read, 65536)

    def close(self):
        self._socket.close()

    def _until_done(self, step, *args):
        while True:
            try:
                return step(*args)
            except ssl.SSLWantReadError:
                self._socket.sendall(self._outgoing.read())
                data = self._socket.recv(65536)
                assert data
                self.wire += data
                self._incoming.write(data)
            finally:
                self._socket.sendall(self._outgoing.read())


APPLICATION_DATA = 23
RECORDS = range(20, APPLICATION_DATA + 1)
"""What a record of TLS may hold (RFC 8446, section 5.1)."""


def records(wire):
    """
    The kinds of all records in C{wire}, which has to be made of nothing else.
    """
    kinds = []
    while wire:
        kind, version, length = wire[0], wire[1], int.from_bytes(wire[3:5])
        assert (kind in RECORDS, version) == (True, 3), wire[:80]
        kinds.append(kind)
        wire = wire[5 + length :]
    return kinds


@pytest.fixture
def secure(as_process, tmp_path):
    return lambda **server: Secure(as_process, tmp_path, **server)


def rest_of(line):
    """
    All that comes until the daemon says that this is the end.
    """
    rest = b""
    while data := line.recv(4096):
        rest += data
    return rest


def test_listening(secure):
    """
    All is heard, and the end is one that nobody else could have made.
    """
    here = secure()
    daemon = here.daemon
    ada = daemon.token("ada")
    with here.open_stream(ada) as line:
        message = daemon.say(ada, "hello")
        daemon.done(daemon.delete("/auth/sessions", ada))
        heard = rest_of(line)
    assert message["id"].encode() in heard
    assert heard.endswith(END_OF_BODY)
    daemon.assert_untroubled()


def test_wire(secure):
    """
    Every byte of a stream is in a record of TLS: none goes past it to the socket.
    """
    here = secure()
    ada = here.daemon.token("ada")
    line = here.open_by_hand(ada)
    line.send(request_bytes("GET", f"/events?token={ada}", {}, b""))
    line.await_heard(b"CONNECTED")
    begun = len(line.wire)
    for number in range(20):
        said = here.daemon.say(ada, f"{number} " + "secret " * number * 100)
        line.await_heard(said["id"].encode())
    assert b"secret" not in line.wire
    assert set(records(line.wire)[-20:]) == {APPLICATION_DATA}
    assert len(line.wire) - begun > 19 * 20 / 2 * 100 * 7
    line.close()
    here.daemon.assert_untroubled()


def test_leaving(secure):
    """
    Who leaves takes the connection along.
    """
    here = secure()
    ada = here.daemon.token("ada")
    before = here.connections
    here.open_stream(ada).close()
    await_connections(here, before)


def await_connections(here, count):
    for _ in range(PATIENCE * 10):
        if here.connections <= count:
            return
        time.sleep(0.1)
    raise AssertionError(f"{here.connections} sockets are left, not {count}")


def test_sleeping(secure):
    """
    Who does not answer the end does not keep the connection: nobody counts it,
    so there could be any number.
    """
    here = secure()
    ada = here.daemon.token("ada")
    before = here.connections
    lines = [here.open_stream(ada) for _ in range(5)]
    here.daemon.done(here.daemon.delete("/auth/sessions", ada))
    assert here.connections == before + len(lines)
    await_connections(here, before)
    for line in lines:
        line.close()
    here.daemon.assert_untroubled()


def test_stopping(secure):
    """
    Nor does it keep the daemon for longer than it may take to stop.
    """
    here = secure(shutdown_seconds=2)
    line = here.open_stream(here.daemon.token("ada"))
    begun = time.monotonic()
    assert here.daemon.stop() == -signal.SIGTERM
    assert time.monotonic() - begun < min(CLOSING_SECONDS, 3)
    assert "hanging up" in here.daemon.log.read_text()
    line.close()
    here.daemon.assert_untroubled()
