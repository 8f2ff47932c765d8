"""
The net between a browser and the daemon, for tests in which it fails.
"""

import contextlib
import re
import socket
from threading import Event, Lock, Thread

from tests.real.daemon import PATIENCE

AS_IT_IS, SILENT, DOWN = "as it is", "silent", "down"


class Proxy:
    """
    Passes on, on a port of its own, what is meant for the daemon, wherever that
    listens by now.
    """

    def __init__(self, daemon):
        self._daemon = daemon
        self._state = AS_IT_IS
        self._lines = []
        self._lock = Lock()
        self._server = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self._server.getsockname()[1]
        self._thread = Thread(target=self._accept, daemon=True)
        self._thread.start()

    def stop(self):
        """
        From now on nothing arrives, neither here nor there, and nobody is told: as when
        one leaves the house with the telephone in the hand.
        """
        self._turn(SILENT)

    def cut(self):
        """
        All connections end, and there are no others.
        """
        self._turn(DOWN)

    def resume(self):
        """
        There is a net again.  Those who listened on a connection of before listen to
        nothing; what lay idle a browser throws away when its machine finds a new net.
        """
        self._turn(AS_IT_IS)
        for line in self._lines:
            if not line.flows.is_set() and not line.is_stream:
                line.end()

    def _turn(self, state):
        with self._lock:
            self._state = state
            lines = list(self._lines)
        for line in lines:
            if state == SILENT:
                line.flows.clear()
            elif state == DOWN:
                line.end()

    def close(self):
        self.cut()
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(PATIENCE)

    @property
    def asked(self):
        """
        All that browsers sent so far, one text for each connection.
        """
        with self._lock:
            return [line.asked.decode("utf-8", "replace") for line in self._lines]

    def requests(self, start):
        """
        Those that begin with C{start}, like C{"POST /auth/refresh"}; each with all that
        was sent after it on the same connection.
        """
        return [each for text in self.asked for each in re.split(re.escape(start), text)[1:]]

    @property
    def streams(self):
        """
        How many event streams are open right now, as far as the daemon can know.
        """
        with self._lock:
            lines = [line for line in self._lines if not line.is_over]
        return sum(line.is_stream for line in lines)

    def _accept(self):
        while True:
            try:
                browser, _ = self._server.accept()
            except OSError:
                return
            with self._lock:
                if self._state == DOWN:
                    browser.close()
                    continue
                line = _Line(browser, self._daemon, flows=self._state == AS_IT_IS)
                self._lines.append(line)
            line.start()


REQUEST = re.compile(rb"(?:GET|POST|PUT|DELETE) (/\S*) HTTP/1\.1\r\n")


class _Line:
    """
    One connection.
    """

    def __init__(self, browser, daemon, flows):
        self.asked = bytearray()
        self.is_over = False
        self.flows = Event()
        if flows:
            self.flows.set()
        self._browser, self._daemon, self._server = browser, daemon, None

    @property
    def is_stream(self):
        """
        The last that was asked for on it does not end.
        """
        return REQUEST.findall(bytes(self.asked))[-1:] == [b"/events"]

    def start(self):
        Thread(target=self._forth, daemon=True).start()

    def _forth(self):
        try:
            self._server = socket.create_connection(("127.0.0.1", self._daemon.port), PATIENCE)
            self._server.settimeout(None)
        except OSError:
            self.end()
            return
        Thread(target=self._pass, args=(self._server, self._browser), daemon=True).start()
        self._pass(self._browser, self._server)

    def _pass(self, source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                if not self.flows.is_set():
                    continue  # into the hole
                if source is self._browser:
                    self.asked += data
                target.sendall(data)
        if self.flows.is_set():
            self.end()

    def end(self):
        self.is_over = True
        for end in (self._browser, self._server):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
