"""
L{tests.bench.bare} once more, without Twisted: what the standard library can do.

A protocol, not C{start_server}: its streams would be slower, and larger.
"""

import asyncio
import re

LISTENERS: dict[asyncio.Transport, None] = {}

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n:\n\n"

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"

LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")


class Door(asyncio.Protocol):
    __slots__ = ("_came", "_transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport, self._came = transport, b""

    def connection_lost(self, error: Exception | None) -> None:
        LISTENERS.pop(self._transport, None)

    def data_received(self, data: bytes) -> None:
        self._came += data
        while b"\r\n\r\n" in self._came:
            head, rest = self._came.split(b"\r\n\r\n", 1)
            length = int(found[1]) if (found := LENGTH.search(head)) else 0
            if len(rest) < length:
                return
            self._came = rest[length:]
            self._answer(head, rest[:length])

    def _answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /events"):
            self._transport.write(STREAM)
            LISTENERS[self._transport] = None
        elif head.startswith(b"POST"):
            event = b"data: %b\n\n" % body
            for listener in LISTENERS:
                listener.write(event)
            self._transport.write(ANSWER % (2, b"{}"))
        else:
            self._transport.write(ANSWER % (2, b"OK"))


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Door, "127.0.0.1", 0, backlog=4096)
    print(f"listens at http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
