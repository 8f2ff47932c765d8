"""
C{/metrics}: what Prometheus comes for, at a place of its own, and nothing else there.
"""

from collections.abc import Awaitable, Callable

from attrs import define
from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.web import server
from twisted.web.resource import Resource

log = Logger()

Scrape = Callable[[str], Awaitable[tuple[bytes, str]]]
"""Makes the figures for somebody who accepts this: (body, content type)."""


@define(eq=False, slots=False)
class Figures(Resource):
    isLeaf = True

    _scrape: Scrape

    def __attrs_post_init__(self) -> None:
        super().__init__()

    def render_GET(self, request: server.Request) -> int:
        Deferred.fromCoroutine(self._answer(request))
        return server.NOT_DONE_YET

    async def _answer(self, request: server.Request) -> None:
        gone: list[object] = []
        request.notifyFinish().addErrback(gone.append)
        code, body, kind = 404, b"There is only /metrics here.\n", "text/plain; charset=utf-8"
        if request.path == b"/metrics":
            accepted = request.requestHeaders.getRawHeaders(b"accept", [b""])
            try:
                body, kind = await self._scrape(b",".join(accepted).decode("ascii", "replace"))
                code = 200
            except Exception:
                log.failure("the metrics could not be collected")
                code, body = 500, b"The metrics could not be collected; the log says why.\n"
        if not gone:
            request.setResponseCode(code)
            request.setHeader(b"Content-Type", kind.encode())
            request.setHeader(b"Content-Length", b"%d" % len(body))
            if request.method != b"HEAD":
                request.write(body)
            request.finish()


class FiguresSite(server.Site):
    displayTracebacks = False
    noisy = False

    def acceptableProtocols(self) -> list[bytes]:
        return [b"http/1.1"]

    def log(self, request: object) -> None:
        """
        Every fifteen seconds the same is no news.
        """


def site(scrape: Scrape) -> server.Site:
    return FiguresSite(Figures(scrape))
