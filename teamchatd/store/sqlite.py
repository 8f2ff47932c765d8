"""
The record in one SQLite file of the data directory: what teamchat uses unless it is
told otherwise.
"""

import os
import sqlite3
from pathlib import Path
from typing import Any, ClassVar

from attrs import define, field
from twisted.enterprise.adbapi import ConnectionPool
from twisted.logger import Logger

from teamchatd.store import lock, restored
from teamchatd.store.schema import Tell, Unusable, refuse_future, refuse_past, upgrade

log = Logger()

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


def found(
    connection: sqlite3.Connection, spare: Path | None = None, tell: Tell = lambda what: None
) -> None:
    """
    Make the database what this version of the code works with.

    @param connection: a prepared one.
    @param spare: see L{upgrade}.
    @param tell: the same.
    """
    connection.execute("PRAGMA journal_mode = WAL")
    upgrade(connection, spare, tell)


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
        Make sure that this daemon is the only one in its data directory, and that
        what is there is what was last restored.
        """
        self._lock = lock.take(self.directory)
        try:
            if restored.is_unfinished(self.directory):
                aside = restored.finish(self.directory)
                log.info("Finished a restore that had been cut off")
                if aside is not None:
                    log.info("What was there before it is in {aside}", aside=str(aside))
            self._close_to_others()
        except OSError as error:
            self._lock.close()
            raise Unusable(
                f"the data directory {self.directory} cannot be used: {error.strerror}"
            ) from error

    def _close_to_others(self) -> None:
        """
        A directory that somebody else made may be open to all, and so would be
        what SQLite makes in it.  Its other files get the mode of the database.
        """
        os.close(lock.for_us_only(str(self.path), os.O_RDONLY | os.O_CREAT))
        # Copies that upgrades have made are called like it, too.
        ours = [self.directory / lock.NAME, *self.directory.glob(f"{self.path.name}*")]
        for path in ours:
            if path.stat().st_mode & 0o077:
                path.chmod(0o600)

    def found(self, connection: sqlite3.Connection, tell: Tell) -> None:
        found(connection, self.directory, tell)

    def refuse_missing(self) -> None:
        if restored.is_unfinished(self.directory):
            raise Unusable(
                f"{self.directory} is half-way through a restore: start the daemon, or restore"
                " again, and either finishes it"
            )
        if not self.path.exists():
            raise Unusable(f"there is no database {self.path}: --data-dir says where it is")

    def refuse_strange(self, connection: sqlite3.Connection) -> None:
        refuse_future(connection)
        refuse_past(connection)

    def size(self) -> int:
        """
        With what is written ahead of it.
        """
        files = self.directory.glob(f"{self.path.name}*")
        return sum(file.stat().st_size for file in files if not file.name.endswith("-shm"))

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
