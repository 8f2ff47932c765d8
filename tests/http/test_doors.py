"""
Every route has one door, every refusal a status, and every call its description.
"""

from importlib import import_module
from pkgutil import walk_packages

import teamchatd
from teamchatd.chat.access import AdminsOnly
from teamchatd.errors import ChatError
from teamchatd.http.reception import Reception
from teamchatd.http.routes import STATUS, status_of
from tests.contract import METHODS, described, spelled_out

OPEN = {
    ("GET", "/"),
    ("GET", "/assets/{digest}/{file}"),
    ("GET", "/favicon.ico"),
    ("GET", "/robots.txt"),
    ("GET", "/service-worker.js"),
    ("GET", "/manifest.webmanifest"),
    ("GET", "/config.json"),
    ("GET", "/health"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/openapi.json"),
    ("POST", "/auth/dev-login"),
    ("POST", "/auth/password-login"),
    ("POST", "/auth/setup-password"),
    ("POST", "/auth/request-password-reset"),
    ("POST", "/auth/register"),
    ("POST", "/auth/login"),
    ("POST", "/auth/verify"),
    ("GET", "/auth/oauth/providers"),
    ("GET", "/auth/oauth/{providerId}"),
    ("GET", "/auth/oauth/{providerId}/callback"),
    ("POST", "/auth/refresh"),
}
"""The calls that need no token: chapter 1 of the contract.  Webhooks have one of their own."""


def calls():
    """
    (method, path) of every call in the description, and what is said of it.
    """
    return {
        (method.upper(), path): item[method]
        for path, item in described()["paths"].items()
        for method in METHODS
        if method in item
    }


def refusals(kind=ChatError):
    for module in walk_packages(teamchatd.__path__, "teamchatd."):
        import_module(module.name)
    for subclass in kind.__subclasses__():
        yield subclass
        yield from refusals(subclass)


def test_every_route_has_a_door(routes):
    """
    Nobody walks in without being asked who they are, or being let in on purpose.
    """
    assert [route for route, door in routes.items() if door is None] == []


def test_only_one_door(areas):
    """
    A second door would ask a second time, and give the route an actor too many.
    """
    for area in areas:
        for endpoint in area.app.endpoints.values():
            route = endpoint.__original__.__wrapped__
            assert not hasattr(route, "door"), route


def test_doors_that_are_open(routes):
    """
    What goes without a token is what the contract lists, and nothing else.
    """
    assert {route for route, door in routes.items() if door.startswith("open ")} == OPEN


def test_programs(routes):
    """
    The token of a webhook is good for posting, and opens no other door.
    """
    post = ("POST", "/webhooks/{webhookId}/messages")
    assert [route for route, door in routes.items() if door == "posting"] == [post]


def test_large_bodies(routes):
    """
    Whoever may send more than others sends an image, and has it read elsewhere.
    """
    reception = Reception(None, None, None, 10 << 20)
    large = {
        (method, path)
        for method, path in routes
        if reception.largest(method.encode(), path.encode()) == 30 << 20
    }
    assert large == {route for route, door in routes.items() if door == "uploading"}
    assert large == {call for call, said in calls().items() if is_upload(said)}


def is_upload(said):
    """
    Whether something that this call takes is base64.
    """
    return "contentEncoding" in str(spelled_out(said.get("requestBody"), described()))


def test_token_in_the_query(routes):
    """
    A query lands in logs of proxies: only where browsers need it is it a way in.
    """
    assert [route for route, door in routes.items() if door == "listening"] == [("GET", "/events")]


def test_counted(routes):
    """
    Nobody is let in as often as they like, except those who ask whether we are alive,
    whose browser fetches what lies in memory, and who come back from a provider: those
    are counted by C{oauth.maxAttempts}.
    """
    free = {route for route, door in routes.items() if door == "open without limit"}
    assert free == {
        ("GET", "/health"),
        ("GET", "/health/live"),
        ("GET", "/health/ready"),
        ("GET", "/assets/{digest}/{file}"),
        ("GET", "/favicon.ico"),
        ("GET", "/robots.txt"),
        ("GET", "/service-worker.js"),
        ("GET", "/auth/oauth/{providerId}/callback"),
    }


def test_description_is_complete(routes):
    """
    What can be called is described, and what is described can be called.
    """
    assert set(routes) == set(calls())


def test_description_of_doors(routes):
    """
    The description says of each call whether it needs a token.
    """
    without = {call for call, said in calls().items() if said.get("security") == []}
    assert without == OPEN
    in_query = {
        call for call, said in calls().items() if "tokenInQuery" in str(said.get("security"))
    }
    assert in_query == {route for route, door in routes.items() if door == "listening"}
    of_webhook = {
        call for call, said in calls().items() if said.get("security") == [{"webhookToken": []}]
    }
    assert of_webhook == {route for route, door in routes.items() if door == "posting"}


def test_modes():
    """
    The description says which calls are there in one mode only.
    """
    marked = {path for path, item in described()["paths"].items() if "x-auth-mode" in item}
    every_mode = {"/auth/refresh", "/auth/logout", "/auth/me", "/auth/address", "/auth/sessions"}
    assert marked == {path for _, path in calls() if path.startswith("/auth/")} - every_mode


def test_one_spelling(areas):
    """
    A path has no slash at its end, and no rule guesses what was meant.
    """
    for area in areas:
        for rule in area.app.url_map.iter_rules():
            assert rule.rule == "/" or not rule.rule.endswith("/")


def test_methods_are_literal(areas):
    """
    A route that names no method would answer every one.
    """
    for area in areas:
        for rule in area.app.url_map.iter_rules():
            assert rule.methods, rule


def test_every_refusal_has_a_status():
    """
    A refusal without a number would be a 500.
    """
    assert AdminsOnly in refusals()
    for refusal in refusals():
        assert status_of(refusal.__new__(refusal)) in STATUS.values()


def test_statuses():
    """
    The table holds kinds of refusals, and the numbers that the contract names.
    """
    assert set(STATUS) <= set(refusals())
    assert set(STATUS.values()) == {400, 401, 403, 404, 413, 415, 429, 503}


def test_every_refusal_says_why():
    """
    Whoever reads the code finds out when it is raised.
    """
    assert [refusal for refusal in refusals() if not (refusal.__doc__ or "").strip()] == []
