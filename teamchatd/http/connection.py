"""
The connection of a client, as Twisted's HTTP speaks over it.
"""

from twisted.internet.interfaces import IAddress
from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

from teamchatd.live import straight


class Connection(HTTPChannel):
    """
    HTTP/1.1 on one connection, with fewer steps to an answer: what takes Twisted
    forty pieces, two packets and some questions to the kernel leaves in one piece.
    """

    _head = b""
    _host: IAddress | None = None

    def writeHeaders(self, version: bytes, code: bytes, reason: bytes, headers: Headers) -> None:
        """
        Keep them until the body comes, with which they share a packet.
        """
        lines = [b"%b %b %b\r\n" % (version, code, reason)]
        for name, values in headers.getAllRawHeaders():
            lines += [b"%b: %b\r\n" % (name, value) for value in values]
        self._head = b"".join([*lines, b"\r\n"])

    def write(self, data: bytes) -> None:
        if self._head:
            self._head, data = b"", self._head + data
        straight.write(self.transport, data)

    def writeSequence(self, iovec: list[bytes]) -> None:
        self.write(b"".join(iovec))

    def flush(self) -> None:
        """
        There is no body, or not yet.
        """
        if self._head:
            self.write(b"")

    def getHost(self) -> IAddress:
        """
        Asked for with every request, and the same for all of them.
        """
        if self._host is None:
            self._host = super().getHost()
        return self._host
