"""
The record in PostgreSQL, where several daemons write it.

They number the journal as one: whoever writes locks the row of C{head} first, and the
numbers are given in the order of the commits, without gaps.  A sequence would give
them before, and leave out those of what was rolled back.

psycopg is made to look like L{sqlite3} here, as far as C{store/} uses that.
"""

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from time import monotonic
from typing import Any, ClassVar, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg
from attrs import define, field, frozen
from psycopg import errors
from psycopg.pq import TransactionStatus
from twisted.enterprise.adbapi import ConnectionPool
from twisted.logger import Logger

from teamchatd.store import schema

log = Logger()

apilevel, threadsafety, paramstyle = "2.0", 1, "qmark"
"""What PEP 249 asks a driver to say of itself: this module is one to L{ConnectionPool}."""

CONNECT: dict[str, Any] = {
    "autocommit": True,  # we say BEGIN ourselves
    "connect_timeout": 5,  # seconds
    # A standby takes no change.  Of several hosts in the address, this finds the one that does.
    "target_session_attrs": "read-write",
    "application_name": "teamchat",
    "client_encoding": "UTF8",  # whatever the environment says
    # A server that is gone without a word is noticed within twenty seconds.
    "keepalives_idle": 10,
    "keepalives_interval": 3,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,  # milliseconds
}

SETTINGS = (
    # Acknowledged means on disk, whatever the server's own default is.
    "SET synchronous_commit = on",
    # A daemon that froze between two statements must not keep the others from writing.
    "SET idle_in_transaction_session_timeout = '10s'",
    "SET lock_timeout = '5s'",
    # What we ask takes milliseconds; what takes so long would keep everybody waiting.
    "SET statement_timeout = '10s'",
)

PATIENCE = 15
"""
Seconds until a server that neither answers nor hangs up counts as gone.  Its own limit
comes first; but a machine that stands still keeps none.
"""

PATIENCE_TO_BEGIN = 5
"""
The same for what is nothing to do: to begin a transaction.  A connection is tried by it, and
whoever waits for a broken one waits no longer than for a new one.
"""

UPGRADING = 0x7465616D63686174
"""The advisory lock of whoever upgrades: the word "teamchat", read as a number."""

MARK = re.compile(r"\?(\d*)")

# C{INTEGER} has 32 bits there, and milliseconds have more.  Text is compared as Python
# and SQLite do it, by code points, whatever language the server speaks.
TYPES = (
    (re.compile(r"\bINTEGER\b"), "BIGINT"),
    (re.compile(r"\bTEXT\b"), 'TEXT COLLATE "C"'),
    (re.compile(r"\)\s*STRICT(\s*,\s*WITHOUT\s+ROWID)?\s*;"), ");"),
)


class TookTooLong(psycopg.OperationalError):
    """
    The server is there, and does not answer.
    """


class InDoubt(psycopg.OperationalError):
    """
    The way to the server was cut while it committed.
    """


class Impatient(psycopg.Connection[Any]):
    """
    One that does not wait for ever.

    @ivar patience: so many seconds without hearing anything; L{None}: it does.
    @ivar waits: called now and then while it waits.
    """

    patience: float | None = PATIENCE
    waits: Callable[[], object] | None = None

    def wait(self, gen: Any, *args: Any, **more: Any) -> Any:
        try:
            return super().wait(self._watched(gen), *args, **more)
        except TookTooLong:
            self.close()
            raise

    def _watched(self, generator: Any) -> Generator[Any, Any, Any]:
        """
        What psycopg does to wait, as a generator that is told ten times a second whether
        there is anything to read, or room to write.
        """
        heard = monotonic()
        try:
            wanted = next(generator)
            while True:
                ready = yield wanted
                if ready:
                    heard = monotonic()
                elif self.patience is not None and monotonic() - heard > self.patience:
                    raise TookTooLong("the server does not answer")
                elif self.waits is not None:
                    self.waits()
                wanted = generator.send(ready)
        except StopIteration as done:
            return done.value

    def begin(self, sql: str) -> None:
        patience = self.patience
        self.patience = PATIENCE_TO_BEGIN if patience is None else min(PATIENCE_TO_BEGIN, patience)
        try:
            self.execute(sql)
        finally:
            self.patience = patience


@frozen
class Statement:
    """
    What psycopg is given for a statement of ours.

    @ivar order: which of our parameters each of its marks stands for; L{None}: in order.
    """

    text: str
    order: tuple[int, ...] | None


@lru_cache(maxsize=1000)
def translated(sql: str) -> Statement:
    """
    C{?} and C{?1} become C{%s}.  None of our statements has either in a string.
    """
    numbers = MARK.findall(sql)
    text = MARK.sub("%s", sql.replace("%", "%%"))
    if not any(numbers):
        return Statement(text, None)
    return Statement(text, tuple(int(number) - 1 for number in numbers))


def _plain(value: Any) -> Any:
    """
    As SQLite takes them: there, a truth is a number, and a word of ours its text.

    PostgreSQL has no text with the character NUL.  We keep none, but are asked for
    what is called so, and have to find that it is not there.
    """
    if isinstance(value, str):
        return str(value).replace("\0", "\ufffd") if "\0" in value else str(value)
    if isinstance(value, bool):
        return int(value)
    return value


def _given(statement: Statement, parameters: Sequence[Any]) -> list[Any]:
    if statement.order is None:
        return [_plain(value) for value in parameters]
    return [_plain(parameters[index]) for index in statement.order]


class Cursor:
    """
    See L{teamchatd.store.engine.Cursor}.
    """

    def __init__(self, connection: "Connection") -> None:
        self.connection = connection
        self._cursor: Any = None

    @property
    def rowcount(self) -> int:
        return int(self._cursor.rowcount)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        if sql.startswith("BEGIN"):
            self.connection.begin(sql)
            return self
        self._cursor = self.connection.raw.cursor()
        statement = translated(sql)
        try:
            self._cursor.execute(statement.text, _given(statement, parameters))
        except errors.ReadOnlySqlTransaction:
            # It is not the one any more that takes changes: the next transaction looks which is.
            self.connection.raw.close()
            raise
        self._count()
        return self

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]]) -> Self:
        self._cursor = self.connection.raw.cursor()
        statement = translated(sql)
        self._cursor.executemany(statement.text, [_given(statement, each) for each in parameters])
        self._count()
        return self

    def _count(self) -> None:
        if self._cursor.description is None:
            self.connection.total_changes += max(0, self._cursor.rowcount)

    def fetchone(self) -> Any:
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        """
        Of what has no rows, there are none.
        """
        return [] if self._cursor.description is None else list(self._cursor.fetchall())

    def __iter__(self) -> Iterator[Any]:
        return iter(self.fetchall())

    def close(self) -> None:
        """
        psycopg has fetched all there was: nothing is held.
        """


class Connection:
    """
    See L{teamchatd.store.engine.Connection}.

    When the server has gone and come back, the next transaction begins on a new
    connection.
    """

    def __init__(self, url: str, **more: Any) -> None:
        self._url, self._more, self._name = url, more, without_password(url)
        self.total_changes = 0
        self.raw = self._connected()

    def _connected(self) -> Impatient:
        raw = Impatient.connect(self._url, **CONNECT, **self._more)
        for setting in SETTINGS:
            raw.execute(setting)
        return raw

    def begin(self, sql: str) -> None:
        """
        Nothing is lost by beginning again: nothing was begun.
        """
        if not self.raw.closed:
            try:
                self.raw.begin(sql)
            except psycopg.OperationalError as error:
                self.raw.close()
                if isinstance(error, TookTooLong):
                    log.warn("{name} did not answer: it is called anew", name=self._name)
            else:
                return
        self.raw = self._connected()
        self.raw.begin(sql)

    @property
    def in_transaction(self) -> bool:
        status = self.raw.info.transaction_status
        return status not in (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)

    def cursor(self) -> Cursor:
        return Cursor(self)

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Cursor:
        return self.cursor().execute(sql, parameters)

    def commit(self) -> None:
        if not self.in_transaction:
            return
        try:
            self.raw.execute("COMMIT")
        except psycopg.OperationalError as error:
            if self.raw.closed or self.raw.broken:
                raise InDoubt(str(error)) from error
            raise

    def rollback(self) -> None:
        """
        Where the server is gone, it has rolled back: there is nothing to do.
        """
        try:
            if self.in_transaction:
                self.raw.execute("ROLLBACK")
        except psycopg.Error:
            self.raw.close()

    def close(self) -> None:
        self.raw.close()


def connect(url: str, **more: Any) -> Connection:
    """
    For L{ConnectionPool}, to which this module is the driver.
    """
    return Connection(url, **more)


def without_password(url: str) -> str:
    parts = urlsplit(url)
    before, at, host = parts.netloc.rpartition("@")
    user = before.partition(":")[0]
    return urlunsplit((parts.scheme, f"{user}{at}{host}", parts.path, "", ""))


def steps() -> list[schema.Step]:
    """
    Every step of the schema, in order.  The first that is written for PostgreSQL
    holds all that came before it.
    """
    ours = {step.number: step for step in schema.steps("postgres")}
    first = min(ours)
    for step in schema.steps():
        if step.number > first:
            ours.setdefault(step.number, step)
    return [
        schema.Step(number, step.name, as_here(step.sql)) for number, step in sorted(ours.items())
    ]


def as_here(sql: str) -> str:
    """
    A step of the schema in PostgreSQL's words.
    """
    for there, here in TYPES:
        sql = there.sub(here, sql)
    return sql


@define(eq=False, slots=False)
class PostgreSQL:
    """
    See L{teamchatd.store.engine.Engine}.
    """

    url: str
    name: str = field(init=False)

    error: ClassVar[type[Exception]] = psycopg.Error
    refused: ClassVar[tuple[type[Exception], ...]] = (
        errors.IntegrityError,
        errors.ProgrammingError,
        errors.DataError,
        errors.NotSupportedError,
    )
    in_doubt: ClassVar[tuple[type[Exception], ...]] = (InDoubt,)
    trouble: ClassVar[str] = "Is the server down, or its disk full?"
    is_shared: ClassVar[bool] = True
    begin_change: ClassVar[str] = "BEGIN ISOLATION LEVEL READ COMMITTED"
    begin_reading: ClassVar[str] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    lock_head: ClassVar[str] = "SELECT number FROM head FOR UPDATE"

    def __attrs_post_init__(self) -> None:
        self.name = without_password(self.url)

    def is_cut(self, error: BaseException | None) -> bool:
        slow = (TookTooLong, errors.QueryCanceled, errors.ConnectionTimeout)
        return isinstance(error, errors.OperationalError) and not isinstance(error, slow)

    def take(self) -> None:
        """
        It is not for one daemon alone.
        """

    def found(self, connection: Connection, tell: schema.Tell) -> None:
        """
        One daemon upgrades, the others wait for it.
        """
        _refuse_encoding(connection)
        with _unhurried(connection):
            [(is_ours,)] = connection.execute("SELECT pg_try_advisory_lock(?)", (UPGRADING,))
            if not is_ours:
                log.info("Another daemon looks after the schema: waiting for it")
                connection.raw.waits = partial(tell, "Another daemon upgrades the database")
                connection.execute("SELECT pg_advisory_lock(?)", (UPGRADING,))
            _upgrade(connection, tell)
            connection.execute("SELECT pg_advisory_unlock(?)", (UPGRADING,))

    def refuse_missing(self) -> None:
        """
        Whoever connects is told.
        """

    def refuse_strange(self, connection: Connection) -> None:
        _refuse_encoding(connection)
        _refuse_newer(connection)
        schema.refuse_older(_applied(connection), steps()[-1].number)

    def size(self) -> int:
        """
        The server tells that itself.
        """
        return 0

    def connect(self) -> Connection:
        return connect(self.url)

    def pool(self) -> ConnectionPool:
        """
        Of one connection, as with SQLite: the writer's, or the reader's.
        """
        return ConnectionPool(__name__, self.url, cp_min=1, cp_max=1)

    def let_go(self) -> None:
        """
        Its connections are closed by those who opened them.
        """


@contextmanager
def _unhurried(connection: Connection) -> Iterator[None]:
    """
    What is done meanwhile may take as long as it takes.  If it fails, the connection is good
    for nothing more; and who closes it lets go of the lock.
    """
    raw = connection.raw
    raw.patience = None
    raw.execute("SET lock_timeout = 0")
    raw.execute("SET statement_timeout = 0")
    yield
    raw.patience, raw.waits = PATIENCE, None
    for setting in SETTINGS:
        raw.execute(setting)


def _applied(connection: Connection) -> int:
    [(table,)] = connection.execute("SELECT to_regclass('schema')")
    if table is None:
        return 0
    [(number,)] = connection.execute("SELECT coalesce(max(number), 0) FROM schema")
    return int(number)


def _refuse_encoding(connection: Connection) -> None:
    """
    What a server without a language makes by default has none of its own, either: it would
    count bytes instead of letters.  Others have no smileys.
    """
    encoding = connection.raw.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise schema.Unusable(
            f"the database in PostgreSQL has the encoding {encoding}, in which not all that people"
            " write can be kept: make another one, with createdb --encoding=UTF8"
            " --template=template0 --locale=C"
        )


def _refuse_newer(connection: Connection) -> None:
    known = steps()[-1].number
    if _applied(connection) > known:
        schema.refuse_newer(connection, known)


def _upgrade(connection: Connection, tell: schema.Tell) -> None:
    seen = _applied(connection)
    _refuse_newer(connection)
    for step in steps():
        if step.number > seen:
            connection.raw.waits = say = partial(tell, f"Upgrading the database: {step.name}")
            say()
            _apply(connection, step)
            if seen:
                log.info("Upgraded the database: {step}", step=step.name)


def _apply(connection: Connection, step: schema.Step) -> None:
    script = (
        f"BEGIN; {as_here(schema.as_table())} {step.sql}\n;"
        "INSERT INTO schema (number, compatible_from)"
        f" VALUES ({step.number}, {schema.COMPATIBLE_FROM}); COMMIT"
    )
    try:
        # Without parameters, so that psycopg sends the script as it is.
        connection.raw.execute(script.encode())
    except psycopg.Error:
        connection.rollback()
        raise
