"""
Staying signed in, and getting out: tokens, their rotation, and sessions.
"""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

PASSWORD = "correct horse"
ACCESS_SECONDS = 900
REFRESH_SECONDS = 7 * 24 * 60 * 60


@pytest.fixture
def daemon(make_daemon):
    return make_daemon(auth={"auth_mode": "password"})


@pytest.fixture
def ada(daemon):
    given = {"email": "ada@example.org", "password": PASSWORD, "token": link_of(daemon)}
    return daemon.done(daemon.post("/auth/setup-password", given=given))["accessToken"]


@pytest.fixture
def bob_id(daemon, ada):
    given = {"email": "bob@example.org", "password": PASSWORD}
    return daemon.done(daemon.post("/users/add", ada, given))["userId"]


@pytest.fixture
def pair(daemon, bob_id):
    """
    The tokens of a member's first session.
    """
    return log_in(daemon, "bob")


def link_of(daemon):
    """
    The token of the link in the log.  A daemon that answers has said it.
    """
    assert daemon.get("/health").status == 200
    return daemon.setup_token


def log_in(daemon, name, **headers):
    given = {"email": f"{name}@example.org", "password": PASSWORD}
    return daemon.done(daemon.post("/auth/password-login", given=given, **headers))


def refresh(daemon, pair, **headers):
    given = {"refreshToken": pair["refreshToken"]}
    return daemon.post("/auth/refresh", given=given, **headers)


def is_good(daemon, pair):
    """
    Whether the access token of this pair opens anything.  Asking uses it.
    """
    status = daemon.get("/auth/me", pair["accessToken"]).status
    assert status in (200, 401)
    return status == 200


def sessions(daemon, pair):
    return daemon.done(daemon.get("/auth/sessions", pair["accessToken"]))["sessions"]


def log_out(daemon, pair, token):
    given = {"refreshToken": token}
    return daemon.post("/auth/logout", pair["accessToken"], given)


# Who is asking


@memory_only
def test_scheme_in_any_case(daemon, pair):
    """
    The scheme is compared without regard to case.
    """
    for scheme in ("Bearer", "bearer", "BEARER", "bEaReR"):
        header = f"{scheme} {pair['accessToken']}"
        assert daemon.get("/auth/me", authorization=header).status == 200


@memory_only
@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer ", "Basic {token}", "{token}", "Bearer{token}", "Bearer {token} x"],
)
def test_malformed_header(daemon, pair, header):
    """
    What is no bearer token does not say who is asking.
    """
    header = header.format(token=pair["accessToken"])
    assert daemon.get("/auth/me", authorization=header).status == 401


@memory_only
@pytest.mark.parametrize(
    "token", ["x", "a.b.c", "..", "null", "x" * 10_000, "\u00fc.\u00fc.\u00fc"]
)
def test_malformed_token(daemon, token):
    """
    A token that is none is nobody's.
    """
    assert daemon.get("/auth/me", authorization=f"Bearer {token}").status == 401


def decoded(part):
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def encoded(said):
    return urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


@memory_only
def test_forged(daemon, pair, ada):
    """
    A token is good only as it was issued: not with other claims, another's
    signature, without one, or with an algorithm of the bearer's choice.
    """
    head, claims, signature = pair["accessToken"].split(".")
    later = encoded(decoded(claims) | {"exp": 9_999_999_999})
    unsigned = encoded({"alg": "none", "typ": "JWT"})
    forged = [
        f"{head}.{later}.{signature}",
        f"{head}.{ada.split('.')[1]}.{signature}",
        f"{head}.{claims}.{ada.split('.')[2]}",
        f"{head}.{claims}.",
        f"{head}.{claims}.{'A' * len(signature)}",
        f"{unsigned}.{claims}.",
        f"{unsigned}.{claims}.{signature}",
        f"{encoded({'alg': 'None'})}.{claims}.",
        f"{encoded({'alg': 'HS512', 'typ': 'JWT'})}.{claims}.{signature}",
        f"{encoded([])}.{claims}.{signature}",
    ]
    assert {daemon.get("/auth/me", token).status for token in forged} == {401}
    assert is_good(daemon, pair)


@memory_only
def test_another_servers_token(daemon, make_daemon, pair):
    """
    A token that another server issued opens nothing here, as long as their
    secrets or their records differ.
    """
    other = make_daemon(auth={"auth_mode": "password"})
    assert other.get("/auth/me", pair["accessToken"]).status == 401
    assert refresh(other, pair).status == 401


@memory_only
def test_access_token_expires(daemon, pair):
    """
    An access token lives 900 seconds, also while it is used all the time; the
    session goes on.
    """
    daemon.clock.advance(ACCESS_SECONDS - 1)
    assert is_good(daemon, pair)
    daemon.clock.advance(1)
    assert not is_good(daemon, pair)
    assert refresh(daemon, pair).status == 200


@memory_only
def test_each_for_its_own(daemon, pair):
    """
    A refresh token opens nothing, and an access token buys nothing.
    """
    assert daemon.get("/auth/me", pair["refreshToken"]).status == 401
    bought = daemon.post("/auth/refresh", given={"refreshToken": pair["accessToken"]})
    assert bought.status == 401


# Refreshing


def test_refresh(daemon, pair):
    """
    A refresh token buys a new pair for the same session; both tokens are new.
    """
    [session] = sessions(daemon, pair)
    new = daemon.done(refresh(daemon, pair))
    assert set(new) == {"accessToken", "refreshToken", "exp", "tokenType"}
    assert (new["exp"], new["tokenType"]) == (ACCESS_SECONDS, "Bearer")
    assert new["refreshToken"] != pair["refreshToken"]
    assert new["accessToken"] != pair["accessToken"]
    assert is_good(daemon, new)
    assert [each["id"] for each in sessions(daemon, new)] == [session["id"]]


@memory_only
def test_chain(daemon, pair):
    """
    One may go on like that.
    """
    for _ in range(5):
        pair = daemon.done(refresh(daemon, pair))
    assert is_good(daemon, pair)


@memory_only
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        ({"refreshToken": None}, 400),
        ({"refreshToken": 7}, 400),
        ({"refreshToken": "\0"}, 400),
        ({"refreshToken": ""}, 401),
        ({"refreshToken": "x"}, 401),
        ({"refreshToken": "a.b.c"}, 401),
        ({"refreshToken": "x" * 100_000}, 401),
        ({"refreshToken": "\U0001f511"}, 401),
    ],
)
def test_refresh_with_nothing_good(daemon, given, status):
    """
    It has to be there, as text (400), and to be one (401).
    """
    assert daemon.post("/auth/refresh", given=given).status == status


@memory_only
def test_refresh_token_expires(daemon, pair):
    """
    A refresh token lives seven days; each new one, and the session with it,
    lives seven days anew.
    """
    daemon.clock.advance(REFRESH_SECONDS - 1)
    pair = daemon.done(refresh(daemon, pair))
    daemon.clock.advance(REFRESH_SECONDS - 1)
    assert daemon.done(refresh(daemon, pair))
    daemon.clock.advance(REFRESH_SECONDS)
    assert refresh(daemon, pair).status == 401


def test_spent_token_comes_back(daemon, pair, listen):
    """
    Once what it bought was used, a spent token that comes back ends the session:
    both pairs, and its streams.  Other sessions go on.
    """
    other = log_in(daemon, "bob")
    new = daemon.done(refresh(daemon, pair))
    listener = listen(new["accessToken"])  # this uses the new access token
    assert refresh(daemon, pair).status == 401
    listener.await_end()
    assert not is_good(daemon, new)
    assert not is_good(daemon, pair)
    assert refresh(daemon, new).status == 401
    assert is_good(daemon, other)


@memory_only
def test_spent_token_comes_back_after_the_access_token_was_used(daemon, pair):
    """
    The access token it bought was used: the session ends.
    """
    new = daemon.done(refresh(daemon, pair))
    assert is_good(daemon, new)
    assert refresh(daemon, pair).status == 401
    assert not is_good(daemon, new)


@memory_only
def test_spent_token_comes_back_after_the_refresh_token_was_used(daemon, pair):
    """
    The refresh token it bought was used: the session ends, the newest pair with it.
    """
    second = daemon.done(refresh(daemon, pair))
    third = daemon.done(refresh(daemon, second))
    assert refresh(daemon, pair).status == 401
    assert not is_good(daemon, third)
    assert refresh(daemon, third).status == 401


def test_lost_answer(daemon, pair):
    """
    If neither of the two tokens it bought was ever used, the answer was lost:
    they are void, and a new pair is given.  As often as it takes.
    """
    lost = [daemon.done(refresh(daemon, pair)) for _ in range(3)]
    new = daemon.done(refresh(daemon, pair))
    for each in lost:
        assert not is_good(daemon, each)
        assert refresh(daemon, each).status == 401
    assert is_good(daemon, new)
    assert refresh(daemon, pair).status == 401
    assert not is_good(daemon, new)


@memory_only
def test_lost_answer_survives_a_restart(daemon, pair):
    """
    What was spent, used and void is known after a restart, too.
    """
    lost = daemon.done(refresh(daemon, pair))
    daemon.restart()
    new = daemon.done(refresh(daemon, pair))
    daemon.restart()
    assert not is_good(daemon, lost)
    assert is_good(daemon, new)
    daemon.restart()
    assert refresh(daemon, pair).status == 401
    assert not is_good(daemon, new)


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_all_at_once(daemon, pair):
    """
    The same refresh token, twenty times at once: never are two pairs alive.
    """

    def bring(spent):
        return refresh(daemon.another(), spent, Connection="close")

    for _ in range(3):
        with ThreadPoolExecutor(20) as crowd:
            answers = list(crowd.map(bring, [pair] * 20))
        bought = [answer.json for answer in answers if answer.status == 200]
        assert {answer.status for answer in answers} <= {200, 401}
        assert sum(is_good(daemon, each) for each in bought) == 1
        [pair] = [each for each in bought if is_good(daemon, each)]


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_used_while_it_comes_back(daemon, pair):
    """
    One uses the new pair while another brings the spent token back: afterwards
    there is at most one live pair, and never one that was given up.
    """

    def use_or_bring_back(turn):
        twin, given = daemon.another(), new if turn % 2 else pair
        if turn % 4 == 1:
            return twin.get("/auth/me", new["accessToken"], Connection="close")
        return refresh(twin, given, Connection="close")

    for _ in range(3):
        new = daemon.done(refresh(daemon, pair))
        with ThreadPoolExecutor(12) as crowd:
            answers = list(crowd.map(use_or_bring_back, range(12)))
        bought = [a.json for a in answers if a.status == 200 and "accessToken" in a.json]
        assert sum(is_good(daemon, each) for each in [*bought, new]) <= 1
        pair = log_in(daemon, "bob")


# Getting out


def test_log_out(daemon, pair, listen):
    """
    Logging out ends the session at once: its access tokens, refresh tokens and
    streams.  Other sessions go on.
    """
    other = log_in(daemon, "bob")
    new = daemon.done(refresh(daemon, pair))
    ending, staying = listen(new["accessToken"]), listen(other["accessToken"])
    done = daemon.done(log_out(daemon, new, new["refreshToken"]))
    assert set(done) == {"success", "message"}
    ending.await_end()
    assert not is_good(daemon, new)
    assert not is_good(daemon, pair)
    assert refresh(daemon, new).status == 401
    assert is_good(daemon, other)
    assert not staying.closed


@memory_only
def test_log_out_another_session(daemon, pair):
    """
    The token says which of one's sessions ends, also by a token that is spent.
    """
    other = log_in(daemon, "bob")
    daemon.done(refresh(daemon, other))
    daemon.done(log_out(daemon, pair, other["refreshToken"]))
    assert not is_good(daemon, other)
    assert is_good(daemon, pair)


def test_log_out_somebody_else(daemon, pair, ada):
    """
    With another's token, an unknown one or none of the kind the answer is the
    same, and nothing happens.
    """
    hers = log_in(daemon, "ada")
    tokens = (hers["refreshToken"], "x", "", "a.b.c", pair["accessToken"])
    answers = [log_out(daemon, pair, token) for token in tokens]
    assert len({answer.body for answer in answers}) == 1
    assert is_good(daemon, pair)
    assert is_good(daemon, hers)
    assert refresh(daemon, hers).status == 200
    mine = log_out(daemon, pair, pair["refreshToken"])
    assert (mine.status, mine.body) == (answers[0].status, answers[0].body)


@memory_only
def test_log_out_needs_both(daemon, pair):
    """
    Who logs out says who they are (401, before the body is looked at) and what
    is to end (400).
    """
    for given in ({"refreshToken": pair["refreshToken"]}, b"{nonsense"):
        assert daemon.post("/auth/logout", given=given).status == 401
    for given in ({}, {"refreshToken": None}, {"refreshToken": 7}, b"{nonsense"):
        assert daemon.post("/auth/logout", pair["accessToken"], given).status == 400
    assert is_good(daemon, pair)


# Sessions


def test_list(daemon, pair, ada):
    """
    One sees one's own sessions, newest first, with what is known of the client;
    the one that asks is marked.
    """
    newer = log_in(daemon, "bob", User_Agent="a browser of bob's")
    listed = sessions(daemon, pair)
    assert [each["isCurrent"] for each in listed] == [False, True]
    assert [each["userAgent"] for each in listed][0] == "a browser of bob's"
    assert [each["isCurrent"] for each in sessions(daemon, newer)] == [True, False]
    keys = {"id", "createdAt", "lastUsedAt", "expiresAt", "ip", "userAgent", "isCurrent"}
    assert set(listed[0]) == keys
    for each in listed:
        assert each["expiresAt"] - each["createdAt"] == pytest.approx(REFRESH_SECONDS * 1000, 0.01)
        assert each["createdAt"] <= each["lastUsedAt"] <= each["expiresAt"]
    assert {each["ip"] for each in listed} == {daemon_sees(daemon)}


def daemon_sees(daemon):
    """
    The client's address.
    """
    return "127.0.0.1" if hasattr(daemon, "process") else "192.0.2.7"


@memory_only
def test_last_used(daemon, pair):
    """
    A session says when it was last used, and lasts from its last refresh.
    """
    [before] = sessions(daemon, pair)
    daemon.clock.advance(600)
    pair = daemon.done(refresh(daemon, pair))
    [after] = sessions(daemon, pair)
    assert after["createdAt"] == before["createdAt"]
    assert after["lastUsedAt"] - before["lastUsedAt"] == 600_000
    assert after["expiresAt"] - before["expiresAt"] == 600_000


def test_end_all(daemon, pair, ada, listen):
    """
    Every session of the caller ends, this one too; others' do not.
    """
    other = log_in(daemon, "bob")
    listeners = [listen(each["accessToken"]) for each in (pair, other)]
    done = daemon.done(daemon.delete("/auth/sessions", pair["accessToken"]))
    assert set(done) == {"success", "message"}
    for listener in listeners:
        listener.await_end()
    assert not is_good(daemon, pair)
    assert not is_good(daemon, other)
    assert daemon.get("/auth/me", ada).status == 200


def test_end_all_but_this(daemon, pair, listen):
    """
    With keepCurrent this session stays, with its streams.
    """
    other = log_in(daemon, "bob")
    mine, others = listen(pair["accessToken"]), listen(other["accessToken"])
    daemon.done(daemon.delete("/auth/sessions", pair["accessToken"], {"keepCurrent": True}))
    others.await_end()
    assert not is_good(daemon, other)
    assert is_good(daemon, pair)
    assert not mine.closed
    daemon.done(daemon.delete("/auth/sessions", pair["accessToken"], {"keepCurrent": False}))
    assert not is_good(daemon, pair)


@memory_only
def test_end_one(daemon, pair, listen):
    """
    With sessionId just that one ends, at once.
    """
    other = log_in(daemon, "bob")
    mine, others = listen(pair["accessToken"]), listen(other["accessToken"])
    theirs = next(each["id"] for each in sessions(daemon, pair) if not each["isCurrent"])
    daemon.done(daemon.delete("/auth/sessions", pair["accessToken"], {"sessionId": theirs}))
    others.await_end()
    assert not is_good(daemon, other)
    assert is_good(daemon, pair)
    assert not mine.closed


@memory_only
def test_end_somebody_elses(daemon, pair, ada):
    """
    Another's session and one that is none are told apart by nobody, and neither ends.
    """
    [hers] = sessions(daemon, {"accessToken": ada})
    path, mine = "/auth/sessions", pair["accessToken"]
    refused = daemon.delete(path, mine, {"sessionId": hers["id"]})
    assert refused.status == 404
    assert daemon.delete(path, mine, {"sessionId": "nobody's"}).body == refused.body
    assert daemon.get("/auth/me", ada).status == 200


@memory_only
@pytest.mark.parametrize(
    "given", [{"sessionId": 7}, {"sessionId": None}, {"keepCurrent": "yes"}, {"keepCurrent": 1}]
)
def test_end_nonsense(daemon, pair, given):
    """
    Fields of the wrong type end nothing.
    """
    assert daemon.delete("/auth/sessions", pair["accessToken"], given).status == 400
    assert is_good(daemon, pair)


def test_at_most_three(daemon, pair, listen):
    """
    A user has at most three sessions: one more ends the earliest made, its
    access tokens and its streams, however lately it was used.
    """
    listener = listen(pair["accessToken"])
    later = [log_in(daemon, "bob") for _ in range(2)]
    pair = daemon.done(refresh(daemon, pair))
    assert is_good(daemon, pair)
    newest = log_in(daemon, "bob")
    listener.await_end()
    assert not is_good(daemon, pair)
    assert refresh(daemon, pair).status == 401
    assert [is_good(daemon, each) for each in (*later, newest)] == [True] * 3
    assert len(sessions(daemon, newest)) == 3


@memory_only
def test_at_most_one(make_daemon):
    """
    How many is the operator's choice.
    """
    daemon = make_daemon(auth={"max_active_sessions": 1})
    first, second = daemon.token("ada"), daemon.token("ada")
    assert daemon.get("/auth/me", first).status == 401
    assert daemon.get("/auth/me", second).status == 200


@memory_only
def test_expired_sessions_are_no_sessions(daemon, pair):
    """
    A session that has run out is not listed, and its streams end.
    """
    listener = daemon.listen(pair["accessToken"])
    daemon.clock.advance(REFRESH_SECONDS - 10)
    new = log_in(daemon, "bob")
    assert not listener.closed
    assert len(sessions(daemon, new)) == 2
    daemon.clock.advance(10)
    assert len(sessions(daemon, new)) == 1
    daemon.clock.advance(60)
    assert listener.closed


@memory_only
def test_sessions_last_through_a_restart(daemon, pair):
    """
    Nobody has to sign in again because the server was restarted.
    """
    daemon.restart()
    assert is_good(daemon, pair)
    assert refresh(daemon, pair).status == 200


# Accounts


def test_removed(daemon, pair, ada, bob_id):
    """
    A removed user's tokens are good for nothing, at once and for ever: not for
    an account that is made later with the same address either.
    """
    assert is_good(daemon, pair)
    daemon.done(daemon.delete(f"/users/{bob_id}", ada))
    assert not is_good(daemon, pair)
    assert refresh(daemon, pair).status == 401
    given = {"email": "bob@example.org", "password": PASSWORD}
    new_id = daemon.done(daemon.post("/users/add", ada, given))["userId"]
    assert new_id != bob_id
    assert not is_good(daemon, pair)
    assert refresh(daemon, pair).status == 401
    new = log_in(daemon, "bob")
    daemon.done(log_out(daemon, new, pair["refreshToken"]))
    assert len(sessions(daemon, new)) == 1


@memory_only
def test_me(daemon, pair, bob_id):
    """
    Who am I?
    """
    me = daemon.done(daemon.get("/auth/me", pair["accessToken"]))
    assert set(me) == {"user"}
    assert me["user"]["id"] == bob_id


@memory_only
def test_strangers(daemon, pair):
    """
    Whoever does not say who they are is nobody, and has no sessions.
    """
    for method, path in (
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
    ):
        assert daemon.ask(method, path).status == 401
        assert daemon.ask(method, path, given=b"{nonsense").status == 401
    assert is_good(daemon, pair)


@memory_only
def test_malformed_body(daemon, pair):
    """
    A body is looked at also where none is needed, and ends nothing when it is
    no JSON; an empty one is none, whatever its type.
    """
    for method, path in (
        ("GET", "/auth/me"),
        ("GET", "/auth/sessions"),
        ("DELETE", "/auth/sessions"),
    ):
        assert daemon.ask(method, path, pair["accessToken"], b"{nonsense").status == 400
    for path in ("/auth/me", "/auth/sessions"):
        assert daemon.get(path, pair["accessToken"], Content_Type="text/plain").status == 200
