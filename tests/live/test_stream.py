"""
One listener: L{teamchatd.live.stream}.
"""

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure

from teamchatd.live.frames import HEARTBEAT, event, frame
from teamchatd.live.stream import LONGEST_BACKLOG, Stream
from tests.daemon import MemoryTransport

A, B = frame(b"a\n\n"), frame(b"b\n\n")


@pytest.fixture
def transport():
    return MemoryTransport(None)


@pytest.fixture
def stream(transport):
    made = Stream(transport, True, "u1", "s1", "c1")
    transport.protocol = made
    transport.registerProducer(made, True)
    return made


def test_chunked(stream, transport):
    """
    In HTTP/1.1 an event is a chunk, and the end is an empty one.
    """
    stream.send(A)
    stream.end()
    assert transport.value() == b"3\r\na\n\n\r\n0\r\n\r\n"
    assert transport.disconnecting


def test_plain(transport):
    """
    In HTTP/1.0 the end of the connection is the end.
    """
    stream = Stream(transport, False, "u1", "s1", "c1")
    transport.protocol = stream
    transport.registerProducer(stream, True)
    stream.send(A)
    stream.end()
    assert transport.value() == b"a\n\n"


def test_paused(stream, transport):
    """
    While the reader does not read nothing is written; then all of it, in order.
    """
    stream.pauseProducing()
    stream.send(A)
    stream.send(B)
    assert transport.value() == b""
    stream.resumeProducing()
    assert transport.value() == A.chunk + B.chunk


def test_paused_again(stream, transport):
    """
    A transport that is full again before all is written gets the rest later.
    """
    stream.pauseProducing()
    stream.send(A)
    stream.send(B)
    write, transport.write = transport.write, lambda data: (write(data), stream.pauseProducing())
    stream.resumeProducing()
    assert transport.value() == A.chunk
    stream.resumeProducing()
    assert transport.value() == A.chunk + B.chunk


def test_too_slow(stream, transport):
    """
    Whoever falls too far behind is hung up on, without an end that would look
    like the whole.
    """
    large = frame(b"x" * (LONGEST_BACKLOG // 4))
    stream.pauseProducing()
    for _ in range(4):
        stream.send(large)
    assert transport.aborted
    assert transport.value() == b""
    assert not stream.is_open


def test_drained_backlog_counts_anew(stream, transport):
    """
    What was read no longer counts against a slow reader.
    """
    large = frame(b"x" * (LONGEST_BACKLOG // 2))
    for _ in range(4):
        stream.pauseProducing()
        stream.send(large)
        stream.resumeProducing()
    assert not transport.aborted


def test_no_heartbeat_for_who_does_not_read(stream, transport):
    """
    Comments do not fill a backlog.
    """
    stream.pauseProducing()
    stream.beat(HEARTBEAT)
    stream.resumeProducing()
    assert transport.value() == b""


def test_end_of_a_reader_who_does_not_read(stream, transport):
    """
    It would have to read a backlog first, and may never.
    """
    stream.pauseProducing()
    stream.end()
    assert transport.aborted


def test_finished(stream, transport):
    """
    Where a slow reader may still read, all that waits comes before the end.
    """
    stream.pauseProducing()
    stream.send(A)
    stream.finish()
    stream.send(B)
    assert not stream.is_open
    assert transport.value() == b""
    stream.resumeProducing()
    assert transport.value() == A.chunk + b"0\r\n\r\n"
    assert stream.is_closed


def test_aborted_while_it_ends(stream, transport):
    """
    Who does not take the end can be hung up on, and then no more is written.
    """
    stream.pauseProducing()
    stream.send(A)
    stream.finish()
    stream.abort()
    assert transport.aborted
    stream.resumeProducing()
    assert transport.value() == b""


def test_gone_once(stream, transport):
    """
    However it ends, the end is noticed once, and nothing is written after it.
    """
    gone = []
    stream.gone = gone.append
    stream.end()
    stream.end()
    stream.abort()
    stream.send(A)
    stream.beat(HEARTBEAT)
    assert gone == [stream]
    assert transport.value() == b"0\r\n\r\n"


def test_left(stream, transport):
    """
    A reader who goes away is noticed.
    """
    gone, closed = [], []
    stream.gone, stream.closed = gone.append, closed.append
    stream.connectionLost(Failure(ConnectionDone()))
    assert (gone, closed) == ([stream], [stream])


def test_drained(stream):
    """
    Who waits for room goes on as soon as there is some, or nobody is left.
    """
    assert stream.drained().called
    stream.pauseProducing()
    waiting = stream.drained()
    assert not waiting.called
    stream.resumeProducing()
    assert waiting.called
    stream.pauseProducing()
    waiting = stream.drained()
    stream.abort()
    assert waiting.called


def test_event():
    """
    One event is an id, one line of data, and an empty line.
    """
    assert event("e.1", '{"a":"ü"}').plain == 'id: e.1\ndata: {"a":"ü"}\n\n'.encode()
