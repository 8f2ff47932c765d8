"""
Where we listen.
"""

import atexit
import os
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.tcp import makeBinding
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Site

log = Logger()

BACKLOG = 4096
"""
Connections that may wait to be accepted.  With Twisted's 50 a restart loses a
third of the clients that all come back at once.
"""


WITH_BACKLOG = ("tcp", "tcp6", "ssl", "tls", "unix")
"""Kinds of endpoints that take one; for the others, somebody else listens."""


def fail_at_exit() -> None:
    """
    Let this process end with a status that says it failed.  A daemon that runs
    can only stop its reactor, and then C{twistd} ends as if all were well; nor
    would another status than this survive the functions that run at the exit.
    """
    atexit.register(os._exit, 1)


class CannotListen(Exception):
    """The place is taken, or is no place.  Says which, for the operator."""


@define(eq=False, slots=False)
class Listening(Service):
    """
    Binds when it is started, and not before, as Twisted's own service does: who
    can reach us shall be served, and a port that is taken ends the process.

    @ivar _descriptions: endpoints, as Twisted writes them, in place of C{_host}
        and C{_port}.
    @ivar _is_shared: whether other daemons on this machine may have the same host and
        port: the kernel gives each connection to one of them (C{SO_REUSEPORT}).
    @ivar _fail_at_exit: called when we stop for a place that was refused later.
    """

    _reactor: Any
    _site: Site
    _host: str
    _port: int
    _descriptions: Sequence[str]
    _is_shared: bool = False
    _fail_at_exit: Callable[[], object] = fail_at_exit
    _open: list[Any] = field(init=False, factory=list)
    _stopped: bool = field(init=False, default=False)

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
        self._stopped = True
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
                    makeBinding(self._host, self._port, True, self._is_shared),
                    self._site,
                    backlog=BACKLOG,
                )
            )
        except (CannotListenError, OSError) as error:
            where = f"{self._host}:{self._port}"
            raise CannotListen(f"cannot listen on {where}: {_reason(error)}") from error

    def _listen_on(self, description: str) -> None:
        failures: list[Failure] = []
        try:
            place = serverFromString(self._reactor, with_backlog(description))
            opening = place.listen(self._site)
        except Exception as error:  # whatever a parser of endpoints makes of a typing error
            raise CannotListen(f"[server] listen: {description!r}: {error}") from error
        opening.addCallbacks(self._opened, failures.append)
        if failures:
            raise CannotListen(_refusal(description, failures[0]))
        opening.addCallback(lambda _: self._check(description, failures))

    def _opened(self, port: Any) -> Any:
        """
        Some kinds of places take their time, and we may have stopped meanwhile.
        """
        if self._stopped:
            return port.stopListening()
        return self._open.append(port)

    def _check(self, description: str, failures: list[Failure]) -> None:
        """
        A place that is refused later ends the process, too, rather than leave it
        running where nobody reaches it.
        """
        if failures and not self._stopped:
            log.critical("{why}", why=_refusal(description, failures[0]))
            self._fail_at_exit()
            self._reactor.stop()


def with_backlog(description: str) -> str:
    """
    C{description} with our backlog, where it has none: Twisted's own loses clients.
    """
    kind = description.partition(":")[0]
    if kind not in WITH_BACKLOG or ":backlog=" in description:
        return description
    return f"{description}:backlog={BACKLOG}"


def _refusal(description: str, failure: Failure) -> str:
    return f"cannot listen on {description}: {_reason(failure.value)}"


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
    return getattr(error, "strerror", None) or str(error)


def _written(address: Any) -> str:
    host = getattr(address, "host", None)
    if host is None:
        return str(address)
    return f"http://[{host}]:{address.port}" if ":" in host else f"http://{host}:{address.port}"
