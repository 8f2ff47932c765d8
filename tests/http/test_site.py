"""
The way to a route and back: L{teamchatd.http.site}, beside what Klein would do.
"""

import pytest
from attrs import define
from klein import Response
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher
from twisted.web.resource import Resource
from werkzeug.routing.matcher import StateMachineMatcher

from teamchatd import house
from teamchatd.errors import Invalid
from teamchatd.http.request import Site
from teamchatd.http.routes import json_app, open_without_limit
from teamchatd.http.site import LONGEST_KNOWN, Root
from teamchatd.store.channels import ChannelStore
from tests.daemon import MemoryTransport, read_answer, request_bytes


class ByKlein(Resource):
    """
    The same areas, each served by Klein's own resource.
    """

    def __init__(self, nowhere, areas):
        super().__init__()
        self._nowhere, self._areas = nowhere, areas

    def getChild(self, name, request):
        path = request.prepath + request.postpath
        request.prepath, request.postpath = [], path
        first, two = path[0].decode(), b"/".join(path[:2]).decode()
        area = self._areas.get(two) or self._areas.get(first) or self._nowhere
        return area.app.resource()


@pytest.fixture
def both(in_memory, monkeypatch):
    """
    A daemon, and the two roots that it may have: ours, and L{ByKlein}.
    """
    made = []
    monkeypatch.setattr(house, "Root", lambda *areas: made.append(areas) or Root(*areas))
    daemon = in_memory()
    return daemon, (daemon.house.site.resource, ByKlein(*made[0]))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/assets/a/b",
        "/assets/a/b/c/d",
        "/favicon.ico",
        "/config.json",
        "/health",
        "/channels",
        "/channels/nowhere",
        "/channels/nowhere/messages?limit=0",
        "/channels/n%C3%B6where/messages",
        "/messages/nothing/reactions",
        "/auth/me",
        "/auth/dev-login",
        "/nowhere",
        "/channels/a/b/c",
    ],
)
def test_as_klein_does(both, method, path):
    """
    There is no difference that a client could see.
    """
    daemon, roots = both
    ada, seen = daemon.token("ada"), []
    for root in roots:
        daemon.house.site.resource = root
        answer = daemon.exchange(method, path, {"authorization": f"Bearer {ada}"}, b"")
        headers = dict(answer.headers) | {"date": "now", "x-request-id": "another"}
        seen.append((answer.status, headers, answer.body))
    assert seen[0] == seen[1]


@define
class Odd:
    """
    An area for what ours do not do.
    """

    app = json_app()

    identity: object = None

    @app.route("/odd/none", methods=["GET"])
    @open_without_limit
    async def none(self, request):
        return None

    @app.route("/odd/long", methods=["GET"])
    @open_without_limit
    async def long(self, request):
        return Response(200, {"Content-Type": "text/plain"}, b"of no known length")

    @app.route("/odd/at-once", methods=["GET"])
    def at_once(self, request):
        raise Invalid("said before anything was awaited")

    @app.route("/odd/resource", methods=["GET"])
    @open_without_limit
    async def resource(self, request):
        return Broken()


class Broken(Resource):
    isLeaf = True

    def render(self, request):
        request.write(b"the beginning")
        raise RuntimeError("and no end")


@pytest.fixture
def connect():
    """
    Opens a connection to L{Odd}.
    """

    def connect():
        site = Site(Root(Odd(), {"odd": Odd()}), Clock())
        transport = MemoryTransport(site.buildProtocol(None))
        transport.protocol.makeConnection(transport)
        return transport

    return connect


@pytest.fixture
def log():
    """
    What is logged meanwhile.
    """
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


def get(transport, path):
    transport.dataReceived(request_bytes("GET", path, {}, b""))
    return read_answer("GET", transport.value())


def test_of_no_known_length(connect):
    """
    Who does not say how long an answer is, sends it in chunks.
    """
    answer = get(connect(), "/odd/long")
    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.body == b"of no known length"


def test_refused_at_once(connect):
    """
    A route need not be a coroutine to refuse something.
    """
    answer = get(connect(), "/odd/at-once")
    assert (answer.status, answer.error) == (400, "said before anything was awaited")


def test_no_answer(connect, log):
    """
    A route that returns nothing has a mistake in it, and that is what is said.
    """
    answer = get(connect(), "/odd/none")
    assert answer.status == 500
    assert [event for event in log if event.get("incident") == answer.json["incident"]]


def test_broken_in_the_middle(connect, log):
    """
    What cannot be ended is cut off, so that nobody takes it for the whole.
    """
    transport = connect()
    transport.dataReceived(request_bytes("GET", "/odd/resource", {}, b""))
    assert transport.disconnecting
    assert b"the beginning" in transport.value()
    assert any("incident" in event for event in log)


def test_known(in_memory, monkeypatch):
    """
    A path is looked up once.  What leads nowhere is looked up whenever it comes, and
    so is what is long: strangers could send as many of those as they like.
    """
    daemon, looked_up, match = in_memory(), [], StateMachineMatcher.match
    ada = daemon.token("ada")

    def counted(matcher, domain, path, method, websocket):
        looked_up.append((method, path))
        return match(matcher, domain, path, method, websocket)

    monkeypatch.setattr(StateMachineMatcher, "match", counted)
    long = f"/messages/{'x' * LONGEST_KNOWN}/thread"
    for _ in range(2):
        assert daemon.get("/health").status == 200
        assert daemon.get("/messages/a/thread", ada).status == 404
        assert daemon.get(long, ada).status == 404
        assert daemon.delete("/messages/a/thread", ada).status == 405
    once = [("GET", "/health"), ("GET", "/messages/a/thread")]
    always = [("GET", long), ("DELETE", "/messages/a/thread")]
    assert looked_up == once + always + always


def test_one_piece(in_memory):
    """
    Headers and body leave together: two packets would cost as much as the rest.
    """
    daemon = in_memory()
    transport, pieces = daemon.connect(), []
    transport.write = pieces.append
    for method in ("GET", "HEAD"):
        transport.dataReceived(request_bytes(method, "/health", {}, b""))
    assert len(pieces) == 2
    assert read_answer("GET", pieces[0]).body == b"OK"
    assert pieces[1].endswith(b"\r\n\r\n")


@pytest.fixture
def slow(in_memory, monkeypatch):
    """
    A daemon that adds a channel when it is told to go on, and somebody who has
    asked it to and did not wait for the answer.
    """
    daemon, go_on, add = in_memory(), Deferred(), ChannelStore.add

    async def wait(self, *args):
        await go_on
        return await add(self, *args)

    monkeypatch.setattr(ChannelStore, "add", wait)
    ada = daemon.token("ada")
    headers = {"authorization": f"Bearer {ada}", "content-type": "application/json"}
    transport = daemon.connect()
    transport.dataReceived(request_bytes("POST", "/channels", headers, b'{"name": "later"}'))
    transport.leave()
    return daemon, ada, go_on, transport


def test_begun_is_finished(slow, log, listen):
    """
    What was begun is done and told, also when nobody waits for the answer any more.
    """
    daemon, ada, go_on, transport = slow
    listener = daemon.listen(ada)
    go_on.callback(None)
    names = [each["name"] for each in daemon.get("/channels", ada).json["channels"]]
    assert "later" in names
    assert listener.types == ["CONNECTED", "NEW_CHANNEL"]
    assert transport.value() == b""
    assert not [event for event in log if "log_failure" in event]
    listener.leave()


def test_broken_after_leaving(slow, log):
    """
    What breaks is in the log, also when there is nobody to be told its number.
    """
    _, _, go_on, transport = slow
    go_on.errback(RuntimeError("too late to tell"))
    [logged] = [event for event in log if "log_failure" in event]
    assert logged["what"] == "POST /channels"
    assert transport.value() == b""
