"""
Large bodies, while they arrive.

Twisted reads the whole body of a request before any route runs, and so before a
door asks who is there.  What is large, which only images are, is looked at here as
soon as the headers are there: it lies on the disk that the record needs, too.
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO

from attrs import define, field

from teamchatd.auth.sessions import SIGN_IN_FIRST, Sessions
from teamchatd.errors import TooMany
from teamchatd.http.identity import Identity, bearer
from teamchatd.http.request import LARGEST_BODY, Refused, Request

TIMES_AN_IMAGE = 3
"""
So many times the largest image may be sent: it and a thumbnail of the same size
take four thirds each in base64, and the rest is for what is around them.
"""

IMAGE_CALLS = re.compile(
    rb"/(channels/[^/]+/messages|messages/[^/]+/thread|conversations/[^/]+/messages)/image(\?|$)"
)

MOST_OF_ONE = 12
"""Large bodies that one user may be sending: a handful of photos, in two windows."""

RETRY_SECONDS = 5

TOO_MANY = "You are sending many images at once. Wait until some of them have arrived."


class Spool(SpooledTemporaryFile[bytes]):
    """
    A body: in memory, and on the disk once it is longer than that.
    """

    def __init__(self, directory: Path, closed: Callable[[], object]) -> None:
        super().__init__(LARGEST_BODY, dir=str(directory))
        self._say_closed: Callable[[], object] | None = closed

    def close(self) -> None:
        closed, self._say_closed = self._say_closed, None
        with suppress(OSError):  # what could not be written is tried again, in vain
            super().close()
        if closed is not None:
            closed()

    def __exit__(self, *ended: object) -> None:
        self.close()  # which its base goes past


@define(eq=False)
class Reception:
    """
    @ivar _directory: where bodies wait.
    @ivar max_bytes: of an image.
    """

    _sessions: Sessions
    _identity: Identity
    _directory: Path
    max_bytes: int
    _arriving: Counter[str] = field(init=False, factory=Counter)

    def largest(self, method: bytes, path: bytes) -> int:
        """
        How many bytes this call may send.
        """
        if method == b"POST" and IMAGE_CALLS.match(path):
            return max(LARGEST_BODY, TIMES_AN_IMAGE * self.max_bytes)
        return LARGEST_BODY

    def welcome(self, request: Request) -> IO[bytes] | Refused:
        """
        Where a large body goes, if the one who sends it may turn out to be
        somebody we know: whether they are, the door asks when all is there.
        """
        token = bearer(request)
        user_id = None if token is None else self._sessions.signed_for(token)
        if user_id is None:
            return self._stranger(request)
        if self._arriving[user_id] >= MOST_OF_ONE:
            return Refused(429, TOO_MANY, RETRY_SECONDS)
        self._arriving[user_id] += 1
        return Spool(self._directory, partial(self._arrived, user_id))

    def _stranger(self, request: Request) -> Refused:
        try:
            self._identity.count_stranger(request)
        except TooMany as error:
            return Refused(429, str(error), error.retry_after)
        return Refused(401, SIGN_IN_FIRST)

    def _arrived(self, user_id: str) -> None:
        self._arriving[user_id] -= 1
        if not self._arriving[user_id]:
            del self._arriving[user_id]
