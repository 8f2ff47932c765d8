"""
C{/auth/oauth}, through the whole daemon, with the provider in memory.
"""

import pytest
from twisted.logger import formatEventAsClassicLogText, globalLogPublisher

from teamchatd.config import Presets
from tests.browser import query
from tests.oauth import APP, BEGIN_AGAIN, UNINVITED, UNPROVEN, back_to, custom, registered
from tests.provider import SECRET

# Through whom


def test_providers(house):
    """
    A page can show a link to each.
    """
    assert house.daemon.done(house.daemon.get("/auth/oauth/providers")) == {
        "providers": [
            {"id": "x", "name": "X", "loginUrl": "/auth/oauth/x"},
            {"id": "plain", "name": "Plain", "loginUrl": "/auth/oauth/plain"},
        ],
        "count": 2,
    }


def test_presets_come_first(make_house):
    """
    Those that everybody knows are shown in one order, then the others, by id if
    they have no name.
    """
    presets = Presets(google=registered("google"), github=registered("github"))
    house = make_house(presets=presets, custom=(custom(name=""),))
    shown = house.daemon.done(house.daemon.get("/auth/oauth/providers"))["providers"]
    assert [each["name"] for each in shown] == ["Google", "GitHub", "x"]


def test_no_providers(in_memory):
    """
    Where nobody signs in through others, none of the addresses is there.
    """
    daemon = in_memory()
    for path in ("providers", "x", "x/callback", "google"):
        assert daemon.get(f"/auth/oauth/{path}").status == 404


def test_unknown_provider(house):
    """
    An unknown one is 404 to go to; whoever comes back from it is told by the page.
    """
    assert house.daemon.get("/auth/oauth/y").status == 404
    told = house.browser().finish("/auth/oauth/y/callback?code=a&state=b")
    assert told["oauth_error"] == "Nobody can sign in through this provider on this server."


# There


def test_sent(house):
    """
    The provider is told what it needs, and the browser gets a cookie for it alone.
    """
    answer = house.daemon.get("/auth/oauth/x")
    location = answer.headers["location"]
    assert location.startswith("https://login.example/authorize?")
    asked = query(location)
    assert set(asked) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
        *("code_challenge", "code_challenge_method"),
    }
    assert asked["redirect_uri"] == back_to("x")
    assert asked["scope"] == "openid email profile"
    assert SECRET not in location
    name, _, rest = answer.headers["set-cookie"].partition("=")
    value, _, flags = rest.partition("; ")
    assert name.startswith("teamchat_oauth_")
    assert len(value) == 43
    assert flags == "Max-Age=600; Path=/auth/oauth; HttpOnly; SameSite=Lax; Secure"


def test_sent_by_plain_oauth(house):
    """
    Who speaks no OpenID is asked for what the configuration says, and for no nonce.
    """
    asked = query(house.daemon.get("/auth/oauth/plain").headers["location"])
    assert asked["prompt"] == "login"
    assert asked["scope"] == "email profile"
    assert "nonce" not in asked


@pytest.mark.parametrize(
    ("redirect_uri", "flags"),
    [
        ("http://localhost:3000/auth/oauth/x/callback", "Path=/auth/oauth; HttpOnly; SameSite=Lax"),
        (
            "https://a.example/chat/auth/oauth/x/callback",
            "Path=/chat/auth/oauth; HttpOnly; SameSite=Lax; Secure",
        ),
        ("https://a.example/back", "Path=/auth/oauth; HttpOnly; SameSite=Lax; Secure"),
    ],
)
def test_cookie(make_house, redirect_uri, flags):
    """
    The cookie goes where the provider sends people back, encrypted if that is.
    """
    house = make_house(custom=(custom(redirect_uri=redirect_uri),))
    assert house.daemon.get("/auth/oauth/x").headers["set-cookie"].endswith(f"; {flags}")


def test_nothing_repeats(house):
    """
    Every secret is made for one sign-in.
    """
    house.browser().begin()
    house.browser().begin()
    one, other = house.provider.sent
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != other[name]


def test_rows_hold_no_secret(house):
    """
    Who reads the record cannot come back in somebody's place.
    """
    browser = house.browser()
    state = query(browser.begin())["state"]
    [row] = house.daemon.rows("SELECT * FROM oauth_states")
    assert state not in row
    assert not set(browser.cookies.values()) & set(row)


# And back


@pytest.mark.parametrize("provider_id", ["x", "plain"])
def test_signed_in(house, provider_id):
    """
    The first time somebody is made, who then has a session like any other.
    """
    browser = house.browser()
    answer = browser.get(browser.begin(provider_id))
    assert answer.headers["location"].startswith(f"{APP}?access_token=")
    told = query(answer.headers["location"])
    assert told["expires_in"] == "900"
    me = house.me(told["access_token"])
    assert (me["userName"], me["email"], me["isAdmin"]) == ("ada", "ada@example.org", False)
    spent = {"refreshToken": told["refresh_token"]}
    house.daemon.done(house.daemon.post("/auth/refresh", given=spent))
    assert browser.cookies == {}
    assert house.daemon.rows("SELECT * FROM oauth_states") == []


def test_new_user_is_told_of(house):
    """
    Everybody hears of somebody who came this way.
    """
    bob = house.daemon.listen(house.daemon.token("bob"))
    house.browser().token()
    connected, event = bob.await_events(2)
    assert (event.type, event.payload["email"]) == ("NEW_USER", "ada@example.org")


def test_again(house):
    """
    Who comes again is the same user, in another session.
    """
    first, second = house.browser().token(), house.browser().token()
    assert house.me(first) == house.me(second)
    assert house.emails() == ["ada@example.org"]
    sessions = house.daemon.done(house.daemon.get("/auth/sessions", second))["sessions"]
    assert len(sessions) == 2


def test_known_address(private):
    """
    Who was invited is found by their address, in whatever case it is written.
    """
    private.provider.tell(email="Ada@Example.ORG")
    assert private.me(private.browser().token()) == private.me(private.ada)
    assert private.bound() == [("https://login.example", "s-1")]


@pytest.mark.parametrize(
    "changes",
    [
        {"email": "countess@example.net"},
        {"email": "bob@example.org"},
        {"email": None},
        {"email_verified": False},
    ],
)
def test_subject_decides(private, changes):
    """
    Once bound, somebody is who they are, whatever becomes of their address, even
    if it is another's here.
    """
    private.daemon.done(
        private.daemon.post("/users/add", private.ada, {"email": "bob@example.org"})
    )
    private.browser().token()
    private.provider.tell(**changes)
    assert private.me(private.browser().token()) == private.me(private.ada)


def test_two_providers(house):
    """
    One user may come from several.
    """
    one, other = house.browser().token("x"), house.browser().token("plain")
    assert house.me(one) == house.me(other)
    assert len(house.bound()) == 2


def test_two_windows(house):
    """
    A second sign-in does not end one that is under way, in whatever order they end.
    """
    browser = house.browser()
    one, other = browser.begin(), browser.begin("plain")
    assert "access_token" in browser.finish(one)
    assert "access_token" in browser.finish(other)


def test_number_for_a_name(house):
    """
    Where OAuth alone is spoken, "id" will do for "sub", and may be a number.
    """
    house.provider.tell(sub=None, id=42)
    house.browser().token("plain")
    assert house.bound() == [("https://plain.example/userinfo", "42")]


def test_address_in_user_info(house):
    """
    What the ID token does not tell, user info does.
    """
    house.provider.claims = {"email": None, "email_verified": None}
    house.browser().token()
    assert house.provider.asked.count("/userinfo") == 1
    assert house.emails() == ["ada@example.org"]


def test_user_info_of_another(house):
    """
    User info about somebody else is about nobody.
    """
    house.provider.claims = {"email": None, "sub": "s-2"}
    assert house.browser().refusal() == UNPROVEN


@pytest.mark.parametrize("in_form", [True, False])
def test_where_the_secret_goes(house, in_form):
    """
    Into the form, where the provider says that it takes it there; else into a header.
    """
    if in_form:
        methods = ["client_secret_basic", "client_secret_post"]
        house.provider.document = {"token_endpoint_auth_methods_supported": methods}
    house.browser().token()


# Who may not come in


@pytest.mark.parametrize("provider_id", ["x", "plain"])
@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"email": None}, "does not tell your e-mail address."),
        ({"email": ""}, "does not tell your e-mail address."),
        ({"email": "not an address"}, "does not tell your e-mail address."),
        ({"email": ["ada@example.org"]}, "does not tell your e-mail address."),
        ({"email_verified": False}, "does not say that your e-mail address is verified."),
        ({"email_verified": None}, "does not say that your e-mail address is verified."),
        ({"email_verified": "false"}, "does not say that your e-mail address is verified."),
        ({"email_verified": 2}, "does not say that your e-mail address is verified."),
    ],
)
def test_unverified(house, provider_id, changes, why):
    """
    An address that is not verified finds nobody, and makes nobody.
    """
    house.provider.tell(**changes)
    assert house.browser().refusal(provider_id) == f"{provider_id.capitalize()} {why}"
    assert house.emails() == house.bound() == []


def test_uninvited(private):
    """
    Who was not invited leaves nothing behind.
    """
    before = private.daemon.rows("SELECT number FROM head")
    private.provider.tell(email="eve@example.org")
    assert private.browser().refusal() == UNINVITED
    assert private.emails() == ["ada@example.org"]
    assert private.bound() == []
    assert private.daemon.rows("SELECT number FROM head") == before


def test_another_subject(private):
    """
    Who has the address of somebody who is already bound is somebody else.
    """
    private.browser().token()
    private.provider.tell(sub="s-2")
    assert private.browser().refusal() == (
        "The user with this e-mail address signs in with another account of this provider."
    )
    assert private.bound() == [("https://login.example", "s-1")]


def test_removed(private):
    """
    Who was removed stays out; invited again, they are somebody new.
    """
    daemon = private.daemon
    private.provider.tell(email="bob@example.org")
    given = {"email": "bob@example.org"}
    old = daemon.done(daemon.post("/users/add", private.ada, given))["userId"]
    token = private.browser().token()
    daemon.done(daemon.delete(f"/users/{old}", private.ada))
    assert daemon.get("/auth/me", token).status == 401
    assert private.bound() == []
    assert private.browser().refusal() == UNINVITED
    new = daemon.done(daemon.post("/users/add", private.ada, given))["userId"]
    assert private.me(private.browser().token())["id"] == new != old


# What does not come back as it should


def test_no_state(house):
    """
    A code alone is nobody's.
    """
    browser = house.browser()
    code = query(browser.begin())["code"]
    told = browser.finish(f"/auth/oauth/x/callback?code={code}")
    assert told["oauth_error"] == "The sign-in came back without its state. Begin again."


def test_no_code(house):
    """
    A state alone is nothing.
    """
    browser = house.browser()
    state = query(browser.begin())["state"]
    told = browser.finish(f"/auth/oauth/x/callback?state={state}")
    assert told["oauth_error"] == "X sent you back without a code. Begin again."


@pytest.mark.parametrize("state", ["%ff", "%00", "x", "x" * 5000, "%F0%9F%A6%86"])
def test_strange_state(house, state):
    """
    Whatever somebody makes up is refused on the page.
    """
    browser = house.browser()
    browser.begin()
    assert browser.finish(f"/auth/oauth/x/callback?code=a&state={state}")["oauth_error"]


def test_replayed(house):
    """
    A state is good once, whatever came of it.
    """
    browser = house.browser()
    url = browser.begin()
    cookies = dict(browser.cookies)
    assert "access_token" in browser.finish(url)
    browser.cookies = cookies
    assert browser.finish(url)["oauth_error"] == BEGIN_AGAIN


def test_another_browser(house):
    """
    What one began no other can finish, with no cookie or with its own; the one
    who began still can.
    """
    ada, eve, stranger = house.browser(), house.browser(), house.browser()
    url = ada.begin()
    eve.begin()
    [name], [value] = ada.cookies, eve.cookies.values()
    eve.cookies[name] = value
    assert eve.finish(url)["oauth_error"] == BEGIN_AGAIN
    assert stranger.finish(url)["oauth_error"] == BEGIN_AGAIN
    assert "access_token" in ada.finish(url)


def test_another_provider(house):
    """
    A state of one provider does not come back from another.
    """
    browser = house.browser()
    url = browser.begin().replace("/oauth/x/", "/oauth/plain/")
    assert browser.finish(url)["oauth_error"] == BEGIN_AGAIN


def test_too_late(house):
    """
    There are ten minutes to come back; whoever does not is forgotten.
    """
    browser = house.browser()
    url = browser.begin()
    house.daemon.clock.advance(10 * 60)
    assert browser.finish(url)["oauth_error"] == BEGIN_AGAIN
    assert house.daemon.rows("SELECT * FROM oauth_states") == []


def test_code_used_twice(house):
    """
    The provider takes a code once, also for somebody who has a state.
    """
    ada, eve = house.browser(), house.browser()
    stolen, mine = ada.begin(), eve.begin()
    code = query(stolen)["code"]
    assert "access_token" in ada.finish(stolen)
    told = eve.finish(f"/auth/oauth/x/callback?code={code}&state={query(mine)['state']}")
    assert told["oauth_error"] == "X did not accept this sign-in. Begin again."


def test_stolen_code(house):
    """
    A code is worth nothing to another's sign-in: its verifier does not fit.
    """
    ada, eve = house.browser(), house.browser()
    code, state = query(ada.begin())["code"], query(eve.begin())["state"]
    told = eve.finish(f"/auth/oauth/x/callback?code={code}&state={state}")
    assert told["oauth_error"] == "X did not accept this sign-in. Begin again."


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("access_denied", "X was not allowed to tell who you are."),
        ("server_error", "X could not sign you in; it says server_error."),
        ("<b>Call 555-1234</b>", "X could not sign you in; it says something unusual."),
    ],
)
def test_refused_there(house, error, why):
    """
    What the provider has against it is told, but not in words of its choice.
    """
    house.provider.refuses = error
    browser = house.browser()
    assert browser.refusal() == why
    assert browser.cookies == {}


@pytest.mark.parametrize(
    ("announced", "sent"),
    [("https://login.example", "https://evil.example"), (None, "https://evil.example")],
)
def test_another_issuer_answers(house, announced, sent):
    """
    A code that another provider sends is not told to this one.
    """
    house.provider.sends_issuer = announced
    browser = house.browser()
    url = browser.begin().partition("&iss=")[0] + f"&iss={sent}"
    assert browser.finish(url)["oauth_error"] == "The answer did not come from X. Begin again."
    assert "/token" not in house.provider.asked


def test_issuer_does_not_say_so(house):
    """
    Who promises to say who they are has to.
    """
    house.provider.sends_issuer = "https://login.example"
    browser = house.browser()
    url = browser.begin().partition("&iss=")[0]
    assert browser.finish(url)["oauth_error"] == "The answer did not come from X. Begin again."


# Limits


def test_limit(make_house):
    """
    One client address may try so often to go, and so often to come back.
    """
    house = make_house(max_attempts=2, window_seconds=60)
    browser = house.browser()
    url = browser.begin()
    browser.begin()
    refused = house.daemon.get("/auth/oauth/x")
    assert refused.status == 429
    assert refused.headers["retry-after"] == "30"
    assert "access_token" in browser.finish(url)
    browser.finish(url)
    told = browser.finish(url)
    assert (
        told["oauth_error"] == "Too many attempts to sign in from here. Try again a little later."
    )
    house.daemon.clock.advance(30)
    house.browser().begin()


# What nobody sees


def test_nothing_in_the_log(house, logged):
    """
    No log line has a code, a state, a token, a secret or an address.
    """
    house.provider.keys = []
    refused = house.browser()
    urls = [refused.begin()]
    refused.finish(urls[0])
    house.provider.keys = ["rsa 1"]
    house.daemon.clock.advance(61)
    browser = house.browser()
    urls.append(browser.begin())
    told = browser.finish(urls[1])
    said = "\n".join(logged)
    assert "X is not believed" in said
    hidden = [told["access_token"], told["refresh_token"], SECRET, "ada@example.org"]
    for url in urls:
        hidden += [query(url)["code"], query(url)["state"]]
    assert not [each for each in hidden if each in said]


@pytest.fixture
def logged():
    """
    All that is logged while a test runs, as a log file would have it.
    """
    lines = []

    def observe(event):
        lines.append(formatEventAsClassicLogText(event) or "")

    globalLogPublisher.addObserver(observe)
    yield lines
    globalLogPublisher.removeObserver(observe)


# Beside other ways


def test_taken_from_a_squatter(make_house):
    """
    Somebody registers another's address and waits for them to come: when the
    owner does, the password and the sessions of the one who waited are worthless.
    """
    house = make_house(auth={"auth_mode": "password", "is_invite_required": False})
    known = {"email": "ada@example.org", "password": "what a squatter knows"}
    squatter = house.daemon.done(house.daemon.post("/auth/register", given=known))["accessToken"]
    ada = house.browser().token()
    assert house.me(ada)["email"] == "ada@example.org"
    assert house.daemon.get("/auth/me", squatter).status == 401
    assert house.daemon.post("/auth/password-login", given=known).status == 401


def test_proved_address_keeps_its_password(make_house):
    """
    Whoever was let in by the server's first link, or has used one since, is no
    squatter, and may go on with the password.
    """
    house = make_house(auth={"auth_mode": "password", "is_invite_required": False})
    known = {"email": "ada@example.org", "password": "what ada knows"}
    first = known | {"token": house.daemon.setup_token}
    token = house.daemon.done(house.daemon.post("/auth/setup-password", given=first))["accessToken"]
    house.browser().token()
    assert house.daemon.get("/auth/me", token).status == 200
    house.daemon.done(house.daemon.post("/auth/password-login", given=known))


@pytest.mark.parametrize("path", ["providers", "x", "x/callback"])
def test_body(house, path):
    """
    Nobody sends a body there; one that is no JSON is refused as everywhere.
    """
    answer = house.daemon.ask("GET", f"/auth/oauth/{path}", None, b"{")
    assert answer.status == 400
