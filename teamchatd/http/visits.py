"""
What became of each request: counted, and told to the log.
"""

import os
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from teamchatd import logs
from teamchatd.histogram import Histogram
from teamchatd.logs import LONGEST_PATH, Visit

DURATION_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to where durations are told apart."""

METHODS = {
    method.encode(): method for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS")
}
"""What is counted by its name.  A stranger may make up as many others as they like."""

OTHER = "other"
"""How methods and paths are called that are none of ours."""

MOST_KNOWN = 1000
"""Methods and paths that are not looked at again."""

GONE = 499
"""The status of an answer that nobody waited for; nginx calls it so."""

ACCEPTABLE_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
"""
What a proxy may call a request.  All else would be somebody's way to write lines of
their own into the log.
"""


@define(eq=False)
class Visits:
    """
    @ivar _prefix: begins the names of our own, another one in each life.
    @ivar _is_trusted: whether a request comes from a proxy of ours.
    @ivar counts: how many there were of each (route, method, status).
    @ivar durations: by route.
    """

    _clock: IReactorTime
    _is_trusted: Callable[[Any], bool] = lambda request: False
    _prefix: bytes = field(init=False, factory=lambda: os.urandom(4).hex().encode())
    _number: Iterator[int] = field(init=False, factory=lambda: count(1))
    counts: dict[tuple[str, str, int], int] = field(init=False, factory=dict)
    durations: dict[str, Histogram] = field(init=False, factory=dict)

    def id_for(self, request: Any) -> bytes:
        """
        What its proxy calls this request, so that the two logs can be laid side by side;
        else a name of ours.
        """
        if request.requestHeaders.hasHeader(b"X-Request-Id") and self._is_trusted(request):
            given: bytes = request.requestHeaders.getRawHeaders(b"X-Request-Id")[-1]
            if ACCEPTABLE_ID.fullmatch(given):
                return given
        return b"%b%08x" % (self._prefix, next(self._number))

    def over(self, request: Any, status: int, sent: int) -> None:
        """
        C{request} was answered with C{status} and a body of so many bytes.
        """
        now = self._clock.seconds()
        seconds = max(0.0, now - request.begun) if request.begun else 0.0
        route, method = request.route or OTHER, METHODS.get(request.method, OTHER)
        key = (route, method, status)
        self.counts[key] = self.counts.get(key, 0) + 1
        durations = self.durations.get(route)
        if durations is None:
            durations = self.durations[route] = Histogram(DURATION_SECONDS)
        durations.observe(seconds)
        if logs.hears_visits():
            path = printable(request.uri.partition(b"?")[0][:LONGEST_PATH])
            if method is OTHER:
                method = printable(request.method[:LONGEST_PATH])
            visit = Visit(now, request.id, request.asker, method, path, status, seconds, sent)
            logs.visit(visit, self._clock.callLater)

    def left(self, stream: Any) -> None:
        """
        C{stream} is over.  What it was asked with is long forgotten: there are many of them.
        """
        if logs.hears_visits():
            now, path = self._clock.seconds(), f"/events, session {stream.session_id}"
            left = Visit(now, b"", stream.user_id, "END", path, 200, 0.0, 0)
            logs.visit(left, self._clock.callLater)


@lru_cache(MOST_KNOWN)
def printable(said: bytes) -> str:
    """
    What a client has sent, so that it stays one line.
    """
    text = said.decode("ascii", "backslashreplace")
    return text if text.isprintable() else ascii(text)[1:-1]
