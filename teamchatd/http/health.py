"""
C{/health}: whether we are alive, and whether we can do our work.

Being alive says little, and is what a restart can help; being ready is for those who
send people here.
"""

from attrs import define
from klein import Response

from teamchatd.http.identity import Identity
from teamchatd.http.readiness import Readiness
from teamchatd.http.request import Request
from teamchatd.http.routes import json_app, open_without_limit, raw_answer


@define
class HealthRoutes:
    app = json_app()

    identity: Identity
    _readiness: Readiness

    @app.route("/health", methods=["GET"])
    @open_without_limit
    async def health(self, request: Request) -> Response:
        return raw_answer(b"OK", "text/plain")

    @app.route("/health/live", methods=["GET"])
    @open_without_limit
    async def live(self, request: Request) -> Response:
        return raw_answer(b"OK", "text/plain")

    @app.route("/health/ready", methods=["GET"])
    @open_without_limit
    async def ready(self, request: Request) -> Response:
        await self._readiness.check()
        return raw_answer(b"OK", "text/plain")
