"""
What differs between the databases that can keep the record.

The rest of C{store/} is written once, in the SQL that both understand, against the
little of PEP 249 that is described here: what L{sqlite3} gives, and what
L{teamchatd.store.postgres} makes of psycopg.
"""

from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol, Self

from teamchatd.store.schema import Tell


class Cursor(Protocol):
    """
    Marks its parameters C{?}, or C{?1}, C{?2}, … where one is used twice.
    """

    rowcount: int

    @property
    def connection(self) -> "Connection": ...

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Self: ...

    def executemany(self, sql: str, parameters: Sequence[Sequence[Any]], /) -> Self: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """
    @ivar in_transaction: whether something was begun that is neither committed nor
        rolled back.
    @ivar total_changes: how many rows were written since it was opened.
    """

    @property
    def in_transaction(self) -> bool: ...

    @property
    def total_changes(self) -> int: ...

    def cursor(self) -> Cursor: ...

    def execute(self, sql: str, parameters: Sequence[Any] = (), /) -> Cursor: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """
    A database, and how it is spoken to.

    @ivar name: what the operator knows it by; no password is in it.
    @ivar error: what everything is that goes wrong with it.
    @ivar refused: of these, what is about one statement.  Everything else is about
        the disk, or the way to the server.
    @ivar in_doubt: of these, what leaves it open whether a commit has come through.
    @ivar trouble: what the operator should look at if it cannot be written.
    @ivar is_shared: whether other daemons may write it at the same time.
    @ivar begin_change: begins a transaction that writes.
    @ivar begin_reading: begins one that sees one state of the record.
    @ivar lock_head: asks for the number of the newest entry, and lets nobody else
        write before this transaction is over.
    """

    error: ClassVar[type[Exception]]
    refused: ClassVar[tuple[type[Exception], ...]]
    in_doubt: ClassVar[tuple[type[Exception], ...]]
    trouble: ClassVar[str]
    is_shared: ClassVar[bool]
    begin_change: ClassVar[str]
    begin_reading: ClassVar[str]
    lock_head: ClassVar[str]

    @property
    def name(self) -> str: ...

    def is_cut(self, error: BaseException | None) -> bool:
        """
        Whether this says that the way to the database was cut, so that it may be there
        again in a moment.
        """

    def take(self) -> None:
        """
        Make sure that it is ours to write, before it is opened.

        @raise teamchatd.store.schema.Unusable: it is not.
        """

    def found(self, connection: Any, tell: Tell) -> None:
        """
        Make it what this version of the code works with.

        @param tell: is told what is done, for whoever would lose patience.
        """

    def refuse_missing(self) -> None:
        """
        @raise teamchatd.store.schema.Unusable: it is not there, or not whole.
        """

    def refuse_strange(self, connection: Any) -> None:
        """
        @raise teamchatd.store.schema.Unusable: it is not what this version of the code
            works with.
        """

    def size(self) -> int:
        """
        Bytes that it takes on our disk.
        """

    def connect(self) -> Any:
        """
        @return: a connection that behaves.
        """

    def pool(self) -> Any:
        """
        @return: a L{twisted.enterprise.adbapi.ConnectionPool} of one connection.
        """

    def let_go(self) -> None:
        """
        The opposite of L{take}.
        """
