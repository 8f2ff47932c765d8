"""
C{/auth/oauth}: signing in through others.

Who comes here follows a link: what went wrong is told in the query of the
application's address, where they came from, and not as JSON in an empty window.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

import orjson
from attrs import define
from klein import Response
from twisted.python.failure import Failure

from teamchatd.auth.oauth import STATE_SECONDS, NoSuchProvider, OAuth, Return, Ticket, ticket_name
from teamchatd.auth.providers import Provider
from teamchatd.auth.sessions import TokenAnswer
from teamchatd.errors import ChatError, Unavailable
from teamchatd.http.fields import BadField, in_query
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request, broken
from teamchatd.http.routes import answer, json_app, open_to_all, open_without_limit

HOME = "/auth/oauth"


def entrances(providers: Iterable[Provider]) -> list[dict[str, str]]:
    """
    Where one begins to sign in, through each of them.
    """
    return [
        {"id": each.id, "name": each.name, "loginUrl": f"{HOME}/{each.id}"} for each in providers
    ]


@define
class OAuthRoutes:
    """
    @ivar _app_url: where everybody is sent in the end.
    """

    app = json_app()

    identity: Identity
    _oauth: OAuth
    _app_url: str

    @app.route("/auth/oauth/providers", methods=["GET"])
    @open_to_all
    async def list(self, request: Request) -> Response:
        found = entrances(self._oauth.providers())
        return answer({"providers": found, "count": len(found)})

    @app.route("/auth/oauth/<provider_id>", methods=["GET"])
    @open_to_all
    async def begin(self, request: Request, provider_id: str) -> Response:
        try:
            departure = await self._oauth.begin(provider_id, self.identity.neighbourhood(request))
        except Unavailable as error:
            return redirect(self._back(oauth_error=str(error)))
        return redirect(departure.url, cookie(departure.ticket, STATE_SECONDS))

    @app.route("/auth/oauth/<provider_id>/callback", methods=["GET"])
    @open_without_limit
    async def finish(self, request: Request, provider_id: str) -> Response:
        try:
            back = self._back(**tokens(await self._arrive(request, provider_id)))
        except ChatError as error:
            back = self._back(oauth_error=str(error))
        except Exception:
            said = orjson.loads(broken(request.what, Failure()))
            back = self._back(oauth_error=said["error"])
        return redirect(back, self._forgotten(request, provider_id))

    async def _arrive(self, request: Request, provider_id: str) -> TokenAnswer:
        state = in_query(request, "state")
        name = ticket_name(state) if state is not None else ""
        ticket = request.getCookie(name.encode())
        back = Return(
            in_query(request, "code"),
            state,
            in_query(request, "error"),
            in_query(request, "iss"),
            ticket and ticket.decode("utf-8", "replace"),
        )
        neighbourhood, client = self.identity.neighbourhood(request), self.identity.client(request)
        return await self._oauth.finish(provider_id, back, neighbourhood, client)

    def _forgotten(self, request: Request, provider_id: str) -> str | None:
        """
        The cookie that ends one: whatever came of it, this state does not come back.
        """
        with suppress(BadField, NoSuchProvider):
            state = in_query(request, "state")
            provider = self._oauth.provider(provider_id)
            if state is not None:
                return cookie(Ticket(ticket_name(state), "", provider), 0)
        return None

    def _back(self, **told: str) -> str:
        return f"{self._app_url}?{urlencode(told)}"


def tokens(given: TokenAnswer) -> dict[str, str]:
    return {
        "access_token": given.access,
        "refresh_token": given.refresh,
        "expires_in": str(given.expires_in),
    }


def cookie(ticket: Ticket, seconds: int) -> str:
    """
    RFC 6265, section 4.1.  No script sees it, and no other site's page sends
    it along with a request of its own; following a link back does (Lax).

    It goes to the address at which the provider sends people back, which may
    have a path before ours that a proxy removes.
    """
    url = urlsplit(ticket.provider.registration.redirect_uri)
    before, found, _ = url.path.partition(HOME)
    path = before + HOME if found else HOME
    secure = "; Secure" if url.scheme.lower() == "https" else ""
    return (
        f"{ticket.name}={ticket.value}; Max-Age={seconds}; Path={path}"
        f"; HttpOnly; SameSite=Lax{secure}"
    )


def redirect(url: str, set_cookie: str | None = None) -> Response:
    """
    Like every answer of ours it is not kept, and the page that follows does not
    say where it was linked: there may be tokens in its address.
    """
    headers: Any = {"Location": url, "Content-Length": "0"}
    if set_cookie is not None:
        headers["Set-Cookie"] = set_cookie
    return Response(302, headers, b"")
