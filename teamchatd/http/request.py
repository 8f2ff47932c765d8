"""
The HTTP request, as Twisted hands it to us, with the manners of our contract.
"""

import secrets
from collections.abc import Callable, Mapping
from http import HTTPStatus
from io import BytesIO
from typing import IO, Any, AnyStr, Protocol

import orjson
from attrs import frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.resource import IResource

from teamchatd.http.connection import Connection
from teamchatd.http.visits import GONE, Visits

log = Logger()

LARGEST_BODY = 1 << 20
"""Bytes, but for images.  What is larger waits in a file."""

MOST_DISCARDED = 64 << 20
"""Bytes of too large a body, read and dropped so that its sender comes to read our answer."""

LONGEST_DISCARDING = 20.0
"""Seconds of the same."""

LONGEST_SENDING = 15 * 60.0
"""
Seconds for a large body: 34 kB a second, of the largest.  Twisted only looks for
silence, and takes a byte now and then for ever.
"""

NOT_KEPT = "The server cannot store this right now. Nothing was changed. Try again later."

ON_EVERY_ANSWER = (
    (b"X-Content-Type-Options", [b"nosniff"]),
    (b"Referrer-Policy", [b"no-referrer"]),
    (b"Cache-Control", [b"no-store"]),
)

TO_SCRIPTS = (b"Access-Control-Expose-Headers", [b"Retry-After"])
"""What a page from elsewhere may read besides the body: how long it has to wait."""

CHALLENGE = 'Bearer realm="teamchat"'
"""With every 401: RFC 9110, section 11.6.1, and RFC 6750, section 3."""

PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}

PREFLIGHT = (
    (b"Access-Control-Allow-Methods", [b"GET, POST, PUT, DELETE"]),
    (b"Access-Control-Allow-Headers", [b"Authorization, Content-Type, Last-Event-ID"]),
    (b"Access-Control-Max-Age", [b"86400"]),
)


def broken(what: str, failure: Failure) -> bytes:
    """
    Log what nobody expected.

    @return: what the client is told: a number that finds it in the log.
    """
    incident = secrets.token_hex(4)
    log.failure("incident {incident}: {what} broke", failure, incident=incident, what=what)
    sentence = f"Something went wrong on our side. The log calls it incident {incident}."
    return orjson.dumps({"error": sentence, "incident": incident})


def in_origin_form(path: bytes) -> bytes:
    """
    The path of an absolute target (RFC 9112, section 3.2.2); others as they are.
    """
    if not path.startswith(b"/") and b"://" in path:
        return b"/" + path.partition(b"://")[2].partition(b"/")[2]
    return path


@frozen
class Refused:
    """
    What is not even received.

    @ivar retry_after: seconds.
    """

    code: int
    sentence: str
    retry_after: int | None = None


class Receives(Protocol):
    """
    Says what may be sent beyond L{LARGEST_BODY}; see L{teamchatd.http.reception}.
    """

    def largest(self, method: bytes, path: bytes) -> int: ...

    def welcome(self, request: "Request") -> IO[bytes] | Refused: ...


class Request(server.Request):
    """
    @ivar fields: the JSON object in the body; C{{}} for an empty one.
    @ivar is_gone: whether the connection was lost, and nobody waits for the answer.
    @ivar id: what it is called in the log, and in that of a proxy.
    @ivar begun: when all of it was there, in seconds.
    @ivar route: the pattern of its path, once that is known.
    @ivar asker: the id of the user or the webhook that asks, once that is known.
    """

    fields: dict[str, Any]
    content: IO[bytes]
    is_gone = False
    id = b""
    begun = 0.0
    route = asker = ""
    _largest_body = LARGEST_BODY
    _is_complete = False
    _is_refused = False
    _is_whole = False
    _discarded = 0
    _deadline: Any = None
    _visits: Visits | None = None

    def __repr__(self) -> str:
        """
        Without the query: C{?token=} is a secret, and this lands in logs.
        """
        return f"<{self.what}>"

    @property
    def what(self) -> str:
        """
        Method and path, fit for a log.
        """
        path = self.uri.partition(b"?")[0]
        return (self.method + b" " + path).decode("ascii", "backslashreplace")

    def getHeader(self, key: AnyStr) -> AnyStr | None:
        """
        The last header of this name.  It may hold any bytes: Twisted would fail
        on those that are no UTF-8.
        """
        name = key if isinstance(key, bytes) else key.encode()
        values = self.requestHeaders.getRawHeaders(name)
        if not values:
            return None
        return values[-1] if isinstance(key, bytes) else values[-1].decode(errors="replace")

    # The body, which Twisted reads whole before any route runs

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()
        channel: Any = self.channel  # which knows what is called before it tells us
        reception = self._site.reception
        if reception is not None:
            path = in_origin_form(channel._path)
            self._largest_body = reception.largest(channel._command, path)
        if length is not None and length > self._largest_body:
            self._refuse_large_body(self._waits_for_us)
        elif reception is not None and self._largest_body > LARGEST_BODY:
            if length is None or length > LARGEST_BODY:
                self._receive(reception)

    def _receive(self, reception: "Receives") -> None:
        """
        Something large is about to come.
        """
        welcome = reception.welcome(self)
        if isinstance(welcome, Refused):
            self._refuse_body(welcome, self._waits_for_us)
        else:
            self.content = welcome
            self._deadline = self._reactor.callLater(LONGEST_SENDING, self._hang_up)

    @property
    def _waits_for_us(self) -> bool:
        """
        Whether the client sends nothing before we have said something (RFC 9110,
        section 10.1.1).
        """
        return bool(self.requestHeaders.hasHeader(b"Expect"))

    def handleContentChunk(self, data: bytes) -> None:
        if self._is_refused:
            self._discarded += len(data)
            if self._discarded > MOST_DISCARDED:
                self._hang_up()
        elif self.content.tell() + len(data) > self._largest_body:
            self._refuse_large_body(waits_for_us=False)  # it was told "go on", and does
        else:
            self._keep(data)

    def _keep(self, data: bytes) -> None:
        try:
            self.content.write(data)
        except OSError as error:
            self._refuse_kept(error)

    def _refuse_kept(self, error: OSError) -> None:
        log.error(
            "an upload cannot be kept while it arrives: {why}. Is the disk full, or failing?",
            why=error.strerror,
        )
        self._refuse_body(Refused(503, NOT_KEPT), waits_for_us=False)

    def _refuse_large_body(self, waits_for_us: bool) -> None:
        sentence = f"The request is larger than {self._largest_body} bytes."
        self._refuse_body(Refused(413, sentence), waits_for_us)

    def _refuse_body(self, refused: "Refused", waits_for_us: bool) -> None:
        """
        Answer at once, and drop what still comes: a client that is busy sending
        would be cut off before it could read why.
        """
        self._is_refused = True
        self._forget_deadline()
        if not self._is_whole:  # else it is known already what was asked
            known: Any = self.channel
            self.method, self.uri = known._command, known._path
        self.content.close()
        self.content = BytesIO()
        body = orjson.dumps({"error": refused.sentence})
        self.requestHeaders.removeHeader(b"Expect")  # or Twisted says "go on" after our answer
        self._set_headers()
        headers = self.responseHeaders
        headers.setRawHeaders(b"Content-Type", [b"application/json"])
        headers.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        headers.setRawHeaders(b"Connection", [b"close"])
        if refused.code == 401:
            headers.setRawHeaders(b"WWW-Authenticate", [CHALLENGE.encode()])
        if refused.retry_after is not None:
            headers.setRawHeaders(b"Retry-After", [b"%d" % refused.retry_after])
        self.channel.writeHeaders(b"HTTP/1.1", b"%d" % refused.code, PHRASES[refused.code], headers)
        self.channel.write(body)
        self.over(refused.code, len(body))
        if waits_for_us:
            self._hang_up()
        else:
            self._deadline = self._reactor.callLater(LONGEST_DISCARDING, self._hang_up)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self._forget_deadline()
        if not self._is_refused:
            self._is_whole, self.method, self.uri = True, command, path
            try:
                self.content.flush()  # the last of it may still be on its way to the disk
            except OSError as error:
                self._refuse_kept(error)
        if self._is_refused:
            self._hang_up()
        else:
            self._is_complete = True
            super().requestReceived(command, path, version)

    def connectionLost(self, reason: Failure) -> None:
        """
        What was sent whole is done, whether or not somebody waits for the answer:
        so its body stays, and is let go of with the answer (L{drop}).
        """
        self.is_gone = True
        self._forget_deadline()
        kept: Any = None
        if self._is_complete:
            kept, self.content = self.content, kept
        super().connectionLost(reason)
        if kept is not None:
            self.content = kept

    def later(self, seconds: float, function: Callable[[], object]) -> IDelayedCall:
        return self._reactor.callLater(seconds, function)

    def drop(self) -> None:
        """
        There is an answer, and nobody to send it to.
        """
        self.over(GONE, 0)
        if self.content is not None:
            self.content.close()

    def over(self, status: int, sent: int) -> None:
        """
        This is what became of it.
        """
        visits = self._visits
        if visits is not None:
            visits.over(self, status, sent)

    def _hang_up(self) -> None:
        self._forget_deadline()
        self.channel.loseConnection()

    def _forget_deadline(self) -> None:
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()

    @property
    def _reactor(self) -> IReactorTime:
        reactor: IReactorTime = self._site.reactor
        return reactor

    @property
    def _site(self) -> "Site":
        channel: Any = self.channel
        site: Site = channel.site
        return site

    # The answer

    def process(self) -> None:
        self.begun = self._reactor.seconds()
        self._set_headers()
        self.path = in_origin_form(self.path)
        if not self.path.startswith(b"/") and self.path != b"*":
            self.path = b"//"  # which is nowhere; Twisted would take "xusers" for "/users"
        if self.method != self.method.upper():
            self.method = b"-" + self.method  # or werkzeug takes "get" for "GET"
        super().process()

    def _set_headers(self) -> None:
        for name, values in ON_EVERY_ANSWER:
            self.responseHeaders.setRawHeaders(name, values)
        site = self._site
        self._visits = visits = site.visits
        if visits is not None:
            self.id = visits.id_for(self)
            self.responseHeaders.setRawHeaders(b"X-Request-Id", [self.id])
        if site.origins:
            self._allow_origin(site.origins)

    def _allow_origin(self, origins: frozenset[bytes]) -> None:
        """
        Cross-origin requests (WHATWG Fetch, section 3.2), never with credentials.
        """
        headers = self.responseHeaders
        headers.addRawHeader(b"Vary", b"Origin")
        origin = self.requestHeaders.getRawHeaders(b"Origin", [b""])[-1]
        if b"*" in origins:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [b"*"])
        elif origin.lower() in origins:
            headers.setRawHeaders(b"Access-Control-Allow-Origin", [origin])
        else:
            return
        if self.requestHeaders.hasHeader(b"Access-Control-Request-Method"):
            for name, values in PREFLIGHT:
                headers.setRawHeaders(name, values)
        else:
            headers.setRawHeaders(*TO_SCRIPTS)

    def answer(self, code: int, headers: Mapping[Any, Any], body: bytes) -> None:
        self.setResponseCode(code)
        for name, value in headers.items():
            self.responseHeaders.setRawHeaders(name, [value])
        self.write(body)
        self.finish()

    def write(self, data: bytes) -> None:
        """
        Headers without a body are not followed by one, as far as the connection
        can know.
        """
        super().write(data)
        if not self.is_gone:
            channel: Any = self.channel
            channel.flush()

    def setResponseCode(self, code: int, message: bytes | None = None) -> None:
        """
        Twisted's own list is older than 429, which it calls "Unknown Status".
        """
        super().setResponseCode(code, message or PHRASES[code])

    def processingFailed(self, reason: Failure) -> Failure:
        """
        What no route and no error handler has caught.
        """
        body = broken(self.what, reason)
        if self.is_gone:
            return reason
        if self.startedWriting:
            self.channel.loseConnection()
            return reason
        self.setResponseCode(500)
        self.responseHeaders.setRawHeaders(b"Content-Type", [b"application/json"])
        self.responseHeaders.setRawHeaders(b"Content-Length", [b"%d" % len(body)])
        self.write(body)
        self.finish()
        return reason


class Site(server.Site):
    """
    @ivar origins: whose pages may call us from elsewhere; C{*} for all.
    @ivar reception: looks at large bodies; without it, there are none.
    @ivar visits: hears what became of each request, if anybody does.
    """

    protocol: Any = Connection
    requestFactory = Request
    displayTracebacks = False
    noisy = False  # or the log says "Starting factory <... object at 0x7f...>"

    def __init__(
        self,
        root: IResource,
        reactor: IReactorTime,
        origins: frozenset[bytes] = frozenset(),
        reception: Receives | None = None,
        visits: Visits | None = None,
    ) -> None:
        # Twisted would parse every Content-Type with the email package, and forms into memory.
        super().__init__(root, reactor=reactor, parsePOSTFormSubmission=False)
        self.origins = origins
        self.reception = reception
        self.visits = visits

    def acceptableProtocols(self) -> list[bytes]:
        """
        Twisted offers HTTP/2 where a library for it happens to be installed, and an
        event stream could not take over such a connection.
        """
        return [b"http/1.1"]

    def log(self, request: Any) -> None:
        """
        Not Twisted's access log, which would hold the query, and with it tokens.
        """
        if self.visits is not None:
            self.visits.over(request, request.code, request.sentLength)
