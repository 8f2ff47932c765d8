"""
Sending the bytes of an image.

They are sent as fast as the client takes them, and no faster: what is large would
otherwise wait in memory, once for each client who asks.
"""

import os
import re
from typing import IO, Any

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IPushProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from teamchatd.chat.images import Showing
from teamchatd.http.request import Request

AT_ONCE = 64 << 10
"""Bytes: the transport's own buffer."""

HEADERS = (
    # Kept by the browser, which asks each time whether it may still be seen.
    (b"Cache-Control", b"private, no-cache"),
    # An SVG is a document with scripts: opened as a page of ours, none of them may run.
    (b"Content-Security-Policy", b"sandbox; default-src 'none'"),
    (b"Accept-Ranges", b"bytes"),
)

ETAG = re.compile(rb'"[^"]*"')

LONGEST_PAUSE = 300
"""Seconds in which a client has to take what the transport holds for it: some 100 kB."""

RANGE = re.compile(rb"bytes=(\d*)-(\d*)")
"""One range (RFC 9110, section 14.1.2).  Several in one answer nobody needs of an image."""


class Sending(Resource):
    """
    Answers with a file, or with a part of it.
    """

    isLeaf = True

    def __init__(self, showing: Showing) -> None:
        super().__init__()
        self._showing, self._file = showing, showing.file
        self._size = os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """
        There is nobody to send it to any more.
        """
        self._file.close()

    def render(self, request: Request) -> int:
        headers = request.responseHeaders
        etag = f'"{self._showing.name}"'.encode()
        for name, value in ((b"ETag", etag), *HEADERS):
            headers.setRawHeaders(name, [value])
        if has_it(request.getHeader(b"if-none-match"), etag):
            return self._without_body(request, 304)
        headers.setRawHeaders(b"Content-Type", [self._showing.content_type.encode()])
        part = None
        if request.method == b"GET" and request.getHeader(b"if-range") in (None, etag):
            part = _part(request.getHeader(b"range"), self._size)
        start, end = part or (0, self._size)
        if start >= end:
            return self._unsatisfiable(request)
        if part is not None:
            request.setResponseCode(206)
            where = b"bytes %d-%d/%d" % (start, end - 1, self._size)
            headers.setRawHeaders(b"Content-Range", [where])
        headers.setRawHeaders(b"Content-Length", [b"%d" % (end - start)])
        if request.method == b"HEAD":
            return self._without_body(request, 200)
        self._file.seek(start)
        Sender(request, self._file, end - start).start()
        return NOT_DONE_YET

    def _without_body(self, request: Request, code: int) -> int:
        self._file.close()
        request.setResponseCode(code)
        request.write(b"")  # Twisted itself would say how long a body is that it does not send
        request.finish()
        return NOT_DONE_YET

    def _unsatisfiable(self, request: Request) -> int:
        self._file.close()
        body = b'{"error":"The image has no such bytes."}'
        request.setResponseCode(416)
        headers = request.responseHeaders
        headers.setRawHeaders(b"Content-Type", [b"application/json"])
        headers.setRawHeaders(b"Cache-Control", [b"no-store"])
        headers.setRawHeaders(b"Content-Range", [b"bytes */%d" % self._size])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        request.write(body)
        request.finish()
        return NOT_DONE_YET


def has_it(known: bytes | None, etag: bytes) -> bool:
    """
    Whether the client has this very file already (RFC 9110, section 13.1.2).
    """
    return known is not None and (known.strip() == b"*" or etag in ETAG.findall(known))


def _part(wanted: bytes | None, size: int) -> tuple[int, int] | None:
    """
    From where to where the client wants it; L{None}: all of it.  What is no range
    of ours is ignored, as RFC 9110 asks.
    """
    found = RANGE.fullmatch(wanted.strip()) if wanted else None
    if found is None or max(map(len, found.groups())) > 18:
        return None
    first, last = found.groups()
    if first:
        end = min(int(last) + 1, size) if last else size
        return None if last and int(last) < int(first) else (int(first), end)
    return (max(size - int(last), 0), size) if last else None


@implementer(IPushProducer)
@define(eq=False)
class Sender:
    """
    Writes a file to a client, as long as it is not told to wait.
    """

    _request: Request
    _file: IO[bytes]
    _left: int
    _paused: bool = field(init=False, default=False)
    _over: bool = field(init=False, default=False)
    _stalled: IDelayedCall | None = field(init=False, default=None)

    def start(self) -> None:
        self._request.registerProducer(self, True)
        self._request.write(b"")
        self.resumeProducing()

    def pauseProducing(self) -> None:
        self._paused = True
        if self._stalled is None and not self._over:
            self._stalled = self._request.later(LONGEST_PAUSE, self._give_up)

    def resumeProducing(self) -> None:
        self._paused = False
        self._forget_stall()
        channel: Any = self._request.channel
        while self._left and not self._paused:
            data = self._file.read(min(AT_ONCE, self._left))
            if not data:
                self._hang_up()
                return
            self._left -= len(data)
            channel.write_much(data)
        if not self._left and not self._over:
            self._end()
            self._request.unregisterProducer()
            self._request.finish()

    def stopProducing(self) -> None:
        """
        The client has gone.
        """
        self._left = 0
        self._end()

    def _hang_up(self) -> None:
        """
        The file has become shorter: better half an answer than one that lies.
        """
        self._left = 0
        self._end()
        self._request.unregisterProducer()
        self._request.channel.loseConnection()

    def _give_up(self) -> None:
        """
        The client takes nothing any more, and keeps a file open.
        """
        channel: Any = self._request.channel
        channel.transport.abortConnection()

    def _forget_stall(self) -> None:
        stalled, self._stalled = self._stalled, None
        if stalled is not None and stalled.active():
            stalled.cancel()

    def _end(self) -> None:
        self._over = True
        self._forget_stall()
        self._file.close()
