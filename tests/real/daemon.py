"""
teamchat as it runs: C{twistd} in a process of its own.
"""

import contextlib
import http.client
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.answers import Answer, EventReader, People
from tests.daemon import request_bytes

PATIENCE = 30
"""Seconds after which a test gives up waiting for something that has to come."""

ROOT = Path(__file__).parent.parent.parent


def twistd(*arguments, environ=None, **popen):
    """
    Start C{twistd teamchat} with the daemon of this checkout.
    """
    command = [str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="]
    clean = {name: value for name, value in os.environ.items() if "TEAMCHAT" not in name}
    clean |= {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | (environ or {})
    return subprocess.Popen([*command, "teamchat", *arguments], env=clean, **popen)


class RealDaemon(People):
    """
    A daemon on a free port and a directory of its own.

    @ivar log: the file that its output goes to, of all its lives.
    """

    def __init__(self, directory, environ=None, port=0, toml="", **sections):
        """
        @param toml: what can only be said in a file.
        """
        self.directory = directory
        self.data = directory / "data"
        self.log = directory / "twistd.log"
        self._environ = variables(sections) | (environ or {})
        self._port = port
        (directory / "teamchat.toml").write_text(toml)
        self._connection = None
        self.start()

    @property
    def mode(self):
        return self._environ["TEAMCHAT_AUTH_AUTH_MODE"]

    def start(self):
        begun = self.log.stat().st_size if self.log.exists() else 0
        with open(self.log, "ab") as log:
            self.process = twistd(
                "--config",
                str(self.directory / "teamchat.toml"),
                "--port",
                str(self._port),
                "--data-dir",
                str(self.data),
                environ=self._environ,
                stdout=log,
                stderr=log,
                cwd=self.directory,
            )
        said = self._await_log(begun, r"listens at http://127\.0\.0\.1:(\d+)")
        self.port = int(said[1])

    def _await_log(self, begun, pattern):
        """
        The match of C{pattern} in what the log says after the byte C{begun}.
        """
        for _ in range(PATIENCE * 50):
            said = self.log.read_bytes()[begun:].decode()
            if match := re.search(pattern, said):
                return match
            # Waits for the end of the process, and looks again if there is none yet.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(0.02)
                raise AssertionError(f"the daemon ended: {said}")
        raise AssertionError(f"the daemon does not say {pattern!r}: {said}")

    def await_log(self, pattern):
        return self._await_log(0, pattern)

    @property
    def setup_token(self):
        found = re.findall(r"token=([\w-]+)", self.log.read_text())
        return found[-1] if found else None

    def kill(self):
        """
        The power goes.
        """
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)
        self.hang_up()

    def stop(self):
        """
        @return: the exit status.
        """
        self.hang_up()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def restart(self):
        self.stop()
        self.start()

    def exchange(self, method, path, headers, body):
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        self._connection.request(method, path, body or None, headers)
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def hang_up(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def another(self):
        """
        The same daemon through a connection of its own, for a thread, which has
        to hang up in the end.
        """
        twin = object.__new__(RealDaemon)
        twin.__dict__ |= self.__dict__ | {"_connection": None}
        return twin

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE)

    def listen(self, who, last_event_id=None, **more):
        return RealListener(self, who, last_event_id, **more)


class RealListener:
    """
    Somebody who listens, on a socket.
    """

    def __init__(self, daemon, who, last_event_id=None, version="HTTP/1.1", path=None):
        headers = {} if last_event_id is None else {"last-event-id": last_event_id}
        path = path or f"/events?token={who}"
        self.socket = daemon.connect()
        self.socket.sendall(request_bytes("GET", path, headers, b"", version))
        self._response = http.client.HTTPResponse(self.socket, method="GET")
        self._response.begin()
        assert self._response.status == 200, self._response.read()
        self._reader = EventReader()
        self.closed = False

    @property
    def events(self):
        """
        All that was read so far, from CONNECTED on.
        """
        return self._reader.events

    @property
    def types(self):
        return [event.type for event in self.events]

    @property
    def comments(self):
        return self._reader.comments

    @property
    def retry(self):
        return self._reader.retry

    def _read_some(self):
        try:
            data = self._response.read1(65536)
        except (http.client.IncompleteRead, ConnectionError):
            data = b""
        self.closed = not data
        self._reader.feed(data)

    def await_events(self, count):
        """
        The first C{count} events, CONNECTED included.
        """
        while len(self._reader.events) < count:
            assert not self.closed, [event.type for event in self._reader.events]
            self._read_some()
        return self._reader.events[:count]

    def await_end(self):
        while not self.closed:
            self._read_some()

    def leave(self):
        self._response.close()
        self.socket.close()


def variables(sections):
    """
    The settings of L{tests.daemon.settings}, as the environment says them.
    """
    chosen = {
        "auth": {"auth_mode": "dev", "is_invite_required": False} | sections.pop("auth", {}),
        "rate_limit": {"enabled": False} | sections.pop("rate_limit", {}),
        **sections,
    }
    return {
        f"TEAMCHAT_{section}_{key}".upper(): _written(value)
        for section, keys in chosen.items()
        for key, value in keys.items()
    }


def _written(value):
    if isinstance(value, tuple | list):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
