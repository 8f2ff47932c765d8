"""
The way of a request to its route, and of the answer back.
"""

from collections.abc import Coroutine, Mapping
from functools import lru_cache, partial
from typing import Any

from attrs import define
from klein import Response
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import Area, Rendered, json_app, refusal
from teamchatd.http.sending import Sending

MOST_KNOWN = 1000
"""Paths of one area whose route is remembered: to look it up costs as much as to read a request."""

LONGEST_KNOWN = 128
"""Characters of such a path.  Longer ones, of which a stranger may send many, are forgotten."""


@define
class Nowhere:
    """
    Says 404 in the way of every other answer.
    """

    app = json_app()

    identity: Identity


class Calls:
    """
    The calls of one area, looked up in the table that Klein has made of its routes.
    """

    def __init__(self, area: Area) -> None:
        self._area = area
        self._rules = area.app.url_map.bind("localhost")  # nobody is ever told this name
        self._match = partial(self._rules.match, return_rule=True)
        self._match_known = lru_cache(MOST_KNOWN)(self._match)

    def make(self, path: str, request: Request) -> Coroutine[Any, Any, Rendered]:
        """
        @return: what the route returns.
        @raise HTTPException: there is no such route, or not for this method.
        """
        match = self._match_known if len(path) <= LONGEST_KNOWN else self._match
        rule, parts = match(path, request.method.decode("ascii", "replace"))
        request.route = rule.rule
        # What Klein would call: it would wrap each call in a Deferred that nobody needs.
        route: Any = self._area.app.endpoints[rule.endpoint]
        call: Coroutine[Any, Any, Rendered] = route.__original__(self._area, request, **parts)
        return call


class Root(Resource):
    """
    The first segment of a path names the area that answers; where that is not
    enough, the first two do.

    This stands in for Klein's resource, which costs a request about as much as all
    the rest of HTTP does.  It does what our routes need: they return a L{Response}
    or a resource.  And a client who goes away ends nothing here: what was begun is
    finished, and the answer is dropped.
    """

    isLeaf = True

    def __init__(self, nowhere: Area, areas: Mapping[str, Area]) -> None:
        super().__init__()
        self._nowhere = Calls(nowhere)
        self._areas = {name: Calls(area) for name, area in areas.items()}

    def render(self, request: Request) -> int:
        Deferred.fromCoroutine(self._serve(request))
        return NOT_DONE_YET

    async def _serve(self, request: Request) -> None:
        try:
            _send(await self._rendered(request), request)
        except Exception:
            request.processingFailed(Failure())

    async def _rendered(self, request: Request) -> Rendered:
        try:
            return await self._call(request)
        except Exception:
            return refusal(request, Failure())

    def _call(self, request: Request) -> Coroutine[Any, Any, Rendered]:
        path = [_readable(segment) for segment in request.postpath or []]
        return self._calls(path).make("/" + "/".join(path), request)

    def _calls(self, path: list[str]) -> Calls:
        if "" in path and len(path) > 1:  # "//users", which the table would take for "/users"
            return self._nowhere
        return self._areas.get("/".join(path[:2])) or self._areas.get(path[0]) or self._nowhere


def _readable(segment: bytes) -> str:
    """
    Only what is no id and no name of ours is changed: what is no UTF-8, and a
    slash that was percent-encoded, which would end the segment.
    """
    return segment.decode(errors="replace").replace("/", "%2F")


def _send(rendered: Rendered, request: Request) -> None:
    if request.is_gone:
        request.drop()
        if isinstance(rendered, Sending):
            rendered.close()
        return
    if isinstance(rendered, Response):
        request.answer(rendered.code, rendered.headers, rendered.body)
    else:
        request.render(rendered)
