"""
Writing to a connection without the detour over the reactor.
"""

from collections.abc import Callable
from typing import Any

from twisted.internet.tcp import Server


def write(transport: Any, data: bytes) -> None:
    """
    Write C{data}: straight to the socket, if that is all there is between us and
    the client, and nothing is to be written before it.

    The transport would ask the kernel to say when there is room, be told in the
    next turn of the reactor, and take back the question: for a short piece that
    is most of the cost.  What the socket does not take is left to the transport,
    and so is finding out that the connection is gone.
    """
    if not _is_straight(transport):
        transport.write(data)
        return
    try:
        sent = transport.socket.send(data)
    except OSError:  # there is no room, or nobody any more
        sent = 0
    if sent < len(data):
        transport.write(data[sent:])


def way(transport: Any) -> Callable[[bytes], int] | None:
    """
    The socket's own C{send}, for one who writes again and again: good as long as it
    has taken all it was given, and nothing else is written; L{None} if there is none.
    """
    return transport.socket.send if _is_straight(transport) else None


def _is_straight(transport: Any) -> bool:
    """
    Under TLS, or on what imitates a connection, this would send plain text, or
    nothing; past what is queued, it would send the end before the beginning.
    """
    return type(transport) is Server and not (
        transport.TLS
        or transport.dataBuffer
        or transport._tempDataBuffer
        or transport._writeDisconnected
        or not transport.connected
    )
