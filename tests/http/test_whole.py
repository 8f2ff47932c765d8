"""
Requests that arrive whole, L{teamchatd.http.whole}: nobody can tell from outside
that they are read in another way than those that arrive in pieces.
"""

import re

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.protocols.basic import LineReceiver
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from teamchatd.http import whole
from teamchatd.http.connection import UNLIMITED
from teamchatd.http.request import Site
from tests.daemon import MemoryTransport, request_bytes

PLAIN = b"POST /said?who=ada&who=&x=%41 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"

NEXT = b"GET /next HTTP/1.1\r\nHost: a\r\n\r\n"

IDLE_SECONDS = 60
"""Twisted's own; see L{twisted.web.http.HTTPFactory}."""

STATE = (
    *("line_mode", "_buffer", "_busyReceiving", "length", "persistent", "timeOut", "_savedTimeOut"),
    *("_receivedHeaderCount", "_receivedHeaderSize", "_handlingRequest", "_dataBuffer"),
    *("_transferDecoder", "_HTTPChannel__first_line", "_HTTPChannel__header"),
)
"""What a channel remembers between two requests."""


class Mirror(Resource):
    """
    Answers with all that it is asked, at C{/later} after a second.
    """

    isLeaf = True

    def __init__(self, clock):
        super().__init__()
        self._clock, self.gone = clock, []

    def render(self, request):
        seen = (
            *(request.method, request.uri, request.path, request.args, request.clientproto),
            *(sorted(request.requestHeaders.getAllRawHeaders()), request.content.read()),
            *(request.received_cookies, str(request.client), str(request.host)),
            *(request.prepath, request.postpath, request.isSecure(), request.queued),
        )
        request.setHeader(b"Content-Type", b"text/plain")
        if not request.path.startswith(b"/later"):
            return repr(seen).encode()
        request.notifyFinish().addErrback(self.gone.append)
        self._clock.callLater(1, self._finish, request, repr(seen).encode())
        return NOT_DONE_YET

    def _finish(self, request, body):
        if not request.is_gone:
            request.write(body)
            request.finish()


class Line:
    """
    A connection to a site of its own.
    """

    def __init__(self):
        self.clock = Clock()
        self.mirror = Mirror(self.clock)
        self.transport = MemoryTransport(Site(self.mirror, self.clock).buildProtocol(None))
        self.transport.protocol.makeConnection(self.transport)

    def send(self, *pieces):
        for piece in pieces:
            if not self.transport.disconnecting:
                self.transport.dataReceived(piece)
        return self

    @property
    def heard(self):
        return re.sub(rb"Date: [^\r]*", b"Date: now", self.transport.value())

    @property
    def state(self):
        channel = self.transport.protocol
        calls = sorted(
            call.getTime()
            for call in self.clock.getDelayedCalls()
            if call.getTime() < UNLIMITED  # as good as none
        )
        is_between = not (channel.requests or channel._buffer or self.transport.disconnecting)
        kept = [getattr(channel, name) for name in STATE] if is_between else None
        return kept, calls, len(channel.requests), self.transport.disconnecting

    def seen(self, *pieces):
        """
        All that can be seen of sending these: what comes at once, what comes later,
        and whether the connection is good for the next.
        """
        seen = [(self.send(*pieces).heard, self.state)]
        for seconds in (1, 1):
            self.clock.advance(seconds)
            seen.append((self.heard, self.state))
        self.send(NEXT)
        return [*seen, self.heard, self.state]


def ways(data):
    """
    The same bytes, as they may arrive.
    """
    yield [data]
    yield [data[index : index + 1] for index in range(len(data))]
    for cut in (1, len(data) // 2, len(data) - 1, data.find(b"\r\n\r\n") + 4):
        yield [data[:cut], data[cut:]]


def assert_alike(data):
    first, *others = [Line().seen(*filter(None, pieces)) for pieces in ways(data)]
    for other in others:
        assert other == first


def head(*lines, first=b"POST /said HTTP/1.1", body=b"hello"):
    return b"\r\n".join([first, *lines, b"", body])


def with_length(value):
    return head(b"Host: a", b"Content-Length:" + value)


HOSTILE = {
    "length and chunks": head(
        b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\nG"
    ),
    "chunks and length": head(
        b"Transfer-Encoding: chunked", b"Content-Length: 5", body=b"0\r\n\r\nG"
    ),
    "chunks": head(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "chunks, identity": head(b"Transfer-Encoding: identity", b"Content-Length: 5"),
    "chunks, spelt oddly": head(b"Transfer-Encoding: xchunked", b"Content-Length: 5"),
    "two lengths": head(b"Content-Length: 5", b"Content-Length: 6"),
    "two lengths, the same": head(b"Content-Length: 5", b"content-length: 5"),
    "two lengths in one": with_length(b" 5, 5"),
    "a length with a sign": with_length(b" +5"),
    "a negative length": with_length(b" -5"),
    "a length with a point": with_length(b" 5.0"),
    "a hexadecimal length": with_length(b" 0x5"),
    "a length with zeros": with_length(b" 005"),
    "a length in spaces": with_length(b" \t5 \t"),
    "a length and a form feed": with_length(b" 5\x0c"),
    "a length with a gap": with_length(b" 5 0"),
    "no length after all": with_length(b""),
    "a long length": with_length(b" " + b"9" * 30),
    "digits that are none": with_length(b" \xd9\xa5"),
    "less than was said": head(b"Content-Length: 50"),
    "more than was said": head(b"Content-Length: 4"),
    "a body that was not said": head(b"Host: a"),
    "the next in the same piece": PLAIN + NEXT,
    "three in the same piece": PLAIN + NEXT + PLAIN,
    "half of the next": PLAIN + NEXT[:9],
    "an empty line before": b"\r\n" + PLAIN,
    "an empty line after": PLAIN + b"\r\n",
    "two empty lines before": b"\r\n\r\n" + PLAIN,
    "a bare LF": PLAIN.replace(b"\r\n", b"\n"),
    "a bare LF in a value": head(b"X: a\nContent-Length: 5", b"Content-Length: 5"),
    "a bare CR in a value": head(b"X: a\rb", b"Content-Length: 5"),
    "a NUL in a value": head(b"X: a\0b", b"Content-Length: 5"),
    "a NUL in a name": head(b"X\0: a", b"Content-Length: 5"),
    "another control in a value": head(b"X: a\x01\x0b\x7fb", b"Content-Length: 5"),
    "no UTF-8": head(b"X: \xff\xc3", b"Content-Length: 5"),
    "a line that goes on": head(b"X: a", b" b", b"\tc", b"Content-Length: 5"),
    "a length that goes on": head(b"Content-Length: 5", b" 0"),
    "the first line goes on": head(b" X: a", b"Content-Length: 5"),
    "a space before the colon": head(b"Content-Length : 5"),
    "a space in a name": head(b"Content Length: 5"),
    "no name": head(b": 5", b"Content-Length: 5"),
    "no colon": head(b"nothing", b"Content-Length: 5"),
    "no value": head(b"X:", b"Y: ", b"Content-Length: 5"),
    "the same name twice": head(b"X: a", b"x: b", b"Content-Length: 5"),
    "two hosts": head(b"Host: a", b"Host: b", b"Content-Length: 5"),
    "no host": head(b"Content-Length: 5"),
    "two authorizations": head(b"Authorization: a", b"Authorization: b", body=b""),
    "two cookies": head(b"Cookie: a=b; c", b"Cookie: d=e", body=b""),
    "cookies": head(b"Cookie: a=b;c=d; e", body=b""),
    "goes on": head(b"Expect: 100-continue", b"Content-Length: 5"),
    "expects something": head(b"Expect: x", b"Content-Length: 5"),
    "kept alive": head(b"Connection: Keep-Alive", b"Content-Length: 5"),
    "closes": head(b"Connection: close", b"Content-Length: 5"),
    "closes, and more": head(b"Connection: keep-alive, close", b"Content-Length: 5"),
    "closes, and more, apart": head(b"Connection: keep-alive close", b"Content-Length: 5"),
    "upgrades": head(b"Connection: Upgrade", b"Upgrade: websocket", body=b""),
    "upgrades to HTTP/2": head(b"Upgrade: h2c", body=b""),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/1.0": head(b"Content-Length: 5", first=b"POST /said HTTP/1.0"),
    "HTTP/1.0, kept alive": head(b"Connection: keep-alive", first=b"GET / HTTP/1.0", body=b""),
    "HTTP/1.2": head(first=b"GET / HTTP/1.2", body=b""),
    "HTTP/0.9": b"GET /\r\n\r\n",
    "http": head(first=b"GET / http/1.1", body=b""),
    "a whole URL": head(first=b"GET http://b/said HTTP/1.1", body=b""),
    "an authority": head(first=b"CONNECT a:80 HTTP/1.1", body=b""),
    "a star": head(first=b"OPTIONS * HTTP/1.1", body=b""),
    "no slash": head(first=b"GET said HTTP/1.1", body=b""),
    "a fragment": head(first=b"GET /said#x?y HTTP/1.1", body=b""),
    "two slashes": head(first=b"GET //said//x HTTP/1.1", body=b""),
    "no target": head(first=b"GET  HTTP/1.1", body=b""),
    "two spaces": head(first=b"GET  / HTTP/1.1", body=b""),
    "a tab": head(first=b"GET\t/ HTTP/1.1", body=b""),
    "a space at the end": head(first=b"GET / HTTP/1.1 ", body=b""),
    "bytes in the target": head(first=b"GET /\xa0\xff HTTP/1.1", body=b""),
    "a method in small letters": head(first=b"get / HTTP/1.1", body=b""),
    "a strange method": head(first=b"M-SEARCH / HTTP/1.1", body=b""),
    "no method": head(first=b" / HTTP/1.1", body=b""),
    "many headers": head(*[b"X%d: a" % n for n in range(499)], body=b""),
    "too many headers": head(*[b"X%d: a" % n for n in range(501)], body=b""),
    "a hundred headers": head(*[b"X%d: a" % n for n in range(100)], body=b""),
    "one more": head(*[b"X%d: a" % n for n in range(101)], body=b""),
    "a long line": head(b"X: " + b"a" * 9_000, body=b""),
    "a line that is too long": head(b"X: " + b"a" * 17_000, body=b""),
    "a target that is too long": head(first=b"GET /%b HTTP/1.1" % (b"a" * 17_000), body=b""),
    "too much in all": head(*[b"X%d: %b" % (n, b"a" * 4_000) for n in range(5)], body=b""),
    "a longer head": head(b"X: " + b"a" * (whole.LONGEST_HEAD - 27), body=b""),
}

PLAINER = {
    "the plain one": PLAIN,
    "without a body": NEXT,
    "answered later": head(first=b"GET /later HTTP/1.1", body=b""),
    "an empty body": head(b"Content-Length: 0", body=b""),
    "a body on GET": head(b"Content-Length: 5", first=b"GET /said HTTP/1.1"),
    "HEAD": head(first=b"HEAD /said HTTP/1.1", body=b""),
    "every byte": head(b"Content-Length: 256", body=bytes(range(256))),
    "a head in the body": head(b"Content-Length: %d" % len(NEXT), body=NEXT),
    "names of all kinds": head(
        *(b"x-xss-PROTECTION: 1", b"!#$%&'*+-.^_`|~0: 1", b"dnt:1", b"ETAG: \t 1 \t"), body=b""
    ),
    "the longest head": head(b"X: " + b"a" * (whole.LONGEST_HEAD - 28), body=b""),
    "bytes above ASCII": head(b"X: caf\xc3\xa9 \xff\t.", body=b""),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_not_plain(data):
    """
    What is not plain is not read here.  So it is answered, or refused, as ever.
    """
    assert_alike(data)


REALLY_PLAIN = ["a length in spaces", "no value", "cookies", "kept alive", "no host"]
REALLY_PLAIN += ["a fragment", "two slashes", "a hundred headers", "no UTF-8"]
"""They only look as if they were not."""


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in REALLY_PLAIN])
def test_not_taken(name):
    """
    None of these is read here.
    """
    assert whole.read(HOSTILE[name]) is None


@pytest.mark.parametrize("data", [*PLAINER.values(), *map(HOSTILE.get, REALLY_PLAIN)])
def test_plain(data, monkeypatch):
    """
    What is plain is seen by those who answer as if it had been read line by line;
    and it is not read line by line.
    """
    assert_alike(data)
    monkeypatch.setattr(LineReceiver, "dataReceived", None)
    assert b" 200 OK\r\n" in Line().send(data).send().seen()[1][0]


def test_large():
    """
    Where a larger body goes is decided before it comes.
    """
    for length, is_taken in ((whole.LARGEST_BODY, True), (whole.LARGEST_BODY + 1, False)):
        data = head(b"Content-Length: %d" % length, body=b"x" * length)
        assert (whole.read(data) is not None) is is_taken
        assert Line().seen(data) == Line().seen(data[:100], data[100:])


def test_while_another_is_answered():
    """
    A request that comes while the last one is not answered waits its turn.
    """
    for pieces in ([PLAIN], [PLAIN[:9], PLAIN[9:]]):
        line = Line().send(PLAINER["answered later"], *pieces)
        assert line.heard == b""
        line.clock.advance(1)
        assert re.findall(rb"b'/(later|said)", line.heard)[::2] == [b"later", b"said"]


def test_after_half_a_request():
    """
    What follows the beginning of a request is the rest of it, whatever it looks like.
    """
    begun = head(b"Content-Length: %d" % len(NEXT), body=b"")
    line = Line().send(begun, NEXT)
    assert line.heard.count(b" 200 OK\r\n") == 1
    assert b"/next HTTP" in line.heard
    assert Line().seen(b"\r\n", NEXT) == Line().seen(*[b"\r\n"], NEXT[:3], NEXT[3:])


def test_silence():
    """
    Whoever says nothing for a minute is hung up on, and whoever waits for an answer
    is not, however long it takes.
    """
    line = Line().send(NEXT)
    line.clock.pump([IDLE_SECONDS - 1])
    line.send(PLAINER["answered later"])
    line.mirror._clock.advance(0.5)
    line.clock.advance(0.5)
    assert line.heard.count(b" 200 OK\r\n") == 2
    line.clock.advance(IDLE_SECONDS - 1)
    assert not line.transport.disconnecting
    line.clock.advance(1)
    assert line.transport.disconnecting


def test_one_timeout(monkeypatch):
    """
    One call says when it has been silent for too long, however much was asked before.
    """
    line = Line()
    monkeypatch.setattr(line.transport.protocol, "callLater", None)
    line.send(NEXT, PLAIN, PLAINER["answered later"])
    line.clock.advance(1)
    assert line.heard.count(b" 200 OK\r\n") == 3
    line.clock.advance(IDLE_SECONDS - 1)
    monkeypatch.undo()
    line.clock.advance(1)
    assert line.transport.disconnecting


def test_gone():
    """
    Who answers hears that nobody waits any more.
    """
    line = Line().send(PLAINER["answered later"])
    line.transport.leave()
    assert len(line.mirror.gone) == 1
    line.clock.advance(1)
    assert line.heard == b""


def test_after_the_last():
    """
    A client that was told, or has said, that this was the last is not answered again.
    """
    line = Line()
    line.transport.loseConnection = lambda: setattr(line.transport, "disconnecting", True)
    line.send(HOSTILE["closes"])
    line.transport.dataReceived(NEXT)
    assert line.heard.count(b" 200 OK\r\n") == 1


CALLS = [
    ("GET", "/health", {}, b""),
    ("GET", "/channels", {}, b""),
    ("HEAD", "/channels", {}, b""),
    ("GET", "/channels", {"authorization": "Bearer nobody"}, b""),
    ("POST", "/channels", {"content-type": "application/json"}, b'{"name": "General"}'),
    ("POST", "/channels", {"content-type": "application/json"}, b"{"),
    ("POST", "/channels", {"content-type": "text/plain"}, b"{}"),
    ("DELETE", "/channels", {}, b""),
    ("OPTIONS", "/channels", {"origin": "https://app.example"}, b""),
    ("GET", "/nowhere//at/all?", {}, b""),
    ("GET", "/channels/%2F/messages?limit=x&limit=1", {}, b""),
    ("GET", "/events?token=nobody", {"authorization": "Bearer nobody"}, b""),
]


@pytest.mark.parametrize(("method", "path", "headers", "body"), CALLS)
def test_calls(in_memory, method, path, headers, body):
    """
    The daemon answers alike.
    """
    daemon = in_memory(server={"allowed_origins": ("https://app.example",)})
    given = {"authorization": f"Bearer {daemon.token('ada')}"} | headers
    data, heard = request_bytes(method, path, given, body), []
    for pieces in ways(data):
        transport = daemon.connect()
        for piece in filter(None, pieces):
            transport.dataReceived(piece)
        heard.append(re.sub(rb"(Date|X-Request-Id): [^\r]*", b"", transport.value()))
        transport.leave()
    assert heard[0].startswith(b"HTTP/1.1 ")
    assert heard == heard[:1] * len(heard)


def test_streams(in_memory):
    """
    A stream takes over the connection, and leaves nothing of the request behind.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    data = request_bytes("GET", f"/events?token={ada}", {}, b"")
    lines = []
    for pieces in ways(data):
        calls = len(daemon.clock.getDelayedCalls())
        lines.append(daemon.connect())
        channel = lines[-1].protocol
        for piece in filter(None, pieces):
            lines[-1].dataReceived(piece)
        assert channel.requests == []
        assert len(daemon.clock.getDelayedCalls()) == calls
    daemon.say(ada, "hello")
    assert all(b"CONNECTED" in line.value() for line in lines)
    assert all(line.value().count(b"NEW_MESSAGE") == 1 for line in lines)


NAMES = [b"Host", b"host", b"X", b"Content-Length", b"Connection", b"Transfer-Encoding", b"Expect"]
NAMES += [b"Content-Length ", b" X", b"", b"X\0", b"Cookie", b"Authorization"]
VALUES = [b"", b"5", b" 5", b"5 ", b"+5", b"05", b"0", b"4", b"6", b"close", b"keep-alive"]
VALUES += [b"chunked", b"100-continue", b"a\nb", b"a\r", b"\0", b"\xff", b"a=b; c"]

lines = st.builds(
    lambda name, colon, value: name + colon + value,
    st.sampled_from(NAMES) | st.binary(max_size=4),
    st.sampled_from([b":", b": ", b":\t", b""]),
    st.sampled_from(VALUES) | st.binary(max_size=6),
)
firsts = st.builds(
    lambda *parts: b"".join(parts),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"get", b"", b"G T"]),
    st.sampled_from([b" ", b" ", b" ", b"  ", b"\t"]),
    st.sampled_from([b"/", b"/said?a=b&a", b"/later", b"*", b"http://a/b", b"", b"/\xe9"]),
    st.sampled_from([b" HTTP/1.1"] * 5 + [b" HTTP/1.0", b"", b" HTTP/1.1 "]),
)
ends = st.sampled_from([b"\r\n"] * 8 + [b"\n", b"\r", b"\r\n ", b"\r\n\r\n"])
requests = st.builds(
    lambda first, lines, ends, body: b"".join(
        [first, *[end + line for end, line in zip(ends, lines, strict=False)], b"\r\n\r\n", body]
    ),
    firsts,
    st.lists(lines, max_size=5),
    st.lists(ends, min_size=5, max_size=5),
    st.sampled_from([b"", b"hello", b"hell", b"hello!", b"5\r\nhello\r\n0\r\n\r\n"]),
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(requests, min_size=1, max_size=2), st.data())
@example([PLAIN, NEXT], None)
def test_however_it_comes(sent, drawn):
    """
    The same bytes, in whatever pieces: the same answers, and the same connection.
    """
    data = b"".join(sent)
    cuts = drawn.draw(st.sets(st.integers(1, len(data)), max_size=4)) if drawn else {9}
    at = [0, *sorted(cuts), len(data)]
    pieces = [data[begin:end] for begin, end in zip(at, at[1:], strict=False)]
    one_by_one = [data[index : index + 1] for index in range(len(data))]
    assert Line().seen(*sent) == Line().seen(*one_by_one) == Line().seen(*filter(None, pieces))
