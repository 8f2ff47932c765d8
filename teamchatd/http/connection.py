"""
The connection of a client, as Twisted's HTTP speaks over it.
"""

from io import BytesIO
from typing import Any

from twisted.internet.interfaces import IAddress, IDelayedCall
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from teamchatd.http import whole
from teamchatd.http.whole import Whole
from teamchatd.live import straight

CLOSING_SECONDS = 300
"""For the last hundred kilobytes of an answer: those who read slowly read these, too."""

UNLIMITED = 10 * 365 * 24 * 60 * 60
"""
Seconds, while a request is answered.  To cancel the timeout and make another costs more
than to put it off, which is done in place.
"""


class Connection(HTTPChannel):
    """
    HTTP/1.1 on one connection, with fewer steps to an answer: what takes Twisted
    forty pieces, two packets and some questions to the kernel leaves in one piece.
    """

    _head = b""
    _host: IAddress | None = None
    _unread: Any = None
    """The request that is answered, and whose answer the client has still to read."""
    _hanging_up: IDelayedCall | None = None

    def dataReceived(self, data: bytes) -> None:
        """
        A request that arrives whole is taken as it is; all else goes the long way.
        """
        request = whole.read(data) if self._is_waiting else None
        if request is None:
            super().dataReceived(data)
        else:
            self._take(request)

    @property
    def _is_waiting(self) -> bool:
        """
        Whether nothing of a request has come, and nothing of the last one is left:
        what comes now is the beginning of the next, and nobody else's.
        """
        state: Any = self
        return bool(
            self.line_mode
            and state._HTTPChannel__first_line == 1  # 2: after an empty line, of which it takes one
            and not (self._buffer or self.requests or self._busyReceiving)
            and self.persistent
            and not state.transport.disconnecting
        )

    def _take(self, whole: Whole) -> None:
        """
        Do what Twisted does from the first line of a request to the end of its body.
        """
        channel: Any = self
        request = channel.requestFactory(self, 0)
        request.requestHeaders = whole.headers
        request.content = BytesIO(whole.body)
        request.parseCookies()
        channel.requests.append(request)
        if self.timeOut:
            self._savedTimeOut = self.setTimeout(UNLIMITED)
        self._handlingRequest = True
        self.setRawMode()
        request.requestReceived(whole.method, whole.target, b"HTTP/1.1")

    def requestDone(self, request: Any) -> None:
        """
        The next request waits until the client has read this answer, as far as the
        transport has not room for it.  Twisted stops to read, but goes on with what it has
        read: sixty kilobytes hold a thousand requests, and their answers a hundred megabytes.
        """
        if not (self.persistent and self._waitingForTransport):
            super().requestDone(request)
            return
        self.requests.remove(request)
        self._unread = request
        if self._savedTimeOut:
            self.setTimeout(self._savedTimeOut)

    def pauseProducing(self) -> None:
        """
        Whoever does not read is not read, either; also while an answer is under way, when
        Twisted would keep all that comes for later.
        """
        super().pauseProducing()
        self._networkProducer.pauseProducing()

    def resumeProducing(self) -> None:
        super().resumeProducing()
        unread, self._unread = self._unread, None
        if unread is not None:
            self.requests.insert(0, unread)
            super().requestDone(unread)

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """
        Keep them until the body comes, with which they share a packet.
        """
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
        self._head = b"".join([*lines, b"\r\n"])

    def write(self, data: bytes) -> None:
        if self._head:
            self._head, data = b"", self._head + data
        straight.write(self.transport, data)

    def write_much(self, data: bytes) -> None:
        """
        Through the transport, which says when it is enough for now: straight to the
        socket, a file could be read whole before anybody else has their turn.
        """
        self.flush()
        transport: Any = self.transport
        transport.write(data)

    def loseConnection(self) -> None:
        """
        The client may read what it was sent, and is then closed; but not for ever:
        one that does not read would keep the connection, and all that waits on it.
        """
        super().loseConnection()
        if self._hanging_up is None:
            self._hanging_up = self.callLater(CLOSING_SECONDS, self._hang_up)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self._hanging_up is not None and self._hanging_up.active():
            self._hanging_up.cancel()
        super().connectionLost(reason)

    def _hang_up(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()

    def writeSequence(self, iovec: list[bytes]) -> None:
        self.write(b"".join(iovec))

    def flush(self) -> None:
        """
        There is no body, or not yet.
        """
        if self._head:
            self.write(b"")

    def getHost(self) -> IAddress:
        """
        Asked for with every request, and the same for all of them.
        """
        if self._host is None:
            self._host = super().getHost()
        return self._host
