"""
C{/auth}: ways in, and ways out.
"""

from typing import Any

from attrs import define
from klein import Response

from teamchatd import shapes
from teamchatd.auth.entrances import Entrances
from teamchatd.auth.sessions import Sessions, TokenAnswer
from teamchatd.auth.signing_in import SigningIn
from teamchatd.chat.users import Users
from teamchatd.errors import Invalid
from teamchatd.http.fields import flag, optional_text, text
from teamchatd.http.identity import Identity, bearer
from teamchatd.http.request import Request
from teamchatd.http.routes import answer, json_app, open_to_all, signed_in
from teamchatd.model import Actor


def tokens(given: TokenAnswer) -> dict[str, Any]:
    return {
        "accessToken": given.access,
        "refreshToken": given.refresh,
        "exp": given.expires_in,
        "tokenType": "Bearer",
    }


@define
class DevRoutes:
    """
    The calls of C{authMode = "dev"}.
    """

    app = json_app()

    identity: Identity
    _signing_in: SigningIn

    @app.route("/auth/dev-login", methods=["POST"])
    @open_to_all
    async def log_in(self, request: Request) -> Response:
        email, token = text(request.fields, "email"), optional_text(request.fields, "token")
        client = self.identity.client(request)
        user, access = await self._signing_in.as_developer(email, token, client)
        return answer({"user": shapes.user(user), "token": access})


@define
class PasswordRoutes:
    """
    The calls of C{authMode = "password"}.
    """

    app = json_app()

    identity: Identity
    _signing_in: SigningIn
    _entrances: Entrances

    @app.route("/auth/password-login", methods=["POST"])
    @open_to_all
    async def log_in(self, request: Request) -> Response:
        email, password = text(request.fields, "email"), text(request.fields, "password")
        client = self.identity.client(request)
        return answer(tokens(await self._signing_in.with_password(email, password, client)))

    @app.route("/auth/setup-password", methods=["POST"])
    @open_to_all
    async def set_up(self, request: Request) -> Response:
        email, password = text(request.fields, "email"), text(request.fields, "password")
        token = optional_text(request.fields, "token") or bearer(request)
        if token is None:
            raise Invalid("'token' is missing: it is in the link that you were given.")
        client = self.identity.client(request)
        return answer(tokens(await self._entrances.set_up(email, password, token, client)))

    @app.route("/auth/request-password-reset", methods=["POST"])
    @open_to_all
    async def ask_for_reset(self, request: Request) -> Response:
        email = text(request.fields, "email")
        await self._entrances.ask_for_reset(email, self.identity.client(request))
        sentence = "If a matching account was found, a password reset link has been sent."
        return answer({"success": True, "message": sentence})


@define
class RegisterRoutes:
    """
    The call of C{authMode = "password"} where nobody needs an invitation.
    """

    app = json_app()

    identity: Identity
    _signing_in: SigningIn

    @app.route("/auth/register", methods=["POST"])
    @open_to_all
    async def register(self, request: Request) -> Response:
        email, password = text(request.fields, "email"), text(request.fields, "password")
        client = self.identity.client(request)
        return answer(tokens(await self._signing_in.register(email, password, client)))


@define
class MagicLinkRoutes:
    """
    The calls of C{authMode = "magic-link"}.
    """

    app = json_app()

    identity: Identity
    _entrances: Entrances

    @app.route("/auth/login", methods=["POST"])
    @open_to_all
    async def ask_for_link(self, request: Request) -> Response:
        email = text(request.fields, "email")
        await self._entrances.ask_to_sign_in(email, self.identity.client(request))
        sentence = "If a matching account was found, a magic link has been sent."
        return answer({"success": True, "message": sentence})

    @app.route("/auth/verify", methods=["POST"])
    @open_to_all
    async def verify(self, request: Request) -> Response:
        email, token = text(request.fields, "email"), bearer(request)
        if token is None:
            raise Invalid("The link's token is missing: it goes into the Authorization header.")
        client = self.identity.client(request)
        return answer(tokens(await self._entrances.sign_in(email, token, client)))


@define
class SessionRoutes:
    """
    The calls of every mode.
    """

    app = json_app()

    identity: Identity
    _sessions: Sessions
    _users: Users

    @app.route("/auth/me", methods=["GET"])
    @signed_in
    async def me(self, request: Request, actor: Actor) -> Response:
        return answer({"user": shapes.user(await self._users.oneself(actor))})

    @app.route("/auth/address", methods=["GET"])
    @signed_in
    async def address(self, request: Request, actor: Actor) -> Response:
        return answer({"address": self.identity.client(request).ip})

    @app.route("/auth/refresh", methods=["POST"])
    @open_to_all
    async def refresh(self, request: Request) -> Response:
        spent = text(request.fields, "refreshToken")
        return answer(tokens(await self._sessions.refresh(spent)))

    @app.route("/auth/logout", methods=["POST"])
    @signed_in
    async def log_out(self, request: Request, actor: Actor) -> Response:
        await self._sessions.log_out(actor, text(request.fields, "refreshToken"))
        return answer({"success": True, "message": "You have signed out."})

    @app.route("/auth/sessions", methods=["GET"])
    @signed_in
    async def list(self, request: Request, actor: Actor) -> Response:
        found = await self._sessions.of(actor)
        return answer({"sessions": [shapes.session(each, actor.session_id) for each in found]})

    @app.route("/auth/sessions", methods=["DELETE"])
    @signed_in
    async def end(self, request: Request, actor: Actor) -> Response:
        session_id = optional_text(request.fields, "sessionId")
        keep_current = flag(request.fields, "keepCurrent")
        if session_id is not None and keep_current:
            raise Invalid("Give 'keepCurrent' or 'sessionId', not both.")
        if session_id is not None:
            await self._sessions.end_one(actor, session_id)
        else:
            await self._sessions.end_all(actor, keep_current)
        return answer({"success": True, "message": "The sessions are ended."})
