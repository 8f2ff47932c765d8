"""
C{/channels}: where things are said.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.channels import Channels
from teamchatd.chat.messages import Messages
from teamchatd.http.fields import (
    in_query,
    number_in_query,
    optional_text,
    optional_texts,
    text,
)
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in
from teamchatd.model import Actor

PAGE = 50
"""Messages, for those who do not say how many."""


@define
class ChannelRoutes:
    app = json_app()

    identity: Identity
    _channels: Channels
    _messages: Messages

    @app.route("/channels", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        found = await self._channels.all(actor)
        return answer({"channels": [shapes.channel(channel) for channel in found]})

    @app.route("/channels", methods=["POST"])
    @signed_in
    async def add(self, request: Request, actor: Actor) -> Response:
        channel = await self._channels.add(actor, text(request.fields, "name"))
        return answer({"channel": shapes.channel(channel)})

    @app.route("/channels/<channel_id>", methods=["PUT"])
    @signed_in
    async def rename(self, request: Request, actor: Actor, channel_id: str) -> Response:
        channel = await self._channels.rename(actor, channel_id, text(request.fields, "name"))
        return answer({"channel": shapes.channel(channel)})

    @app.route("/channels/<channel_id>", methods=["DELETE"])
    @signed_in
    async def remove(self, request: Request, actor: Actor, channel_id: str) -> Response:
        await self._channels.remove(actor, channel_id)
        return answer({"success": True})

    @app.route("/channels/<channel_id>/messages", methods=["GET"])
    @signed_in
    async def read(self, request: Request, actor: Actor, channel_id: str) -> Response:
        limit, before = number_in_query(request, "limit", PAGE), in_query(request, "before")
        page = await self._messages.page(actor, channel_id, limit, before)
        return answer({"messages": [shapes.message(message) for message in page]})

    @app.route("/channels/<channel_id>/messages", methods=["POST"])
    @signed_in
    async def post(self, request: Request, actor: Actor, channel_id: str) -> Response:
        content = optional_text(request.fields, "content")
        images = optional_texts(request.fields, "images")
        client_id = optional_text(request.fields, "clientId")
        message = await self._messages.post(actor, channel_id, content, images, client_id)
        return answer({"message": shapes.message(message)})
