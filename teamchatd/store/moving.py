"""
The record moves from SQLite into PostgreSQL.

Nobody works with either meanwhile.  Each table comes over in the order of its key, some rows in
a transaction, so that what has arrived is always the beginning of it: who was cut off looks how
far that goes, and goes on there.  In the last transaction both are counted, and only then the
new record counts; after it, the old one is put away under another name.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from attrs import define, frozen

from teamchatd.store import halfway, lock
from teamchatd.store.engine import Engine
from teamchatd.store.settling import settle
from teamchatd.store.sqlite import SQLite
from teamchatd.store.unusable import Unusable

AT_ONCE = 500
"""Rows in a transaction: some of them may be long, and the server has ten seconds for them."""

AWAY = "teamchat.sqlite.moved"
"""What the old database is called once it is not the record any more."""

TABLES: dict[str, tuple[str, ...]] = {
    "users": ("rowid",),
    "sessions": ("rowid",),
    "pairs": ("id",),
    "links": ("hash",),
    "letters": ("rowid",),
    "oauth_states": ("state_hash",),
    "identities": ("issuer", "subject"),
    "channels": ("id",),
    "deleted_channels": ("id",),
    "conversations": ("id",),
    "webhooks": ("id",),
    "images": ("name",),
    "leftovers": ("name",),
    "messages": ("position",),  # a reply comes after what it answers
    "reactions": ("message_id", "reaction", "user_id"),
    "message_images": ("message_id", "ordinal"),
    "reads": ("user_id", "place_id"),
    "journal": ("number",),
}
"""
What is copied, so that nothing comes before what it refers to; and by which key, which orders
the rows alike in both databases.  Of these, C{rowid} goes on from the last one there, too.
"""

BESIDE = ("head", "settings", "schema")
"""What is not: the first two go with the last transaction, and the last each has of its own."""

AGAIN = "Run the command again, and it goes on where it was."

Tell = Callable[[str], object]


@frozen
class Moved:
    """
    @ivar counts: of the rows in each table, as both have them.
    @ivar away: where the old database is now.
    """

    counts: dict[str, int]
    away: Path


def move(source: SQLite, target: Engine, tell: Tell = lambda what: None) -> Moved:
    """
    Move the record.  May be cut off at any moment, and called again.

    @param tell: is told how far it has come, after each step.
    @raise Unusable: it did not come to its end; the old record still counts.
    """
    with lock.take(source.directory):
        away = source.directory / AWAY
        _refuse_moved(source, away)
        source.refuse_missing()
        with _explaining(source), closing(source.connect()) as old:
            source.refuse_strange(old)
            with _explaining(target), closing(target.connect()) as new:
                target.found(new, tell)
                counts = _Move(old, new, target, tell).run()
        _put_away(source, away)
    return Moved(counts, away)


def _refuse_moved(source: SQLite, away: Path) -> None:
    if not away.exists():
        return
    if source.path.exists():
        raise Unusable(f"{away} is left of an earlier move: put it elsewhere first")
    raise Unusable(f"the record was moved already: {away} is what it was then")


@contextmanager
def _explaining(engine: Engine) -> Iterator[None]:
    try:
        yield
    except engine.error as error:
        said = (str(error).strip().splitlines() or [type(error).__name__])[0]
        again = "" if isinstance(error, engine.refused) else f". {AGAIN}"
        raise Unusable(
            f"the record is not moved, and stays in SQLite: {engine.name}: {said}{again}"
        ) from error


def _put_away(source: SQLite, away: Path) -> None:
    """
    Under a name that nobody opens by mistake, and in one file.
    """
    with _explaining(source), closing(source.connect()) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("PRAGMA journal_mode = DELETE")
    settle(source.path)
    source.path.rename(away)
    settle(source.directory)


@define
class _Move:
    """
    One move, or what is left of it.
    """

    old: Any
    new: Any
    target: Engine
    tell: Tell

    def run(self) -> dict[str, int]:
        counts = {table: _count(self.old, table) for table in TABLES}
        if not self._is_done():
            self._begin()
            everything, done = sum(counts.values()), 0
            for table in TABLES:
                for number in self._copied(table):
                    done += number
                    self.tell(f"{done:,} of {everything:,} rows, now of {table}")
            self._end(counts)
            self.tell("all rows are there")
        return counts

    def _name(self) -> str | None:
        """
        What this move is called: by the old record, and how far that has come.
        """
        named = halfway.named(self.old.cursor(), halfway.MOVING)
        [(era, number)] = self.old.execute("SELECT era, number FROM head")
        return None if named is None else f"{named} {era}.{number}"

    def _is_done(self) -> bool:
        """
        Whether all but putting away the old one was done the last time.
        """
        name = self._name()
        return name is not None and name == halfway.named(self.new.cursor(), halfway.MOVED)

    def _begin(self) -> None:
        if self._name() is None:
            halfway.name(self.old.cursor(), halfway.MOVING, token_hex(8))
        ours = self._name()
        with self._at_once() as cursor:
            theirs = halfway.named(cursor, halfway.MOVING)
            if theirs is None:
                self._refuse_used(cursor)
                halfway.name(cursor, halfway.MOVING, str(ours))
            elif theirs != ours:
                raise Unusable(
                    f"{self.target.name} is half-way from another record, or from this one"
                    " before a daemon worked with it again: make an empty database, and name"
                    " that in [storage] database"
                )
        self.tell("begun")

    def _refuse_used(self, cursor: Any) -> None:
        [(number,)] = cursor.execute("SELECT number FROM head")
        used = [
            table
            for table in ("settings", *TABLES)
            if cursor.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone()
        ]
        if number or used:
            raise Unusable(
                f"{self.target.name} holds a record already, and this one would not go with it:"
                " make an empty database, and name that in [storage] database"
            )

    def _copied(self, table: str) -> Iterator[int]:
        """
        Copy what has not arrived yet.

        @return: how many rows are there, again and again: those that were, then those that come.
        """
        key = TABLES[table]
        keys = ", ".join(key)
        columns = _columns(self.old, table)
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        last = self.new.execute(
            f"SELECT {keys} FROM {table} ORDER BY {', '.join(f'{one} DESC' for one in key)} LIMIT 1"
        ).fetchone()
        yield _count(self.old, table) - self._left(table, last)
        while rows := self._after(table, last, names):
            with self._at_once() as cursor:
                cursor.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)
            last = [rows[-1][columns.index(one)] for one in key]
            yield len(rows)

    def _left(self, table: str, last: Sequence[Any] | None) -> int:
        [(number,)] = self.old.execute(
            f"SELECT count(*) FROM {table}{_beyond(table, last)}", last or ()
        )
        return int(number)

    def _after(self, table: str, last: Sequence[Any] | None, names: str) -> list[Any]:
        found: list[Any] = self.old.execute(
            f"SELECT {names} FROM {table}{_beyond(table, last)}"
            f" ORDER BY {', '.join(TABLES[table])} LIMIT ?",
            (*(last or ()), AT_ONCE),
        ).fetchall()
        return found

    def _end(self, counts: dict[str, int]) -> None:
        """
        From here on the new record counts.

        @raise Unusable: it is not what the old one is.
        """
        settings = [
            row
            for row in self.old.execute("SELECT name, value FROM settings")
            if row[0] not in (halfway.MOVING, halfway.MOVED)
        ]
        [(number,)] = self.old.execute("SELECT number FROM head")
        with self._at_once() as cursor:
            self.new.raw.patience = None  # to count a great many takes a while
            cursor.execute("SET LOCAL statement_timeout = 0")
            _refuse_differences(counts, {table: _count(self.new, table) for table in TABLES})
            cursor.executemany("INSERT INTO settings (name, value) VALUES (?, ?)", settings)
            for table, key in TABLES.items():
                if key == ("rowid",):
                    cursor.execute(
                        f"SELECT setval(pg_get_serial_sequence('{table}', 'rowid'),"
                        f" (SELECT coalesce(max(rowid), 0) + 1 FROM {table}), false)"
                    )
            # The era is the one that its own database was made with, so that clients begin anew.
            cursor.execute("UPDATE head SET number = ?", (number,))
            halfway.forget(cursor, halfway.MOVING)
            halfway.name(cursor, halfway.MOVED, str(self._name()))

    @contextmanager
    def _at_once(self) -> Iterator[Any]:
        """
        Write in the new record, all of it or nothing, and nobody else meanwhile.
        """
        cursor = self.new.cursor()
        cursor.execute(self.target.begin_change)
        try:
            cursor.execute(self.target.lock_head)
            yield cursor
            self.new.commit()
        except BaseException:
            self.new.rollback()
            raise


def _columns(connection: Any, table: str) -> list[str]:
    names = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    return [*names, "rowid"] if TABLES[table] == ("rowid",) else names


def _beyond(table: str, last: Sequence[Any] | None) -> str:
    if last is None:
        return ""
    key = TABLES[table]
    return f" WHERE ({', '.join(key)}) > ({', '.join('?' * len(key))})"


def _count(connection: Any, table: str) -> int:
    [(number,)] = connection.execute(f"SELECT count(*) FROM {table}")
    return int(number)


def _refuse_differences(old: dict[str, int], new: dict[str, int]) -> None:
    differing = [
        f"{table} has {new[table]} rows instead of {old[table]}"
        for table in TABLES
        if old[table] != new[table]
    ]
    if differing:
        raise Unusable(
            f"what has arrived is not what was sent: {', '.join(differing)}. Somebody else has"
            " written there: make an empty database, and name that in [storage] database"
        )
