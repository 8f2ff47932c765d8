"""
Copying the database while it is in use.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from teamchatd.store.settling import settle
from teamchatd.store.unusable import Unusable

STEPS = 100_000
"""Of SQLite's, between two looks at how far it is."""


def size(connection: sqlite3.Connection) -> int:
    """
    How many bytes a copy takes, about.
    """
    [(pages,)] = connection.execute("PRAGMA page_count")
    [(free,)] = connection.execute("PRAGMA freelist_count")
    [(each,)] = connection.execute("PRAGMA page_size")
    return int((pages - free) * each)


def copy(
    connection: sqlite3.Connection, target: Path, progress: Callable[[int], None] | None = None
) -> None:
    """
    Copy one state of the database to a file, which is there when it is whole.  Those who
    write go on.

    @param progress: called again and again with the bytes that are there.
    @raise Unusable: it cannot be copied.
    """
    half = target.with_name(f"{target.name}.new")
    try:
        half.unlink(missing_ok=True)  # left by somebody who was cut off
        file = os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if progress is not None:
                tell = progress
                connection.set_progress_handler(lambda: tell(os.fstat(file).st_size), STEPS)
            connection.execute("VACUUM INTO ?", (str(half),))
            os.fsync(file)
        finally:
            if progress is not None:
                connection.set_progress_handler(None, 0)
            os.close(file)
        half.rename(target)
        settle(target.parent)
    except (OSError, sqlite3.Error) as error:
        half.unlink(missing_ok=True)
        raise Unusable(f"the database cannot be copied to {target}: {_reason(error)}") from error


def copy_of(path: Path, target: Path, progress: Callable[[int], None] | None = None) -> None:
    """
    The same, of the database in the file C{path}.
    """
    with closing(_beside_others(path)) as connection:
        copy(connection, target, progress)


def size_of(path: Path) -> int:
    """
    How many bytes a copy of the database in the file C{path} takes, about.
    """
    try:
        with closing(_beside_others(path)) as connection:
            return size(connection)
    except sqlite3.Error as error:
        raise Unusable(f"{path} cannot be used: {error}") from error


def _beside_others(path: Path) -> sqlite3.Connection:
    """
    @raise Unusable: there is nothing.  To open it would make an empty one.
    """
    if not path.exists():
        raise Unusable(f"there is no database {path}")
    return sqlite3.connect(path, isolation_level=None, timeout=5)


def _reason(error: OSError | sqlite3.Error) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
