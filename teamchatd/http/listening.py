"""
Where we listen.
"""

import atexit
import os
import re
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.application.service import Service
from twisted.internet import unix
from twisted.internet.defer import Deferred, execute, gatherResults, maybeDeferred
from twisted.internet.endpoints import (
    AdoptedStreamServerEndpoint,
    serverFromString,
    wrapServerTLS,
)
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.internet.tcp import makeBinding
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.server import Site

from teamchatd.http.certificates import DAY, Certificates
from teamchatd.recurring import Recurring

log = Logger()

BACKLOG = 4096
"""
Connections that may wait to be accepted.  With Twisted's 50 a restart loses a
third of the clients that all come back at once.
"""


UNIX = socket.AF_UNIX

WITH_BACKLOG = ("tcp", "tcp6", "ssl", "tls", "unix")
"""Kinds of endpoints that take one; for the others, somebody else listens."""

WITH_TLS = ("ssl", "tls")
"""Kinds of endpoints that browsers have to call C{https}."""

PART = re.compile(r"(?:\\.|[^:\\])+")
"""Of the description of an endpoint: a backslash takes from what follows its meaning."""

KEY = re.compile(r"\w+=")
"""What may begin such a part."""


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
    @ivar _key: where in the configuration the endpoints stand.
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
    _key: str = "[server] listen"
    _open: list[tuple[str, Any]] = field(init=False, factory=list)
    _certificates: list[Certificates] = field(init=False, factory=list)
    _daily: Recurring | None = field(init=False, default=None)
    _stopped: bool = field(init=False, default=False)

    def startService(self) -> None:
        """
        @raise CannotListen: with a sentence for the operator.
        """
        if not self._descriptions:
            self._listen_on_port()
        for description in self._descriptions:
            self._listen_on(description)
        if self._certificates:
            self._daily = Recurring(self._reactor, DAY, self._check_certificates)
            self._daily.startService()
        super().startService()

    def stopService(self) -> "Deferred[list[Any]]":
        super().stopService()
        self._stopped = True
        if self._daily is not None:
            self._daily.stopService()
        return gatherResults([maybeDeferred(port.stopListening) for _, port in self._open])

    def reload(self) -> None:
        """
        Read certificates again, for connections to come.
        """
        self._look_at_certificates(Certificates.reload)

    def _check_certificates(self) -> None:
        self._look_at_certificates(Certificates.check)

    def _look_at_certificates(self, look: Callable[[Certificates], None]) -> None:
        """
        Those that are in use stay so, whatever happens; and whoever waits for a reload to be
        over waits for us.
        """
        for each in self._certificates:
            try:
                look(each)
            except Exception:
                log.failure("TLS: certificates could not be read again")

    def addresses(self) -> list[str]:
        """
        Where we can be reached, as a person would write it.
        """
        return [_written(scheme, port.getHost()) for scheme, port in self._open]

    def _listen_on_port(self) -> None:
        try:
            port = self._reactor.listenTCP(
                makeBinding(self._host, self._port, True, self._is_shared),
                self._site,
                backlog=BACKLOG,
            )
            self._open.append(("http", port))
        except (CannotListenError, OSError) as error:
            where = f"{self._host}:{self._port}"
            raise CannotListen(f"cannot listen on {where}: {_reason(error)}") from error

    def _listen_on(self, description: str) -> None:
        failures: list[Failure] = []
        try:
            opening = self._listen_at(self._place(with_backlog(description)))
        except Exception as error:  # whatever a parser of endpoints makes of a typing error
            raise CannotListen(f"{self._key}: {description!r}: {error}") from error
        scheme = "https" if description.partition(":")[0] in WITH_TLS else "http"
        opening.addCallbacks(lambda port: self._opened(scheme, port), failures.append)
        if failures:
            raise CannotListen(_refusal(description, failures[0]))
        opening.addCallback(lambda _: self._check(description, failures))

    def _place(self, description: str) -> IStreamServerEndpoint:
        """
        @raise NoCertificate: there is none to show.
        """
        if not description.startswith("tls:"):
            return serverFromString(self._reactor, description)
        directory, tcp = without_tls(description)
        place = serverFromString(self._reactor, tcp)
        certificates = Certificates(directory, self._reactor)
        certificates.open()
        self._certificates.append(certificates)
        return wrapServerTLS(certificates, place, self._reactor)

    def _listen_at(self, place: Any) -> "Deferred[Any]":
        if isinstance(place, AdoptedStreamServerEndpoint) and place.addressFamily == UNIX:
            return execute(lent, self._reactor, place.fileno, self._site)
        return place.listen(self._site)

    def _opened(self, scheme: str, port: Any) -> Any:
        """
        Some kinds of places take their time, and we may have stopped meanwhile.
        """
        if self._stopped:
            return port.stopListening()
        return self._open.append((scheme, port))

    def _check(self, description: str, failures: list[Failure]) -> None:
        """
        A place that is refused later ends the process, too, rather than leave it
        running where nobody reaches it.
        """
        if failures and not self._stopped:
            log.critical("{why}", why=_refusal(description, failures[0]))
            self._fail_at_exit()
            self._reactor.stop()


def lent(reactor: Any, descriptor: int, site: Site) -> Any:
    """
    A socket in the file system that a socket unit has made, opened to some and not to
    others, and gives to the next of us, too.  Twisted would open it to everybody, and remove
    it in the end.  It does neither to what is in no file system, which a name says that
    begins with NUL; and it uses the name for nothing else.
    """
    ours = socket.socket(fileno=descriptor)
    ours.setblocking(False)
    ours.set_inheritable(False)
    port = unix.Port(b"\0" + os.fsencode(ours.getsockname()), site, BACKLOG, reactor=reactor)
    port._preexistingSocket = ours  # as adoptStreamPort does
    port._shouldShutdown = False  # as for a TCP port: it would be the end for the next of us, too
    port.startListening()
    return port


def with_backlog(description: str) -> str:
    """
    C{description} with our backlog, where it has none: Twisted's own loses clients.
    """
    kind = description.partition(":")[0]
    if kind not in WITH_BACKLOG or ":backlog=" in description:
        return description
    return f"{description}:backlog={BACKLOG}"


def without_tls(description: str) -> tuple[Path, str]:
    """
    Take apart C{tls:directory}, written as for Twisted, which then goes on as C{tcp6:} does.

    @return: the directory of certificates, and the place to listen at.
    """
    _, *parts = PART.findall(description)
    named = [part for part in parts if part.startswith("path=")]
    unnamed = [part for part in parts if not KEY.match(part)]
    if not (named or unnamed):
        raise ValueError("tls: needs the directory that has the certificates")
    path = (named or unnamed)[0]
    parts.remove(path)
    if not [part for part in parts if part.startswith("port=") or not KEY.match(part)]:
        parts.insert(0, "port=443")
    directory = re.sub(r"\\(.)", r"\1", path.removeprefix("path="))
    return Path(directory), ":".join(["tcp6", *parts])


def _refusal(description: str, failure: Failure) -> str:
    return f"cannot listen on {description}: {_reason(failure.value)}"


def _reason(error: BaseException | None) -> str:
    if isinstance(error, CannotListenError):
        error = error.socketError
    return getattr(error, "strerror", None) or str(error)


def _written(scheme: str, address: Any) -> str:
    host = getattr(address, "host", None)
    if host is None:
        return str(address)
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{address.port}"
