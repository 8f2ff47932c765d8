"""
The servers that are measured: processes, as an operator would start them.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from attrs import define, field, frozen

from tests.bench.seeding import CHANNEL, Seed, seed

ROOT = Path(__file__).parent.parent.parent

PATIENCE = 30
"""Seconds that a server may take to start, and to stop."""

WRITERS = 32
"""Those who post and read: as many as there are connections, so that each has been seen before."""


@frozen
class Target:
    """
    A server under load: all that a measurement has to know of it.

    @ivar events: the path of its event stream; C{post}, C{page} and C{probe} are
        the paths to send a message to, to read fifty of, and to ask for the
        least that the server can answer.
    @ivar page_in_past: like C{page}, another one each time.
    @ivar message: the body for C{post}.
    @ivar listeners: a file with the tokens of those who listen, one each line;
        C{writers} are those who post and read.
    @ivar missed: the id of an event after which there were C{missed_events} others.
    """

    port: int
    pid: int
    events: str
    post: str
    page: str
    page_in_past: str
    probe: str
    message: str
    listeners: Path
    writers: Path
    missed: str
    missed_events: int


@define
class Server:
    """
    A process that listens on a free port and says on which.
    """

    _command: list[str]
    _directory: Path
    process: "subprocess.Popen[bytes] | None" = field(init=False, default=None)
    port: int = field(init=False)
    seconds_to_start: float = field(init=False)

    def start(self) -> None:
        # Our own settings would be measured; without bytecode every start would compile all.
        foreign = ("TEAMCHAT", "PYTHONDONTWRITEBYTECODE")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        more = {
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",  # or what it says stays in the pipe
            "TEAMCHAT_RATE_LIMIT_ENABLED": "false",
        }
        begun = time.monotonic()
        self.process = subprocess.Popen(
            self._command,
            env=clean | more,
            cwd=self._directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        try:
            self.port = self._await_port()
        except BaseException:
            self.stop()
            raise
        self.seconds_to_start = time.monotonic() - begun

    def _await_port(self) -> int:
        """
        Reads to the line that says where, and no further: what a server says
        later are a few lines more, which the pipe holds.
        """
        assert self.process is not None
        assert self.process.stdout is not None
        said = b""
        for line in self.process.stdout:
            said += line
            if match := re.search(rb"listens at http://127\.0\.0\.1:(\d+)", line):
                return int(match[1])
        raise RuntimeError(f"the server does not start: {said.decode()}")

    def await_end(self) -> None:
        """
        Not C{process.wait}, which with a timeout looks twenty times a second.
        """
        assert self.process is not None
        until = time.monotonic() + PATIENCE
        while self.process.poll() is None and time.monotonic() < until:
            time.sleep(0.001)

    def stop(self) -> None:
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.terminate()
            self.await_end()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


@define
class Place:
    """
    Where fresh daemons come from: each gets a copy of the same data, so that no
    measurement finds what another has left.
    """

    _directory: Path
    _users: int
    _seeds: dict[int, Seed] = field(init=False, factory=dict)
    _count: int = field(init=False, default=0)

    @contextmanager
    def fresh(self, messages: int = 20_000) -> Iterator[tuple[Target, Server]]:
        """
        A daemon that has just started, with so many messages.
        """
        found = self._seed(messages)
        self._count += 1
        data = self._directory / f"data-{self._count}"
        shutil.copytree(found.directory, data)
        daemon = Server(
            [
                *(str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="),
                *("--logfile", "-", "teamchat", "--port", "0", "--data-dir", str(data)),
            ],
            data,
        )
        try:
            daemon.start()
            yield self._target(daemon, found), daemon
        finally:
            daemon.stop()
            shutil.rmtree(data)

    @contextmanager
    def bare(self) -> Iterator[Target]:
        """
        The same in a few lines, for comparison: see L{tests.bench.bare}.
        """
        found = self._seed(0)
        server = Server([sys.executable, "-m", "tests.bench.bare"], self._directory)
        try:
            server.start()
            yield self._target(server, found)
        finally:
            server.stop()

    def _seed(self, messages: int) -> Seed:
        if messages not in self._seeds:
            directory = self._directory / f"seed-{messages}"
            self._seeds[messages] = seed(directory, self._users, messages)
        return self._seeds[messages]

    def _target(self, server: Server, found: Seed) -> Target:
        assert server.process is not None
        missed = 20
        posts = f"/channels/{CHANNEL}/messages"
        return Target(
            port=server.port,
            pid=server.process.pid,
            events="/events",
            post=posts,
            page=f"{posts}?limit=50",
            page_in_past=f"{posts}?limit=50&before=m5{{{{SEQ}}}}",
            probe="/health",
            message='{"content":"{{MARK}} the quick brown fox jumps over the lazy dog"}',
            listeners=self._write("listeners", found.tokens),
            writers=self._write("writers", found.tokens[:WRITERS]),
            missed=f"{found.era}.{found.head - missed}",
            missed_events=missed,
        )

    def _write(self, name: str, tokens: list[str]) -> Path:
        path = self._directory / name
        path.write_text("".join(f"{token}\n" for token in tokens))
        return path
