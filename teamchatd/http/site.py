"""
The resource tree.
"""

from collections.abc import Mapping

from attrs import define
from twisted.web.resource import IResource, Resource

from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import Area, json_app


@define
class Nowhere:
    """
    Says 404 in the way of every other answer.
    """

    app = json_app()

    identity: Identity


class Root(Resource):
    """
    The first segment of a path names the module that answers; where that is not
    enough, the first two do.

    The segments are put back before Klein sees the path, so that every route in
    the code is written as the whole path that a client asks for.
    """

    def __init__(self, nowhere: Area, areas: Mapping[str, Area]) -> None:
        super().__init__()
        self._nowhere = nowhere.app.resource()
        self._areas = {name.encode(): area.app.resource() for name, area in areas.items()}

    def getChild(self, name: bytes, request: Request) -> IResource:
        segments: list[bytes] = (request.prepath or []) + (request.postpath or [])
        path = [_readable(segment) for segment in segments]
        request.prepath, request.postpath = [], path
        if b"" in path and len(path) > 1:  # "//users", which Klein would take for "/users"
            return self._nowhere
        return self._areas.get(b"/".join(path[:2])) or self._areas.get(path[0]) or self._nowhere


def _readable(segment: bytes) -> bytes:
    """
    Only what is no id and no name of ours is changed: Klein would refuse in
    plain text what is no UTF-8, and take a slash that was percent-encoded for
    the end of the segment.
    """
    return segment.decode(errors="replace").replace("/", "%2F").encode()
