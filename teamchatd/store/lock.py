"""
Who may work in a data directory: one daemon, or whoever puts another record there.
"""

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from teamchatd.store.schema import Unusable

NAME = "lock"


def take(directory: Path) -> IO[Any]:
    """
    Make sure that nobody else works in C{directory}, which is made if there is none: two
    daemons would each number the journal as if they were alone.

    @return: what has to be closed in the end.
    @raise Unusable: somebody does, or it cannot be made.
    """
    lock: IO[Any] | None = None
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = open(directory / NAME, "a", opener=for_us_only)  # noqa: SIM115 - held by the caller
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        if lock is not None:
            lock.close()
        raise Unusable(f"another teamchat is running on {directory}") from error
    except OSError as error:
        raise Unusable(
            f"the data directory {directory} cannot be used: {error.strerror}"
        ) from error
    return lock


def for_us_only(path: str, flags: int) -> int:
    """
    An C{opener}: what is made belongs to us alone.
    """
    return os.open(path, flags, 0o600)
