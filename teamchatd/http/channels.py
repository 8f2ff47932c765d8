"""
C{/channels}: where things are said.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.channels import Channels
from teamchatd.chat.images import Images
from teamchatd.chat.messages import Messages
from teamchatd.http.fields import text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in, uploading
from teamchatd.http.saying import paging, wants_thumbnail, wording
from teamchatd.http.sending import Sending
from teamchatd.http.uploads import Uploads
from teamchatd.model import Actor


@define
class ChannelRoutes:
    app = json_app()

    identity: Identity
    _channels: Channels
    _messages: Messages
    _images: Images
    _uploads: Uploads

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
        page = await self._messages.page(actor, channel_id, *paging(request))
        return answer({"messages": [shapes.message(message) for message in page]})

    @app.route("/channels/<channel_id>/messages", methods=["POST"])
    @signed_in
    async def post(self, request: Request, actor: Actor, channel_id: str) -> Response:
        message = await self._messages.post(actor, channel_id, wording(request))
        return answer({"message": shapes.message(message)})

    @app.route("/channels/<channel_id>/messages/image", methods=["POST"])
    @uploading
    async def upload(self, request: Request, actor: Actor, channel_id: str) -> Response:
        with self._uploads.of(request) as load:
            name = await self._images.add_to_channel(actor, channel_id, load)
        return answer({"success": True, "filename": name})

    @app.route("/channels/<channel_id>/messages/image/<filename>", methods=["GET"])
    @signed_in
    async def image(
        self, request: Request, actor: Actor, channel_id: str, filename: str
    ) -> Sending:
        as_thumbnail = wants_thumbnail(request)
        shown = await self._images.in_channel(actor, channel_id, filename, as_thumbnail)
        return Sending(shown)
