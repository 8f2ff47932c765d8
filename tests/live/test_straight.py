"""
The short way to the socket: L{teamchatd.live.straight}.
"""

import socket

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Server
from twisted.internet.testing import MemoryReactor, StringTransport

from teamchatd.live import straight

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
