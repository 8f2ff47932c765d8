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
        path: list[bytes] = (request.prepath or []) + (request.postpath or [])
        request.prepath, request.postpath = [], path
        try:
            b"/".join(path).decode()
        except UnicodeDecodeError:  # Klein would answer in plain text
            request.postpath = [b"no such path"]
            return self._nowhere
        return self._areas.get(b"/".join(path[:2])) or self._areas.get(name) or self._nowhere
