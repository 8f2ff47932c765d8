"""
Coming in with links from letters, and by registering: chapter 4, through the whole daemon.
"""

import re
from urllib.parse import parse_qs, urlsplit

import pytest

MAIL = {"host": "mail.example", "from_": "chat@example.org"}
DAY = 24 * 60 * 60


@pytest.fixture
def with_passwords(in_memory):
    """
    A daemon with passwords and mail, whose administrator is ada.
    """

    def make(**more):
        auth = {"auth_mode": "password", "is_invite_required": True} | more.pop("auth", {})
        return in_memory(auth=auth, email=MAIL, **more)

    return make


@pytest.fixture
def with_links(in_memory):
    """
    The same with magic links.
    """

    def make(**more):
        auth = {"auth_mode": "magic-link", "is_invite_required": True} | more.pop("auth", {})
        return in_memory(auth=auth, email=MAIL, **more)

    return make


def first_admin(daemon):
    """
    The access token of ada, who opened the empty server.
    """
    email = "ada@example.org"
    if daemon.mode == "password":
        given = {"email": email, "password": "ada's own secret", "token": daemon.setup_token}
        answer = daemon.post("/auth/setup-password", given=given)
    else:
        answer = daemon.post("/auth/verify", daemon.setup_token, {"email": email})
    return daemon.done(answer)["accessToken"]


def letters(daemon):
    """
    The letters that have been sent by now: address, subject, the link's token.
    """
    daemon.clock.advance(0)
    found = []
    for letter in daemon.outbox.letters:
        text = letter.get_body(("plain",)).get_content()
        [link] = re.findall(r"^\s*(http\S+)$", text, re.MULTILINE)
        query = parse_qs(urlsplit(link).query)
        assert query["email"] == [letter["To"]]
        found.append((letter["To"], letter["Subject"], query["token"][0]))
    return found


def last_token(daemon):
    return letters(daemon)[-1][2]


def set_up(daemon, token, email="bob@example.org", password="bob's own secret"):
    return daemon.post(
        "/auth/setup-password", given={"email": email, "password": password, "token": token}
    )


def sign_in(daemon, email="bob@example.org", password="bob's own secret"):
    return daemon.post("/auth/password-login", given={"email": email, "password": password})


def verify(daemon, token, email="bob@example.org"):
    return daemon.post("/auth/verify", token, {"email": email})


def ask(daemon, path, email="bob@example.org"):
    return daemon.done(daemon.post(path, given={"email": email}))


def emails(daemon, who):
    return [user["email"] for user in daemon.done(daemon.get("/users", who))["users"]]


class TestInvitations:
    """
    C{POST /users/add} in password mode, and what the letter is good for.
    """

    @pytest.fixture
    def daemon(self, with_passwords):
        return with_passwords()

    @pytest.fixture
    def token(self, daemon):
        """
        From the link in bob's letter.
        """
        daemon.done(daemon.post("/users/add", first_admin(daemon), {"email": "bob@example.org"}))
        [(to, _, token)] = letters(daemon)
        assert to == "bob@example.org"
        return token

    def test_accepted(self, daemon, token):
        """
        The link sets the password, signs in, and is used up.
        """
        who = daemon.done(set_up(daemon, token))["accessToken"]
        assert daemon.done(daemon.get("/auth/me", who))["user"]["email"] == "bob@example.org"
        daemon.done(sign_in(daemon))
        assert set_up(daemon, token).status == 400

    def test_in_the_header(self, daemon, token):
        """
        The token may come as the bearer's.
        """
        given = {"email": "BOB@example.org", "password": "bob's own secret"}
        daemon.done(daemon.post("/auth/setup-password", token, given))

    def test_somebody_elses(self, daemon, token):
        """
        Another address cannot use it, and does not use it up.
        """
        assert set_up(daemon, token, "eve@example.org").status == 400
        daemon.done(set_up(daemon, token))

    @pytest.mark.parametrize("password", ["short", "x" * 257, "password1", "PASSWORD1"])
    def test_unusable_password(self, daemon, token, password):
        """
        The link survives a password that is refused.
        """
        assert set_up(daemon, token, password=password).status == 400
        daemon.done(set_up(daemon, token))

    def test_a_week(self, daemon, token):
        """
        It is good for seven days, and not longer.
        """
        daemon.clock.advance(7 * DAY - 60)
        assert set_up(daemon, token, password="short").error.startswith("A password")
        daemon.clock.advance(120)
        assert set_up(daemon, token).status == 400

    def test_opening_does_not_use_it_up(self, daemon, token):
        """
        Mail scanners open links.
        """
        assert daemon.get(f"/?token={token}&email=bob%40example.org").status == 200
        daemon.done(set_up(daemon, token))

    def test_removed_meanwhile(self, daemon, token):
        """
        A link does not bring back a user who was removed.
        """
        ada = daemon.done(sign_in(daemon, "ada@example.org", "ada's own secret"))["accessToken"]
        [bob] = [
            user["id"]
            for user in daemon.done(daemon.get("/users", ada))["users"]
            if user["email"] == "bob@example.org"
        ]
        daemon.done(daemon.delete(f"/users/{bob}", ada))
        assert set_up(daemon, token).status == 400
        assert emails(daemon, ada) == ["ada@example.org"]

    def test_with_a_password(self, daemon):
        """
        Who was given a password needs no letter.
        """
        given = {"email": "bob@example.org", "password": "bob's own secret"}
        daemon.done(daemon.post("/users/add", first_admin(daemon), given))
        assert letters(daemon) == []
        daemon.done(sign_in(daemon))

    def test_address_taken(self, daemon, token):
        """
        Nobody is written to when nobody was made.
        """
        ada = daemon.done(sign_in(daemon, "ada@example.org", "ada's own secret"))["accessToken"]
        assert daemon.post("/users/add", ada, {"email": "Bob@Example.org"}).status == 400
        assert len(letters(daemon)) == 1

    def test_without_mail(self, in_memory):
        """
        Without mail the user has no password yet, until an admin sets one.
        """
        daemon = in_memory(auth={"auth_mode": "password", "is_invite_required": True})
        ada = first_admin(daemon)
        added = daemon.done(daemon.post("/users/add", ada, {"email": "bob@example.org"}))
        assert sign_in(daemon).status == 401
        path = f"/users/{added['userId']}/reset-password"
        daemon.done(daemon.post(path, ada, {"password": "bob's own secret"}))
        daemon.done(sign_in(daemon))

    def test_other_modes_mail_nothing(self, with_links):
        """
        Where nobody has a password, an invitation is no letter.
        """
        daemon = with_links()
        daemon.done(daemon.post("/users/add", first_admin(daemon), {"email": "bob@example.org"}))
        assert letters(daemon) == []


class TestForgottenPasswords:
    """
    C{POST /auth/request-password-reset}
    """

    @pytest.fixture
    def daemon(self, with_passwords):
        made = with_passwords()
        given = {"email": "bob@example.org", "password": "what bob forgets"}
        made.done(made.post("/users/add", first_admin(made), given))
        return made

    def test_reset(self, daemon):
        """
        The link sets a new password, and ends every other session.
        """
        old = daemon.done(sign_in(daemon, password="what bob forgets"))["accessToken"]
        ask(daemon, "/auth/request-password-reset")
        new = daemon.done(set_up(daemon, last_token(daemon)))["accessToken"]
        assert daemon.get("/auth/me", old).status == 401
        assert daemon.get("/auth/me", new).status == 200
        assert sign_in(daemon, password="what bob forgets").status == 401
        daemon.done(sign_in(daemon))

    def test_a_newer_link_voids_the_older(self, daemon):
        """
        Of two links the newer one counts.
        """
        ask(daemon, "/auth/request-password-reset")
        older = last_token(daemon)
        ask(daemon, "/auth/request-password-reset")
        newer = last_token(daemon)
        assert older != newer
        assert set_up(daemon, older).status == 400
        daemon.done(set_up(daemon, newer))

    def test_expires(self, daemon):
        """
        It is good for C{auth.magicLinkExpirySeconds}.
        """
        ask(daemon, "/auth/request-password-reset")
        token = last_token(daemon)
        daemon.clock.advance(901)
        assert set_up(daemon, token).status == 400

    @pytest.mark.parametrize("given", [{}, {"email": "nobody"}, {"email": 1}])
    def test_no_address(self, daemon, given):
        """
        What does not look like an address is refused.
        """
        assert daemon.post("/auth/request-password-reset", given=given).status == 400

    def test_without_mail(self, in_memory):
        """
        The answer is the same where no letter can be sent.
        """
        daemon = in_memory(auth={"auth_mode": "password"})
        answer = ask(daemon, "/auth/request-password-reset")
        assert "If a matching account was found" in answer["message"]
        assert daemon.rows("SELECT * FROM letters") == []


class TestNothingGivenAway:
    """
    Who asks does not learn who has an account.
    """

    @pytest.mark.parametrize("mode", ["password", "magic-link"])
    def test_same_work(self, with_passwords, with_links, mode):
        """
        For a known and an unknown address the answer is the same, after the same
        writes and the same use of bcrypt; only then somebody gets a letter.
        """
        daemon = with_passwords() if mode == "password" else with_links()
        first_admin(daemon)
        path = "/auth/request-password-reset" if mode == "password" else "/auth/login"
        work = []
        for email in ("ada@example.org", "zoe@example.org"):
            daemon.hashed.clear()
            before = daemon.house.database.count
            answer = daemon.post(path, given={"email": email})
            work.append(
                (answer.status, answer.body, daemon.house.database.count - before, daemon.hashed[:])
            )
            assert daemon.rows("SELECT email FROM letters") == [(email,)]
            daemon.clock.advance(0)
            assert daemon.rows("SELECT email FROM letters") == []
        assert work[0] == work[1]
        assert [to for to, _, _ in letters(daemon)] == ["ada@example.org"]

    def test_same_work_for_passwords(self, with_passwords):
        """
        A wrong password for somebody and for nobody: the same answer, one bcrypt.
        """
        daemon = with_passwords()
        first_admin(daemon)
        sign_in(daemon, "zoe@example.org")  # the first makes nobody's hash
        answers = []
        for email in ("ada@example.org", "zoe@example.org"):
            daemon.hashed.clear()
            answer = sign_in(daemon, email, "certainly wrong")
            answers.append((answer.status, answer.body, daemon.hashed[:]))
        assert answers[0] == answers[1]
        assert answers[0][2] == ["_matches_now"]

    def test_mailboxes_are_not_filled(self, with_links):
        """
        Letters to one address are limited, known or not.
        """
        daemon = with_links(rate_limit={"enabled": True, "failed_sign_ins_per_minute": 2})
        first_admin(daemon)
        for email in ("ada@example.org", "zoe@example.org"):
            daemon.clock.advance(3600)
            statuses = [daemon.post("/auth/login", given={"email": email}).status for _ in range(3)]
            assert statuses == [200, 200, 429]


class TestMagicLinks:
    """
    C{POST /auth/login} and C{POST /auth/verify}
    """

    @pytest.fixture
    def daemon(self, with_links):
        made = with_links()
        made.done(made.post("/users/add", first_admin(made), {"email": "bob@example.org"}))
        return made

    def test_signed_in(self, daemon):
        """
        The link signs in, once.
        """
        ask(daemon, "/auth/login", "Bob@example.org")
        token = last_token(daemon)
        who = daemon.done(verify(daemon, token))["accessToken"]
        assert daemon.done(daemon.get("/auth/me", who))["user"]["email"] == "bob@example.org"
        assert verify(daemon, token).status == 400

    def test_wrong_address(self, daemon):
        """
        A wrong address does not use it up.
        """
        ask(daemon, "/auth/login")
        assert verify(daemon, last_token(daemon), "eve@example.org").status == 400
        daemon.done(verify(daemon, last_token(daemon)))

    def test_expired(self, daemon):
        """
        It is good for C{auth.magicLinkExpirySeconds}.
        """
        ask(daemon, "/auth/login")
        token = last_token(daemon)
        daemon.clock.advance(901)
        assert verify(daemon, token).status == 400

    @pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\xff"])
    def test_no_link(self, daemon, token):
        """
        What is no link of ours is refused.
        """
        assert verify(daemon, token).status == 400
        assert daemon.post("/auth/verify", given={"email": "bob@example.org"}).status == 400

    def test_strangers_are_not_written_to(self, daemon):
        """
        Where users are invited, an unknown address gets no letter.
        """
        ask(daemon, "/auth/login", "eve@example.org")
        assert letters(daemon) == []

    def test_strangers(self, with_links):
        """
        Where they are not, it gets a link, and the account is made when it is used.
        """
        daemon = with_links(auth={"is_invite_required": False})
        ada = first_admin(daemon)
        ask(daemon, "/auth/login", "eve@example.org")
        token = last_token(daemon)
        assert emails(daemon, ada) == ["ada@example.org"]
        daemon.done(verify(daemon, token, "eve@example.org"))
        assert emails(daemon, ada) == ["ada@example.org", "eve@example.org"]

    def test_first_start(self, with_links):
        """
        The link of an empty server takes any address and makes the first admin.
        """
        daemon = with_links()
        token = daemon.setup_token
        who = daemon.done(verify(daemon, token, "ada@example.org"))["accessToken"]
        assert daemon.done(daemon.get("/auth/me", who))["user"]["isAdmin"]
        assert verify(daemon, token, "eve@example.org").status == 400

    def test_sent_twice_used_once(self, daemon):
        """
        A letter whose delivery we did not hear of is sent again; its link is the
        same, and once it was used it is not made good again.
        """
        ask(daemon, "/auth/login")
        row = "SELECT id, purpose, email, email_key, made_at, attempts, next_at, expires_at"
        [letter] = daemon.rows(f"{row} FROM letters")
        token = last_token(daemon)
        daemon.done(verify(daemon, token))
        daemon.rows("INSERT INTO letters VALUES (?, ?, ?, ?, ?, ?, ?, ?)", *letter)
        daemon.restart()
        assert len(letters(daemon)) == 1
        assert verify(daemon, token).status == 400


class TestRegistering:
    """
    C{POST /auth/register}
    """

    @pytest.fixture
    def daemon(self, with_passwords):
        made = with_passwords(auth={"is_invite_required": False})
        first_admin(made)
        return made

    def register(self, daemon, email="bob@example.org", password="bob's own secret"):
        return daemon.post("/auth/register", given={"email": email, "password": password})

    def test_registered(self, daemon):
        """
        Whoever wants an account has one, is signed in, and is no admin.
        """
        who = daemon.done(self.register(daemon))["accessToken"]
        assert not daemon.done(daemon.get("/auth/me", who))["user"]["isAdmin"]
        daemon.done(sign_in(daemon))

    @pytest.mark.parametrize(
        ("email", "password"),
        [
            ("ada@example.org", "bob's own secret"),
            ("ADA@Example.org", "bob's own secret"),
            ("bob@example.org", "short"),
            ("bob@example.org", "12345678"),
            ("bob", "bob's own secret"),
        ],
    )
    def test_refused(self, daemon, email, password):
        """
        A refusal leaves no account behind.
        """
        assert self.register(daemon, email, password).status == 400
        assert daemon.rows("SELECT count(*) FROM users") == [(1,)]

    def test_where_users_are_invited(self, with_passwords):
        """
        There, the call does not exist.
        """
        daemon = with_passwords()
        assert self.register(daemon).status == 404


def test_rehashed(with_passwords, monkeypatch):
    """
    When bcrypt's cost is raised, a password is hashed anew as its owner signs in,
    who stays signed in everywhere.
    """
    daemon = with_passwords()
    old = first_admin(daemon)
    [(before,)] = daemon.rows("SELECT password_hash FROM users")
    monkeypatch.setattr(daemon.house.passwords, "_cost", 5)
    daemon.done(sign_in(daemon, "ada@example.org", "ada's own secret"))
    [(after,)] = daemon.rows("SELECT password_hash FROM users")
    assert (before[:7], after[:7]) == ("$2b$04$", "$2b$05$")
    daemon.done(sign_in(daemon, "ada@example.org", "ada's own secret"))
    assert daemon.rows("SELECT password_hash FROM users") == [(after,)]
    assert daemon.get("/auth/me", old).status == 200


@pytest.mark.parametrize(
    "path", ["login", "verify", "request-password-reset", "register", "setup-password"]
)
def test_other_modes(in_memory, path):
    """
    The calls of another mode do not exist.
    """
    assert in_memory().post(f"/auth/{path}", given={"email": "bob@example.org"}).status == 404
