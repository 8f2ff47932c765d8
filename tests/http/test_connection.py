"""
A client that asks and does not read the answers, L{teamchatd.http.connection}: what waits
for it in our memory is bounded.
"""

import pytest
from twisted.internet.task import Clock
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from teamchatd.http.request import Site
from tests.daemon import MemoryTransport, request_bytes
from tests.real.daemon import PATIENCE

ROOM = 1 << 16
"""Bytes that a transport takes before it says that it is enough; as Twisted's."""

BODY = b"x" * 40_000


class Narrow(MemoryTransport):
    """
    One whose client reads when it is told to.

    @ivar unread: bytes that wait for it.
    """

    unread = most = 0

    def write(self, data):
        super().write(data)
        self.unread += len(data)
        self.most = max(self.most, self.unread)
        if self.unread > ROOM and self.producer is not None:
            self.producer.pauseProducing()

    def is_read(self):
        """
        All that waits; then there may be more.
        """
        self.unread = 0
        if self.producer is not None:
            self.producer.resumeProducing()


class Large(Resource):
    """
    Answers with much, at C{/later} when it is told to.
    """

    isLeaf = True

    def __init__(self):
        super().__init__()
        self.asked, self.waiting = [], []

    def render(self, request):
        self.asked.append(request.path)
        if request.path != b"/later":
            return BODY
        self.waiting.append(request)
        return NOT_DONE_YET

    def answer(self):
        request = self.waiting.pop()
        request.write(BODY)
        request.finish()


class Line:
    def __init__(self):
        self.clock, self.large = Clock(), Large()
        self.transport = Narrow(Site(self.large, self.clock).buildProtocol(None))
        self.transport.protocol.makeConnection(self.transport)

    def ask(self, *paths):
        self.transport.dataReceived(b"".join(request_bytes("GET", path, {}, b"") for path in paths))

    @property
    def is_listened_to(self):
        return self.transport.producerState == "producing"


@pytest.fixture
def line():
    return Line()


def test_many_at_once(line):
    """
    Requests that come together are answered one after the other, as the answers are read:
    all of them, in order.
    """
    paths = [f"/{number}" for number in range(100)]
    line.ask(*paths)
    assert line.large.asked == [b"/0", b"/1"]
    assert not line.is_listened_to
    while line.transport.unread:
        line.transport.is_read()
    assert line.large.asked == [path.encode() for path in paths]
    assert line.transport.value().count(BODY) == len(paths)
    assert line.transport.most < ROOM + 2 * len(BODY)
    assert line.is_listened_to
    line.ask("/again")
    assert line.large.asked[-1] == b"/again"


def test_answered_later(line):
    """
    The same where answers take their time.
    """
    line.ask(*["/later"] * 10)
    for answered in range(1, 11):
        line.large.answer()
        if answered % 2 == 0:
            assert not line.large.waiting
            line.transport.is_read()
    assert line.transport.value().count(BODY) == 10
    assert line.is_listened_to


def test_while_it_is_answered(line):
    """
    Nor is more and more read of a client to whom an answer is under way.
    """
    line.ask("/later")
    [request] = line.large.waiting
    request.write(BODY * 2)
    assert not line.is_listened_to
    line.transport.is_read()
    line.large.answer()
    line.transport.is_read()
    assert line.is_listened_to
    line.ask("/next")
    assert line.large.asked == [b"/later", b"/next"]


def test_never_reads(line):
    """
    Who goes on reading nothing is hung up on, as anybody who is silent.
    """
    line.ask(*["/"] * 10)
    line.clock.pump([1] * 61)
    assert line.transport.disconnecting
    assert line.large.asked == [b"/"] * 2


def test_goes_away(line):
    """
    With who leaves, what they still wanted to ask goes.
    """
    line.ask(*["/"] * 10)
    line.transport.leave()
    assert line.large.asked == [b"/"] * 2
    assert line.clock.getDelayedCalls() == []


def test_upload_of_a_stranger(line):
    """
    A body that is not read whole yet comes in, also when the answer before it waits.
    """
    line.ask("/", "/")
    line.transport.dataReceived(request_bytes("POST", "/sent", {}, b"y" * 100_000))
    assert line.large.asked == [b"/"] * 2
    line.transport.is_read()
    assert line.large.asked == [b"/", b"/", b"/sent"]


@pytest.mark.real
def test_on_a_socket(as_process):
    """
    A stranger asks for a large file thousands of times in one breath and reads nothing: the
    daemon does not grow by it.
    """
    daemon = as_process()
    [script] = {
        word
        for word in daemon.get("/").body.decode().split('"')
        if word.endswith("vendor/marked.js")
    }
    size = len(daemon.get(script).body)
    before = resident(daemon.process.pid)
    greedy = daemon.connect()
    greedy.setblocking(False)
    asked = 0
    one = request_bytes("GET", script, {}, b"")
    for _ in range(100):
        try:
            asked += greedy.send(one * 50) / len(one)
        except BlockingIOError:
            daemon.get("/health")  # once more it has its turn
    assert asked * size > 100 << 20
    for _ in range(20):
        daemon.get("/health")
    assert resident(daemon.process.pid) - before < 20 << 20
    greedy.settimeout(PATIENCE)
    assert greedy.recv(12) == b"HTTP/1.1 200"
    greedy.close()


def resident(pid):
    """
    Bytes of memory that a process has.
    """
    with open(f"/proc/{pid}/statm") as statm:
        return int(statm.read().split()[1]) * 4096
