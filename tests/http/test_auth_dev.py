"""
Signing in where everybody is believed: C{authMode = "dev"}.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

HOUR = 60 * 60


@pytest.fixture
def by_invitation(make_daemon):
    """
    A daemon that lets in whom an administrator has added.
    """
    return make_daemon(auth={"is_invite_required": True})


def link_of(daemon):
    """
    The token of the link in the log.  A daemon that answers has said it.
    """
    assert daemon.get("/health").status == 200
    return daemon.setup_token


def log_in(daemon, email, **more):
    return daemon.post("/auth/dev-login", given={"email": email, **more})


def test_unknown_address(daemon):
    """
    Whoever comes is made a user, named by what stands before the @, and gets a
    token that opens everything.
    """
    made = daemon.done(log_in(daemon, "ada.l@example.org"))
    assert set(made) == {"user", "token"}
    assert made["user"]["userName"] == "ada.l"
    assert made["user"]["email"] == "ada.l@example.org"
    assert daemon.done(daemon.get("/auth/me", made["token"])) == {"user": made["user"]}


def test_first_is_admin(daemon):
    """
    The first to come administrates the server, the others do not.
    """
    users = [daemon.done(log_in(daemon, f"{n}@example.org"))["user"] for n in ("ada", "bob", "eve")]
    assert [user["isAdmin"] for user in users] == [True, False, False]


def test_known_address(daemon, ada, listen, told):
    """
    Whoever comes again is the same user, however their address is spelled, and
    nobody is told of a new one; of the first time everybody is.
    """
    listener = listen(ada)
    first = daemon.done(log_in(daemon, "Bob@Example.org"))["user"]
    assert first["email"] == "Bob@Example.org"
    for spelled in ("Bob@Example.org", "bob@example.ORG", "  bob@example.org\n"):
        assert daemon.done(log_in(daemon, spelled))["user"] == first
    new = {"id": first["id"], "userName": "Bob", "email": "Bob@Example.org"}
    assert told(listener) == [("NEW_USER", new)]
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 2


def test_names_are_made_unique(daemon, ada):
    """
    The same name before the @ of another address gets a number, ignoring case.
    """
    names = [
        daemon.done(log_in(daemon, email))["user"]["userName"]
        for email in ("bob@example.org", "bob@example.net", "BOB@example.com")
    ]
    assert len({name.lower() for name in names}) == 3
    assert names[0] == "bob"
    assert all(name.lower().startswith("bob") for name in names)


@memory_only
def test_long_address(daemon, ada):
    """
    A name made from an address keeps within what a name may have, also the second time.
    """
    for host in ("a.example", "b.example"):
        user = daemon.done(log_in(daemon, "x" * 64 + "@" + host))["user"]
        assert len(user["userName"]) == 64


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": None},
        {"email": 7},
        {"email": ["ada@example.org"]},
        {"email": ""},
        {"email": "   "},
        {"email": "ada"},
        {"email": "ada@"},
        {"email": "@example.org"},
        {"email": "ada@example.org@example.org"},
        {"email": "ada lovelace@example.org"},
        {"email": "ada@exam ple.org"},
        {"email": "ada\n@example.org"},
        {"email": "ada\0@example.org"},
        {"email": "ada@example.org, bob@example.org"},
        {"email": "a" * 250 + "@example.org"},
        {"email": "ada@example.org", "token": 7},
    ],
)
def test_no_address(daemon, ada, given):
    """
    What does not look like an address is refused, and nobody is made.
    """
    assert daemon.post("/auth/dev-login", given=given).status == 400
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 1


@memory_only
def test_token_lives_a_day(daemon):
    """
    The token lives 24 hours, to the second, as a session of its own.
    """
    token = daemon.token("ada")
    [session] = daemon.done(daemon.get("/auth/sessions", token))["sessions"]
    assert session["expiresAt"] - session["createdAt"] == 24 * HOUR * 1000
    daemon.clock.advance(24 * HOUR - 1)
    assert daemon.get("/auth/me", token).status == 200
    daemon.clock.advance(1)
    assert daemon.get("/auth/me", token).status == 401


def test_session_of_its_own(daemon, ada):
    """
    Each sign-in is another session: one may end, and the other goes on.
    """
    other = daemon.token("ada")
    assert len(daemon.done(daemon.get("/auth/sessions", ada))["sessions"]) == 2
    daemon.done(daemon.delete("/auth/sessions", other, {"keepCurrent": True}))
    assert daemon.get("/auth/me", ada).status == 401
    assert daemon.get("/auth/me", other).status == 200


def test_invited_only(by_invitation):
    """
    Where invitations are required an unknown address is nobody, and nobody is
    made; one that was added is let in.
    """
    daemon = by_invitation
    first = log_in(daemon, "ada@example.org", token=link_of(daemon))
    ada = daemon.done(first)["token"]
    assert log_in(daemon, "bob@example.org").status == 401
    assert log_in(daemon, "bob@example.org", token="no such token").status == 401
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 1
    daemon.done(daemon.post("/users/add", ada, {"email": "Bob@example.org"}))
    assert daemon.done(log_in(daemon, "bob@example.org"))["user"]["isAdmin"] is False


@memory_only
def test_calls_of_other_modes(daemon, ada):
    """
    The calls of another mode are not there: not for members, not for strangers,
    by no method and with no body.
    """
    for path in ("password-login", "setup-password", "login", "verify", "register"):
        for who in (None, ada, "nonsense"):
            assert daemon.post(f"/auth/{path}", who, b"{nonsense").status == 404
        assert daemon.get(f"/auth/{path}").status == 404


@pytest.mark.real
def test_all_at_once(as_process):
    """
    Twenty who come at the same moment under one new address are one user, and
    all of them are let in.
    """
    daemon = as_process(auth={"max_active_sessions": 20})
    ada = daemon.token("ada")

    def come(_):
        given = {"email": "bob@example.org"}
        return daemon.another().post("/auth/dev-login", given=given, Connection="close")

    with ThreadPoolExecutor(20) as crowd:
        answers = list(crowd.map(come, range(20)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.json["user"]["id"] for answer in answers}) == 1
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 2
