"""
Providers: those that everybody knows, and those that are not well.
"""

from urllib.parse import urlsplit

import pytest

from teamchatd.config import Presets
from tests.browser import query
from tests.daemon import read_answer, request_bytes
from tests.oauth import AWAY, NONSENSE, TENANT, UNPROVEN, registered
from tests.provider import HTML, SILENCE

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
