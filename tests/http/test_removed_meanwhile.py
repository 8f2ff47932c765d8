"""
Those who are removed while what they ask is on its way to the disk.
"""

from base64 import b64encode

import pytest

SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'

IMAGE = {"filename": "x.svg", "image": b64encode(SQUARE).decode()}

TABLES = (
    "users",
    "channels",
    "messages",
    "reactions",
    "images",
    "message_images",
    "leftovers",
    "conversations",
    "reads",
    "webhooks",
    "settings",
    "letters",
    "journal",
)

MEMBERS = [
    ("POST", "/channels/{general}/messages", {"content": "hi"}),
    ("POST", "/channels/{general}/messages", {"content": "hello", "clientId": "1"}),
    ("POST", "/channels/{general}/messages/image", IMAGE),
    ("POST", "/messages/{message}/thread", {"content": "hi"}),
    ("POST", "/messages/{message}/thread/image", IMAGE),
    ("POST", "/messages/{message}/reactions", {"reaction": "y"}),
    ("DELETE", "/messages/{message}/reactions", {"reaction": "x"}),
    ("PUT", "/messages/{message}", {"content": "hi"}),
    ("DELETE", "/messages/{message}", {}),
    ("PUT", "/messages/{message}/thread/{reply}", {"content": "hi"}),
    ("DELETE", "/messages/{message}/thread/{reply}", {}),
    ("POST", "/conversations", {"targetUserId": "{carol}"}),
    ("POST", "/conversations/{talk}/messages", {"content": "hi"}),
    ("POST", "/conversations/{talk}/messages/image", IMAGE),
    ("PUT", "/conversations/{talk}/messages/{direct}", {"content": "hi"}),
    ("DELETE", "/conversations/{talk}/messages/{direct}", {}),
    ("PUT", "/reads/{general}", {"messageId": "{message}"}),
    ("PUT", "/users/me", {"userName": "evelyn"}),
    ("POST", "/users/exit", {}),
]

ADMINS = [
    ("DELETE", "/messages/{bobs}", {}),
    ("POST", "/channels", {"name": "Frogs"}),
    ("PUT", "/channels/{ducks}", {"name": "Frogs"}),
    ("DELETE", "/channels/{ducks}", {}),
    ("POST", "/webhooks", {"name": "build", "channelId": "{general}"}),
    ("DELETE", "/webhooks/{webhook}", {}),
    ("PUT", "/server/settings", {"name": "Pond"}),
    ("POST", "/users/add", {"email": "dan@example.org"}),
    ("POST", "/users/{carol}/reset-password", {"password": "long enough"}),
    ("DELETE", "/users/{carol}", {}),
]


@pytest.fixture
def daemon(in_memory):
    return in_memory()


@pytest.fixture
def eve(daemon, ada):
    """
    The token of a second administrator.
    """
    given = {"email": "eve@example.org", "role": "admin"}
    daemon.done(daemon.post("/users/add", ada, given))
    return daemon.token("eve")


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


@pytest.fixture
def names(daemon, ada, bob, eve):
    """
    What there is, most of it eve's.
    """

    def made(what, who, path, given):
        return daemon.done(daemon.post(path, who, given))[what]["id"]

    general, carol = daemon.general(ada), user_id(daemon, daemon.token("carol"))
    message = daemon.say(eve, "hello", clientId="1")["id"]
    daemon.done(daemon.post(f"/messages/{message}/reactions", eve, {"reaction": "x"}))
    talk = made("conversation", eve, "/conversations", {"targetUserId": user_id(daemon, bob)})
    hook = {"name": "test", "channelId": general}
    return {
        "general": general,
        "carol": carol,
        "message": message,
        "talk": talk,
        "bobs": daemon.say(bob, "hello")["id"],
        "reply": made("reply", eve, f"/messages/{message}/thread", {"content": "hello"}),
        "direct": made("message", eve, f"/conversations/{talk}/messages", {"content": "hello"}),
        "ducks": made("channel", ada, "/channels", {"name": "Ducks"}),
        "webhook": made("webhook", ada, "/webhooks", hook),
    }


def everything(daemon):
    return {table: daemon.rows(f"SELECT * FROM {table}") for table in TABLES}


@pytest.mark.parametrize(("method", "path", "given"), MEMBERS + ADMINS)
def test_nothing_happens(daemon, eve, names, monkeypatch, method, path, given):
    """
    They were a user, and an administrator, when they were let in; when it is to
    be done they are neither, and it is not done.
    """
    change, eve_id, before = daemon.database.change, user_id(daemon, eve), []

    def eve_is_removed(work, *args):
        monkeypatch.undo()
        daemon.house.users.exit(eve_id)
        before.append(everything(daemon))
        return change(work, *args)

    given = {
        key: value.format(**names) if key != "image" else value for key, value in given.items()
    }
    monkeypatch.setattr(daemon.database, "change", eve_is_removed)
    answer = daemon.ask(method, path.format(**names), eve, given)
    assert (answer.status, answer.error) == (401, "This account was removed.")
    assert [everything(daemon)] == before
