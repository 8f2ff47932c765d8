"""
C{/health}: whether we are alive.
"""

from attrs import define
from klein import Response

from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import json_app, open_without_limit, raw_answer


@define
class HealthRoutes:
    app = json_app()

    identity: Identity

    @app.route("/health", methods=["GET"])
    @open_without_limit
    async def health(self, request: Request) -> Response:
        return raw_answer(b"OK", "text/plain")
