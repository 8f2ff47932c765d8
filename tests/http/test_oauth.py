"""
C{/auth/oauth}, through the whole daemon, with the provider in memory.
"""

import json
from urllib.parse import urlsplit

import pytest
from twisted.logger import formatEventAsClassicLogText, globalLogPublisher

from teamchatd.config import CustomProvider, Presets, Registration
from tests.browser import Browser, query
from tests.daemon import read_answer, request_bytes
from tests.provider import HTML, SECRET, SILENCE, US, Client, Provider

APP = "https://chat.example/app"

TENANT = "11111111-2222-3333-4444-555555555555"

BEGIN_AGAIN = "This sign-in is too old, is finished, or was begun in another browser. Begin again."
AWAY = "X cannot be reached right now. Try again later."
NONSENSE = "X answers something that this server does not understand. Try again later."
UNPROVEN = (
    "What X sent does not prove who you are. Begin again; if that does not help, tell your"
    " administrator."
)
UNINVITED = "Nobody with this e-mail address has been invited."


def back_to(provider_id):
    return f"https://chat.example/auth/oauth/{provider_id}/callback"


def registered(provider_id):
    return Registration(US, SECRET, back_to(provider_id))


def custom(provider_id="x", name="X", issuer="https://login.example", **more):
    given = {"client_id": US, "client_secret": SECRET, "redirect_uri": back_to(provider_id)}
    return CustomProvider(provider_id, name, issuer, **(given | more))


PLAIN = custom(
    "plain",
    "Plain",
    "",
    authorization_url="https://plain.example/authorize?prompt=login",
    token_url="https://plain.example/token",
    user_info_url="https://plain.example/userinfo",
    scopes=("email", "profile"),
)


class House:
    """
    A daemon, a provider, and those who sit before their browsers.
    """

    def __init__(self, make, auth=None, **oauth):
        self.provider = Provider(lambda: self.daemon.clock.seconds())
        self.daemon = make(
            new_client=lambda: Client(self.provider),
            auth={"app_url": APP} | (auth or {}),
            oauth={"custom": (custom(), PLAIN)} | oauth,
        )

    def browser(self):
        return Browser(self.daemon, self.provider)

    def me(self, token):
        return self.daemon.done(self.daemon.get("/auth/me", token))["user"]

    def emails(self):
        return [
            email
            for (email,) in self.daemon.rows("SELECT email FROM users WHERE removed_at IS NULL")
        ]

    def bound(self):
        return self.daemon.rows("SELECT issuer, subject FROM identities ORDER BY issuer, subject")


@pytest.fixture
def make_house(in_memory):
    return lambda **chosen: House(in_memory, **chosen)


@pytest.fixture
def house(make_house):
    """
    One that lets everybody in whom the provider knows.
    """
    return make_house()


@pytest.fixture
def private(make_house):
    """
    One that lets in who was invited: ada, who is its admin.
    """
    house = make_house(auth={"auth_mode": "dev", "is_invite_required": True})
    given = {"email": "ada@example.org", "token": house.daemon.setup_token}
    house.ada = house.daemon.done(house.daemon.post("/auth/dev-login", given=given))["token"]
    return house


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


# Presets


def test_google(make_house):
    """
    Google speaks OpenID, and says who it is when it sends people back.
    """
    house = make_house(presets=Presets(google=registered("google")))
    house.provider.issuer = house.provider.sends_issuer = "https://accounts.google.com"
    house.browser().token("google")
    assert house.bound() == [("https://accounts.google.com", "s-1")]


def test_gitlab(make_house):
    """
    GitLab speaks OpenID.
    """
    house = make_house(presets=Presets(gitlab=registered("gitlab")))
    house.provider.issuer = "https://gitlab.com"
    house.browser().token("gitlab")


@pytest.fixture
def github(make_house):
    house = make_house(presets=Presets(github=registered("github")))
    house.provider.account = {"id": 583231, "login": "ada", "email": "public@example.org"}
    house.provider.emails = [
        {"email": "old@example.org", "primary": False, "verified": True},
        {"email": "ada@example.org", "primary": True, "verified": True},
    ]
    return house


def test_github(github):
    """
    GitHub's address is the primary one of its list, and not what a profile shows.
    """
    assert github.me(github.browser().token("github"))["email"] == "ada@example.org"
    assert github.bound() == [("https://api.github.com/user", "583231")]


@pytest.mark.parametrize(
    ("emails", "why"),
    [
        ([], "GitHub does not tell your e-mail address."),
        ({"message": "Not Found"}, "GitHub does not tell your e-mail address."),
        (
            [{"email": "ada@example.org", "primary": True, "verified": False}],
            "GitHub does not say that your e-mail address is verified.",
        ),
    ],
)
def test_github_without_address(github, emails, why):
    """
    Another of somebody's addresses is not taken instead.
    """
    github.provider.emails = emails
    assert github.browser().refusal("github") == why
    assert github.emails() == []


def test_github_error(github):
    """
    GitHub says what is wrong with status 200.
    """
    said = b'{"error": "bad_verification_code"}'
    github.provider.instead["/token"] = (200, "application/json", said)
    assert github.browser().refusal("github") == "GitHub did not accept this sign-in. Begin again."


@pytest.fixture
def microsoft(make_house):
    house = make_house(presets=Presets(microsoft=registered("microsoft")))
    house.provider.issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
    house.provider.claims = {
        "iss": f"https://login.microsoftonline.com/{TENANT}/v2.0",
        "tid": TENANT,
        "xms_edov": True,
    }
    return house


@pytest.mark.parametrize("verified", [True, 1, "1", "true"])
def test_microsoft(microsoft, verified):
    """
    Microsoft has one issuer for each tenant, and a claim of its own for an
    address that is the tenant's to give.
    """
    microsoft.provider.claims["xms_edov"] = verified
    microsoft.browser().token("microsoft")
    assert microsoft.bound() == [(f"https://login.microsoftonline.com/{TENANT}/v2.0", "s-1")]


@pytest.mark.parametrize("verified", [None, False, 0, "0", "no"])
def test_microsoft_without_proof(microsoft, verified):
    """
    Without it, the address is what some administrator somewhere typed in.
    """
    microsoft.provider.claims["xms_edov"] = verified
    assert microsoft.browser().refusal("microsoft") == (
        "Microsoft does not say that your e-mail address is verified."
    )


@pytest.mark.parametrize("tenant", [None, "common", "../other", f"{TENANT}/x", 7])
def test_microsoft_tenant(microsoft, tenant):
    """
    A token of one tenant is not for another, and not for something like one.
    """
    microsoft.provider.claims["tid"] = tenant
    assert "does not prove who you are" in microsoft.browser().refusal("microsoft")


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


# What an ID token must not be


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://evil.example"},
        {"iss": "https://login.example/"},
        {"iss": None},
        {"aud": "another client"},
        {"aud": ["another client"]},
        {"aud": None},
        {"aud": [US, "another client"]},
        {"azp": "another client"},
        {"aud": [US, "another client"], "azp": "another client"},
        {"nonce": "another"},
        {"nonce": "\ud800"},
        {"nonce": None},
        {"at_hash": "another"},
        {"exp": 1_800_000_000 - 61},
        {"exp": None},
        {"exp": "soon"},
        {"exp": float("nan")},
        {"iat": 1_800_000_000 + 61},
        {"iat": None},
        {"nbf": 1_800_000_000 + 61},
        {"sub": None},
        {"sub": ""},
        {"sub": "s" * 256},
        {"sub": "s\n"},
        {"sub": 7},
    ],
    ids=str,
)
def test_wrong_claims(house, claims):
    """
    Not for us, not for this sign-in, not for now, not from there: not believed.
    """
    house.provider.claims = claims
    assert house.browser().refusal() == UNPROVEN
    assert house.emails() == []


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": [US]},
        {"aud": [US, "another client"], "azp": US},
        {"at_hash": None},
        {"exp": 1_800_000_000 - 59},
        {"iat": 1_800_000_000 + 59},
    ],
    ids=str,
)
def test_right_claims(house, claims):
    """
    What looks like those, but is right.
    """
    house.provider.claims = claims
    house.browser().token()


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_no_signature(house, algorithm):
    """
    A token that anybody could have written was written by anybody.
    """
    house.provider.algorithm = algorithm
    assert house.browser().refusal() == UNPROVEN


def test_strange_key(house):
    """
    A signature with somebody else's key is none, under whatever name.
    """
    house.provider.signs_with = "rsa 2"
    assert house.browser().refusal() == UNPROVEN
    house.provider.names_key = False
    assert house.browser().refusal() == UNPROVEN


def test_weak_key(house):
    """
    A key that can be computed proves nothing.
    """
    house.provider.keys, house.provider.signs_with = ["rsa weak"], "rsa weak"
    assert house.browser().refusal() == UNPROVEN


@pytest.mark.parametrize(
    ("key", "algorithm"), [("rsa 1", "RS256"), ("rsa 1", "PS256"), ("ec 1", "ES256")]
)
def test_algorithms(house, key, algorithm):
    """
    What providers sign with today.
    """
    house.provider.claims = {"at_hash": None}
    house.provider.keys, house.provider.signs_with = ["rsa 1", "ec 1"], key
    house.provider.algorithm = algorithm
    house.browser().token()


def test_key_without_name(house):
    """
    Where a token does not name its key, one of them has to fit.
    """
    house.provider.keys, house.provider.names_key = ["ec 1", "rsa 2", "rsa 1"], False
    house.browser().token()


def test_new_key(house):
    """
    A new key is looked for at once, but not for every token that names one.
    """
    house.browser().token()
    house.provider.keys, house.provider.signs_with = ["rsa 2", "rsa 1"], "rsa 2"
    house.browser().token()
    assert house.provider.asked.count("/keys") == 2
    house.provider.signs_with = "rsa 3"
    assert house.browser().refusal() == house.browser().refusal() == UNPROVEN
    assert house.provider.asked.count("/keys") == 2
    house.provider.keys = ["rsa 3"]
    house.daemon.clock.advance(61)
    house.browser().token()
    assert house.provider.asked.count("/keys") == 3


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "e30.e30.", "é.é.é", "x" * 20000, "e30." * 3])
def test_no_id_token(house, token):
    """
    What is no token is no proof.
    """
    said = json.dumps({"access_token": "a", "id_token": token}).encode()
    house.provider.instead["/token"] = (200, "application/json", said)
    assert house.browser().refusal() == UNPROVEN


# Providers that are not well


@pytest.mark.parametrize("path", ["/token", "/keys", "/.well-known/openid-configuration"])
@pytest.mark.parametrize(
    "said",
    [
        HTML,
        (200, "text/html", b"<h1>Welcome</h1>"),
        (200, "application/json", b"[]"),
        (200, "application/json", b"{}"),
        (200, "application/json", b"\xff"),
        (200, "application/json", b'{"keys": 1, "access_token": 1, "issuer": 1}'),
        (500, "application/json", b"{}"),
        (302, "application/json", b"{}"),
    ],
    ids=str,
)
def test_nonsense(house, path, said):
    """
    Whatever else a provider says, somebody is told so in a sentence on the page.
    """
    house.provider.instead[path] = said
    browser = house.browser()
    answer = browser.get("/auth/oauth/x")
    if path != "/.well-known/openid-configuration":
        answer = browser.get(house.provider.authorize(answer.headers["location"]))
    told = query(answer.headers["location"])["oauth_error"]
    assert told in {
        NONSENSE,
        "X is not set up as this server expects. Tell your administrator.",
        "X did not finish the sign-in. Try again later.",
        UNPROVEN,
    }
    assert house.emails() == []


@pytest.mark.parametrize(
    "said", [HTML, (200, "application/json", b"[]"), (401, "application/json", b"{}")], ids=str
)
def test_user_info_nonsense(house, said):
    """
    The same, where only OAuth is spoken.
    """
    house.provider.instead["/userinfo"] = said
    assert house.browser().refusal("plain")
    assert house.emails() == []


@pytest.mark.parametrize(
    ("error", "why"),
    [
        ("invalid_client", "X does not accept this server. Tell your administrator."),
        ("invalid_grant", "X did not accept this sign-in. Begin again."),
        ("Call 555-1234", "X did not accept this sign-in. Begin again."),
    ],
)
def test_token_error(house, error, why):
    """
    Whether it is us or the code that the provider does not like makes a difference.
    """
    said = b'{"error": "%s"}' % error.encode()
    house.provider.instead["/token"] = (400, "application/json", said)
    assert house.browser().refusal() == why


def test_too_much(house):
    """
    An answer without an end is not read to its end.
    """
    house.provider.instead["/token"] = (200, "application/json", b'"%s"' % (b"x" * 300_000))
    assert house.browser().refusal() == AWAY


def test_down(house):
    """
    Nobody is there, at the beginning or later.
    """
    browser = house.browser()
    house.provider.is_down = True
    answer = browser.get("/auth/oauth/x")
    assert query(answer.headers["location"]) == {"oauth_error": AWAY}
    assert "set-cookie" not in answer.headers
    house.provider.is_down = False
    url = browser.begin()
    house.provider.is_down = True
    assert browser.finish(url)["oauth_error"] == AWAY


@pytest.mark.parametrize("path", ["/token", "/keys"])
def test_slow(house, path):
    """
    Ten seconds is as long as somebody is kept waiting.
    """
    house.provider.instead[path] = SILENCE
    browser = house.browser()
    at = urlsplit(browser.begin())
    [(name, value)] = browser.cookies.items()
    connection = house.daemon.connect()
    headers = {"cookie": f"{name}={value}"}
    connection.dataReceived(request_bytes("GET", f"{at.path}?{at.query}", headers, b""))
    house.daemon.clock.advance(9.9)
    assert connection.value() == b""
    house.daemon.clock.advance(0.2)
    answer = read_answer("GET", connection.value())
    assert query(answer.headers["location"]) == {"oauth_error": AWAY}


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"issuer": "https://login.example/"},
        {"jwks_uri": "http://login.example/keys"},
        {"token_endpoint": "http://login.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "https://login.example/a\r\nX: y"},
        {"token_endpoint": None},
    ],
    ids=str,
)
def test_bad_description(house, document):
    """
    A provider that describes another, or an address where others can listen.
    """
    house.provider.document = document
    location = house.daemon.get("/auth/oauth/x").headers["location"]
    assert query(location)["oauth_error"] == (
        "X is not set up as this server expects. Tell your administrator."
    )


def test_description_is_remembered(house):
    """
    For an hour, and not longer.
    """
    path = "/.well-known/openid-configuration"
    house.browser().token()
    house.browser().token()
    assert house.provider.asked.count(path) == 1
    house.daemon.clock.advance(60 * 60)
    house.browser().token()
    assert house.provider.asked.count(path) == 2


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
