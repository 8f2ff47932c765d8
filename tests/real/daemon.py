"""
teamchat as it runs: C{twistd} in a process of its own.
"""

import contextlib
import fcntl
import http.client
import os
import re
import select
import signal
import socket
import subprocess
import sys
import termios
import weakref
from array import array
from pathlib import Path

from tests.answers import Answer, EventReader, People
from tests.daemon import request_bytes
from tests.real.stock import Forked

PATIENCE = 30
"""Seconds after which a test gives up waiting for something that has to come."""

ROOT = Path(__file__).parent.parent.parent


IN_FRONT = ("--nodaemon", "--pidfile=")
"""How twistd is told to stay where it was started."""

SECRET_FIELDS = ("password", "token", "refreshToken")

TROUBLE = ("Traceback", "Unhandled", "incident")
"""What stands in a log in which something went wrong that nobody expected."""


def twistd(*arguments, environ=None, manner=IN_FRONT, **popen):
    """
    Start C{twistd teamchat} with the daemon of this checkout.

    @param manner: the options of C{twistd} itself.
    """
    command = [str(Path(sys.executable).with_name("twistd")), *manner]
    return subprocess.Popen([*command, "teamchat", *arguments], env=clean(environ or {}), **popen)


def clean(environ):
    """
    @return: our environment without settings of teamchat, and with these.
    """
    ours = {name: value for name, value in os.environ.items() if "TEAMCHAT" not in name}
    return ours | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"} | environ


def free_port():
    """
    For a daemon of which others have to know where it will be before it is up.
    """
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class RealDaemon(People):
    """
    A daemon on a free port and a directory of its own.

    @ivar log: the file that its output goes to, of all its lives.
    @ivar data: the directory where it keeps everything.
    """

    def __init__(self, directory, environ=None, port=0, toml="", data=None, **sections):
        """
        @param toml: what can only be said in a file.
        @param data: the directory that it shares with others; else it has its own.
        """
        self.directory = directory
        self.data = data or directory / "data"
        self.log = directory / "twistd.log"
        self._environ = variables(sections) | (environ or {})
        self._port = port
        (directory / "teamchat.toml").write_text(toml)
        self._connection = None
        self.secrets = set()
        self.start()

    @property
    def mode(self):
        return self._environ["TEAMCHAT_AUTH_AUTH_MODE"]

    def start(self):
        begun = self.start_unheard()
        said = self._await_log(begun, r"listens at http://127\.0\.0\.1:(\d+)")
        self.port = int(said[1])

    def stay(self):
        """
        Come back, from now on, on the port it has: an open page looks for it there.
        """
        self._port = self.port

    def start_unheard(self):
        """
        Start it and do not wait until it is up.

        @return: where in the log its new life begins.
        """
        begun = self.log.stat().st_size if self.log.exists() else 0
        given = {
            "--config": self.directory / "teamchat.toml",
            "--port": self._port,
            "--data-dir": self.data,
        }
        arguments = [str(each) for pair in given.items() for each in pair]
        with open(self.log, "ab") as log:
            if all(name.startswith("TEAMCHAT_") for name in self._environ):
                arguments = [*IN_FRONT, "teamchat", *arguments]
                environ = clean(self._environ)
                self.process = Forked(arguments, environ, self.directory, log)
            else:  # something is told to Python itself, which has to hear it when it starts
                self.process = twistd(
                    *arguments,
                    environ=self._environ,
                    stdout=log,
                    stderr=log,
                    cwd=self.directory,
                )
        return begun

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
                status = self.process.wait(0.02)
                said = self.log.read_bytes()[begun:].decode()
                raise AssertionError(f"the daemon ended with {status}: {said}")
        raise AssertionError(f"the daemon does not say {pattern!r}: {said}")

    def await_log(self, pattern):
        return self._await_log(0, pattern)

    def assert_untroubled(self):
        """
        Nothing unexpected happened, in all lives so far.
        """
        log = self.log.read_text()
        assert not any(word in log for word in TROUBLE), log

    def remember_secrets(self, who, given):
        self.secrets.add(who)
        if isinstance(given, dict):
            self.secrets |= {
                value
                for name, value in given.items()
                if name in SECRET_FIELDS and isinstance(value, str)
            }

    def assert_discreet(self):
        """
        Of all that was shown to it in all its lives, the log holds no token and no
        password, but for the links that it says on purpose; and nobody's query.
        """
        log = self.log.read_text()
        for said in re.findall(r"token=([\w-]+)", log):
            log = log.replace(said, "a link")
        secrets = {each for each in self.secrets if each and len(each) >= 8}
        assert not [each for each in secrets if each in log]
        assert "/events?" not in log

    @property
    def setup_token(self):
        self.get("/health")  # whoever answers has said all they say at the start
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

    @ivar ended_cleanly: whether the body ended the way HTTP/1.1 ends it.
    """

    def __init__(
        self, daemon, who, last_event_id=None, version="HTTP/1.1", path=None, is_checking=True
    ):
        headers = {} if last_event_id is None else {"last-event-id": last_event_id}
        path = path or f"/events?token={who}"
        self.socket = daemon.connect()
        weakref.finalize(self, self.socket.close)  # for tests that forget to leave
        self.socket.sendall(request_bytes("GET", path, headers, b"", version))
        self._response = http.client.HTTPResponse(self.socket, method="GET")
        self._response.begin()
        assert self._response.status == 200, self._response.read()
        self._reader = EventReader(is_checking)
        self.closed = self.ended_cleanly = False

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
        # Else this machine says only every 40 ms that it has got what fills the line.
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        try:
            data = self._response.read1(65536)
            self.closed = self.ended_cleanly = not data
        except (http.client.IncompleteRead, ConnectionError):
            data, self.closed = b"", True
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


class Sleeper:
    """
    Somebody who asks for the stream, and then never reads.

    @param path: of a socket in the file system, to connect to instead of the port.
    """

    def __init__(self, daemon, who, path=None):
        self.socket = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        weakref.finalize(self, self.socket.close)
        self.socket.settimeout(PATIENCE)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.connect(str(path) if path else ("127.0.0.1", daemon.port))
        self.socket.sendall(request_bytes("GET", f"/events?token={who}", {}, b""))
        self.socket.recv(1, socket.MSG_PEEK)  # it has begun, and not a byte of it is read

    @property
    def was_hung_up_on(self):
        """
        Seen without reading.
        """
        watch = select.poll()
        watch.register(self.socket, 0)
        return bool(watch.poll(0))

    @property
    def unread(self):
        """
        Bytes that the kernel has for it.
        """
        count = array("i", [0])
        fcntl.ioctl(self.socket, termios.FIONREAD, count)
        return count[0]


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
        f"TEAMCHAT_{section}_{key}".upper().rstrip("_"): _written(value)
        for section, keys in chosen.items()
        for key, value in keys.items()
    }


def _written(value):
    if isinstance(value, tuple | list):
        return ",".join(str(item) for item in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
