"""
What we tell systemd, or whoever else starts services and listens: that we are up, what
we are doing, that we are alive (sd_notify(3), systemd.service(5)).

A message is a datagram of lines to the socket that C{NOTIFY_SOCKET} names.  Whether anybody
reads it is none of our business: no message is waited for, and none that fails does harm.
"""

import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import closing, suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import serverFromString

from teamchatd.errors import Unavailable

FEEDS = 4
"""
Signs of life within the time that we may be silent.  With two, as the manual has it, one
that is late by a busy disk would already be the last.
"""

PATIENCE = 60
"""
Seconds within which something more is heard of an upgrade: longer than any one wait for a
disk, within which SQLite counts no steps.
"""

EVERY = 2.0
"""Seconds between two remarks about the same upgrade."""

OURS = "teamchat"
"""What C{FileDescriptorName=} calls the sockets that are for us to take unasked."""

FIRST_DESCRIPTOR = 3
"""Where the sockets begin that systemd hands over (sd_listen_fds(3))."""

MICRO = 1_000_000

REMARK = 300
"""Characters of a remark: it is shown in one line, and a datagram has to fit into a buffer."""


@define(eq=False)
class Systemd:
    """
    The service manager, if one has started us; else nobody, who is told the same.

    @ivar _address: of its socket; empty if there is none.
    @ivar watchdog_seconds: for how long we may be silent until it takes us for stuck and
        ends us; 0 for as long as we like.
    @ivar _pid: ours when it started us.
    @ivar _late: what its socket had no room for.  It goes with the next message.
    """

    _address: str = ""
    watchdog_seconds: float = 0.0
    _pid: int = field(factory=os.getpid)
    _monotonic: Callable[[], float] = time.monotonic
    _late: dict[str, object] = field(init=False, factory=dict)
    _remark: str = field(init=False, default="")
    _remarked: float = field(init=False, default=0.0)

    @classmethod
    def of(cls, environ: MutableMapping[str, str]) -> "Systemd":
        """
        Take from C{environ} what is meant for us alone: what we start ourselves must not
        speak in our name.  Before C{twistd} forks, for the time to be fed is a process's.
        """
        address = environ.pop("NOTIFY_SOCKET", "")
        microseconds = environ.pop("WATCHDOG_USEC", "")
        whose = environ.pop("WATCHDOG_PID", "")
        is_ours = whose in ("", str(os.getpid())) and microseconds.isdecimal()
        return cls(address, int(microseconds) / MICRO if is_ours else 0.0)

    def tell(self, **said: object) -> None:
        """
        Say C{said}, one line each, without waiting.
        """
        if self._address[:1] not in ("/", "@"):  # nobody, or a kind that we do not speak
            return
        lines, self._late = self._late | said, {}
        if not lines:
            return
        message = "\n".join(f"{name}={_one_line(value)}" for name, value in lines.items())
        try:
            self._send(message.encode())
        except BlockingIOError:
            self._late = {name: value for name, value in lines.items() if name != "WATCHDOG"}
        except OSError:
            pass  # whoever listened is gone

    def _send(self, message: bytes) -> None:
        # Opened each time: a manager that is started anew has a new socket at the old place.
        with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as line:
            line.setblocking(False)
            line.sendto(message, _path(self._address))

    # From the start to the end

    def upgrading(self, remark: str) -> None:
        """
        We work on what has to be done before we are ready: do not lose patience.  May be
        called very often.
        """
        now = self._monotonic()
        if remark != self._remark or now - self._remarked >= EVERY:
            self._remark, self._remarked = remark, now
            self.tell(STATUS=remark, EXTEND_TIMEOUT_USEC=PATIENCE * MICRO)

    def ready(self, remark: str) -> None:
        """
        Whoever waits for us to be up need not wait any more.
        """
        more = {} if os.getpid() == self._pid else {"MAINPID": os.getpid()}  # twistd has forked
        self._remark = remark
        self.tell(READY=1, STATUS=remark, **more)

    def remark(self, remark: str) -> None:
        """
        How it stands, if that is news.
        """
        if remark != self._remark:
            self._remark = remark
            self.tell(STATUS=remark)
        else:
            self.tell()  # what is late

    def alive(self) -> None:
        self.tell(WATCHDOG=1)

    def reloading(self) -> None:
        """
        The configuration is being read; L{ready} says when that is over.
        """
        self.tell(RELOADING=1, MONOTONIC_USEC=int(self._monotonic() * MICRO))

    def stopping(self, seconds: float) -> None:
        """
        We end, and may take C{seconds}, whatever the unit says.
        """
        self._remark = ""
        self.tell(
            STOPPING=1,
            STATUS="Finishing what was begun",
            EXTEND_TIMEOUT_USEC=int(seconds * MICRO),
        )


def _path(address: str) -> str:
    return "\0" + address[1:] if address.startswith("@") else address


def _one_line(value: object) -> str:
    """
    A second line would be a message of its own.
    """
    return "".join(c if c.isprintable() else " " for c in str(value))[:REMARK]


async def prove_alive(probe: "Callable[[], Deferred[Any]]") -> None:
    """
    Come back once the database's writer has answered: a daemon whose reactor runs while
    its writer hangs takes messages and stores none.

    That it cannot write is an answer, too.  A full disk is not emptied by a restart, which
    would only keep people from reading as well.

    @param probe: L{teamchatd.store.database.Database.probe}, which costs no wait for the disk
        while all is well.
    """
    with suppress(Unavailable):
        await probe()


def handed_over(environ: MutableMapping[str, str]) -> list[str]:
    """
    The listening sockets that a socket unit has for us, as C{[server] listen} writes them.

    Those that are called otherwise are not taken: C{listen} can name them.  Twisted has
    taken the rest of what is in the environment when it was imported, if it was for this
    process.
    """
    if "LISTEN_PID" in environ:
        return []
    names = environ.get("LISTEN_FDNAMES", "").split(":")
    return [
        f"systemd:domain={_family(index)}:index={index}"
        for index, name in enumerate(names)
        if name == OURS and _is_there(index)
    ]


def _is_there(index: int) -> bool:
    from twisted.internet import reactor

    try:
        serverFromString(reactor, f"systemd:domain=INET:index={index}")
    except IndexError:
        return False
    return True


def _family(index: int) -> str:
    with closing(socket.socket(fileno=os.dup(FIRST_DESCRIPTOR + index))) as ours:
        return ours.family.name.removeprefix("AF_")
