"""
A chat in a few lines of twisted.web, for comparison: what it cannot do faster on
this machine, nobody can who builds on it.

It keeps nothing, knows nobody, and answers the same paths.
"""

from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request, Site

from tests.bench.seeding import CHANNEL

LISTENERS: dict[Request, None] = {}


class Health(Resource):
    def render_GET(self, request: Request) -> bytes:
        return b"OK"


class Events(Resource):
    def render_GET(self, request: Request) -> int:
        request.setHeader("Content-Type", "text/event-stream")
        request.write(b":\n\n")
        LISTENERS[request] = None
        request.notifyFinish().addBoth(lambda _: LISTENERS.pop(request))
        return NOT_DONE_YET


class Messages(Resource):
    def render_POST(self, request: Request) -> bytes:
        event = b"data: %b\n\n" % request.content.read()
        for listener in LISTENERS:
            listener.write(event)
        return b"{}"


def main(reactor: Any) -> None:
    root, channels, channel = Resource(), Resource(), Resource()
    root.putChild(b"health", Health())
    root.putChild(b"events", Events())
    root.putChild(b"channels", channels)
    channels.putChild(CHANNEL.encode(), channel)
    channel.putChild(b"messages", Messages())
    site = Site(root, parsePOSTFormSubmission=False)
    site.log = lambda request: None
    port = reactor.listenTCP(0, site, backlog=4096, interface="127.0.0.1")
    print(f"listens at http://127.0.0.1:{port.getHost().port}")
    reactor.run()


if __name__ == "__main__":
    main(reactor)
