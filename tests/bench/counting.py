"""
What a browser fetches: each request, and how many bytes came back.

Counted between the browser and the server, and so with what a worker asks for, of
which the browser does not tell its page.
"""

import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Thread

from attrs import define, field

REQUEST = re.compile(rb"[A-Z]+ (\S+) HTTP/1\.1\r\n")


@define
class Fetched:
    """
    @ivar size: all that came for it, and C{headers} what of it is before the content.
    """

    path: str
    size: int = 0
    headers: int = 0

    @property
    def is_file(self) -> bool:
        """
        Whether it is of the page itself, and not of what the page shows.
        """
        return self.path == "/" or self.path.startswith("/assets/")


@define
class Exchange:
    """
    One connection, on which a browser asks for the next when it has the last.
    """

    _all: list[Fetched]
    _current: Fetched | None = field(init=False, default=None)
    _head: bytes = field(init=False, default=b"")

    def asked(self, data: bytes) -> None:
        if match := REQUEST.match(data):  # and what is none is the rest of one
            self._current = Fetched(match[1].decode())
            self._all.append(self._current)
            self._head = b""

    def answered(self, data: bytes) -> None:
        if self._current is None:
            return
        self._current.size += len(data)
        if not self._current.headers:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            self._current.headers = 0 if end < 0 else end + 4


@define
class Counter:
    """
    Stands before the server, on a port of its own.

    @ivar fetched: what was asked for so far, in this order.
    """

    _target: int
    fetched: list[Fetched] = field(init=False, factory=list)
    _listening: socket.socket = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=100)
        Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        port: int = self._listening.getsockname()[1]
        return port

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)  # else the thread would go on waiting
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                browser, _ = self._listening.accept()
                server = socket.create_connection(("127.0.0.1", self._target))
                exchange = Exchange(self.fetched)
                for one, other, seen in (
                    (browser, server, exchange.asked),
                    (server, browser, exchange.answered),
                ):
                    Thread(target=_pass_on, args=(one, other, seen), daemon=True).start()


def _pass_on(one: socket.socket, other: socket.socket, seen: Callable[[bytes], None]) -> None:
    with suppress(OSError):
        while data := one.recv(65536):
            seen(data)
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def counted(port: int) -> Iterator[Counter]:
    """
    A way to the server on C{port} on which everything is counted.
    """
    counter = Counter(port)
    try:
        yield counter
    finally:
        counter.close()
