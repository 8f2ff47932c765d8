"""
What is secret stays so: no log holds it, and nothing that could land in one.
"""

import re

import pytest
from attrs import asdict

from teamchatd import config
from teamchatd.auth.links import new_link
from teamchatd.auth.sessions import TokenAnswer
from teamchatd.http.request import Request
from teamchatd.model import User
from tests.daemon import request_bytes

FIRST, SECOND, WRONG = "correct horse battery", "staple of another kind", "a wrong guess entirely"


class Secrets:
    """
    A busy day on a server with passwords, and all that nobody else may know of it.
    """

    def __init__(self, daemon):
        self.daemon = daemon
        daemon.await_log("token=.*\n")
        self.link = daemon.setup_token
        self.all = {FIRST, SECOND, WRONG}

    def passwords(self):
        """
        Signing in, in every way and in every wrong way.
        """
        new = {"email": "ada@example.org", "password": FIRST, "token": self.link}
        self.ada = self.kept(self.daemon.post("/auth/setup-password", given=new))
        self.daemon.post("/auth/setup-password", given=new)
        self.daemon.post("/auth/setup-password", self.link, {**new, "token": None})
        self.sign_in("ada", WRONG)
        self.sign_in("nobody", WRONG)
        self.ada = self.kept(self.sign_in("ada", FIRST))
        bob = {"email": "bob@example.org", "password": FIRST}
        added = self.daemon.post("/users/add", self.ada["accessToken"], bob)
        self.bob_id = self.daemon.done(added)["userId"]
        self.bob = self.kept(self.sign_in("bob", FIRST))

    def sign_in(self, name, password):
        given = {"email": f"{name}@example.org", "password": password}
        return self.daemon.post("/auth/password-login", given=given)

    def kept(self, answer):
        tokens = self.daemon.done(answer)
        self.all |= {tokens["accessToken"], tokens["refreshToken"]}
        return tokens

    def tokens(self):
        """
        Tokens that are spent, come back, are forged, or stand in the wrong place.
        """
        ask, spent = self.daemon, {"refreshToken": self.bob["refreshToken"]}
        self.bob = self.kept(ask.post("/auth/refresh", given=spent))
        self.bob = self.kept(ask.post("/auth/refresh", given=spent))
        access, forged = self.ada["accessToken"], self.ada["accessToken"][:-4] + "AAAA"
        self.all.add(forged)
        for token in (access, forged, self.link, WRONG.replace(" ", "+")):
            ask.get(f"/channels?token={token}", access)
            ask.get(f"/nowhere?token={token}&password={token}")
            ask.get(f"/channels?limit={token}", token)
            ask.get("/auth/me", token)
            ask.ask("PATCH", f"/channels?token={token}", token)
        ask.post("/auth/logout", self.bob["accessToken"], {"refreshToken": forged})
        ask.post("/auth/refresh", given={"refreshToken": [access]})
        ask.post("/channels", access, b'{"password": "%s"' % FIRST.encode())

    def webhooks(self):
        """
        A webhook that posts, one that posts for it, and one that is no more.
        """
        ask, access = self.daemon, self.ada["accessToken"]
        new = {"name": "robot", "channelId": ask.general(access)}
        first, second = (ask.done(ask.post("/webhooks", access, new))["webhook"] for _ in range(2))
        self.all |= {first["token"], second["token"]}
        path, said = f"/webhooks/{first['id']}/messages", {"content": "hello"}
        ask.done(ask.post(path, first["token"], said))
        for token in (second["token"], first["token"].upper(), access, self.link):
            assert ask.post(path, token, said).status in (401, 403)
        ask.post(f"{path}?token={first['token']}", given=said)
        ask.post(path, first["token"], b'{"token": "%s"' % first["token"].encode())
        ask.get(f"/events?token={first['token']}", first["token"])
        ask.done(ask.delete(f"/webhooks/{first['id']}", access, {"token": first["token"]}))
        assert ask.post(path, first["token"], said).status == 401

    def streams(self):
        """
        Streams that end in every way, with the token in their address.
        """
        listeners = [self.daemon.listen(self.ada["accessToken"]) for _ in range(3)]
        listeners.append(self.daemon.listen(self.bob["accessToken"]))
        for listener in listeners:
            listener.await_events(1)
        listeners[0].leave()
        reset = f"/users/{self.bob_id}/reset-password"
        self.daemon.done(self.daemon.post(reset, self.ada["accessToken"], {"password": SECOND}))
        listeners[-1].await_end()
        self.bob = self.kept(self.sign_in("bob", SECOND))
        given = {"refreshToken": self.bob["refreshToken"]}
        self.daemon.done(self.daemon.post("/auth/logout", self.bob["accessToken"], given))
        return listeners

    def accidents(self):
        """
        Connections that break in the middle, and requests that are none.
        """
        path = f"/channels?token={self.ada['accessToken']}"
        whole = request_bytes("GET", path, {"authorization": f"Bearer {self.link}"}, b"")
        for data in (
            whole[:-2],
            whole.replace(b"HTTP/1.1", b"HTTP/9"),
            whole.replace(b"\r\n\r\n", b"\r\nno colon: \x00" + FIRST.encode() + b"\r\n\r\n"),
            whole.replace(b"\r\n\r\n", b"\r\ncontent-length: 2000000\r\n\r\n"),
            whole.replace(b"\r\n\r\n", b"\r\ntransfer-encoding: chunked\r\n\r\n" + FIRST.encode()),
            whole * 50,
        ):
            connection = self.daemon.connect()
            connection.sendall(data)
            connection.close()
        assert self.daemon.get("/health").status == 200


@pytest.mark.real
def test_log(as_process):
    """
    Whoever reads the log learns nothing that lets them in, and sees no address
    with its query.  The link of an empty server is there on purpose, in one entry.
    """
    daemon = as_process(auth={"auth_mode": "password"}, server={"shutdown_seconds": 1})
    day = Secrets(daemon)
    day.passwords()
    day.tokens()
    day.webhooks()
    listeners = day.streams()
    day.accidents()
    daemon.stop()
    for listener in listeners:
        listener.leave()

    log = daemon.log.read_text()
    assert "listens at" in log
    assert "Server Shut Down" in log
    assert log.count(day.link) == 2  # in the command to paste, and in the link
    log = log.replace(f"?token={day.link}", "", 1)
    assert [secret for secret in day.all if secret in log] == []
    assert [secret for secret in day.all if secret.replace(" ", "+") in log] == []
    signatures = {secret.rpartition(".")[2] for secret in day.all if secret.count(".") == 2}
    assert [each for each in signatures if each in log] == []
    assert re.findall(r"\?\w+=", log) == []
    assert "Traceback" not in log


@pytest.mark.real
def test_log_of_developers(as_process):
    """
    The same for tokens that are given to everybody who asks.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    listener = daemon.listen(ada)
    listener.await_events(1)
    assert daemon.get(f"/nowhere?token={ada}", ada).status == 404
    daemon.stop()
    listener.leave()
    assert ada not in daemon.log.read_text()


@pytest.fixture
def seen(monkeypatch):
    """
    The requests that were processed, as a log would show them.
    """
    shown = []
    process = Request.process

    def shown_and_processed(request):
        shown.append((repr(request), str(request), request.what))
        process(request)

    monkeypatch.setattr(Request, "process", shown_and_processed)
    return shown


def test_request(in_memory, seen):
    """
    A request shows its path, and neither its query nor its headers.
    """
    in_memory().get("/events?token=secret&x=y", "another-secret")
    assert seen == [("<GET /events>", "<GET /events>", "GET /events")]


def test_configuration():
    """
    A configuration shows none of its secrets.
    """
    auth = config.Auth(jwt_secret="the secret of the tokens")
    user = config.InitialUser(email="ada@example.org", password=FIRST)
    shown = repr(config.Config(auth=auth, chat=config.Chat(initial_user=user)))
    assert "the secret of the tokens" not in shown
    assert FIRST not in shown
    assert "ada@example.org" in shown


@pytest.mark.parametrize(
    ("record", "hidden"),
    [
        (User("id", "ada", "ada@example.org", True, 0, "$2b$hash"), {"password_hash"}),
        (TokenAnswer("an access token", "a refresh token", 900), {"access", "refresh"}),
        (new_link(), {"token"}),
    ],
    ids=lambda each: type(each).__name__,
)
def test_records(record, hidden):
    """
    Records show what they are of, and not what is secret in them.
    """
    for name, value in asdict(record).items():
        assert (str(value) in repr(record)) == (name not in hidden), name
