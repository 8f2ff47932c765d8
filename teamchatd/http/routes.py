"""
What every route needs: JSON out, a door, and a status for each refusal.
"""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Protocol

import orjson
from klein import Klein, Response
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import RequestRedirect

from teamchatd.errors import (
    ChatError,
    Forbidden,
    Invalid,
    NotFound,
    NotJSON,
    TooLarge,
    TooMany,
    Unavailable,
    Unidentified,
)
from teamchatd.http.fields import read_json
from teamchatd.http.identity import Identity
from teamchatd.http.request import CHALLENGE, Request, broken
from teamchatd.model import Actor, Webhook

STATUS = {
    Invalid: 400,
    Unidentified: 401,
    Forbidden: 403,
    NotFound: 404,
    TooLarge: 413,
    NotJSON: 415,
    TooMany: 429,
    Unavailable: 503,
}
"""The one place where a refusal becomes a number."""

NOTHING_HERE = "There is nothing at this address."

Rendered = Response | IResource

Route = Callable[..., Coroutine[Any, Any, Rendered]]


class Area(Protocol):
    """
    The calls below one first segment of a path.
    """

    app: Klein
    identity: Identity


def answer(payload: object, code: int = 200, **extra: str) -> Response:
    return raw_answer(orjson.dumps(payload), "application/json", code, **extra)


def raw_answer(body: bytes, content_type: str, code: int = 200, **extra: str) -> Response:
    headers: Any = {"Content-Type": content_type, "Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in extra.items()}
    return Response(code, headers, body)


def status_of(error: ChatError) -> int:
    return next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)


def json_app() -> Klein:
    """
    A L{Klein} whose every failure is a JSON answer.
    """
    app = Klein()
    on: Any = app.handle_errors  # its type wants IRequest, and ours is what it gets
    on(Exception)(lambda area, request, failure: refusal(request, failure))
    return app


def refusal(request: Request, failure: Failure) -> Response:
    """
    What is answered where there is no route, or the route has failed.
    """
    error = failure.value
    if isinstance(error, ChatError):
        return answer({"error": str(error)}, status_of(error), **_headers_for(error))
    if isinstance(error, MethodNotAllowed):
        return _other_method(request, error)
    if isinstance(error, HTTPException):
        return _unroutable(error)
    return raw_answer(broken(request.what, failure), "application/json", 500)


def _headers_for(error: ChatError) -> dict[str, str]:
    """
    What the client may do about it.
    """
    if isinstance(error, TooMany):
        return {"Retry_After": str(error.retry_after)}
    return {"WWW_Authenticate": CHALLENGE} if isinstance(error, Unidentified) else {}


def _unroutable(error: HTTPException) -> Response:
    # A path with "//" would be redirected: our paths have one spelling.
    if isinstance(error, RequestRedirect) or error.code == 404:
        return answer({"error": NOTHING_HERE}, 404)
    return answer({"error": error.name}, error.code or 400)


def _other_method(request: Request, error: MethodNotAllowed) -> Response:
    allowed = ", ".join(sorted({*(error.valid_methods or ()), "OPTIONS"}))
    if request.method == b"OPTIONS":
        return Response(204, {"Allow": allowed}, b"")
    sentence = f"This address answers {allowed}, and nothing else."
    return answer({"error": sentence}, 405, Allow=allowed)


Enter = Callable[..., Coroutine[Any, Any, tuple[Any, ...]]]


def _nothing(request: Request) -> dict[str, Any]:
    return {}


def _door(name: str, enter: Enter, read: Callable[[Request], dict[str, Any]] = read_json) -> Any:
    """
    A decorator for routes: C{enter} says who comes in, before C{read} reads the body.

    What was begun is finished even if the client goes away, because nobody cancels
    it (L{teamchatd.http.site}): the database would carry on alone, with nobody told.
    """

    def door(route: Route) -> Route:
        @wraps(route)
        async def guarded(area: Area, request: Request, **parts: str) -> Rendered:
            entered = await enter(area.identity, request)
            if entered:
                request.asker = entered[0].id
            request.fields = read(request)
            return await route(area, request, *entered, **parts)

        guarded.door = name  # type: ignore[attr-defined]
        return guarded

    return door


async def _user(identity: Identity, request: Request) -> tuple[Actor, ...]:
    return (await identity.of(request),)


async def _listener(identity: Identity, request: Request) -> tuple[Actor, ...]:
    return (await identity.of_listener(request),)


async def _webhook(identity: Identity, request: Request) -> tuple[Webhook, ...]:
    return (await identity.of_webhook(request),)


async def _anybody(identity: Identity, request: Request) -> tuple[Actor, ...]:
    identity.count_stranger(request)
    return ()


async def _monitor(identity: Identity, request: Request) -> tuple[Actor, ...]:
    return ()


signed_in = _door("signed in", _user)
"""For those with an access token; the route gets the L{Actor} after the request."""

listening = _door("listening", _listener)
"""The same, with the token perhaps in the query, as browsers have to do for a stream."""

uploading = _door("uploading", _user, _nothing)
"""As L{signed_in}, for what sends an image: the route has the body read elsewhere."""

posting = _door("posting", _webhook)
"""For programs with the token of a webhook; the route gets the L{Webhook} after the request."""

open_to_all = _door("open to all", _anybody)
"""For everybody, so often a minute from one address."""

open_without_limit = _door("open without limit", _monitor)
"""For everybody, as often as they like: what costs nothing, or has a limit of its own."""
