"""
Where we listen.
"""

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.python.failure import Failure
from twisted.web.server import Site

BACKLOG = 4096
"""
Connections that may wait to be accepted.  With Twisted's 50 a restart loses a
third of the clients that all come back at once.
"""


class CannotListen(Exception):
    """The place is taken, or is no place.  Says which, for the operator."""


@define(eq=False, slots=False)
class Listening(Service):
    """
    Binds when it is started, and not before, as Twisted's own service does: who
    can reach us shall be served, and a port that is taken ends the process.

    @ivar _descriptions: endpoints, as Twisted writes them, in place of C{_host}
        and C{_port}.
    """

    _reactor: Any
    _site: Site
    _host: str
    _port: int
    _descriptions: Sequence[str]
    _open: list[Any] = field(init=False, factory=list)

    def startService(self) -> None:
        """
        @raise CannotListen: with a sentence for the operator.
        """
        if not self._descriptions:
            self._listen_on_port()
        for description in self._descriptions:
            self._listen_on(description)
        super().startService()

    def stopService(self) -> "Deferred[list[Any]]":
        super().stopService()
        return gatherResults([maybeDeferred(port.stopListening) for port in self._open])

    def addresses(self) -> list[str]:
        """
        Where we can be reached, as a person would write it.
        """
        return [_written(port.getHost()) for port in self._open]

    def _listen_on_port(self) -> None:
        try:
            self._open.append(
                self._reactor.listenTCP(
                    self._port, self._site, backlog=BACKLOG, interface=self._host
                )
            )
        except (CannotListenError, OSError) as error:
            where = f"{self._host}:{self._port}"
            raise CannotListen(f"cannot listen on {where}: {_reason(error)}") from error

    def _listen_on(self, description: str) -> None:
        failures: list[Failure] = []
        try:
            opening = serverFromString(self._reactor, description).listen(self._site)
        except Exception as error:  # whatever a parser of endpoints makes of a typing error
            raise CannotListen(f"[server] listen: {description!r}: {error}") from error
        opening.addCallbacks(self._open.append, failures.append)
        if failures:
            raise CannotListen(f"cannot listen on {description}: {_reason(failures[0].value)}")


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
    return getattr(error, "strerror", None) or str(error)


def _written(address: Any) -> str:
    host = getattr(address, "host", None)
    if host is None:
        return str(address)
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"
