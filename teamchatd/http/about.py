"""
C{/} and C{/openapi.json}: what this is, for people and for programs.
"""

from functools import cache
from importlib.resources import files

import orjson
from attrs import define
from klein import Response

from teamchatd import __version__
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import json_app, open_to_all, raw_answer

PAGE = f"""\
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>teamchat</title>
<h1>teamchat</h1>
<p>This is a teamchat server, version {__version__}: team chat for those who were invited to it.</p>
<p>Programs talk to it over HTTP; <a href="/openapi.json">its calls and events</a> are described
in OpenAPI 3.1.</p>
</html>
""".encode()

POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The page needs nothing, so nothing may run in it (W3C CSP, level 3)."""


@cache
def description() -> bytes:
    """
    C{openapi.yaml} as JSON.
    """
    import yaml  # slow to import, and seldom asked for

    text = files("teamchatd.http").joinpath("openapi.yaml").read_text("utf-8")
    return orjson.dumps(yaml.safe_load(text))


@define
class AboutRoutes:
    app = json_app()

    identity: Identity

    @app.route("/", methods=["GET"])
    @open_to_all
    async def page(self, request: Request) -> Response:
        return raw_answer(PAGE, "text/html; charset=utf-8", Content_Security_Policy=POLICY)

    @app.route("/openapi.json", methods=["GET"])
    @open_to_all
    async def openapi(self, request: Request) -> Response:
        return raw_answer(description(), "application/json")
