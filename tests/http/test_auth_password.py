"""
Signing in with a password: C{authMode = "password"}.
"""

import re
from ipaddress import ip_network

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

PASSWORD = "correct horse"

JWT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+")


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(auth={"auth_mode": "password"})


@pytest.fixture
def ada(daemon):
    """
    The administrator's token: she opened the server with the link from its log.
    """
    return daemon.done(set_up(daemon, token=link_of(daemon)))["accessToken"]


@pytest.fixture
def bob(daemon, ada):
    """
    A member's token.
    """
    add(daemon, ada, "bob", password=PASSWORD)
    return daemon.done(log_in(daemon, "bob"))["accessToken"]


def link_of(daemon):
    """
    The token of the link in the log.  A daemon that answers has said it.
    """
    assert daemon.get("/health").status == 200
    return daemon.setup_token


def set_up(daemon, **given):
    given = {"email": "ada@example.org", "password": PASSWORD, **given}
    return daemon.post("/auth/setup-password", given=given)


def add(daemon, ada, name, **more):
    given = {"email": f"{name}@example.org", **more}
    return daemon.done(daemon.post("/users/add", ada, given))["userId"]


def log_in(daemon, name, password=PASSWORD, **headers):
    given = {"email": f"{name}@example.org", "password": password}
    return daemon.post("/auth/password-login", given=given, **headers)


# Signing in


def test_right_password(daemon, ada):
    """
    A right password brings a pair of tokens, each good for what it is for.
    """
    answer = daemon.done(log_in(daemon, "ada"))
    assert set(answer) == {"accessToken", "refreshToken", "exp", "tokenType"}
    assert (answer["exp"], answer["tokenType"]) == (900, "Bearer")
    assert JWT.fullmatch(answer["accessToken"])
    assert JWT.fullmatch(answer["refreshToken"])
    me = daemon.done(daemon.get("/auth/me", answer["accessToken"]))["user"]
    assert (me["email"], me["isAdmin"]) == ("ada@example.org", True)
    assert daemon.get("/auth/me", answer["refreshToken"]).status == 401


def test_address_in_any_case(daemon, ada):
    """
    The address is compared without regard to case and to the space around it.
    """
    given = {"email": " ADA@Example.ORG ", "password": PASSWORD}
    assert daemon.post("/auth/password-login", given=given).status == 200


def test_wrong_password(daemon, ada):
    """
    A wrong password, an unknown address and a user without a password are
    refused with the same words.
    """
    add(daemon, ada, "bob")
    refused = [
        log_in(daemon, "ada", "wrong horse"),
        log_in(daemon, "eve", "wrong horse"),
        log_in(daemon, "bob", "wrong horse"),
        log_in(daemon, "ada", ""),
        log_in(daemon, "bob", ""),
    ]
    assert {answer.status for answer in refused} == {401}
    assert len({answer.body for answer in refused}) == 1


@memory_only
def test_same_work(daemon, ada):
    """
    The time that an answer takes does not tell who has an account: the same is
    computed for those who have one, have no password, or are nobody.
    """
    add(daemon, ada, "bob")
    log_in(daemon, "nobody")  # once, nobody's hash is made
    work = []
    for name, password in (("ada", PASSWORD), ("ada", "x"), ("bob", "x"), ("eve", "x")):
        daemon.hashed.clear()
        log_in(daemon, name, password)
        work.append(list(daemon.hashed))
    assert work == [["_matches_now"]] * 4


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": "ada@example.org"},
        {"password": PASSWORD},
        {"email": "ada@example.org", "password": None},
        {"email": "ada@example.org", "password": 12345678},
        {"email": "ada@example.org", "password": "correct\0horse"},
        {"email": 7, "password": PASSWORD},
        {"email": "ada", "password": PASSWORD},
        {"email": "", "password": PASSWORD},
    ],
)
def test_bad_input(daemon, given):
    """
    Both fields have to be there, as text, and the address has to look like one.
    """
    assert daemon.post("/auth/password-login", given=given).status == 400


@memory_only
@pytest.mark.parametrize(
    ("password", "nearly"),
    [
        ("correct horse", "Correct horse"),
        (" spaces around ", "spaces around"),
        ("x" * 72 + "right", "x" * 72 + "wrong"),
        ("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", "e\u0301" * 8),
        ("\U0001f511" * 8, "\U0001f511" * 7),
        ("y" * 256, "y" * 257),
        ("y" * 256, "y" * 255),
    ],
)
def test_every_character_counts(daemon, ada, password, nearly):
    """
    A password is compared whole and as it is: not trimmed, not folded, not cut.
    """
    add(daemon, ada, "bob", password=password)
    assert log_in(daemon, "bob", nearly).status == 401
    assert log_in(daemon, "bob", password).status == 200


@memory_only
def test_calls_of_other_modes(daemon, ada):
    """
    The calls of another mode are not there.
    """
    for path in ("dev-login", "login", "verify"):
        for who in (None, ada):
            given = {"email": "ada@example.org"}
            assert daemon.post(f"/auth/{path}", who, given).status == 404


# Failing too often


@memory_only
def test_failures_are_limited(make_daemon):
    """
    Who fails too often has to wait, even with the right password; later they
    may try again.
    """
    daemon = limited(make_daemon)
    for _ in range(3):
        assert log_in(daemon, "ada", "wrong horse").status == 401
    refused = log_in(daemon, "ada")
    assert refused.status == 429
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 60
    daemon.clock.advance(wait)
    assert log_in(daemon, "ada").status == 200


@memory_only
def test_successes_are_not(make_daemon):
    """
    Only failures count: one may sign in as often as one likes.
    """
    daemon = limited(make_daemon)
    assert {log_in(daemon, "ada").status for _ in range(12)} == {200}


@memory_only
def test_failures_count_for_the_account(make_daemon):
    """
    An account is guarded against guesses from many addresses; others are not
    troubled by it.
    """
    daemon = limited(make_daemon)
    for host in (1, 2, 3):
        guess = log_in(daemon, "ada", "wrong horse", X_Forwarded_For=f"198.51.100.{host}")
        assert guess.status == 401
    assert log_in(daemon, "ADA", X_Forwarded_For="198.51.100.4").status == 429
    assert log_in(daemon, "bob", X_Forwarded_For="198.51.100.4").status == 401


@memory_only
def test_failures_count_for_the_address(make_daemon):
    """
    A client address is held back, whatever accounts it guesses at.
    """
    daemon = limited(make_daemon)
    for name in ("bob", "carol", "dave"):
        assert log_in(daemon, name, X_Forwarded_For="198.51.100.1").status == 401
    assert log_in(daemon, "ada", X_Forwarded_For="198.51.100.1").status == 429
    assert log_in(daemon, "ada", X_Forwarded_For="198.51.100.2").status == 200


@memory_only
def test_what_is_held_back_is_no_failure(make_daemon):
    """
    Guesses that were not even looked at do not count against the account: who
    is held back cannot shut others out.
    """
    daemon = limited(make_daemon)
    for name in ("bob", "carol", "dave"):
        log_in(daemon, name, "wrong horse", X_Forwarded_For="198.51.100.1")
    for _ in range(5):
        guess = log_in(daemon, "ada", "wrong horse", X_Forwarded_For="198.51.100.1")
        assert guess.status == 429
    assert log_in(daemon, "ada", X_Forwarded_For="198.51.100.2").status == 200


def limited(make_daemon):
    """
    A daemon, behind a proxy, on which one may fail three times a minute.
    """
    daemon = make_daemon(
        auth={"auth_mode": "password"},
        rate_limit={"enabled": True, "failed_sign_ins_per_minute": 3},
        server={"trusted_proxies": (ip_network("192.0.2.0/24"),)},
    )
    daemon.done(set_up(daemon, token=link_of(daemon)))
    return daemon


# Links that set a password


def test_link_is_good_once(daemon):
    """
    The link of an empty server takes any address and makes the first admin,
    once.
    """
    link = link_of(daemon)
    made = daemon.done(set_up(daemon, token=link))
    me = daemon.done(daemon.get("/auth/me", made["accessToken"]))["user"]
    assert (me["email"], me["userName"], me["isAdmin"]) == ("ada@example.org", "ada", True)
    assert set_up(daemon, token=link).status == 400
    assert set_up(daemon, email="eve@example.org", token=link).status == 400
    assert len(daemon.done(daemon.get("/users", made["accessToken"]))["users"]) == 1
    assert log_in(daemon, "ada").status == 200


def test_link_in_the_header(daemon):
    """
    The token may stand in the header instead; one in the body counts first.
    """
    given = {"email": "ada@example.org", "password": PASSWORD}
    link = link_of(daemon)
    wrong = daemon.post("/auth/setup-password", link, {**given, "token": "wrong"})
    assert wrong.status == 400
    assert daemon.post("/auth/setup-password", link, given).status == 200


@memory_only
@pytest.mark.parametrize("token", ["", "wrong", "x" * 5000, "\U0001f511", 7, None])
def test_link_that_is_none(daemon, token):
    """
    A token that is missing, unknown or no text is refused, and nobody is made.
    """
    assert set_up(daemon).status == 400
    assert set_up(daemon, token=token).status == 400
    assert daemon.rows("SELECT * FROM users") == []


@memory_only
def test_no_work_for_strangers(daemon):
    """
    A token that is no link costs no hashing: nobody keeps the server busy with it.
    """
    daemon.hashed.clear()
    assert set_up(daemon, token="wrong").status == 400
    assert set_up(daemon, token=link_of(daemon), password="seven77").status == 400
    assert daemon.hashed == []


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {"password": "seven77"},
        {"password": ""},
        {"password": "x" * 257},
        {"password": 12345678},
        {"password": "eight\x008"},
        {"email": "nobody"},
        {"email": None},
    ],
)
def test_link_survives(daemon, given):
    """
    A short password, or any other field that is wrong, does not use up the link.
    """
    link = link_of(daemon)
    assert set_up(daemon, token=link, **given).status == 400
    assert daemon.rows("SELECT * FROM users") == []
    assert set_up(daemon, token=link, password="eight8-8").status == 200
    assert log_in(daemon, "ada", "eight8-8").status == 200


@memory_only
def test_link_expires(daemon):
    """
    A set-up link lives seven days.
    """
    link = link_of(daemon)
    daemon.clock.advance(7 * 24 * 60 * 60)
    assert set_up(daemon, token=link).status == 400


# Passwords that an administrator sets


def test_added_with_a_password(daemon, ada):
    """
    A user may be added with a password, which then opens the account.
    """
    add(daemon, ada, "bob", password="eight8-8")
    assert log_in(daemon, "bob", "eight8-8").status == 200


@memory_only
@pytest.mark.parametrize("password", ["", "seven77", "\U0001f511" * 7, "x" * 257, 12345678, None])
def test_added_with_a_bad_password(daemon, ada, password):
    """
    With a password that is too short or none, no account is made.
    """
    given = {"email": "bob@example.org", "password": password}
    assert daemon.post("/users/add", ada, given).status == 400
    assert len(daemon.done(daemon.get("/users", ada))["users"]) == 1


def test_reset(daemon, ada, bob, listen):
    """
    An administrator gives a user a new password.  The old one, and every
    session that it opened, ends with it, and so do its streams.
    """
    listener = listen(bob)
    user_id = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    path, new = f"/users/{user_id}/reset-password", {"password": "eight8-8"}
    assert daemon.done(daemon.post(path, ada, new)) == {"success": True}
    listener.await_end()
    assert daemon.get("/auth/me", bob).status == 401
    assert log_in(daemon, "bob").status == 401
    assert log_in(daemon, "bob", "eight8-8").status == 200
    assert daemon.get("/auth/me", ada).status == 200


@memory_only
def test_bad_reset(daemon, ada, bob):
    """
    Members may not, nobody has no password to reset, and a short one is
    refused; then the old one and its sessions stay.
    """
    user_id = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    path = f"/users/{user_id}/reset-password"
    assert daemon.post(path, bob, {"password": "eight8-8"}).status == 403
    for given in ({}, {"password": "seven77"}, {"password": 12345678}, {"password": "x" * 257}):
        assert daemon.post(path, ada, given).status == 400
    unknown = daemon.post("/users/nobody/reset-password", ada, {"password": "eight8-8"})
    assert unknown.status == 400
    assert daemon.get("/auth/me", bob).status == 200
    assert log_in(daemon, "bob").status == 200


@memory_only
def test_kept_as_a_hash(daemon, ada, bob):
    """
    No password and no token is in the record.
    """
    tokens = daemon.done(log_in(daemon, "bob"))
    secrets = [PASSWORD, tokens["accessToken"], tokens["refreshToken"]]
    kept = daemon.all_that_is_kept()
    assert b"bob@example.org" in kept
    assert not [secret for secret in secrets if secret.encode() in kept]
