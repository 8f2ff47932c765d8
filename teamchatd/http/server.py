"""
C{/server}: what the server calls itself.
"""

from attrs import define
from klein import Response

from teamchatd.chat.settings import Settings
from teamchatd.http.fields import text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in
from teamchatd.model import Actor


@define
class ServerRoutes:
    app = json_app()

    identity: Identity
    _settings: Settings

    @app.route("/server/settings", methods=["GET"])
    @signed_in
    async def read(self, request: Request, actor: Actor) -> Response:
        return answer({"name": await self._settings.name(actor)})

    @app.route("/server/settings", methods=["PUT"])
    @signed_in
    async def rename(self, request: Request, actor: Actor) -> Response:
        name = await self._settings.rename(actor, text(request.fields, "name"))
        return answer({"name": name})
