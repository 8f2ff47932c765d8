"""
The short way to the socket: L{teamchatd.live.straight}.
"""

import random
import socket

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactor, StringTransport

from teamchatd.live import straight
from teamchatd.live.frames import frame
from teamchatd.live.stream import Stream

MORE_THAN_FITS = b"x" * (4 << 20)


class Ends:
    """
    Both ends of a connection, with a reactor that does nothing by itself.
    """

    def __init__(self):
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.setblocking(False)
        self.reactor = MemoryReactor()
        self.transport = Server(ours, Protocol(), ("127.0.0.1", 1), None, 1, self.reactor)

    @property
    def waits(self):
        """
        Whether the reactor was asked to say when there is room.
        """
        return self.transport in self.reactor.getWriters()

    def received(self):
        data = b""
        try:
            while more := self.theirs.recv(1 << 20):
                data += more
        except BlockingIOError:
            pass
        return data

    def close(self):
        self.transport.socket.close()
        self.theirs.close()


@pytest.fixture
def ends():
    made = Ends()
    yield made
    made.close()


def test_something_else():
    """
    What only looks like a connection, or is one under TLS, is written to as usual.
    """
    transport = StringTransport()
    straight.write(transport, b"hello")
    assert transport.value() == b"hello"


@pytest.mark.real
def test_straight(ends):
    """
    It is there at once, and the reactor has nothing to do.
    """
    straight.write(ends.transport, b"hello")
    assert ends.received() == b"hello"
    assert not ends.waits


@pytest.mark.real
def test_after_what_waits(ends):
    """
    Nothing overtakes what was written before.
    """
    ends.transport.write(b"first, ")
    straight.write(ends.transport, b"second")
    assert ends.received() == b""
    ends.transport.doWrite()
    assert ends.received() == b"first, second"


@pytest.mark.real
def test_what_does_not_fit(ends):
    """
    What the socket does not take is sent when there is room, and what comes after
    it comes after it.
    """
    straight.write(ends.transport, MORE_THAN_FITS)
    straight.write(ends.transport, b"the end")
    assert ends.waits
    received = ends.received()
    while ends.waits:
        ends.transport.doWrite()
        received += ends.received()
    assert received == MORE_THAN_FITS + b"the end"


@pytest.mark.real
def test_producer_is_paused(ends):
    """
    Who sends more than is read is told so, as by the transport.
    """

    class Producer:
        paused = False

        def pauseProducing(self):
            self.paused = True

    producer = Producer()
    ends.transport.registerProducer(producer, True)
    straight.write(ends.transport, MORE_THAN_FITS)
    assert producer.paused


@pytest.mark.real
def test_hung_up(ends):
    """
    When the other end is gone nothing breaks here: the transport finds out.
    """
    ends.theirs.close()
    for _ in range(3):
        straight.write(ends.transport, b"hello")
    assert ends.waits


@pytest.mark.real
def test_tls(ends):
    """
    On a connection that was upgraded, the socket is not ours to write to.
    """
    written = []
    ends.transport.TLS = True
    ends.transport.write = written.append
    straight.write(ends.transport, b"secret")
    assert written == [b"secret"]
    assert ends.received() == b""
    ends.transport.TLS = False


@pytest.fixture
def stream(ends):
    """
    A stream that has taken over the connection, and was told something.
    """
    return listening(ends)


def listening(ends, chunked=True):
    made = Stream(ends.transport, chunked, "u1", "s1", "c1")
    ends.transport.protocol = made
    ends.transport.registerProducer(made, True)
    made.send(frame(b"hello"))
    return made


@pytest.mark.real
def test_stream_knows_its_way(ends, stream, monkeypatch):
    """
    After the first frame a stream does not ask again.
    """
    monkeypatch.setattr(straight, "_is_straight", None)
    stream.send(frame(b"again"))
    assert ends.received() == frame(b"hello").chunk + frame(b"again").chunk


@pytest.mark.real
@pytest.mark.parametrize("seed", range(20))
def test_stream_in_order(ends, stream, seed):
    """
    However much comes, and however slowly it is read: all of it, in order, and once.
    """
    chance = random.Random(seed)
    told, received = [frame(b"hello")], ends.received()
    ends.transport.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    for _ in range(60):
        told.append(frame(chance.randbytes(chance.choice([1, 100, 5_000, 20_000]))))
        stream.send(told[-1])
        for _ in range(chance.randrange(4)):
            if chance.random() < 0.5:
                received += ends.received()
            elif ends.waits:
                ends.transport.doWrite()
    while ends.waits:
        received += ends.received()
        ends.transport.doWrite()
    received += ends.received()
    told.append(frame(b"the end"))
    stream.send(told[-1])
    assert received + ends.received() == b"".join(each.chunk for each in told)


@pytest.mark.real
def test_stream_paused(ends, stream):
    """
    Who is told to wait does not write past the one who says so.
    """
    stream.pauseProducing()
    stream.send(frame(b"again"))
    assert ends.received() == frame(b"hello").chunk


@pytest.mark.real
def test_stream_in_http_1_0(ends):
    """
    Without chunks, every time.
    """
    stream = listening(ends, chunked=False)
    stream.send(frame(b", hello"))
    assert ends.received() == b"hello, hello"


@pytest.mark.real
def test_stream_hung_up_on(ends, stream):
    """
    When its client is gone nothing breaks; once it has ended nothing is sent.
    """
    ends.theirs.close()
    stream.send(frame(b"again"))
    stream.send(frame(b"again"))
    assert ends.waits
    stream.connectionLost(None)
    stream.send(frame(b"again"))
    assert stream.is_closed


@pytest.mark.real
def test_stream_that_has_ended(ends, stream):
    """
    Nothing follows the end.
    """
    stream.finish()
    stream.send(frame(b"more"))
    assert ends.received() == frame(b"hello").chunk + b"0\r\n\r\n"


@pytest.mark.real
def test_stream_under_tls(ends):
    """
    A stream does not find a way past the encryption.
    """
    written = []
    ends.transport.write = written.append
    ends.transport.registerProducer = lambda producer, streaming: None
    ends.transport.TLS = True
    listening(ends).send(frame(b"again"))
    assert written == [frame(b"hello").chunk, frame(b"again").chunk]
    assert ends.received() == b""
    ends.transport.TLS = False
