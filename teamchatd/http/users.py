"""
C{/users}: who belongs here.
"""

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.chat.users import Users
from teamchatd.http.fields import optional_text, text
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, signed_in
from teamchatd.model import Actor


@define
class UserRoutes:
    app = json_app()

    identity: Identity
    _users: Users

    @app.route("/users", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        return answer({"users": [shapes.user(user) for user in await self._users.all(actor)]})

    @app.route("/users/add", methods=["POST"])
    @signed_in
    async def add(self, request: Request, actor: Actor) -> Response:
        email, password = text(request.fields, "email"), optional_text(request.fields, "password")
        role = optional_text(request.fields, "role")
        user = await self._users.add(actor, email, "user" if role is None else role, password)
        return answer({"success": True, "userId": user.id})

    @app.route("/users/<user_id>/reset-password", methods=["POST"])
    @signed_in
    async def reset_password(self, request: Request, actor: Actor, user_id: str) -> Response:
        await self._users.reset_password(actor, user_id, text(request.fields, "password"))
        return answer({"success": True})

    @app.route("/users/<user_id>", methods=["DELETE"])
    @signed_in
    async def remove(self, request: Request, actor: Actor, user_id: str) -> Response:
        await self._users.remove(actor, user_id)
        return answer({"success": True})

    @app.route("/users/exit", methods=["POST"])
    @signed_in
    async def exit(self, request: Request, actor: Actor) -> Response:
        await self._users.exit(actor)
        return answer({"success": True, "message": "You have exited the server"})

    @app.route("/users/me", methods=["PUT"])
    @signed_in
    async def rename(self, request: Request, actor: Actor) -> Response:
        user = await self._users.rename(actor, text(request.fields, "userName"))
        return answer({"user": shapes.user(user)})
