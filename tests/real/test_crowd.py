"""
A thousand who listen, while some of them stall, leave and come back.
"""

import re
import select
import socket
from contextlib import ExitStack
from pathlib import Path
from random import Random

import pytest

from tests.daemon import request_bytes
from tests.real.daemon import PATIENCE

pytestmark = pytest.mark.real

MB = 1 << 20

EVENT = re.compile(rb"id: (\w+)\.(\d+)\ndata: \{\"type\":\"(\w+)\"")


class Listener:
    """
    One of many: what it heard, from connection to connection.

    @ivar last: the number of the newest event.
    @ivar numbers: of the messages.
    """

    def __init__(self, daemon, who):
        self._daemon, self._who = daemon, who
        self.numbers = []
        self._era = None
        self.last = -1
        self.socket = None
        self._read = b""

    def come(self):
        headers = {} if self.last < 0 else {"last-event-id": f"{self._era}.{self.last}"}
        self.socket = self._daemon.connect()
        self.socket.sendall(request_bytes("GET", f"/events?token={self._who}", headers, b""))
        self.socket.setblocking(False)

    def leave(self):
        self.socket.close()
        self.socket, self._read = None, b""

    def hear(self):
        """
        @return: whether the connection is still there.
        """
        data = self.socket.recv(MB)
        self._read += data
        end = self._read.rfind(b"\n\n") + 1
        heard, self._read = self._read[:end], self._read[end:]
        for era, number, kind in EVENT.findall(heard):
            assert kind in (b"CONNECTED", b"NEW_MESSAGE"), kind
            self._era, self.last = era.decode(), int(number)
            if kind == b"NEW_MESSAGE":
                self.numbers.append(self.last)
        return bool(data)


class Crowd:
    """
    All listeners, and one ear for all of them.
    """

    def __init__(self):
        self._poll = select.epoll()
        self._by_file = {}
        self.came_back = 0

    def close(self):
        for listener in tuple(self._by_file.values()):
            self.lose(listener)
            listener.leave()
        self._poll.close()

    def welcome(self, listener):
        if listener.socket is None:
            listener.come()
        self._by_file[listener.socket.fileno()] = listener
        self._poll.register(listener.socket, select.EPOLLIN)

    def lose(self, listener):
        """
        Do not listen to it: it stalls, or is about to leave.
        """
        self._poll.unregister(listener.socket)
        del self._by_file[listener.socket.fileno()]

    def hear(self, seconds=0):
        ready = self._poll.poll(seconds)
        for file, _ in ready:
            listener = self._by_file[file]
            if not listener.hear():  # it was too slow: it comes back
                self.lose(listener)
                listener.leave()
                self.welcome(listener)
                self.came_back += 1
        return bool(ready)

    def hear_until(self, number):
        """
        Until each has heard so far; one that listens only from now on has.
        """
        while any(each.last < number for each in self._by_file.values()):
            assert self.hear(PATIENCE)


@pytest.fixture
def crowd():
    with ExitStack() as stack:
        made = Crowd()
        stack.callback(made.close)
        yield made


def memory(daemon):
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")]
    return int(kilobytes) * 1024


def newest(daemon, who):
    """
    The number of the newest event.
    """
    listener = daemon.listen(who)
    [connected] = listener.await_events(1)
    listener.leave()
    return int(connected.id.rpartition(".")[2])


def test_thousand(as_process, crowd):
    """
    Two hundred messages to a thousand streams, a tenth of which stall or leave and
    come back all the while: each hears each message once, in order.
    """
    chance = Random(5)
    daemon = as_process(events={"streams_per_user": 200})
    tokens = [daemon.token(f"user{number}") for number in range(10)]
    ada, first = tokens[0], newest(daemon, tokens[0]) + 1
    general = daemon.general(ada)
    listeners = [Listener(daemon, tokens[number % 10]) for number in range(1000)]
    for listener in listeners:
        crowd.welcome(listener)
    crowd.hear_until(first - 1)
    daemon.say(ada, "all are there", general)
    crowd.hear_until(first)
    stalled, gone = [], []
    for number in range(1, 200):
        if number % 10 == 1:
            for listener in (*stalled, *gone):
                crowd.welcome(listener)
            moved = chance.sample(listeners, 100)
            for listener in moved:
                crowd.lose(listener)
            stalled, gone = moved[:50], moved[50:]
            for listener in gone:
                listener.leave()
        daemon.say(ada, f"message {number} {'x' * 300}", general)
        crowd.hear()
    for listener in (*stalled, *gone):
        crowd.welcome(listener)
    crowd.hear_until(first + 199)
    wanted = list(range(first, first + 200))
    assert [each.numbers for each in listeners if each.numbers != wanted] == []
    daemon.assert_untroubled()


def test_stalled(as_process, crowd):
    """
    Two hundred who do not read cost a bounded amount of memory: what waits for
    them waits once, and in the end they are hung up on.
    """
    daemon = as_process(events={"streams_per_user": 200})
    ada = daemon.token("ada")
    general, bob = daemon.general(ada), daemon.token("bob")
    crowd.welcome(Listener(daemon, ada))
    sleepers = [Listener(daemon, bob) for _ in range(200)]
    for sleeper in sleepers:
        sleeper.come()
        sleeper.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before, most = memory(daemon), 0
    first = newest(daemon, ada) + 1
    for number in range(60):
        daemon.say(ada, "x" * 16_000, general)
        crowd.hear_until(first + number)
        most = max(most, memory(daemon))
    # Each has a transport's buffer of 64 kB and more; the messages are held once for all.
    assert most - before < 50 * MB < 200 * 60 * 16_000
    for sleeper in sleepers:
        sleeper.leave()
    daemon.assert_untroubled()


def test_nothing_left(as_process):
    """
    Who comes and goes leaves nothing behind.
    """
    daemon = as_process(events={"streams_per_user": 10_000})
    ada = daemon.token("ada")
    sizes = []
    for _ in range(4):
        for _ in range(20):
            listeners = [Listener(daemon, ada) for _ in range(100)]
            for listener in listeners:
                listener.come()
            for listener in listeners:
                assert select.select([listener.socket], [], [], PATIENCE)[0]
                listener.leave()
        while len(list(Path(f"/proc/{daemon.process.pid}/fd").iterdir())) > 60:
            daemon.get("/health")
        sizes.append(memory(daemon))
    assert sizes[-1] - sizes[1] < 2 * MB
    daemon.assert_untroubled()
