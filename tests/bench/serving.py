"""
The servers that are measured: processes, as an operator would start them.
"""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from attrs import define, field, frozen

from tests.bench.building import BUILT, CannotMeasure, NotInstalled, built
from tests.bench.seeding import CHANNEL, CONVERSATION, Seed, seed

ROOT = Path(__file__).parent.parent.parent

PATIENCE = 30
"""Seconds that a server may take to start, and to stop."""

LOG = "log"
"""What a server says, in its directory."""

MESSAGES = 20_000
"""What has been said before, unless a measurement wants more or less of it."""

WRITERS = 32
"""Those who post and read: as many as there are connections, so that each has been seen before."""


@frozen
class Target:
    """
    A server under load: all that a measurement has to know of it.

    @ivar pids: its processes, the one that ends them all first.
    @ivar events: the path of its event stream; C{post}, C{direct}, C{page} and
        C{probe} are the paths to send a message to, to send one to one person, to
        read fifty of, and to ask for the least that the server can answer.
    @ivar page_in_past: like C{page}, from the middle, another one each time.
    @ivar message: the body for C{post} and C{direct}.
    @ivar listeners: a file with the tokens of those who listen, one each line;
        C{writers} are those who post and read, C{pair} the two that C{direct} is
        between, and C{others} all but these.
    @ivar missed: the id of an event after which there were C{missed_events} others.
    """

    port: int
    pids: list[int]
    events: str
    post: str
    direct: str
    page: str
    page_in_past: str
    probe: str
    message: str
    listeners: Path
    writers: Path
    pair: Path
    others: Path
    missed: str
    missed_events: int


@define
class Server:
    """
    A process that listens on a free port and says on which.
    """

    _command: list[str]
    _directory: Path
    _environ: dict[str, str] = field(factory=dict)
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
        # A file, as an operator would have it: a pipe that nobody reads soon stops who writes.
        with open(self._directory / LOG, "wb") as log:
            self.process = subprocess.Popen(
                self._command,
                env=clean | more | self._environ,
                cwd=self._directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
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
        Reads to the line that says where, and no further.
        """
        assert self.process is not None
        has_ended, said = False, b""
        while not has_ended:
            has_ended = self.process.poll() is not None
            said = (self._directory / LOG).read_bytes()
            if match := re.search(rb"listens at http://127\.0\.0\.1:(\d+)\n", said):
                return int(match[1])
            time.sleep(0.001)
        raise CannotMeasure(f"the server does not start: {said.decode()}")

    @property
    def pids(self) -> list[int]:
        """
        It, and the processes that it has started.
        """
        assert self.process is not None
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        return [pid, *map(int, children.split())]

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
    def fresh(self, messages: int = MESSAGES) -> Iterator[tuple[Target, Server]]:
        """
        A daemon that has just started, with so many messages.
        """
        found = self._seed(messages)
        self._count += 1
        data = self._directory / f"data-{self._count}"
        shutil.copytree(found.directory, data)
        daemon = Server(command(data), data)
        try:
            daemon.start()
            yield self.target(daemon, found), daemon
        finally:
            daemon.stop()
            shutil.rmtree(data)

    @contextmanager
    def peer(self, command: Callable[[], list[str]]) -> Iterator[Target]:
        """
        Another server, for comparison.
        """
        found = self._seed(0)
        server = Server(command(), self._directory)
        try:
            server.start()
            # nginx listens before it is nginx, and has its worker when it answers.
            urlopen(f"http://127.0.0.1:{server.port}/health", timeout=PATIENCE).close()
            yield self.target(server, found)
        finally:
            server.stop()

    def _seed(self, messages: int) -> Seed:
        if messages not in self._seeds:
            directory = self._directory / f"seed-{messages}"
            self._seeds[messages] = seed(directory, self._users, messages)
        return self._seeds[messages]

    def target(self, server: Server, found: Seed) -> Target:
        missed = 20
        half = str(found.messages // 2)
        some = f"m{half[0]}{{{{SEQ{len(half) - 1}}}}}" if len(half) > 1 else "m0"
        posts = f"/channels/{CHANNEL}/messages"
        return Target(
            port=server.port,
            pids=server.pids,
            events="/events",
            post=posts,
            direct=f"/conversations/{CONVERSATION}/messages",
            page=f"{posts}?limit=50",
            page_in_past=f"{posts}?limit=50&before={some}",
            probe="/health",
            message='{"content":"{{MARK}} the quick brown fox jumps over the lazy dog"}',
            listeners=self._write("listeners", found.tokens),
            writers=self._write("writers", found.tokens[:WRITERS]),
            pair=self._write("pair", found.tokens[:2]),
            others=self._write("others", found.tokens[2:]),
            missed=f"{found.era}.{found.head - missed}",
            missed_events=missed,
        )

    def _write(self, name: str, tokens: list[str]) -> Path:
        path = self._directory / name
        path.write_text("".join(f"{token}\n" for token in tokens))
        return path


def command(data: Path, port: int = 0) -> list[str]:
    """
    How a daemon is started.
    """
    return [
        *(str(Path(sys.executable).with_name("twistd")), "--nodaemon", "--pidfile="),
        *("--logfile", "-", "teamchat", "--port", str(port), "--data-dir", str(data)),
    ]


# The peers: how to start them


def twisted_web() -> list[str]:
    return [sys.executable, "-m", "tests.bench.bare"]


def asyncio() -> list[str]:
    return [sys.executable, "-m", "tests.bench.bare_asyncio"]


def floor() -> list[str]:
    return [str(built("floor"))]


def nginx() -> list[str]:
    for root in (BUILT / "debian", Path("/")):
        program = root / "usr/sbin/nginx"
        module = root / "usr/lib/nginx/modules/ngx_nchan_module.so"
        if program.exists() and module.exists():
            return [sys.executable, "-m", "tests.bench.nginx", str(program), str(module)]
    raise NotInstalled("it is not installed, and `.ci/setup peers` could not get it")
