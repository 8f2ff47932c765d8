"""
Behind nginx and Caddy, with C{etc/nginx.conf} and C{etc/Caddyfile} as we ship them; only ports,
paths and a timeout are others.
"""

import re
import signal
import socket

import pytest

from tests.files import corpus
from tests.real.daemon import PATIENCE
from tests.real.proxies import SHORT_TIMEOUT, Behind, Caddy, Nginx, curl_http2
from tests.real.test_images import messages_of, upload_of

pytestmark = pytest.mark.real

MB = 1 << 20


@pytest.fixture(params=[Nginx, Caddy], ids=["nginx", "caddy"])
def kind(request):
    return request.param


@pytest.fixture
def before(tmp_path_factory):
    """
    Puts a proxy before a daemon: C{before(kind, daemon)}.
    """
    running = []

    def before(kind, daemon, backend=None, **more):
        folder = tmp_path_factory.mktemp("proxy")
        proxy = kind(folder, backend or f"127.0.0.1:{daemon.port}", **more)
        running.append(proxy)
        return Behind(daemon, proxy)

    yield before
    for proxy in running:
        proxy.stop()
    for proxy in running:
        assert "token=" not in (proxy.folder / "log").read_text()


@pytest.fixture
def behind(as_process, before, kind):
    """
    Makes a daemon behind a proxy that is believed: C{behind(section={"key": value})}.
    """

    def make(server=None, proxy=None, **sections):
        trusting = {"trusted_proxies": ("127.0.0.1",)}
        daemon = as_process(server=trusting | (server or {}), **sections)
        return before(kind, daemon, **(proxy or {}))

    return make


def test_live(behind):
    """
    What is said is heard at once, not when a buffer is full.
    """
    here = behind()
    ada, bob = here.token("ada"), here.token("bob")
    listener = here.listen(bob)
    listener.await_events(1)
    for number in range(3):
        said = here.say(ada, f"number {number}")
        assert listener.await_events(2 + number)[-1].payload["id"] == said["id"]
    here.assert_untroubled()


def test_http2(behind):
    """
    Nor does it wait in HTTP/2, which is what browsers speak.
    """
    here = behind()
    ada = here.token("ada")
    curl = curl_http2(here.proxy, f"/events?token={ada}")
    with curl:
        try:
            await_line(curl.stdout, b"CONNECTED")
            await_line(curl.stdout, here.say(ada, "hello")["id"].encode())
            here.done(here.delete("/auth/sessions", ada))
            assert curl.stdout.read().endswith(b"over 2")
            assert curl.wait(PATIENCE) == 0
        finally:
            curl.kill()


def await_line(file, words):
    for line in file:
        if words in line:
            return
    raise AssertionError("it ended")


def test_quiet(behind):
    """
    A stream on which nothing happens is kept by its heartbeat, for longer than the proxy bears
    silence.
    """
    here = behind(events={"heartbeat_seconds": 1}, proxy={"timeout": SHORT_TIMEOUT})
    ada = here.token("ada")
    listener = here.listen(ada)
    while listener.comments < 2 + 2 * SHORT_TIMEOUT:
        assert not listener.closed
        listener._read_some()
    said = here.say(ada, "after a while")
    assert listener.await_events(2)[-1].payload["id"] == said["id"]


def test_restart(behind):
    """
    While the daemon is away the proxy says so; who comes back has missed nothing.
    """
    here = behind()
    here.daemon.stay()
    ada, bob = here.token("ada"), here.token("bob")
    listener = here.listen(bob)
    here.say(ada, "heard")
    last = listener.await_events(2)[-1]
    listener.leave()
    missed = [here.say(ada, "missed")["id"]]
    here.daemon.stop()
    assert here.exchange("GET", "/health", {}, b"").status == 502
    here.hang_up()
    here.daemon.start()
    missed.append(here.say(ada, "missed, too")["id"])
    back = here.listen(bob, last.id)
    assert [event.payload["id"] for event in back.await_events(3)[1:]] == missed


def test_no_secret_in_logs(behind):
    """
    Not even when something goes wrong does a proxy write down what is in the address of a
    stream.
    """
    here = behind()
    ada = here.token("ada")
    listener = here.listen(ada)
    here.daemon.kill()
    listener.await_end()
    for path in (f"/events?token={ada}", f"/events?token={ada}&lastEventId=a.1"):
        assert here.exchange("GET", path, {}, b"").status == 502
    here.exchange("GET", "/channels", {}, b"")
    assert "/channels" in (here.proxy.folder / "log").read_text()


def test_stopping(behind):
    """
    The end of the daemon is the end of the streams behind the proxy.
    """
    here = behind()
    listener = here.listen(here.token("ada"))
    assert here.daemon.stop() == -signal.SIGTERM
    listener.await_end()
    assert listener.ended_cleanly


def seen_address(here, **headers):
    """
    The address that a session was opened from, as the daemon sees it.
    """
    given = {"email": "ada@example.org"}
    token = here.done(here.post("/auth/dev-login", given=given, **headers))["token"]
    sessions = here.done(here.get("/auth/sessions", token))["sessions"]
    return next(session["ip"] for session in sessions if session["isCurrent"])


FORGED = ["203.0.113.9", "203.0.113.9, 127.0.0.1", "127.0.0.1"]


@pytest.mark.parametrize("source", ["127.0.0.1", "127.0.0.9"])
def test_address(behind, source):
    """
    The daemon sees where its clients come from, whatever they say of it themselves; one on the
    machine of the proxy is no exception.
    """
    proxied = behind()
    here = Behind(proxied.daemon, proxied.proxy, source)
    assert seen_address(here) == source
    for forged in FORGED:
        assert seen_address(here, x_forwarded_for=forged, forwarded=f"for={forged}") == source


def test_limits(behind):
    """
    Those who ask too often are told so, and nobody else is.
    """
    here = behind(rate_limit={"enabled": True, "requests_per_minute": 5})
    other = Behind(here.daemon, here.proxy, "127.0.0.9")
    asked = [other.get("/channels", x_forwarded_for=f"203.0.113.{n}").status for n in range(7)]
    assert asked == [401] * 5 + [429] * 2
    assert here.get("/channels").status == 401


def test_without_port(as_process, before, kind):
    """
    By a socket in the file system it is all the same: the proxy alone may open it, so it is
    believed.
    """
    listen = ("tcp:0:interface=127.0.0.1", "unix:http.sock:mode=660")
    daemon = as_process(server={"listen": listen})
    path = daemon.directory / "http.sock"
    assert path.stat().st_mode & 0o777 == 0o660
    here = before(kind, daemon, f"unix:{path}")
    other = Behind(here.daemon, here.proxy, "127.0.0.9")
    assert seen_address(other, x_forwarded_for="203.0.113.9") == "127.0.0.9"
    listener = here.listen(here.token("bob"))
    assert listener.await_events(1)[0].type == "CONNECTED"


def test_large_upload(behind):
    """
    The largest image passes, with a thumbnail as large; of one that is larger, teamchat says
    that it is, and not the proxy.
    """
    here = behind()
    ada = here.token("ada")
    image = corpus.png_of(10 * MB)
    place = messages_of(here, ada)
    sent = upload_of(image) | {"thumbnail": upload_of(image)["image"]}
    name = here.done(here.post(f"{place}/image", ada, sent))["filename"]
    assert (
        here.get(f"{place}/image/{name}", ada).body
        == here.daemon.get(f"{place}/image/{name}", ada).body
    )
    refused = here.post(f"{place}/image", ada, upload_of(corpus.png_of(10 * MB + 1)))
    assert (refused.status, refused.error) == (413, "'image' is larger than 10485760 bytes.")
    here.assert_untroubled()


def test_page(behind):
    """
    The page and its files come as they are, compressed by us, and are to be come for by TLS.
    """
    here = behind()
    direct = here.daemon
    page = here.get("/", accept_encoding="gzip")
    assert page.headers["strict-transport-security"] == "max-age=31536000"
    names = re.findall(r'(?:src|href)="(/assets/[^"]+)"', here.get("/").body.decode())
    assert any(name.endswith("/main.js") for name in names)
    for path in ("/", *names):
        for coding in ("gzip", "identity"):
            through = here.get(path, accept_encoding=coding)
            ours = direct.get(path, accept_encoding=coding)
            assert through.body == ours.body
            for name in ("etag", "content-encoding", "content-security-policy", "cache-control"):
                assert through.headers.get(name) == ours.headers.get(name)
    known = here.get("/", if_none_match=page.headers["etag"], accept_encoding="gzip")
    assert known.status == 304


def test_to_tls(as_process, before):
    """
    Who comes by plain HTTP is sent to TLS; Caddy does so by itself.
    """
    here = before(Nginx, as_process())
    with socket.create_connection(("127.0.0.1", here.proxy.plain), PATIENCE) as line:
        line.sendall(b"GET /channels?a=b HTTP/1.1\r\nHost: chat.example.org\r\n\r\n")
        head = line.recv(4096).decode()
    assert head.startswith("HTTP/1.1 301 ")
    assert "\r\nLocation: https://chat.example.org/channels?a=b\r\n" in head


def test_thousand(behind):
    """
    A thousand people listen through it, and all hear.
    """
    here = behind(events={"streams_per_user": 200})
    tokens = [here.token(f"user{number}") for number in range(10)]
    listeners = [here.listen(token) for token in tokens for _ in range(100)]
    for listener in listeners:
        listener.await_events(1)
    said = here.say(tokens[0], "all are there")
    ids = {listener.await_events(2)[-1].payload["id"] for listener in listeners}
    assert ids == {said["id"]}
    for listener in listeners:
        listener.leave()
    assert "worker_connections are not enough" not in (here.proxy.folder / "log").read_text()
    here.assert_untroubled()
