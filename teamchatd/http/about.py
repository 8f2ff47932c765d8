"""
C{/openapi.json}: what this is, for programs.
"""

from functools import cache
from importlib.resources import files

import orjson
from attrs import define
from klein import Response

from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import json_app, open_to_all, raw_answer


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

    @app.route("/openapi.json", methods=["GET"])
    @open_to_all
    async def openapi(self, request: Request) -> Response:
        return raw_answer(description(), "application/json")
