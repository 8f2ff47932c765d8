"""
C{teamchat} beside a daemon that runs, and what it sees of it from outside.
"""

import json
import socket
import sqlite3
import ssl
import threading
import time
from contextlib import closing
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
import pytest_twisted
import trustme
from attrs import evolve
from twisted.internet import reactor

from teamchatd import config
from teamchatd.console import mail, public
from teamchatd.console.place import Place
from tests.real.command import teamchat
from tests.real.daemon import RealDaemon, free_port

pytestmark = pytest.mark.real

PROXY = "127.0.0.2"
"""Where proxies come from: another address than clients, on the same machine."""


def test_removed(as_process):
    """
    A user whom the console removes hears so and loses their stream, in a daemon that did not
    do it; and it goes on.
    """
    daemon = as_process()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    listener, throughout = daemon.listen(bob), daemon.listen(ada)
    throughout.await_events(1)
    listener.await_events(1)
    status, said, _ = teamchat(daemon, "user", "remove", "bob", "--yes")
    assert (status, said) == (0, "bob (bob@example.org) is removed.\n")
    assert listener.await_events(2)[1].type == "REMOVE_USER"
    listener.await_end()
    assert listener.ended_cleanly
    assert daemon.get("/auth/me", bob).status == 401
    daemon.say(ada, "he is gone")
    assert [event.type for event in throughout.await_events(3)] == [
        "CONNECTED",
        "REMOVE_USER",
        "NEW_MESSAGE",
    ]
    daemon.assert_untroubled()


def test_both_write(as_process):
    """
    The daemon and several commands write at once: each is told once, and in order.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    listener = daemon.listen(ada)
    names = [f"user{number}" for number in range(3)]
    commands = [
        threading.Thread(target=teamchat, args=(daemon, "user", "add", f"{name}@example.org"))
        for name in names
    ]
    for each in commands:
        each.start()
    said = 0
    while any(each.is_alive() for each in commands):
        daemon.say(ada, f"message {said}")
        said += 1
    events = listener.await_events(1 + said + len(names))[1:]
    numbers = [int(event.id.partition(".")[2]) for event in events]
    assert numbers == sorted(set(numbers))
    told = [event.payload["content"] for event in events if event.type == "NEW_MESSAGE"]
    assert told == [f"message {number}" for number in range(said)]
    added = {event.payload["userName"] for event in events if event.type == "NEW_USER"}
    assert added == set(names)
    daemon.assert_untroubled()


def test_check(as_process):
    """
    All is well, and nobody is signed in for longer than it takes.
    """
    port = free_port()
    daemon = as_process(port=port, auth={"app_url": f"http://127.0.0.1:{port}"})
    ada = daemon.token("ada")
    before = daemon.done(daemon.get("/auth/sessions", ada))
    status, said, complaint = teamchat(daemon, "check", "--json")
    found = {each["what"]: each["state"] for each in json.loads(said)}
    assert (status, complaint) == (0, ""), said
    assert found == dict.fromkeys(
        ("configuration", "secrets", "permissions", "disk", "database", "clock", "images")
        + ("mail", "address", "events", "client addresses"),
        "ok",
    )
    assert [each["id"] for each in daemon.done(daemon.get("/auth/sessions", ada))["sessions"]] == [
        each["id"] for each in before["sessions"]
    ]
    daemon.stop()
    status, said, _ = teamchat(daemon, "check")
    assert status == 1
    assert "WRONG  address" in said
    assert "start the daemon, or make [auth] appUrl lead to it" in said
    assert said.endswith("\n1 is wrong, 0 to be noted.\n")
    daemon.assert_untroubled()


@pytest.mark.parametrize(
    ("password", "state"), [("correct horse", "ok"), ("wrong horse", "wrong"), (None, "wrong")]
)
@pytest_twisted.ensureDeferred
async def test_mail(office, password, state):
    """
    The mail server is greeted and logged in to, and gets no letter.
    """
    office = office(password="correct horse")
    email = config.Email(
        "127.0.0.1", office.port, False, "chat", password or "any", "chat@example.org"
    )
    if password is None:
        office.close()
    found = await mail.look(reactor, evolve(config.Config(), email=email))
    assert found.state == state, found
    assert office.is_empty


class Proxy:
    """
    Stands before a daemon, well or badly.

    @param forwarded: what it makes of the X-Forwarded-For that it was sent.
    @param is_patient: whether it waits for the end of an answer before it passes it on.
    @param tls: a context, to be reached over TLS.
    """

    def __init__(self, port, forwarded=lambda given, client: client, is_patient=False, tls=None):
        self._to, self._forwarded, self._is_patient = port, forwarded, is_patient
        self._tls = tls
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self):
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self):
        while True:
            try:
                client, (address, _) = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client, address), daemon=True).start()

    def _pass_on(self, client, address):
        here = (PROXY, 0)
        try:
            with (
                closing(client),
                socket.create_connection(("127.0.0.1", self._to), source_address=here) as daemon,
                closing(
                    self._tls.wrap_socket(client, server_side=True) if self._tls else client
                ) as client,
            ):
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                daemon.sendall(self._rewritten(head.decode(), address).encode())
                held = b""
                while some := daemon.recv(4096):
                    held += some
                    if not self._is_patient:
                        client.sendall(held)
                        held = b""
                client.sendall(held)
        except OSError:  # whoever asked has gone
            pass

    def _rewritten(self, head, address):
        lines = head.removesuffix("\r\n\r\n").split("\r\n")
        given = [line.partition(": ")[2] for line in lines if line.startswith("X-Forwarded-For")]
        lines = [line for line in lines if not line.startswith(("X-Forwarded-For", "Connection"))]
        named = self._forwarded(", ".join(given), address)
        if named:
            lines.append(f"X-Forwarded-For: {named}")
        return "\r\n".join([*lines, "Connection: close", "", ""])


def appended(given, client):
    return f"{given}, {client}" if given else client


@pytest.fixture
def proxy():
    made = []

    def proxy(*arguments, **more):
        made.append(Proxy(*arguments, **more))
        return made[-1]

    yield proxy
    for each in made:
        each.close()


@pytest.fixture
def seen():
    """
    What is found through an address: state and sentence, by what it is about.
    """

    def seen(daemon, url, trusted=(), now=time.time):
        settings = config.Config()
        settings = evolve(
            settings,
            auth=evolve(settings.auth, app_url=url),
            server=evolve(
                settings.server,
                trusted_proxies=tuple(ip_network(each) for each in trusted),
            ),
        )
        found = public.findings(Place(settings, daemon.data), now)
        return {each.what: (each.state, each.sentence) for each in found}

    return seen


TRUSTED = (f"{PROXY}/32",)


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """
    A daemon that trusts the proxy, and has somebody to sign in.
    """
    daemon = RealDaemon(tmp_path_factory.mktemp("behind"), server={"trusted_proxies": TRUSTED})
    daemon.token("ada")
    yield daemon
    daemon.stop()
    daemon.assert_untroubled()
    assert_nobody_is_left(daemon)


def assert_nobody_is_left(daemon):
    """
    Each check has ended the session that it opened; ada's own is there.
    """
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as connection:
        assert connection.execute("SELECT user_agent FROM sessions").fetchall() == [("",)]


@pytest.mark.parametrize("forwarded", [appended, lambda given, client: client])
def test_good_proxy(behind, proxy, seen, forwarded):
    """
    One that adds the address it sees, or says nothing else.
    """
    found = seen(behind, f"http://127.0.0.1:{proxy(behind.port, forwarded).port}", TRUSTED)
    assert {state for state, _ in found.values()} == {"ok"}, found
    assert list(found) == ["address", "events", "client addresses"]


def test_holding_back(behind, proxy, seen, monkeypatch):
    """
    One that waits for the end of what has none.
    """
    monkeypatch.setattr(public, "PATIENCE_FOR_EVENTS", 0.5)
    proxy = proxy(behind.port, is_patient=True)
    state, sentence = seen(behind, f"http://127.0.0.1:{proxy.port}", TRUSTED)["events"]
    assert (state, sentence.startswith("the proxy holds them back")) == ("wrong", True)


def test_gullible(behind, proxy, seen):
    """
    One that passes on what clients claim.
    """
    proxy = proxy(behind.port, lambda given, client: given)
    state, sentence = seen(behind, f"http://127.0.0.1:{proxy.port}", TRUSTED)["client addresses"]
    assert (state, sentence.startswith("anybody can say to be anybody")) == ("wrong", True)


@pytest.mark.parametrize("forwarded", [lambda given, client: None, lambda given, client: "?"])
def test_everybody_is_the_proxy(behind, proxy, seen, forwarded):
    """
    One that does not say who it speaks for.
    """
    proxy = proxy(behind.port, forwarded)
    assert_everybody_is_the_proxy(seen(behind, f"http://127.0.0.1:{proxy.port}", TRUSTED))


def assert_everybody_is_the_proxy(found):
    state, sentence = found["client addresses"]
    assert state == "wrong"
    assert sentence.startswith(f"everybody seems to come from {PROXY}, and shares one rate limit")


def test_untrusted(as_process, behind, proxy, seen):
    """
    A daemon that was not told of its proxy.
    """
    daemon = as_process()
    url = f"http://127.0.0.1:{proxy(daemon.port, appended).port}"
    assert seen(daemon, url)["events"][0] == "note"  # there is nobody yet to be signed in
    daemon.token("ada")
    assert_everybody_is_the_proxy(seen(daemon, url))
    # And what answers there is not the daemon of another data directory.
    state, sentence = seen(behind, url)["events"]
    assert (state, "does not know who is in this data directory" in sentence) == ("wrong", True)


def test_from_a_trusted_place(behind, seen):
    """
    Where we count as a proxy ourselves, it cannot be seen, and it says so.
    """
    found = seen(behind, f"http://127.0.0.1:{behind.port}", ("127.0.0.0/8",))
    assert found["client addresses"][0] == "note"


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (b"HTTP/1.1 404 Nothing\r\n\r\n", "says 404, and is no teamchat"),
        (
            b"HTTP/1.1 301 There\r\nLocation: https://chat.example.org/health\r\n\r\n",
            "sends browsers on to https://chat.example.org/health",
        ),
        (b"SSH-2.0-OpenSSH\r\n", "does not answer (SSH-2.0-OpenSSH"),
        (b"", "does not answer (Remote end closed"),
        (None, "does not answer within 0.5 seconds"),
    ],
)
def test_somebody_else(behind, seen, monkeypatch, answer, sentence):
    """
    What answers is something else.
    """
    if answer is None:
        monkeypatch.setattr(public, "PATIENCE", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            client, _ = server.accept()
            with client:
                client.recv(4096)
                if answer is None:
                    client.recv(1)  # until they have had enough
                else:
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        found = seen(behind, f"http://127.0.0.1:{server.getsockname()[1]}")
        thread.join()
    assert list(found) == ["address"]
    state, said = found["address"]
    assert (state, sentence in said) == ("wrong", True), said


def test_certificate(behind, proxy, seen, tmp_path, monkeypatch):
    """
    A certificate that is about to run out is told of before browsers tell everybody.
    """
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def found(days):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        until = datetime.now(UTC) + timedelta(days=days)
        authority.issue_cert("127.0.0.1", not_after=until).configure_cert(context)
        return seen(behind, f"https://127.0.0.1:{proxy(behind.port, tls=context).port}", TRUSTED)

    [(state, sentence)] = found(90).values()
    assert (state, "is not good: " in sentence) == ("wrong", True)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    good, late = found(90), found(13)
    assert good["certificate"] == ("ok", "is good for 89 more days")
    assert good["events"][0] == "ok"
    state, sentence = late["certificate"]
    assert (state, "runs out in 12 days" in sentence) == ("note", True)
