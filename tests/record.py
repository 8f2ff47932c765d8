"""
What a daemon in memory holds, for tests whose subject is that it did not change.
"""

import os
from contextlib import closing

MAY_CHANGE = {"last_used_at", "used"}
"""Columns that say when somebody asked last, whatever the answer was."""


class Record:
    """
    Reads beside the daemon, and only when somebody has written.
    """

    def __init__(self, daemon):
        self._daemon = daemon
        self._connection = daemon.database._connect()
        self._version, self._dump = None, None

    def read(self):
        """
        All that the tables hold, the files that lie beside them, and how far the
        streams were told.
        """
        [(version,)] = self._connection.execute("PRAGMA data_version")
        if version != self._version:  # somebody has committed
            self._version, self._dump = version, self._dumped()
        files = sorted(os.listdir(self._daemon.directory / "files"))
        return self._dump, files, self._daemon.house.hub.head

    def _dumped(self):
        dump = {}
        tables = "SELECT name FROM sqlite_master WHERE type = 'table'"
        for (table,) in self._connection.execute(tables).fetchall():
            with closing(self._connection.execute(f"SELECT * FROM {table}")) as cursor:
                names = [column[0] for column in cursor.description]
                kept = [n for n, name in enumerate(names) if name not in MAY_CHANGE]
                dump[table] = [[row[n] for n in kept] for row in cursor]
        return dump

    def close(self):
        self._connection.close()
