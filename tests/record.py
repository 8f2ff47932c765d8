"""
What a daemon in memory holds, for tests whose subject is that it did not change.
"""

import os

from attrs import frozen

MAY_CHANGE = {"last_used_at", "used"}
"""Columns that say when somebody asked last, whatever the answer was."""


@frozen
class Dialect:
    """
    @ivar version: asks for what is another one when somebody may have written.
    """

    version: str
    tables: str
    columns: str


SQLITE = Dialect(
    "PRAGMA data_version",
    "SELECT name FROM sqlite_master WHERE type = 'table'",
    "SELECT name FROM pragma_table_info(?)",
)
POSTGRESQL = Dialect(
    "SELECT pg_snapshot_xmax(pg_current_snapshot())",
    "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    "SELECT column_name FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = ?",
)


class Record:
    """
    Reads beside the daemon, and only when somebody has written.
    """

    def __init__(self, daemon):
        self._daemon = daemon
        self._connection = daemon.database._connect()
        self._dialect = POSTGRESQL if daemon.database.is_shared else SQLITE
        self._version, self._dump = None, None

    def read(self):
        """
        All that the tables hold, the files that lie beside them, and how far the
        streams were told.
        """
        [(version,)] = self._connection.execute(self._dialect.version)
        if version != self._version:  # somebody has committed
            self._version, self._dump = version, self._dumped()
        files = sorted(os.listdir(self._daemon.directory / "files"))
        return self._dump, files, self._daemon.house.hub.head

    def _dumped(self):
        dump = {}
        for (table,) in self._connection.execute(self._dialect.tables).fetchall():
            columns = self._connection.execute(self._dialect.columns, (table,)).fetchall()
            kept = ", ".join(name for (name,) in columns if name not in MAY_CHANGE)
            dump[table] = sorted(self._connection.execute(f"SELECT {kept} FROM {table}"), key=repr)
        return dump

    def close(self):
        self._connection.close()
