"""
The way of a request to its route, and of the answer back.
"""

from collections.abc import Mapping
from typing import Any

from attrs import define
from klein import Response
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import Area, Rendered, json_app, refusal
from teamchatd.http.sending import Sending


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
        self._app = area.app
        self._rules = area.app.url_map.bind("localhost")  # nobody is ever told this name

    def make(self, path: str, request: Request) -> Any:
        """
        @return: what the route returns; a L{Deferred} for all of ours.
        @raise HTTPException: there is no such route, or not for this method.
        """
        endpoint, parts = self._rules.match(path, request.method.decode("ascii", "replace"))
        return self._app.execute_endpoint(endpoint, request, **parts)


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
        answering: Deferred[Rendered] = maybeDeferred(self._call, request)
        answering.addErrback(lambda failure: refusal(request, failure))
        answering.addCallback(_send, request)
        answering.addErrback(_give_up, request)
        return NOT_DONE_YET

    def _call(self, request: Request) -> Any:
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


def _give_up(failure: Failure, request: Request) -> None:
    request.processingFailed(failure)
