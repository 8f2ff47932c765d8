"""
All of teamchat in one thread: a clock that stands still, and no sockets.

What is replaced is the thread, the clock and the socket, and nothing else: the
database is SQLite in a file, with the code that writes it for real.
"""

import http.client
import io
import sqlite3
from contextlib import closing
from functools import cache

from attrs import evolve
from twisted.internet.address import IPv4Address
from twisted.internet.defer import execute, fail, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from teamchatd import config
from teamchatd.chat.first_start import FirstStart
from teamchatd.files import pictures
from teamchatd.files.shelf import Shelf
from teamchatd.house import House, Workplaces, mint
from teamchatd.http.calling import Calling
from teamchatd.store.database import Database
from teamchatd.store.sqlite import CONNECT, SQLite, found, prepare
from tests.answers import Answer, EventReader, People
from tests.record import Record

BCRYPT_COST = 4
"""The least there is: a thousandth of a second."""

NOON = 1_800_000_000


class Threadless:
    """
    A L{twisted.enterprise.adbapi.ConnectionPool} that works at once.
    """

    def __init__(self, connection):
        self.connection = connection

    def runInteraction(self, work, *args):  # noqa: N802 - adbapi's name
        return execute(self._run, work, *args)

    def _run(self, work, *args):
        try:
            result = work(self, *args)
            self.connection.commit()
            return result
        except BaseException:
            self.connection.rollback()
            raise

    def close(self):
        self.connection.close()


class ReadyMade(SQLite):
    """
    A new database of it is a copy of one that was made as any is, with an era of its own: most
    tests need one, and few ask how it comes about.
    """

    def found(self, connection, tell):
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            _first().backup(connection)
            connection.execute("UPDATE head SET era = lower(hex(randomblob(4)))")
        super().found(connection, tell)


@cache
def _first():
    connection = sqlite3.connect(":memory:", **CONNECT)
    prepare(connection)
    found(connection)
    return connection


class ThreadlessDatabase(Database):
    """
    The real database without its threads.  It does not wait for the disk: the
    machine will not fail while a test runs.
    """

    count = 0
    """Changes so far, for tests whose subject is how many there were."""

    def change(self, work, *args):
        self.count += 1
        return super().change(work, *args)

    def _connect(self):
        connection = super()._connect()
        if not self._engine.is_shared:
            connection.execute("PRAGMA synchronous = OFF")
        return connection

    def _soon(self, function):
        function()

    def _pool(self):
        return Threadless(self._connect())


def settings(**sections) -> config.Config:
    """
    The defaults of the tests, with C{section={"key": value}} instead.
    """
    chosen = config.Config()
    sections = {
        "auth": {"auth_mode": "dev", "is_invite_required": False} | sections.pop("auth", {}),
        "rate_limit": {"enabled": False} | sections.pop("rate_limit", {}),
        **sections,
    }
    return evolve(
        chosen,
        **{name: evolve(getattr(chosen, name), **keys) for name, keys in sections.items()},
    )


class MemoryTransport(StringTransport):
    """
    A transport that can be taken over, like a real one, and filled up.
    """

    protocol = None
    aborted = False

    def __init__(self, protocol):
        super().__init__(peerAddress=IPv4Address("TCP", "192.0.2.7", 40000))
        self.protocol = protocol

    def setTcpNoDelay(self, enabled):  # noqa: N802 - Twisted's name
        pass

    def abortConnection(self):
        self.aborted = True
        self.loseConnection()

    def loseConnection(self):
        """
        In the order of a real transport: first the producer, then the protocol.
        """
        if not self.disconnecting:
            super().loseConnection()
            producer, self.producer = self.producer, None
            if producer is not None:
                producer.stopProducing()
            self.protocol.connectionLost(Failure(ConnectionDone()))

    leave = loseConnection

    def dataReceived(self, data):
        self.protocol.dataReceived(data)


class Outbox:
    """
    A postman who keeps the letters.

    @ivar reasons: what goes wrong with the next ones, in order.
    """

    def __init__(self):
        self.letters = []
        self.reasons = []

    def deliver(self, message):
        if self.reasons:
            return fail(self.reasons.pop(0))
        self.letters.append(message)
        return succeed(None)


class FakeSocket:
    def __init__(self, data):
        self._data = data

    def makefile(self, mode):
        return io.BytesIO(self._data)


def request_bytes(method, path, headers, body, version="HTTP/1.1"):
    lines = [f"{method} {path} {version}", "host: chat.example"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


class Daemon(People):
    """
    A daemon on a directory of its own.
    """

    def __init__(self, directory, new_client=None, engine=None, **sections):
        """
        @param new_client: makes what it calls others with, see L{Calling}.
        @param engine: where the record is; else in SQLite.
        """
        self.directory = directory
        directory.mkdir(mode=0o700, exist_ok=True)
        self.engine = engine or ReadyMade(directory)
        self._new_client = new_client
        self.chosen = settings(**sections)
        self.outbox = Outbox()
        self.clock = Clock()
        self.clock.advance(NOON)
        self.hashed = []
        self.start()

    @property
    def mode(self):
        return self.chosen.auth.auth_mode

    def start(self):
        self.database = ThreadlessDatabase(self.engine, self.clock)
        self.database.startService()
        shelf = Shelf(self.directory / "files")
        shelf.open()
        self.house = House(
            self.chosen,
            self.database,
            self.clock,
            shelf,
            Workplaces(self._in_thread, lambda whom, work, *args: execute(work, *args), execute),
            pictures.develop,
            "the tests' own secret, thirty-two bytes",
            BCRYPT_COST,
            self.outbox if self.chosen.email.host or self.mode == "dev" else None,
            call=Calling(self.clock, self._new_client),
        )
        start = FirstStart(self.database, mint, BCRYPT_COST)
        start.furnish(self.chosen.chat.server_name)
        first = self.chosen.chat.initial_user
        if first.email and not start.has_admin():
            start.make_admin(first.email, first.user_name or None, first.password or None)
        link = start.link_for_admin()
        self.setup_token = link and link.token
        self.house.begin()
        for each in self.house.recurring:
            each.startService()

    def stop(self):
        for each in self.house.recurring:
            each.stopService()
        self.house.hub.end_all()
        self.house.letters.close()
        self.database.stopService()

    def restart(self):
        self.stop()
        self.start()

    def _in_thread(self, function, *args):
        self.hashed.append(function.__name__)
        return execute(function, *args)

    def connect(self):
        """
        A connection on which nothing has been sent.
        """
        transport = MemoryTransport(self.house.site.buildProtocol(None))
        transport.protocol.makeConnection(transport)
        return transport

    def exchange(self, method, path, headers, body):
        transport = self.connect()
        transport.dataReceived(request_bytes(method, path, headers, body))
        answer = read_answer(method, transport.value())
        transport.leave()
        return answer

    def listen(self, who, last_event_id=None, **more):
        return MemoryListener(self, who, last_event_id, **more)

    def rows(self, sql, *parameters):
        """
        What the record holds, for tests whose subject that is.
        """
        with closing(self.database._connect()) as connection:
            return connection.execute(sql, parameters).fetchall()

    def all_that_is_kept(self):
        """
        Every byte of it, for tests whose subject is what must not be among them.
        """
        files = [path.read_bytes() for path in self.directory.rglob("*") if path.is_file()]
        if self.database.is_shared:
            record = Record(self)
            files.append(repr(record.read()).encode())
            record.close()
        return b"".join(files)


def read_answer(method, data) -> Answer:
    response = http.client.HTTPResponse(FakeSocket(data), method=method)
    response.begin()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return Answer(response.status, headers, response.read())


class MemoryListener:
    """
    Somebody who listens, on a transport that can be stopped and started.
    """

    def __init__(self, daemon, who, last_event_id=None, version="HTTP/1.1", path=None):
        headers = {} if last_event_id is None else {"last-event-id": last_event_id}
        self.transport = daemon.connect()
        path = path or f"/events?token={who}"
        self.transport.dataReceived(request_bytes("GET", path, headers, b"", version))
        self._chunked = version == "HTTP/1.1"

    def _seen(self) -> EventReader:
        reader = EventReader()
        reader.feed(self.body)
        return reader

    @property
    def body(self) -> bytes:
        _, _, rest = self.transport.value().partition(b"\r\n\r\n")
        return unchunked(rest) if self._chunked else rest

    @property
    def headers(self) -> str:
        return self.transport.value().partition(b"\r\n\r\n")[0].decode()

    @property
    def events(self):
        """
        All that came so far, from CONNECTED on.
        """
        return self._seen().events

    @property
    def comments(self):
        return self._seen().comments

    @property
    def retry(self):
        return self._seen().retry

    @property
    def types(self):
        return [event.type for event in self.events]

    def await_events(self, count):
        """
        The first C{count} events, CONNECTED included.
        """
        assert len(self.events) >= count, self.types
        return self.events[:count]

    def await_end(self):
        assert self.closed

    @property
    def closed(self):
        return self.transport.disconnecting

    @property
    def ended_cleanly(self):
        """
        Whether the body ended the way HTTP/1.1 ends it.
        """
        return self.transport.value().endswith(b"\r\n0\r\n\r\n")

    def fall_asleep(self):
        self.transport.producer.pauseProducing()

    def wake_up(self):
        self.transport.producer.resumeProducing()

    def leave(self):
        self.transport.leave()


def unchunked(data: bytes) -> bytes:
    """
    The body in C{data}, as far as its chunks are complete.
    """
    body = b""
    while data:
        size, found, rest = data.partition(b"\r\n")
        length = int(size, 16) if found else 0
        if not length or len(rest) < length + 2:
            break
        body, data = body + rest[:length], rest[length + 2 :]
    return body
