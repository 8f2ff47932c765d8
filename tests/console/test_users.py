"""
C{teamchat user}.
"""

import json
import re

import pytest

from teamchatd.auth import links
from teamchatd.console import terminal


def me(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]


def link_in(said):
    token, email = re.findall(r"\?token=([\w-]{43})&email=(\S+)\n", said)[0]
    return {"token": token, "email": email.replace("%40", "@")}


def test_list(teamchat, daemon, ada, bob):
    """
    Everybody, for people and for programs; and nobody's password.
    """
    status, said, _ = teamchat("user", "list")
    assert status == 0
    head, *lines = said.splitlines()
    assert head.split() == ["NAME", "ADDRESS", "ROLE", "SINCE", "ID"]
    assert [line.split()[:3] for line in lines] == [
        ["ada", "ada@example.org", "admin"],
        ["bob", "bob@example.org", "user"],
    ]
    status, said, _ = teamchat("user", "list", "--json")
    assert json.loads(said) == daemon.done(daemon.get("/users", ada))["users"]


def test_add(teamchat, daemon, ada, listen):
    """
    Who is added is a user at once, and everybody hears of it within a second.
    """
    listener = listen(ada)
    status, said, _ = teamchat("user", "add", "cleo@example.org", "--name", "Cleo", "--admin")
    assert (status, said) == (0, "Cleo (cleo@example.org) is an administrator now.\n")
    assert listener.types == ["CONNECTED"]
    daemon.clock.advance(1)
    assert listener.types == ["CONNECTED", "NEW_USER"]
    assert me(daemon, daemon.token("cleo"))["isAdmin"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("ada@example.org", "There is already a user with this e-mail address."),
        ("ada", "This does not look like an e-mail address."),
    ],
)
def test_add_nobody(teamchat, daemon, ada, address, sentence):
    before = daemon.get("/users", ada).body
    assert teamchat("user", "add", address) == (1, "", f"teamchat: {sentence}\n")
    assert daemon.get("/users", ada).body == before


def test_remove(teamchat, daemon, ada, bob, listen):
    """
    A user whom the console removes hears so, and loses their streams and tokens, within a
    second: the daemon knew their token by heart.
    """
    assert daemon.get("/auth/me", bob).status == 200
    listener, throughout = listen(bob), listen(ada)
    status, said, _ = teamchat("user", "remove", "BOB", "--yes")
    assert (status, said) == (0, "bob (bob@example.org) is removed.\n")
    daemon.clock.advance(1)
    assert listener.types == ["CONNECTED", "REMOVE_USER"]
    assert listener.closed
    assert daemon.get("/auth/me", bob).status == 401
    assert throughout.types == ["CONNECTED", "REMOVE_USER"]
    assert not throughout.closed


def test_remove_before_what_follows(teamchat, daemon, ada, bob, listen):
    """
    Also when somebody writes before the daemon looks: it is told first.
    """
    listener, throughout = listen(bob), listen(ada)
    teamchat("user", "remove", "bob", "--yes")
    daemon.say(ada, "he is gone")
    assert throughout.types == ["CONNECTED", "REMOVE_USER", "NEW_MESSAGE"]
    assert listener.types == ["CONNECTED", "REMOVE_USER"]
    assert listener.closed


def test_not_sure(teamchat, daemon, ada, bob):
    """
    Nobody is removed by a slip.
    """
    status, _, complaint = teamchat("user", "remove", "bob", sent="y\n")
    assert (status, "Say --yes" in complaint) == (1, True)
    assert daemon.get("/auth/me", bob).status == 200


@pytest.mark.parametrize(("answer", "status"), [("y", 0), ("n", 1), ("", 1)])
def test_asked(teamchat, bob, answer, status):
    assert teamchat("user", "remove", "bob", typed=f"{answer}\n")[0] == status


def test_last_admin(teamchat, daemon, ada):
    """
    Somebody has to administrate the server.
    """
    refused = (1, "", "teamchat: The last administrator cannot go.\n")
    assert teamchat("user", "remove", "ada", "--yes") == refused
    assert me(daemon, ada)["isAdmin"]


def test_make_admin(teamchat, daemon, ada, bob):
    """
    Whoever is made an administrator is one within a second, with the token they have.
    """
    for _ in range(3):
        assert daemon.get("/webhooks", bob).status == 403
    status, said, _ = teamchat("user", "make-admin", "bob@example.org")
    assert (status, said) == (0, "bob (bob@example.org) administrates this server now.\n")
    daemon.clock.advance(1)
    assert daemon.get("/webhooks", bob).status == 200


@pytest.mark.parametrize("verb", [["remove", "--yes"], ["make-admin"], ["reset-password"]])
def test_nobody(teamchat, daemon, ada, verb):
    status, _, complaint = teamchat("user", verb[0], "eve", *verb[1:], mode="password")
    assert (status, complaint) == (
        1,
        "teamchat: There is no user eve: teamchat user list shows all.\n",
    )


def test_by_id(teamchat, daemon, ada, bob):
    user = me(daemon, bob)
    assert teamchat("user", "make-admin", user["id"])[0] == 0


def test_called_like_another(teamchat, daemon, ada, bob):
    """
    Nobody comes to rights, or goes, because they are called what somebody else is known by.
    """
    user = me(daemon, bob)
    eve = daemon.token("eve")
    daemon.done(daemon.put("/users/me", eve, {"userName": user["id"]}))
    assert teamchat("user", "make-admin", user["id"])[0] == 0
    assert (me(daemon, bob)["isAdmin"], me(daemon, eve)["isAdmin"]) == (True, False)
    daemon.done(daemon.put("/users/me", eve, {"userName": "bob@example.com"}))
    status, _, complaint = teamchat("user", "make-admin", "bob@example.com")
    assert (status, "There is no user bob@example.com" in complaint) == (1, True)
    assert not me(daemon, eve)["isAdmin"]


class TestPasswords:
    """
    Where people have passwords.
    """

    @pytest.fixture
    def daemon(self, make_daemon):
        return make_daemon(auth={"auth_mode": "password", "is_invite_required": True})

    def sign_in(self, daemon, name, password):
        given = {"email": f"{name}@example.org", "password": password}
        return daemon.post("/auth/password-login", given=given)

    def test_link(self, teamchat, daemon):
        """
        Who is added without a password gets a link, which is good once.
        """
        _, said, _ = teamchat("user", "add", "ada@example.org", "--admin")
        given = link_in(said) | {"password": "correct horse"}
        tokens = daemon.done(daemon.post("/auth/setup-password", given=given))
        assert me(daemon, tokens["accessToken"])["isAdmin"]
        assert daemon.post("/auth/setup-password", given=given).status == 400
        assert self.sign_in(daemon, "ada", "correct horse").status == 200

    def test_link_expires(self, teamchat, daemon):
        _, said, _ = teamchat("user", "add", "ada@example.org", "--admin")
        daemon.clock.advance(links.SETUP_SECONDS + 1)
        given = link_in(said) | {"password": "correct horse"}
        assert daemon.post("/auth/setup-password", given=given).status == 400

    def test_password(self, teamchat, daemon):
        """
        Or a password, from where nobody else can read it.
        """
        status, said, _ = teamchat(
            "user", "add", "ada@example.org", "--password", sent="correct horse\n"
        )
        assert (status, said) == (0, "ada (ada@example.org) is a user now.\n")
        assert self.sign_in(daemon, "ada", "correct horse").status == 200

    def test_not_on_the_command_line(self, teamchat, daemon):
        assert teamchat("user", "add", "ada@example.org", "--password=correct horse")[0] == 2
        assert teamchat("user", "add", "ada@example.org", "--password", "correct horse")[0] == 2
        assert daemon.rows("SELECT count(*) FROM users") == [(0,)]

    def test_unusable(self, teamchat, daemon):
        refused = teamchat("user", "add", "ada@example.org", "--password", sent="short\n")
        assert refused == (1, "", "teamchat: A password has at least 8 characters.\n")
        assert daemon.rows("SELECT count(*) FROM users") == [(0,)]

    @pytest.mark.parametrize(("again", "status"), [("correct horse", 0), ("correct hoarse", 1)])
    def test_typed_twice(self, teamchat, daemon, monkeypatch, again, status):
        """
        At a terminal it is typed twice, and not shown.
        """
        typed = ["correct horse", again]
        monkeypatch.setattr(terminal.getpass, "getpass", lambda prompt: typed.pop(0))
        assert teamchat("user", "add", "ada@example.org", "--password", typed="")[0] == status
        assert self.sign_in(daemon, "ada", "correct horse").status == (401 if status else 200)

    def test_reset(self, teamchat, daemon):
        """
        A new password ends the sessions that the old one has opened.
        """
        teamchat("user", "add", "ada@example.org", "--password", sent="correct horse\n")
        token = daemon.done(self.sign_in(daemon, "ada", "correct horse"))["accessToken"]
        listener = daemon.listen(token)
        status, said, _ = teamchat(
            "user", "reset-password", "ada", "--password", sent="battery staple\n"
        )
        assert (status, said) == (0, "ada has a new password, and is signed out everywhere.\n")
        daemon.clock.advance(1)
        assert listener.closed
        assert daemon.get("/auth/me", token).status == 401
        assert self.sign_in(daemon, "ada", "correct horse").status == 401
        assert self.sign_in(daemon, "ada", "battery staple").status == 200

    def test_reset_link(self, teamchat, daemon):
        """
        The lost password of the only administrator.
        """
        teamchat("user", "add", "ada@example.org", "--admin", "--password", sent="correct horse\n")
        _, said, _ = teamchat("user", "reset-password", "ada")
        assert said.startswith("With this link ada chooses a new password, once and within 15 min")
        given = link_in(said) | {"password": "battery staple"}
        daemon.done(daemon.post("/auth/setup-password", given=given))
        assert self.sign_in(daemon, "ada", "battery staple").status == 200


@pytest.mark.parametrize("verb", [["add", "cleo@example.org"], ["reset-password", "ada"]])
def test_no_passwords_here(teamchat, daemon, ada, verb):
    """
    Where nobody has a password, none is set that nobody could use.
    """
    status, _, complaint = teamchat("user", *verb, "--password", sent="correct horse\n")
    assert (status, complaint) == (
        1,
        'teamchat: Nobody has a password here: [auth] authMode is "dev".\n',
    )
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 1


class TestMagicLinks:
    """
    Where people sign in with links.
    """

    @pytest.fixture
    def daemon(self, make_daemon):
        mail = {"host": "mail.example", "from_": "chat@example.org"}
        return make_daemon(auth={"auth_mode": "magic-link", "is_invite_required": True}, email=mail)

    def test_link(self, teamchat, daemon, monkeypatch):
        """
        Who is added gets a link that signs them in, once.
        """
        monkeypatch.setenv("TEAMCHAT_EMAIL_HOST", "mail.example")
        monkeypatch.setenv("TEAMCHAT_EMAIL_FROM", "chat@example.org")
        status, said, _ = teamchat("user", "add", "ada@example.org", "--admin")
        assert status == 0
        given = link_in(said)

        def verify():
            bearer = f"Bearer {given['token']}"
            return daemon.post(
                "/auth/verify", given={"email": given["email"]}, authorization=bearer
            )

        assert me(daemon, daemon.done(verify())["accessToken"])["isAdmin"]
        assert verify().status == 400
        assert daemon.outbox.letters == []
