"""
The record in one SQLite file of the data directory: what teamchat uses unless it is
told otherwise.
"""

import fcntl
import os
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field
from twisted.enterprise.adbapi import ConnectionPool

from teamchatd.store.schema import Unusable, copies_in, upgrade

CONNECT: dict[str, Any] = {
    "isolation_level": None,  # we say BEGIN ourselves
    "timeout": 5,  # seconds to wait for others who write: the console command
    "check_same_thread": False,  # adbapi closes from another thread
}


def prepare(connection: sqlite3.Connection) -> None:
    """
    Make C{connection} behave: every connection goes through here.
    """
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")


def found(connection: sqlite3.Connection, spare: Path | None = None) -> None:
    """
    Make the database what this version of the code works with.

    @param connection: a prepared one.
    @param spare: see L{upgrade}.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    upgrade(connection, spare)


@define(eq=False, slots=False)
class SQLite:
    """
    See L{teamchatd.store.engine.Engine}.
    """

    directory: Path
    _lock: Any = field(init=False, default=None)

    error: ClassVar[type[Exception]] = sqlite3.Error
    refused: ClassVar[tuple[type[Exception], ...]] = (
        sqlite3.IntegrityError,
        sqlite3.ProgrammingError,
        sqlite3.InterfaceError,
    )
    in_doubt: ClassVar[tuple[type[Exception], ...]] = ()
    trouble: ClassVar[str] = "Is the disk full, or failing?"
    is_shared: ClassVar[bool] = False
    begin_change: ClassVar[str] = "BEGIN IMMEDIATE"
    begin_reading: ClassVar[str] = "BEGIN"
    lock_head: ClassVar[str] = "SELECT number FROM head"

    @property
    def path(self) -> Path:
        return self.directory / "teamchat.sqlite"

    @property
    def name(self) -> str:
        return str(self.path)

    def is_cut(self, error: BaseException | None) -> bool:
        return False

    def take(self) -> None:
        """
        Make sure that this daemon is the only one in its data directory: two
        would each number the journal as if they were alone.
        """
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self.directory / "lock"
            self._lock = open(lock, "a", opener=_for_us_only)  # noqa: SIM115 - held until we stop
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._close_to_others(lock)
        except BlockingIOError as error:
            self._lock.close()
            raise Unusable(f"another teamchat is running on {self.directory}") from error
        except OSError as error:
            raise Unusable(
                f"the data directory {self.directory} cannot be used: {error.strerror}"
            ) from error

    def _close_to_others(self, lock: Path) -> None:
        """
        A directory that somebody else made may be open to all, and so would be
        what SQLite makes in it.  Its other files get the mode of the database.
        """
        os.close(_for_us_only(str(self.path), os.O_RDONLY | os.O_CREAT))
        ours = [lock, *self.directory.glob(f"{self.path.name}*"), *copies_in(self.directory)]
        for path in ours:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)

    def found(self, connection: sqlite3.Connection) -> None:
        found(connection, self.directory)

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, **CONNECT)
        prepare(connection)
        return connection

    def pool(self) -> ConnectionPool:
        """
        Of one connection: there is one writer, and Python runs one reader at a time.
        """
        return ConnectionPool(
            "sqlite3", self.path, **CONNECT, cp_min=1, cp_max=1, cp_openfun=prepare
        )

    def let_go(self) -> None:
        if self._lock is not None:
            self._lock.close()


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
