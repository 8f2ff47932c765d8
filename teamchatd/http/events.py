"""
C{/events}: what happens, as it happens.

A stream of server-sent events.  It begins with a comment and C{CONNECTED}; then
comes one block for each event, C{id: <era>.<number>} and one C{data:} line of
C{{"type": …, "payload": …}}, and a comment now and then that says we are alive.

A client that comes back with the last id it has seen, in the header
C{Last-Event-ID} or in the query as C{lastEventId}, hears everything it missed, in
order and once, before anything new.  If the journal does not go back that far,
C{RESET} says so, and the client has to read anew what it shows.
"""

import socket
from collections.abc import Callable
from typing import Any

from attrs import define
from klein import Response
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET

from teamchatd.http.fields import in_query
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import json_app, listening
from teamchatd.live.hub import Hub
from teamchatd.live.stream import Stream
from teamchatd.model import Actor

KERNEL_BUFFER = 32 << 10
"""Bytes; Linux takes twice as many, for its own needs."""

HEADERS = {
    "Content-Type": "text/event-stream",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",  # or nginx keeps the events to itself
}


@define
class EventRoutes:
    app = json_app()

    identity: Identity
    _hub: Hub
    _mint: Callable[[], str]

    @app.route("/events", methods=["GET"])
    @listening
    async def listen(self, request: Request, actor: Actor) -> Response | Resource:
        if request.method == b"HEAD":
            headers: Any = HEADERS
            return Response(200, headers, b"")
        last_event_id = request.getHeader("last-event-id") or in_query(request, "lastEventId")
        return Takeover(self._hub, actor, self._mint(), last_event_id)


class Takeover(Resource):
    """
    Sends the headers as usual, and then hands the connection over to a stream.

    A route cannot do that itself: what it returns is finished.
    """

    isLeaf = True

    def __init__(
        self, hub: Hub, actor: Actor, connection_id: str, last_event_id: str | None
    ) -> None:
        super().__init__()
        self._hub = hub
        self._actor = actor
        self._connection_id = connection_id
        self._last_event_id = last_event_id

    def render(self, request: Request) -> int:
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        request.write(b"")
        request.over(200, 0)
        transport, is_chunked = detach(request), bool(request.chunked)
        bound(transport)
        actor = self._actor
        stream = Stream(transport, is_chunked, actor.id, actor.session_id, self._connection_id)
        deliver_to(transport, stream)
        self._hub.listen(stream, self._last_event_id)
        return NOT_DONE_YET


def detach(request: Request) -> Any:
    """
    Take the connection from the HTTP protocol, which forgets it: request and
    channel are some 45 objects, and would stay for as long as somebody listens.

    @return: the transport.  C{notifyFinish} will not fire any more.
    """
    left: Any = request
    channel = left.channel
    transport = channel.transport
    channel.setTimeout(None)
    transport.unregisterProducer()
    channel.requests.remove(request)
    left.channel = left.transport = left.content = None
    left.notifications = []  # they would refer to the request, and it to them
    return transport


def bound(transport: Any) -> None:
    """
    Let the kernel hold back little for a client that does not read: by itself it
    would hold megabytes for each, and they are sent a little at a time.
    """
    while hasattr(transport, "wrappedProtocol"):  # TLS, around the connection
        transport = transport.transport
    line = getattr(transport, "socket", None)
    if line is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER)


def deliver_to(transport: Any, stream: Stream) -> None:
    """
    Let C{transport} bring what it reads, and the end of the connection, to
    C{stream}.  TLS and PROXY transports call their protocol by another name;
    set by the wrong one, it would never hear of the end.
    """
    if hasattr(transport, "wrappedProtocol"):
        transport.wrappedProtocol = stream
    else:
        transport.protocol = stream
    transport.registerProducer(stream, True)
    transport.resumeProducing()  # the end is noticed by reading
