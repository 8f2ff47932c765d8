"""
HTTP the other way round: what we ask of others.

Slow to import, and needed only where somebody is to be asked.
"""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from treq.client import HTTPClient
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import Agent, ResponseDone
from twisted.web.http import PotentialDataLoss

from teamchatd.auth.asking import NotReached, Reply

LONGEST_WAIT = 10.0
"""Seconds, from looking up the name to the last byte: somebody watches their browser wait."""

LARGEST_REPLY = 1 << 18
"""Bytes.  What a provider says of itself has a few thousand."""


class TooMuch(Exception):
    """The reply does not end where it should."""


def calling(reactor: Any) -> "Calling":
    # Calls are rare, so each has its own connection: one that was kept may be dead.
    agent: Any = Agent(reactor, connectTimeout=LONGEST_WAIT)
    return Calling(reactor, lambda: HTTPClient(agent))


@define
class Calling:
    """
    @ivar _new_client: makes a treq client, one for each call: they keep the
        cookies that they are given, and those of one user are not for the next.
    """

    _clock: IReactorTime
    _new_client: Callable[[], Any]

    async def __call__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> Reply:
        """
        @raise NotReached: there is no answer, or none that ends in time.
        """
        reply = Deferred.fromCoroutine(self._ask(method, url, dict(headers), form))
        try:
            return await reply.addTimeout(LONGEST_WAIT, self._clock)
        except TimeoutError:
            raise NotReached(f"no answer in {LONGEST_WAIT:.0f} seconds") from None
        except Exception as error:  # names, sockets, TLS, HTTP: each has its own ways to fail
            raise NotReached(f"{type(error).__name__} {error}".strip()) from error

    async def _ask(
        self, method: str, url: str, headers: dict[str, str], form: Mapping[str, str] | None
    ) -> Reply:
        response = await self._new_client().request(
            method,
            url,
            headers=headers,
            data=None if form is None else dict(form),
            allow_redirects=False,  # where a secret goes is for the configuration to say
            unbuffered=True,
            reactor=self._clock,
        )
        body = Body()
        response.deliverBody(body)
        return Reply(response.code, await body.read)


@define(eq=False, slots=False)
class Body(Protocol):
    """
    Reads a body that is not too large.

    @ivar read: has it when it is there.  Cancelling it hangs up, which treq's
        own way to read does not: a silent provider would keep the connection.
    """

    read: "Deferred[bytes]" = field(init=False)
    _received: bytes = field(init=False, default=b"")

    def __attrs_post_init__(self) -> None:
        self.read = Deferred(lambda _: self._hang_up())

    def dataReceived(self, data: bytes) -> None:
        self._received += data
        if len(self._received) > LARGEST_REPLY and not self.read.called:
            self.read.errback(TooMuch(f"more than {LARGEST_REPLY} bytes"))
            self._hang_up()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.read.called:
            return
        if reason.check(ResponseDone, PotentialDataLoss):
            self.read.callback(self._received)
        else:
            self.read.errback(reason)

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.loseConnection()
