"""
C{/webhooks}: programs that post into a channel.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.webhooks import Webhooks
from teamchatd.http.fields import optional_text, text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, posting, signed_in
from teamchatd.model import Actor, Webhook


@define
class WebhookRoutes:
    app = json_app()

    identity: Identity
    _webhooks: Webhooks

    @app.route("/webhooks", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        found = await self._webhooks.all(actor)
        return answer({"webhooks": [shapes.webhook(webhook) for webhook in found]})

    @app.route("/webhooks", methods=["POST"])
    @signed_in
    async def add(self, request: Request, actor: Actor) -> Response:
        name, channel_id = text(request.fields, "name"), text(request.fields, "channelId")
        webhook, token = await self._webhooks.add(actor, name, channel_id)
        return answer({"webhook": shapes.webhook(webhook) | {"token": token}})

    @app.route("/webhooks/<webhook_id>", methods=["DELETE"])
    @signed_in
    async def remove(self, request: Request, actor: Actor, webhook_id: str) -> Response:
        await self._webhooks.remove(actor, webhook_id)
        return answer({"success": True})

    @app.route("/webhooks/<webhook_id>/messages", methods=["POST"])
    @posting
    async def post(self, request: Request, webhook: Webhook, webhook_id: str) -> Response:
        content = optional_text(request.fields, "content")
        message = await self._webhooks.post(webhook, webhook_id, content)
        return answer({"message": shapes.message(message)})
