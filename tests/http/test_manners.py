"""
What every call promises, whatever it is about: chapter 1 of the contract, rule
by rule.
"""

import base64
import json
import secrets
from http import HTTPStatus
from ipaddress import ip_network

import jwt
import pytest
from twisted.internet.address import IPv6Address, UNIXAddress
from twisted.internet.defer import fail
from twisted.logger import formatEvent, globalLogPublisher
from twisted.web.test.requesthelper import DummyChannel

from teamchatd.errors import Unavailable
from teamchatd.http.request import LARGEST_BODY, LONGEST_DISCARDING, Request
from teamchatd.http.routes import STATUS
from teamchatd.store.channels import ChannelStore
from teamchatd.store.sessions import SessionStore
from tests.contract import METHODS, described
from tests.daemon import Daemon, MemoryTransport, request_bytes
from tests.dot import DOT
from tests.real.daemon import RealDaemon

JSON = "application/json"

APP = "https://app.example"


@pytest.fixture(scope="module", params=["memory", pytest.param("twistd", marks=pytest.mark.real)])
def make_daemon(request, tmp_path_factory):
    """
    As everywhere, but what it makes is there for all tests of this module: a
    real daemon for each of them would take minutes.
    """
    made = []

    def make(**sections):
        directory = tmp_path_factory.mktemp(request.param)
        made.append((Daemon if request.param == "memory" else RealDaemon)(directory, **sections))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


@pytest.fixture(scope="module")
def daemon(make_daemon):
    return make_daemon()


@pytest.fixture(scope="module")
def with_passwords(make_daemon):
    return make_daemon(auth={"auth_mode": "password"})


def bearer(token):
    return {"authorization": f"Bearer {token}"}


def of_json(token=None):
    return {"content-type": JSON} | ({} if token is None else bearer(token))


def paths(daemon, who, method):
    """
    Every path that the description has with this method, with real ids in it.
    """
    public, private = furnished(daemon, who)
    for path, item in described()["paths"].items():
        if method in item and item.get("x-auth-mode", daemon.mode) == daemon.mode:
            known = private if path.startswith("/conversations/") else public
            yield path.format(**known), item[method].get("security") == []


def furnished(daemon, who):
    """
    Something of each kind that a path can name, in a channel and in a conversation.
    """

    def done(path, **given):
        return daemon.done(daemon.post(path, who, given))

    general = daemon.general(who)
    message = daemon.say(who, "hello")["id"]
    email = f"{secrets.token_hex(8)}@example.org"
    user = done("/users/add", email=email)["userId"]
    conversation = done("/conversations", targetUserId=user)["conversation"]["id"]
    said, whispered = f"/channels/{general}/messages", f"/conversations/{conversation}/messages"
    image = {"filename": "garden.png", "image": DOT}
    public = {
        "userId": user,
        "channelId": general,
        "messageId": message,
        "replyId": done(f"/messages/{message}/thread", content="hello you")["reply"]["id"],
        "conversationId": conversation,
        "webhookId": done("/webhooks", name="robot", channelId=general)["webhook"]["id"],
        "filename": done(f"{said}/image", **image)["filename"],
        "digest": daemon.done(daemon.get("/config.json"))["assets"],
        "file": "vendor/preact.js",
    }
    private = {
        "messageId": done(whispered, content="psst")["message"]["id"],
        "filename": done(f"{whispered}/image", **image)["filename"],
    }
    return public, public | private


def allowed(answer):
    return {method.strip() for method in answer.headers["allow"].split(",")}


# Which refusal comes first


@pytest.mark.parametrize("method", METHODS)
def test_who_is_asking_comes_first(daemon, ada, method):
    """
    401 before 400 and before 415: nobody reads what a stranger sends.
    """
    for path, is_open in paths(daemon, ada, method):
        if not is_open:
            assert daemon.ask(method.upper(), path, None).status == 401
            assert daemon.ask(method.upper(), path, None, b"{").status == 401
            typed = daemon.ask(method.upper(), path, None, b"{", content_type="text/plain")
            assert typed.status == 401


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize(
    "path",
    [
        "/nowhere",
        "/channels/",
        "/channels/x/messages/",
        "/channels//messages",
        "//channels",
        "//",
        "//openapi.json",
        "/health/",
        "/users/x/y/z",
        "/auth",
        "/auth/",
        "/auth/password-login",
        "/auth/setup-password",
        "/auth%2Fdev-login",
        "/Channels",
        "/channels%20",
        "/%FF",
        "/index.html",
    ],
)
def test_unknown_path(daemon, method, path):
    """
    What is not there, or belongs to another sign-in mode, is 404 before anybody
    asks who you are, with any method and any body.
    """
    assert daemon.ask(method, path).status == 404
    assert daemon.ask(method, path, given=b"{", content_type="text/plain").status == 404


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_other_mode(with_passwords, method):
    """
    Where users have passwords, nobody gets in without.
    """
    given = {"email": "ada@example.org"}
    assert with_passwords.ask(method, "/auth/dev-login", given=given).status == 404


@pytest.mark.parametrize(
    ("method", "path", "there"),
    [
        ("DELETE", "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("GET", "/auth/dev-login", {"POST", "OPTIONS"}),
        ("POST", "/auth/me", {"GET", "HEAD", "OPTIONS"}),
        ("PATCH", "/users/x", {"DELETE", "OPTIONS"}),
        ("POST", "/events", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/health", {"GET", "HEAD", "OPTIONS"}),
        ("POST", "/", {"GET", "HEAD", "OPTIONS"}),
        ("HEAD", "/users/add", {"POST", "DELETE", "OPTIONS"}),
        ("TRACE", "/channels/x/messages", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("CONNECT", "/messages/x", {"PUT", "DELETE", "OPTIONS"}),
        ("PROPFIND", "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("get", "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("head", "/events", {"GET", "HEAD", "OPTIONS"}),
        ("Options", "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("X" * 200, "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
        ("!#$%&'*+-.^_`|~09", "/channels", {"GET", "HEAD", "POST", "OPTIONS"}),
    ],
)
def test_other_method(daemon, wire, method, path, there):
    """
    405 says which methods there are.  They are written in capitals.
    """
    answer = wire(daemon).ask(method, path)
    assert answer.status == 405
    assert allowed(answer) == there


@pytest.mark.parametrize(
    "status", sorted({200, 204, 206, 302, 304, 405, 416, 500, *STATUS.values()})
)
def test_phrase(status):
    """
    Each status has its name, which Twisted does not know of all of them.
    """
    request = Request(DummyChannel(), False)
    request.setResponseCode(status)
    assert request.code_message.decode() == HTTPStatus(status).phrase


def test_ending_one_and_others(daemon, ada):
    """
    Which session is meant has to be clear: none is ended by guess.
    """
    given = {"sessionId": "x", "keepCurrent": True}
    refused = daemon.delete("/auth/sessions", ada, given)
    assert (refused.status, refused.error) == (400, "Give 'keepCurrent' or 'sessionId', not both.")
    assert daemon.get("/auth/me", ada).status == 200


# HEAD and OPTIONS


def test_head(daemon, ada):
    """
    HEAD answers what GET does, without the body.
    """
    for path, _ in paths(daemon, ada, "get"):
        if path != "/events":
            whole, head = daemon.get(path, ada), daemon.ask("HEAD", path, ada)
            assert (head.status, head.body) == (200, b"")
            for answer in (whole, head):
                del answer.headers["date"], answer.headers["x-request-id"]
            assert head.headers == whole.headers
            assert int(head.headers["content-length"]) == len(whole.body)


def test_head_of_refusals(daemon, wire, ada):
    """
    A refusal without its body; the connection goes on as if nothing was.
    """
    connection = wire(daemon)
    assert connection.ask("HEAD", "/channels").status == 401
    assert connection.ask("HEAD", "/nowhere").status == 404
    assert connection.ask("HEAD", "/auth/logout").status == 405
    unreadable = connection.ask("HEAD", "/channels", of_json(ada), b"{")
    assert unreadable.status == 400
    assert connection.ask("GET", "/channels", bearer(ada)).status == 200


def test_head_of_stream(daemon, wire, ada):
    """
    HEAD of the stream is no stream: it ends, and is nobody who listens.
    """
    connection = wire(daemon)
    head = connection.ask("HEAD", f"/events?token={ada}")
    assert (head.status, head.headers["content-type"]) == (200, "text/event-stream")
    assert head.headers["cache-control"] == "no-cache"
    assert connection.ask("HEAD", "/events").status == 401
    daemon.say(ada, "hello")
    assert connection.ask("GET", "/health").body == b"OK"


def test_options(daemon, ada):
    """
    OPTIONS needs no token, and says what a path has.
    """
    for method in METHODS:
        for path, _ in paths(daemon, ada, method):
            answer = daemon.ask("OPTIONS", path)
            assert (answer.status, answer.body) == (204, b"")
            assert {method.upper(), "OPTIONS"} <= allowed(answer)


@pytest.mark.parametrize("path", ["/nowhere", "/auth/password-login", "/channels/", "//channels"])
def test_options_of_nothing(daemon, path):
    """
    What is not there has no options.
    """
    assert daemon.ask("OPTIONS", path).status == 404


def test_options_of_everything(daemon, wire):
    """
    C{OPTIONS *} asks about the server, and not about a path.
    """
    connection = wire(daemon)
    connection.send(request_bytes("OPTIONS", "*", {}, b""))
    assert connection.answer("OPTIONS").status in (200, 204)
    assert connection.ask("GET", "/health").status == 200


# Bodies


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "\xff"]
)
def test_empty_body(daemon, ada, content_type):
    """
    An empty body is an empty object, whatever it is said to be.
    """
    ends = {"content_type": content_type, "content_length": "0"}
    assert daemon.get("/channels", ada, content_type=content_type).status == 200
    assert daemon.post("/users/exit", ada, **ends).error == "The last administrator cannot go."
    assert "'name'" in daemon.post("/channels", ada, **ends).error
    assert daemon.delete("/auth/sessions", ada, content_type=content_type).status == 200


@pytest.mark.parametrize("path", ["/", "/health", "/openapi.json", "/channels", "/auth/me"])
def test_body_of_get(daemon, ada, path):
    """
    A body is read the same way with every method.
    """
    assert daemon.ask("GET", path, ada, {"x": 1}).status == 200
    assert daemon.ask("GET", path, ada, b"{").status == 400
    assert daemon.ask("GET", path, ada, b"[]").status == 400
    assert daemon.ask("GET", path, ada, b"{}", content_type="text/plain").status == 415


def test_body_of_delete(daemon, ada, bob):
    """
    DELETE takes a body where it has a use for one, and reads it where not.
    """
    message = f"/messages/{daemon.say(ada, 'hello')['id']}"
    daemon.done(daemon.post(f"{message}/reactions", bob, {"reaction": "+1"}))
    answer = daemon.delete(f"{message}/reactions", bob, {"reaction": "+1"})
    assert daemon.done(answer)["message"]["reactions"] == {}
    assert daemon.delete(message, ada, b"{").status == 400
    assert daemon.delete(message, ada, b"{}", content_type="text/html").status == 415
    assert daemon.delete(message, ada, {"anything": 1}).status == 200


def test_no_type(daemon, wire, ada):
    """
    A body that does not say what it is, is not JSON.
    """
    answer = wire(daemon).ask("POST", "/channels", bearer(ada), b'{"name": "garden"}')
    assert answer.status == 415


def filled(size):
    """
    A body of so many bytes that makes a channel.
    """
    body = b'{"name": "%s", "filling": "%%s"}' % secrets.token_hex(8).encode()
    return body % (b"x" * (size - len(body) + 2))


def chunked(body, size=65536):
    for start in range(0, len(body), size):
        chunk = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(chunk), chunk)
    yield b"0\r\n\r\n"


def test_largest_body(daemon, ada):
    """
    1 MiB is read to its last byte.
    """
    assert daemon.post("/channels", ada, filled(LARGEST_BODY)).status == 200


def test_largest_body_in_chunks(daemon, wire, ada):
    """
    The same, if nobody says in advance how much comes.
    """
    connection = wire(daemon)
    headers = of_json(ada) | {"transfer-encoding": "chunked"}
    connection.send(request_bytes("POST", "/channels", headers, b""))
    for chunk in chunked(filled(LARGEST_BODY)):
        connection.send(chunk)
    assert connection.answer("POST", "/channels").status == 200


@pytest.mark.parametrize("path", ["/channels", "/auth/dev-login", "/nowhere", "/health"])
def test_too_large(daemon, wire, path):
    """
    One byte more is too much, for whoever it comes from and wherever it goes;
    the connection ends with the answer.
    """
    connection = wire(daemon)
    answer = connection.ask("POST", path, of_json(), filled(LARGEST_BODY + 1))
    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert connection.closed
    assert daemon.get("/health").status == 200


def test_too_large_at_once(daemon, wire, ada):
    """
    Who says in advance how much will come hears at once that it is too much.
    """
    connection = wire(daemon)
    headers = of_json(ada) | {"content-length": str(LARGEST_BODY + 1)}
    assert connection.ask("POST", "/channels", headers).status == 413


def test_too_large_in_chunks(daemon, wire, ada):
    """
    Who does not say in advance hears it in the middle, and may finish.
    """
    connection = wire(daemon)
    headers = of_json(ada) | {"transfer-encoding": "chunked"}
    connection.send(request_bytes("POST", "/channels", headers, b""))
    for chunk in chunked(filled(3 * LARGEST_BODY)):
        connection.send(chunk)
    assert connection.answer("POST", "/channels").status == 413
    assert connection.closed


def test_asked_beforehand(daemon, wire, ada):
    """
    Who asks before sending is told to go on, or what is wrong; never both.
    """
    body = filled(2000)
    headers = of_json(ada) | {"expect": "100-continue"}
    small = wire(daemon)
    small.send(request_bytes("POST", "/channels", headers | {"content-length": "2000"}, b""))
    assert small.answer().status == 100
    small.send(body)
    assert small.answer("POST", "/channels").status == 200

    large = wire(daemon)
    headers["content-length"] = str(LARGEST_BODY + 1)
    assert large.ask("POST", "/channels", headers).status == 413
    assert large.closed


def test_asked_beforehand_in_chunks(daemon, wire, ada):
    """
    Who was told to go on, and sends too much, is not cut off in the middle.
    """
    connection = wire(daemon)
    headers = of_json(ada) | {"expect": "100-continue", "transfer-encoding": "chunked"}
    connection.send(request_bytes("POST", "/channels", headers, b""))
    assert connection.answer().status == 100
    for chunk in chunked(filled(5 * LARGEST_BODY)):
        connection.send(chunk)
    assert connection.answer("POST", "/channels").status == 413
    assert connection.closed


@pytest.mark.parametrize("mebibytes", [5, 20])
@pytest.mark.parametrize("encoding", ["length", "chunks"])
def test_busy_sending(daemon, wire, mebibytes, encoding):
    """
    A client that reads only when all is sent can still read why it was refused.
    """
    connection, size = wire(daemon), mebibytes << 20
    if encoding == "length":
        headers = of_json() | {"content-length": str(size)}
        connection.send(request_bytes("POST", "/channels", headers, b""))
        for _ in range(mebibytes):
            connection.send(bytes(1 << 20))
    else:
        headers = of_json() | {"transfer-encoding": "chunked"}
        connection.send(request_bytes("POST", "/channels", headers, b""))
        for chunk in chunked(bytes(size)):
            connection.send(chunk)
    assert connection.answer("POST", "/channels").status == 413
    assert connection.closed


def test_discarding_ends(in_memory, wire):
    """
    Nobody is listened to for ever who only ever sends what is thrown away.
    """
    daemon = in_memory()
    connection = wire(daemon)
    headers = {"content-length": str(LARGEST_BODY * 1000)}
    assert connection.ask("POST", "/channels", headers).status == 413
    connection.send(bytes(1000))
    assert not connection.closed
    daemon.clock.advance(LONGEST_DISCARDING)
    assert connection.closed

    connection = wire(daemon)
    assert connection.ask("POST", "/channels", headers).status == 413
    for _ in range(65):
        connection.send(bytes(LARGEST_BODY))
    assert connection.closed


# Other origins


@pytest.fixture(scope="module")
def shared(make_daemon):
    """
    A daemon that one other origin may talk to.
    """
    return make_daemon(server={"allowed_origins": (APP,)})


def cross_origin(answer):
    return {name for name in answer.headers if name.startswith("access-control-")}


def refused(daemon):
    """
    One answer of each kind that says no.
    """
    yield daemon.get("/nowhere", origin=APP)
    yield daemon.get("/channels", origin=APP)
    yield daemon.ask("PATCH", "/channels", origin=APP)
    yield daemon.post("/auth/dev-login", given=b"{", origin=APP)
    yield daemon.post("/auth/dev-login", given=b"{}", content_type="x/y", origin=APP)
    yield daemon.post("/auth/dev-login", given=filled(LARGEST_BODY + 1), origin=APP)


def test_no_other_origins(daemon, ada):
    """
    Unless the operator says so, no page of another origin may read anything.
    """
    asked = daemon.ask("OPTIONS", "/channels", origin=APP, access_control_request_method="GET")
    for answer in (daemon.get("/channels", ada, origin=APP), asked, *refused(daemon)):
        assert cross_origin(answer) == set()
        assert "vary" not in answer.headers


def test_listed_origin(shared):
    """
    A listed origin is named on every answer, and caches are told.
    """
    ada = shared.token("ada")
    for answer in (
        shared.get("/channels", ada, origin=APP),
        shared.get("/", origin=APP),
        shared.get("/health", origin=APP),
        *refused(shared),
    ):
        assert answer.headers["access-control-allow-origin"] == APP
        assert cross_origin(answer) == {
            "access-control-allow-origin",
            "access-control-expose-headers",
        }
        assert answer.headers["access-control-expose-headers"] == "Retry-After"
        assert answer.headers["vary"] in ("Origin", "Origin, Accept-Encoding")


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        APP + ":8443",
        APP + ".evil.example",
        "null",
        "",
    ],
)
def test_other_origin(shared, origin):
    """
    Any other origin is not.
    """
    answer = shared.get("/health", origin=origin)
    assert cross_origin(answer) == set()
    assert answer.headers["vary"] == "Origin"
    asked = shared.ask("OPTIONS", "/channels", origin=origin, access_control_request_method="GET")
    assert asked.status == 204
    assert cross_origin(asked) == set()


def test_any_origin(make_daemon):
    """
    C{*} is for all, without credentials.
    """
    daemon = make_daemon(server={"allowed_origins": ("*",)})
    for answer in (daemon.get("/health", origin="https://x.example"), *refused(daemon)):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/channels", "/users/x", "/events", "/auth/dev-login"])
def test_preflight(shared, path):
    """
    A browser asks beforehand, without a token, and remembers the answer for a day.
    """
    answer = shared.ask(
        "OPTIONS",
        path,
        origin=APP,
        access_control_request_method="DELETE",
        access_control_request_headers="authorization",
    )
    assert answer.status == 204
    said = {name: answer.headers[name] for name in cross_origin(answer)}
    assert said == {
        "access-control-allow-origin": APP,
        "access-control-allow-methods": "GET, POST, PUT, DELETE",
        "access-control-allow-headers": "Authorization, Content-Type, Last-Event-ID",
        "access-control-max-age": "86400",
    }


def test_stream_of_other_origin(shared, wire):
    """
    A page of a listed origin may listen.
    """
    connection = wire(shared)
    path = f"/events?token={shared.token('ada')}"
    connection.send(request_bytes("GET", path, {"origin": APP}, b""))
    head = wire_head(connection)
    assert head["access-control-allow-origin"] == APP
    assert head["vary"] == "Origin"
    assert head["cache-control"] == "no-cache"


def wire_head(connection):
    """
    The headers of an answer that does not end.
    """
    answer = connection.answer("HEAD")
    assert answer.status == 200
    return answer.headers


# Headers


def test_safe_headers(daemon, ada):
    """
    No answer is guessed at, leaks where it came from, or stays in a cache.
    """
    for answer in (daemon.get("/channels", ada), daemon.get("/config.json"), *refused(daemon)):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"
        assert int(answer.headers["content-length"]) == len(answer.body)


def test_description(daemon):
    """
    The description is there for programs to read.
    """
    assert daemon.done(daemon.get("/openapi.json")) == described()


# Connections


def test_one_after_the_other(daemon, wire, ada):
    """
    A connection is good for more than one request.
    """
    connection = wire(daemon)
    for _ in range(3):
        assert connection.ask("GET", "/channels", bearer(ada)).status == 200
    connection.ask("GET", "/health", {"connection": "close"})
    assert connection.closed


def test_old_clients(daemon, wire, ada):
    """
    HTTP/1.0 knows one request for each connection.
    """
    connection = wire(daemon)
    answer = connection.ask("GET", "/channels", bearer(ada), version="HTTP/1.0")
    assert answer.status == 200
    assert connection.closed


def test_all_at_once(daemon, wire, ada):
    """
    Requests sent without waiting are answered in their order, and done in it.
    """
    general, connection = daemon.general(ada), wire(daemon)
    path = f"/channels/{general}/messages"
    said = [json.dumps({"content": str(number)}).encode() for number in range(20)]
    requests = [request_bytes("POST", path, of_json(ada), body) for body in said]
    connection.send(b"".join(requests) + request_bytes("GET", "/nowhere", {}, b""))
    contents = [connection.answer("POST", path).json["message"]["content"] for _ in requests]
    assert contents == [str(number) for number in range(20)]
    assert connection.answer("GET", "/nowhere").status == 404
    assert daemon.read(ada)[-20:] == contents


def test_whole_address(daemon, wire, ada):
    """
    A request may name the whole address, as proxies do.
    """
    connection = wire(daemon)
    for target, path in [
        ("http://chat.example/channels", "/channels"),
        ("https://chat.example:443/channels?x=1", "/channels"),
        ("http://chat.example", "/"),
        ("http://chat.example/", "/"),
    ]:
        connection.send(request_bytes("GET", target, bearer(ada), b""))
        assert connection.answer("GET", path).status == 200
    connection.send(request_bytes("GET", "http://chat.example/nowhere", {}, b""))
    assert connection.answer("GET", "/nowhere").status == 404


@pytest.mark.parametrize("target", ["xchannels", "channels", "chat.example:443", "*channels"])
def test_no_address(daemon, wire, target):
    """
    What begins with no slash is no path of ours.
    """
    connection = wire(daemon)
    connection.send(request_bytes("GET", target, {}, b""))
    assert connection.answer("GET", "/nowhere").status == 404


@pytest.mark.parametrize(
    "host", [b"", b"a..b", b"\xff\xfe", b"x" * 10_000, b"[::1", b"a b", b"..", b"xn--", b"\xc3\xa4"]
)
def test_any_host(daemon, wire, ada, host):
    """
    What a client calls us is its own affair.
    """
    connection = wire(daemon)
    authorization = f"Authorization: Bearer {ada}".encode()
    connection.send(b"GET /channels HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n" % (host, authorization))
    assert connection.answer("GET", "/channels").status == 200
    connection.send(b"GET /nowhere HTTP/1.1\r\nHost: %s\r\n\r\n" % host)
    assert connection.answer("GET", "/nowhere").status == 404


def test_no_host(daemon, wire):
    """
    So is not calling us anything.
    """
    connection = wire(daemon)
    connection.send(b"GET /health HTTP/1.1\r\n\r\n")
    assert connection.answer("GET", "/health").status == 200


@pytest.mark.parametrize(
    "data",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/3.0\r\n\r\n",
        b"G\xffT / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST /channels HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST /channels HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST /channels HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 1000 + b"\r\n",
    ],
)
def test_no_http(daemon, wire, data):
    """
    What is no HTTP is refused, and the connection ends.
    """
    connection = wire(daemon)
    connection.send(data)
    assert connection.answer("HEAD").status == 400
    assert connection.closed
    assert daemon.get("/health").status == 200


def test_path_is_decoded(daemon, ada):
    """
    C{%67} is a C{g}, in our part of the path and in an id.
    """
    general = daemon.general(ada)
    encoded = "".join(f"%{ord(character):02X}" for character in general)
    assert daemon.get(f"/channels/{encoded}/messages", ada).status == 200
    assert daemon.get(f"/%63hannels/{general}/m%65ssages", ada).status == 200


# Tokens


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER", "bEaReR"])
def test_scheme(daemon, ada, scheme):
    """
    The scheme is matched without regard to case.
    """
    assert daemon.get("/auth/me", authorization=f"{scheme} {ada}").status == 200


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


FORGERIES = {
    "empty": lambda token: "",
    "no token": lambda token: "token",
    "without a signature": lambda token: token.rpartition(".")[0] + ".",
    "cut off": lambda token: token[:-1],
    "with another end": lambda token: token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB"),
    "of another user": lambda token: ".".join(
        [token.split(".")[0], part({**claims(token), "sub": "x"}), token.split(".")[2]]
    ),
    "living longer": lambda token: ".".join(
        [token.split(".")[0], part({**claims(token), "exp": 2**40}), token.split(".")[2]]
    ),
    "unsigned": lambda token: jwt.encode(claims(token), None, "none"),
    "said to be unsigned": lambda token: ".".join(
        [part({"alg": "none", "typ": "JWT"}), *token.split(".")[1:]]
    ),
    "said to be None": lambda token: ".".join([part({"alg": "NoNe"}), *token.split(".")[1:]]),
    "signed by somebody else": lambda token: jwt.encode(claims(token), "x" * 32, "HS256"),
    "signed in another way": lambda token: jwt.encode(claims(token), "x" * 64, "HS512"),
    "twice": lambda token: f"{token} {token}",
    "quoted": lambda token: f'"{token}"',
}


def claims(token):
    return jwt.decode(token, options={"verify_signature": False})


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=list(FORGERIES))
def test_forged(daemon, ada, forged):
    """
    A token that we did not make is 401, wherever it stands.
    """
    token = forged(ada)
    assert daemon.get("/auth/me", token).status == 401
    assert daemon.get("/events", token).status == 401
    assert daemon.get("/events?token=" + token.replace(" ", "%20")).status == 401
    assert daemon.get("/auth/me", ada).status == 200


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic {}", "Bearer{}", "{}", "Token {}"])
def test_no_token(daemon, ada, authorization):
    """
    So is one that is not sent as it should be, or not sent.
    """
    assert daemon.get("/auth/me", authorization=authorization.format(ada)).status == 401


def test_other_kind(with_passwords):
    """
    A refresh token opens nothing, and an access token buys nothing.
    """
    daemon = with_passwords
    if isinstance(daemon, RealDaemon):
        daemon.await_log("token=.*\n")
    new = {"email": "ada@example.org", "password": "correct horse", "token": daemon.setup_token}
    tokens = daemon.done(daemon.post("/auth/setup-password", given=new))
    assert daemon.get("/auth/me", tokens["refreshToken"]).status == 401
    assert daemon.get(f"/events?token={tokens['refreshToken']}").status == 401
    spent = daemon.post("/auth/refresh", given={"refreshToken": tokens["accessToken"]})
    assert spent.status == 401
    assert daemon.get("/auth/me", tokens["accessToken"]).status == 200


def test_expired(in_memory):
    """
    A token is good until the second it expires.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    daemon.clock.advance(24 * 60 * 60 - 1)
    assert daemon.get("/auth/me", ada).status == 200
    daemon.clock.advance(1)
    assert daemon.get("/auth/me", ada).status == 401


def test_of_another_record(in_memory):
    """
    The right signature is not enough: the session has to be one of ours.
    """
    ours, theirs = in_memory(), in_memory()
    assert ours.get("/auth/me", theirs.token("ada")).status == 401


# What goes wrong on our side


@pytest.fixture
def log():
    """
    What is logged meanwhile.
    """
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.fixture
def broken(in_memory, monkeypatch):
    """
    A daemon that cannot list its channels, and somebody who asks it to.
    """
    daemon = in_memory(server={"allowed_origins": (APP,)})
    ada = daemon.token("ada")

    def all(self):
        raise RuntimeError("the reason, which is nobody's business")

    monkeypatch.setattr(ChannelStore, "all", all)
    return daemon, ada


def test_incident(broken, log):
    """
    A 500 has an id that finds the reason in the log, and says nothing of it.
    """
    daemon, ada = broken
    answer = daemon.get("/channels?token=secret", ada, origin=APP)
    assert (answer.status, answer.headers["content-type"]) == (500, JSON)
    assert answer.headers["access-control-allow-origin"] == APP
    assert b"reason" not in answer.body
    assert b"RuntimeError" not in answer.body
    [logged] = [event for event in log if event.get("incident") == answer.json["incident"]]
    assert "nobody's business" in logged["log_failure"].getErrorMessage()
    assert logged["what"] == "GET /channels"


def test_incident_ends_nothing(broken, log, wire):
    """
    The next request on the same connection is answered, and HEAD stays short.
    """
    daemon, ada = broken
    connection = wire(daemon)
    assert connection.ask("HEAD", "/channels", bearer(ada)).status == 500
    first, second = (connection.ask("GET", "/channels", bearer(ada)).json for _ in range(2))
    assert first["incident"] != second["incident"]
    assert connection.ask("GET", "/auth/me", bearer(ada)).status == 200


# How often


def limited(per_minute=3, **more):
    return {"enabled": True, "requests_per_minute": per_minute, **more}


def test_limit_of_user(make_daemon):
    """
    A user may so often, wherever they ask from; others still may.
    """
    daemon = make_daemon(rate_limit=limited())
    ada, bob = daemon.token("ada"), daemon.token("bob")
    assert [daemon.get("/auth/me", ada).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert 1 <= int(daemon.get("/channels", ada).headers["retry-after"]) <= 20
    assert daemon.get("/events", ada).status == 429
    assert daemon.get("/auth/me", bob).status == 200


def test_limit_of_address(make_daemon):
    """
    Who does not say who they are may so often from one address.
    """
    daemon = make_daemon(rate_limit=limited())
    ada = daemon.token("ada")
    assert daemon.get("/channels").status == 401
    assert daemon.get("/channels", "forged").status == 401
    assert [daemon.get("/").status, daemon.get("/channels").status] == [429, 429]
    assert daemon.post("/auth/dev-login", given={"email": "bob@example.org"}).status == 429
    assert daemon.get("/auth/me", ada).status == 200
    assert daemon.get("/health").status == 200


def test_limit_ends(in_memory):
    """
    After the seconds that were named, it may be tried again, once.
    """
    daemon = in_memory(rate_limit=limited())
    ada = daemon.token("ada")
    for _ in range(3):
        assert daemon.get("/auth/me", ada).status == 200
    wait = int(daemon.get("/auth/me", ada).headers["retry-after"])
    daemon.clock.advance(wait - 1)
    assert daemon.get("/auth/me", ada).status == 429
    daemon.clock.advance(1)
    assert [daemon.get("/auth/me", ada).status for _ in range(2)] == [200, 429]
    daemon.clock.advance(60)
    assert [daemon.get("/auth/me", ada).status for _ in range(4)] == [200, 200, 200, 429]


def test_no_limit(in_memory):
    """
    Where the limits are switched off, there are none.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    assert {daemon.get("/auth/me", ada).status for _ in range(1000)} == {200}


def sign_in(daemon, name, password, **headers):
    given = {"email": f"{name}@example.org", "password": password}
    return daemon.post("/auth/password-login", given=given, **headers)


@pytest.fixture
def guarded(in_memory):
    """
    A daemon behind a proxy, on which two users have passwords, and signing in
    may fail three times a minute.
    """
    daemon = in_memory(
        auth={"auth_mode": "password"},
        server={"trusted_proxies": (ip_network("192.0.2.7"),)},
        rate_limit=limited(10_000, failed_sign_ins_per_minute=3),
    )
    new = {"email": "ada@example.org", "password": "correct horse", "token": daemon.setup_token}
    ada = daemon.done(daemon.post("/auth/setup-password", given=new))["accessToken"]
    bob = {"email": "bob@example.org", "password": "battery staple"}
    daemon.done(daemon.post("/users/add", ada, bob))
    return daemon


def test_failures_of_account(guarded):
    """
    An account can be guessed at so often, from wherever; then not even the
    right password is looked at.
    """
    tried = [sign_in(guarded, "Bob", "wrong", x_forwarded_for=f"198.51.100.{n}") for n in range(4)]
    assert [answer.status for answer in tried] == [401, 401, 401, 429]
    assert int(tried[-1].headers["retry-after"]) >= 1
    elsewhere = {"x_forwarded_for": "203.0.113.1"}
    assert sign_in(guarded, "bob", "battery staple", **elsewhere).status == 429
    assert sign_in(guarded, "ada", "correct horse", **elsewhere).status == 200
    guarded.clock.advance(int(tried[-1].headers["retry-after"]))
    assert sign_in(guarded, "bob", "battery staple", **elsewhere).status == 200


def test_failures_of_address(guarded):
    """
    An address can guess so often, whoever it says it is.
    """
    here = {"x_forwarded_for": "198.51.100.1"}
    tried = [sign_in(guarded, f"user{n}", "wrong", **here).status for n in range(4)]
    assert tried == [401, 401, 401, 429]
    assert sign_in(guarded, "ada", "correct horse", **here).status == 429
    elsewhere = {"x_forwarded_for": "198.51.100.2"}
    assert sign_in(guarded, "ada", "correct horse", **elsewhere).status == 200


def test_failures_are_logged(guarded, log):
    """
    Once a minute for each client, and nobody's e-mail address with it.
    """
    here = {"x_forwarded_for": "198.51.100.1"}
    for _ in range(6):
        sign_in(guarded, "ada", "wrong", **here)
    said = [event for event in log if event.get("log_namespace") == "teamchatd.auth.limits"]
    assert [formatEvent(event) for event in said] == [
        "Too many failed sign-ins: client 198.51.100.1 has to wait"
    ]
    guarded.clock.advance(50)
    sign_in(guarded, "ada", "wrong", **here)
    guarded.clock.advance(30)
    for _ in range(4):
        sign_in(guarded, "ada", "wrong", **here)
    said = [event for event in log if event.get("log_namespace") == "teamchatd.auth.limits"]
    assert len(said) == 2


def test_success_is_no_failure(guarded):
    """
    Signing in is not limited, failing is.
    """
    for _ in range(10):
        assert sign_in(guarded, "ada", "correct horse").status == 200


# From where


def seen_address(daemon, **headers):
    """
    The address that a session was opened from, as the daemon sees it.
    """
    given = {"email": "ada@example.org"}
    token = daemon.done(daemon.post("/auth/dev-login", given=given, **headers))["token"]
    sessions = daemon.done(daemon.get("/auth/sessions", token))["sessions"]
    [opened_from] = [session["ip"] for session in sessions if session["isCurrent"]]
    asked = daemon.done(daemon.get("/auth/address", token, **headers))
    assert asked == {"address": opened_from}
    return opened_from


def test_anybody_may_claim(daemon):
    """
    Without proxies of ours nobody is believed.
    """
    peer = seen_address(daemon)
    assert peer in ("192.0.2.7", "127.0.0.1")
    assert seen_address(daemon, x_forwarded_for="198.51.100.1") == peer
    assert seen_address(daemon, forwarded="for=198.51.100.1", x_real_ip="198.51.100.1") == peer


@pytest.fixture(scope="module")
def proxied(make_daemon):
    """
    A daemon behind proxies of ours, one of which asks.
    """
    ours = (ip_network("127.0.0.0/8"), ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8"))
    return make_daemon(server={"trusted_proxies": ours})


@pytest.mark.parametrize(
    ("forwarded", "seen"),
    [
        ("198.51.100.1", "198.51.100.1"),
        ("203.0.113.9, 198.51.100.1", "198.51.100.1"),
        ("203.0.113.9,198.51.100.1 , 10.0.0.1", "198.51.100.1"),
        ("203.0.113.9, 10.0.0.2, 10.0.0.1", "203.0.113.9"),
        ("10.0.0.2, 10.0.0.1", "10.0.0.2"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.1, unknown", None),
        ("198.51.100.1, \xff", None),
        ("198.51.100.1, nonsense, 10.0.0.1", "10.0.0.1"),
        (", ,", None),
        ("", None),
    ],
)
def test_behind_proxies(proxied, forwarded, seen):
    """
    Behind proxies of ours a client is the rightmost address that is none of
    them: what stands left of it, it may have made up.
    """
    peer = seen_address(proxied)
    assert seen_address(proxied, x_forwarded_for=forwarded) == (seen or peer)


def test_limit_behind_proxies(in_memory):
    """
    Clients behind one proxy are not counted as one, and an IPv6 client is not
    counted as many.
    """
    ours = {"trusted_proxies": (ip_network("192.0.2.7"),)}
    daemon = in_memory(server=ours, rate_limit=limited())

    def statuses(*addresses):
        return [daemon.get("/channels", x_forwarded_for=each).status for each in addresses]

    assert statuses(*["198.51.100.1"] * 4) == [401, 401, 401, 429]
    assert statuses("198.51.100.2") == [401]
    assert statuses(*(f"2001:db8::{n}" for n in range(4))) == [401, 401, 401, 429]
    assert statuses("2001:db8:0:1::1") == [401]


@pytest.fixture
def connected_from(monkeypatch):
    """
    Says from where connections in memory come.
    """
    return lambda peer: monkeypatch.setattr(MemoryTransport, "getPeer", lambda self: peer)


def test_both_kinds_of_addresses(in_memory, connected_from):
    """
    On a socket that listens to both kinds, IPv4 clients are who they are: our
    proxies, and others, each for themselves.
    """
    ours = {"trusted_proxies": (ip_network("192.0.2.7"),)}
    daemon = in_memory(server=ours, rate_limit=limited())
    connected_from(IPv6Address("TCP", "::ffff:192.0.2.7", 40000))
    forwarded = {"x_forwarded_for": "::ffff:198.51.100.1, ::ffff:192.0.2.7"}
    assert seen_address(daemon, **forwarded) == "198.51.100.1"
    statuses = []
    for number in range(4):
        connected_from(IPv6Address("TCP", f"::ffff:203.0.113.{number}", 40000))
        statuses.append(daemon.get("/channels").status)
    assert statuses == [401] * 4


def test_behind_a_unix_socket(in_memory, connected_from):
    """
    Behind a unix socket is a proxy of ours, and what it says is believed.
    """
    daemon = in_memory(rate_limit=limited())
    connected_from(UNIXAddress(b"/run/teamchat/http.sock"))
    assert seen_address(daemon, x_forwarded_for="203.0.113.9, 198.51.100.1") == "198.51.100.1"

    def statuses(address):
        return [daemon.get("/channels", x_forwarded_for=address).status for _ in range(4)]

    assert statuses("203.0.113.1") == statuses("203.0.113.2") == [401, 401, 401, 429]


def test_nonsense_beside_a_token(daemon, ada):
    """
    What is not even text in the query is a wrong token, and the header may be right.
    """
    assert daemon.get("/events?token=%ff").status == 401
    assert daemon.ask("HEAD", "/events?token=%ff", ada).status == 200


def test_new_token_on_a_full_disk(in_memory, monkeypatch):
    """
    Where nothing can be stored, a new token reads; it is marked as used when it
    comes again and something can.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    with monkeypatch.context() as full:
        full.setattr(SessionStore, "mark_used", lambda *_: fail(Unavailable("The disk is full.")))
        assert [daemon.get("/channels", ada).status for _ in range(2)] == [200, 200]
        assert daemon.rows("SELECT used FROM pairs") == [(0,)]
    assert daemon.get("/channels", ada).status == 200
    assert daemon.rows("SELECT used FROM pairs") == [(1,)]
