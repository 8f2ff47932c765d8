"""
C{/conversations}: what two people say to each other.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.conversations import Conversations
from teamchatd.chat.images import Images
from teamchatd.http.fields import text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in, uploading
from teamchatd.http.saying import new_wording, paging, wants_thumbnail, wording
from teamchatd.http.sending import Sending
from teamchatd.http.uploads import Uploads
from teamchatd.model import Actor


@define
class ConversationRoutes:
    app = json_app()

    identity: Identity
    _conversations: Conversations
    _images: Images
    _uploads: Uploads

    @app.route("/conversations", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        found = await self._conversations.all(actor)
        return answer({"conversations": [shapes.conversation(each) for each in found]})

    @app.route("/conversations", methods=["POST"])
    @signed_in
    async def open(self, request: Request, actor: Actor) -> Response:
        target_id = text(request.fields, "targetUserId")
        conversation, is_new = await self._conversations.open(actor, target_id)
        return answer({"conversation": shapes.conversation(conversation), "isNew": is_new})

    @app.route("/conversations/<conversation_id>/messages", methods=["GET"])
    @signed_in
    async def read(self, request: Request, actor: Actor, conversation_id: str) -> Response:
        page = await self._conversations.page(actor, conversation_id, *paging(request))
        return answer({"messages": [shapes.message(message) for message in page]})

    @app.route("/conversations/<conversation_id>/messages", methods=["POST"])
    @signed_in
    async def post(self, request: Request, actor: Actor, conversation_id: str) -> Response:
        message = await self._conversations.post(actor, conversation_id, wording(request))
        return answer({"message": shapes.message(message)})

    @app.route("/conversations/<conversation_id>/messages/<message_id>", methods=["PUT"])
    @signed_in
    async def edit(
        self, request: Request, actor: Actor, conversation_id: str, message_id: str
    ) -> Response:
        message = await self._conversations.edit(
            actor, conversation_id, message_id, new_wording(request)
        )
        return answer({"message": shapes.message(message)})

    @app.route("/conversations/<conversation_id>/messages/<message_id>", methods=["DELETE"])
    @signed_in
    async def remove(
        self, request: Request, actor: Actor, conversation_id: str, message_id: str
    ) -> Response:
        await self._conversations.remove(actor, conversation_id, message_id)
        return answer({"success": True})

    @app.route("/conversations/<conversation_id>/messages/image", methods=["POST"])
    @uploading
    async def upload(self, request: Request, actor: Actor, conversation_id: str) -> Response:
        with self._uploads.of(request) as load:
            name = await self._images.add_to_conversation(actor, conversation_id, load)
        return answer({"success": True, "filename": name})

    @app.route("/conversations/<conversation_id>/messages/image/<filename>", methods=["GET"])
    @signed_in
    async def image(
        self, request: Request, actor: Actor, conversation_id: str, filename: str
    ) -> Sending:
        as_thumbnail = wants_thumbnail(request)
        shown = await self._images.in_conversation(actor, conversation_id, filename, as_thumbnail)
        return Sending(shown)
