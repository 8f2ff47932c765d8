"""
What goes over the wire, to the byte.
"""

import io

from tests.answers import CONTRACT, Answer
from tests.daemon import request_bytes


class Wire:
    """
    A connection, in memory or real, on which bytes are sent as they are.
    """

    def __init__(self, daemon):
        self.connection = daemon.connect()
        self._is_memory = hasattr(self.connection, "value")
        self._file = io.BytesIO() if self._is_memory else self.connection.makefile("rb")

    def send(self, data):
        if not self._is_memory:
            self.connection.sendall(data)
        elif not self.connection.disconnecting:
            self.connection.dataReceived(data)

    def ask(self, method, path, headers=None, body=b"", **more):
        self.send(request_bytes(method, path, headers or {}, body, **more))
        return self.answer(method, path)

    def answer(self, method="GET", path=None) -> Answer:
        """
        The next answer, held against the contract if it is known what was asked.
        """
        self._catch_up()
        status = int(self._file.readline().split()[1])
        headers = {}
        while line := self._file.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        has_body = method != "HEAD" and status not in (100, 204, 304)
        body = self._file.read(int(headers["content-length"])) if has_body else b""
        if path is not None:
            CONTRACT.check_answer(method, path, status, headers, body)
        return Answer(status, headers, body)

    def _catch_up(self):
        if self._is_memory:
            place = self._file.tell()
            self._file = io.BytesIO(self.connection.value())
            self._file.seek(place)

    @property
    def closed(self):
        """
        Whether the daemon has hung up, and has said nothing before it did.
        """
        return self.connection.disconnecting if self._is_memory else self._file.read() == b""

    def leave(self):
        if self._is_memory:
            self.connection.leave()
        else:
            self._file.close()
            self.connection.close()
