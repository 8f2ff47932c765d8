"""
C{/reads}: up to where one has read.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.reads import Reads
from teamchatd.http.fields import text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in
from teamchatd.model import Actor


@define
class ReadRoutes:
    app = json_app()

    identity: Identity
    _reads: Reads

    @app.route("/reads", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        found = await self._reads.all(actor)
        return answer({"reads": [shapes.read(read) for read in found]})

    @app.route("/reads/<channel_id>", methods=["PUT"])
    @signed_in
    async def move(self, request: Request, actor: Actor, channel_id: str) -> Response:
        read = await self._reads.move(actor, channel_id, text(request.fields, "messageId"))
        return answer({"read": shapes.read(read)})
