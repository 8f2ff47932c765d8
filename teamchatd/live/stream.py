"""
One client that is listening.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.python.failure import Failure
from zope.interface import implementer

from teamchatd.live import straight
from teamchatd.live.frames import END, Frame

LONGEST_BACKLOG = 1 << 20
"""
How many bytes a reader who does not read may fall behind, on top of what the
transport and the kernel hold.  Then we hang up: it comes back with
C{Last-Event-ID} and is caught up from the journal, which everybody shares.
"""


@implementer(IPushProducer)
class Stream:
    """
    Frames in, bytes out, never more than L{LONGEST_BACKLOG} waiting in between.

    It takes the place of the HTTP protocol on the connection: ten thousand of
    these hang on one daemon, and a request each with its headers would cost
    several times as much.  So it is at once what the transport delivers to (the
    protocol) and what the transport slows down (the producer).

    @ivar user_id: whose stream this is.
    @ivar session_id: whose end is the stream's end.
    @ivar is_open: whether it still sends what it is given.  After that its
        connection is closed, which takes until C{closed} is called.
    @ivar _straight: writes to the socket; L{None} unless the stream is open, its client
        speaks HTTP/1.1, and nothing is known to wait for the client.
    @ivar since: it hears what happens after the entry of this number; L{None} while
        it is caught up.
    @ivar gone: called with the stream once it sends nothing any more.
    @ivar closed: called with the stream once its connection is closed.
    """

    __slots__ = (
        "_backlog",
        "_chunked",
        "_drained",
        "_paused",
        "_size",
        "_straight",
        "_transport",
        "beat_in",
        "closed",
        "connection_id",
        "gone",
        "is_open",
        "session_id",
        "since",
        "user_id",
    )

    def __init__(
        self,
        transport: Any,
        chunked: bool,
        user_id: str,
        session_id: str,
        connection_id: str,
    ) -> None:
        self._transport = transport
        self._chunked = chunked
        self._backlog: deque[bytes] | None = None
        self._size = 0
        self._paused = False
        self._straight: Callable[[bytes], int] | None = None
        self._drained: Deferred[None] | None = None
        self.user_id = user_id
        self.session_id = session_id
        self.connection_id = connection_id
        self.is_open = True
        self.since: int | None = None
        self.beat_in = 0
        self.gone: Callable[[Stream], None] = _nobody
        self.closed: Callable[[Stream], None] = _nobody

    @property
    def fell_behind(self) -> bool:
        """
        Whether it was hung up on for that.
        """
        return self._size > LONGEST_BACKLOG

    @property
    def is_closed(self) -> bool:
        """
        Whether the connection is gone, too.
        """
        return self._transport is None

    def send(self, frame: Frame) -> None:
        """
        Write C{frame}, or keep it for when the reader has read what it has.
        """
        if self._straight is None:
            self._send_with_care(frame)
            return
        # Of ten thousand streams none is in the processor's cache when its turn comes: to
        # look at its transport as well would be felt.
        data = frame.chunk
        try:
            sent = self._straight(data)
        except OSError:  # there is no room, or nobody any more
            sent = 0
        if sent < len(data):
            self._straight = None
            self._transport.write(data[sent:])

    def _send_with_care(self, frame: Frame) -> None:
        if not self.is_open:
            return
        data = frame.chunk if self._chunked else frame.plain
        if self._paused:
            self._hold_back(data)
            return
        straight.write(self._transport, data)
        if self._chunked and self.is_open and not self._paused:
            self._straight = straight.way(self._transport)

    def _hold_back(self, data: bytes) -> None:
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(data)
        self._size += len(data)
        if self._size > LONGEST_BACKLOG:
            self.abort()

    def beat(self, heartbeat: Frame) -> None:
        """
        Look alive.  A reader with frames waiting does not need it.
        """
        if not self._paused:
            self.send(heartbeat)

    def drained(self) -> "Deferred[None]":
        """
        Fires when more can be written without holding it back, or when there
        is nobody to write to any more.
        """
        waiting: Deferred[None] = Deferred()
        if self._paused and self.is_open:
            self._drained = waiting
        else:
            waiting.callback(None)
        return waiting

    def end(self) -> None:
        """
        End the response in the way of HTTP, and hang up.
        """
        if self._paused:  # it would have to read a backlog first, and may never
            self.abort()
        else:
            self.finish()

    def finish(self) -> None:
        """
        The same, but a reader with a backlog gets to read it.  It may never do
        so, and over TLS the connection is not closed before the client has
        agreed to it: somebody has to L{abort} in the end.
        """
        self.send(END)
        if self.is_open:
            self._let_go()
            self._close_when_written()

    def abort(self) -> None:
        """
        Hang up at once, also if the end is under way.
        """
        transport = self._transport
        if transport is not None:
            self._backlog = None
            self._let_go()
            transport.abortConnection()

    def _let_go(self) -> None:
        self.is_open = False
        self._straight = None
        gone, self.gone = self.gone, _nobody
        gone(self)
        self._fire_drained()

    def _close_when_written(self) -> None:
        if self._transport is not None and not self._paused:
            self._transport.unregisterProducer()  # with one, loseConnection waits for ever
            self._transport.loseConnection()

    def _fire_drained(self) -> None:
        waiting, self._drained = self._drained, None
        if waiting is not None:
            waiting.callback(None)

    # The transport calls these: first as its producer …

    def pauseProducing(self) -> None:
        self._paused = True
        self._straight = None

    def resumeProducing(self) -> None:
        self._paused = False
        while self._backlog and not self._paused:
            data = self._backlog.popleft()
            self._size -= len(data)
            self._transport.write(data)
        if self._paused:
            return
        self._backlog = None
        if self.is_open:
            self._fire_drained()
        else:
            self._close_when_written()

    def stopProducing(self) -> None:
        """
        The transport takes no more.  C{connectionLost} is about to follow.
        """

    # … and then as its protocol.

    def dataReceived(self, data: bytes) -> None:
        """
        Whoever listens has said all they had to say: this is read and dropped.
        """

    def connectionLost(self, reason: Failure) -> None:
        self._transport = self._backlog = None
        self._let_go()
        self.closed(self)


def _nobody(stream: Stream) -> None:
    """
    Nobody wants to know.
    """
