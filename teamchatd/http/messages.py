"""
C{/messages}: what becomes of something that was said.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.messages import Messages
from teamchatd.chat.reactions import Reactions
from teamchatd.http.fields import optional_text, optional_texts, text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in
from teamchatd.model import Actor


@define
class MessageRoutes:
    app = json_app()

    identity: Identity
    _messages: Messages
    _reactions: Reactions

    @app.route("/messages/<message_id>", methods=["PUT"])
    @signed_in
    async def edit(self, request: Request, actor: Actor, message_id: str) -> Response:
        content = optional_text(request.fields, "content")
        images = optional_texts(request.fields, "images")
        message = await self._messages.edit(actor, message_id, content, images)
        return answer({"message": shapes.message(message)})

    @app.route("/messages/<message_id>", methods=["DELETE"])
    @signed_in
    async def remove(self, request: Request, actor: Actor, message_id: str) -> Response:
        await self._messages.remove(actor, message_id)
        return answer({"success": True})

    @app.route("/messages/<message_id>/reactions", methods=["POST"])
    @signed_in
    async def react(self, request: Request, actor: Actor, message_id: str) -> Response:
        reaction = text(request.fields, "reaction")
        message = await self._reactions.add(actor, message_id, reaction)
        return answer({"message": shapes.message(message)})

    @app.route("/messages/<message_id>/reactions", methods=["DELETE"])
    @signed_in
    async def take_back(self, request: Request, actor: Actor, message_id: str) -> Response:
        reaction = text(request.fields, "reaction")
        message = await self._reactions.remove(actor, message_id, reaction)
        return answer({"message": shapes.message(message)})
