"""
C{/messages}: what becomes of something that was said.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.images import Images
from teamchatd.chat.messages import Messages
from teamchatd.chat.reactions import Reactions
from teamchatd.chat.threads import Threads
from teamchatd.http.fields import text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in, uploading
from teamchatd.http.saying import new_wording, paging, wording
from teamchatd.http.uploads import Uploads
from teamchatd.model import Actor


@define
class MessageRoutes:
    app = json_app()

    identity: Identity
    _messages: Messages
    _reactions: Reactions
    _threads: Threads
    _images: Images
    _uploads: Uploads

    @app.route("/messages/<message_id>", methods=["PUT"])
    @signed_in
    async def edit(self, request: Request, actor: Actor, message_id: str) -> Response:
        message = await self._messages.edit(actor, message_id, new_wording(request))
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

    @app.route("/messages/<message_id>/thread", methods=["GET"])
    @signed_in
    async def replies(self, request: Request, actor: Actor, message_id: str) -> Response:
        page = await self._threads.page(actor, message_id, *paging(request))
        return answer({"replies": [shapes.message(reply) for reply in page]})

    @app.route("/messages/<message_id>/thread", methods=["POST"])
    @signed_in
    async def reply(self, request: Request, actor: Actor, message_id: str) -> Response:
        reply, meta = await self._threads.reply(actor, message_id, wording(request))
        return answer({"reply": shapes.message(reply), "threadMeta": shapes.thread_meta(meta)})

    @app.route("/messages/<message_id>/thread/<reply_id>", methods=["PUT"])
    @signed_in
    async def edit_reply(
        self, request: Request, actor: Actor, message_id: str, reply_id: str
    ) -> Response:
        reply = await self._threads.edit(actor, message_id, reply_id, new_wording(request))
        return answer({"message": shapes.message(reply)})

    @app.route("/messages/<message_id>/thread/<reply_id>", methods=["DELETE"])
    @signed_in
    async def remove_reply(
        self, request: Request, actor: Actor, message_id: str, reply_id: str
    ) -> Response:
        await self._threads.remove(actor, message_id, reply_id)
        return answer({"success": True})

    @app.route("/messages/<message_id>/thread/image", methods=["POST"])
    @uploading
    async def upload(self, request: Request, actor: Actor, message_id: str) -> Response:
        with self._uploads.of(request) as load:
            name = await self._images.add_to_thread(actor, message_id, load)
        return answer({"success": True, "filename": name})
