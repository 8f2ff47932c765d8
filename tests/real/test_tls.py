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

    def __init__(self, as_process, directory, kind, **server):
        self.authority, self.directory = trustme.CA(), directory / "certificates"
        self.directory.mkdir()
        self.issue()
        key, certificate = self.directory / "key.pem", self.directory / "cert.pem"
        files = {"ssl": f"privateKey={key}:certKey={certificate}", "tls": f"path={self.directory}"}
        place = f"{kind}:port=0:interface=127.0.0.1:{files[kind]}"
        self.daemon = as_process(server={"listen": ("tcp:0:interface=127.0.0.1", place), **server})
        said = re.search(r"listens at \S+, https://127\.0\.0\.1:(\d+)", self.daemon.log.read_text())
        self.port = int(said[1])
        self._context = ssl.create_default_context()
        self._context.set_alpn_protocols(["h2", "http/1.1"])
        self.authority.configure_trust(self._context)

    def issue(self):
        """
        Put a new certificate in the place of the last.

        @return: it, as a client is shown it.
        """
        issued = self.authority.issue_cert("127.0.0.1", "localhost")
        issued.private_key_pem.write_to_path(self.directory / "key.pem")
        issued.cert_chain_pems[0].write_to_path(self.directory / "cert.pem")
        return ssl.PEM_cert_to_DER_cert(issued.cert_chain_pems[0].bytes().decode())

    def reload(self):
        """
        Tell it to read them again, and wait until it has told what it thinks of them.
        """
        begun = self.daemon.log.stat().st_size
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon._await_log(begun, "TLS: ")

    def connect(self, name="127.0.0.1"):
        plain = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return self._context.wrap_socket(plain, server_hostname=name, suppress_ragged_eofs=False)

    def open_by_hand(self, who):
        return ByHand(socket.create_connection(("127.0.0.1", self.port), PATIENCE), self._context)

    def open_stream(self, who):
        """
        @return: a socket on which the stream has begun.
        """
        line = self.connect()
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


@pytest.fixture(params=["ssl", "tls"])
def secure(as_process, tmp_path, request):
    return lambda **server: Secure(as_process, tmp_path, request.param, **server)


@pytest.fixture
def with_directory(as_process, tmp_path):
    """
    One that has a directory of certificates, and reads it again.
    """
    return Secure(as_process, tmp_path, "tls")


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


def await_heard(line, words):
    heard = b""
    while words not in heard:
        heard += line.recv(65536)


def test_replaced(with_directory):
    """
    New connections are shown the new certificate; a stream that is open goes on, and is not the
    wiser.
    """
    here = with_directory
    daemon, ada = here.daemon, here.daemon.token("ada")
    with here.open_stream(ada) as line:
        old = line.getpeercert(binary_form=True)
        new = here.issue()
        here.reload()
        await_heard(line, daemon.say(ada, "after it was replaced")["id"].encode())
        for name in ("127.0.0.1", "localhost"):
            with here.connect(name) as another:
                assert old != another.getpeercert(binary_form=True) == new
                assert another.selected_alpn_protocol() == "http/1.1"
        await_heard(line, daemon.say(ada, "still there")["id"].encode())
    daemon.assert_untroubled()


def test_replaced_by_a_broken_one(with_directory):
    """
    A certificate that is written only in part is not taken, and the daemon goes on.
    """
    here = with_directory
    with here.connect() as line:
        old = line.getpeercert(binary_form=True)
    here.issue()
    (here.directory / "key.pem").write_bytes(b"-----BEGIN PRIVATE KEY-----\nMIGH")
    here.reload()
    here.daemon._await_log(0, "stays in use")
    with here.connect() as line:
        assert line.getpeercert(binary_form=True) == old
    here.daemon.assert_untroubled()


def test_page(secure):
    """
    The page asks browsers to come by TLS again; in plain HTTP it does not, for that would be a
    proxy's to say.
    """
    here = secure()
    with here.connect() as line:
        line.sendall(request_bytes("GET", "/", {"connection": "close"}, b""))
        head = rest_of(line).partition(b"\r\n\r\n")[0]
    assert head.startswith(b"HTTP/1.1 200 ")
    assert b"\r\nStrict-Transport-Security: max-age=31536000\r\n" in head + b"\r\n"
    assert "strict-transport-security" not in here.daemon.get("/").headers
