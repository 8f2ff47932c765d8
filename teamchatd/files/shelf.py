"""
Files on disk.
"""

import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from re import compile

NAME = compile(r"[0-9a-z][0-9a-z-]*(\.[0-9a-z-]+)*")
"""What we call files: no way out of the directory, and never hidden."""

HALF = ".half-"
"""Begins the name of a file that is still being written.  No L{NAME} begins with a dot."""


LONGEST_WRITING = 60 * 60
"""Seconds after which a half-written file of another daemon is what a crash has left."""


class Shelf:
    """
    Files on disk, each under a name, written once and never changed.

    @ivar directory: where they lie.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def open(self, is_shared: bool = False) -> None:
        """
        Make the directory if there is none, and clear away what a crash has left
        half written.

        @param is_shared: whether other daemons have it, too, and may be writing just now.
        @raise OSError: it cannot be made, or we may not do that in it.
        """
        if not self.directory.is_dir():
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            _settle(self.directory.parent)
        if self.directory.stat().st_mode & 0o077:
            self.directory.chmod(0o700)  # put back from a backup, perhaps
        with os.scandir(self.directory) as entries:
            halves = [Path(entry) for entry in entries if entry.name.startswith(HALF)]
        for half in halves:
            if is_shared and _is_young(half):
                continue
            half.unlink(missing_ok=True)

    def put(self, name: str, data: bytes) -> None:
        """
        When this returns, the file is on the disk and stays there.  Blocks.

        @raise ValueError: see L{path}.
        @raise OSError: it could not be written, or the name is taken.  Then nothing
            lies there that did not before.
        """
        path = self.path(name)
        if path.exists():
            raise FileExistsError(f"{path} is there already.")
        half = self.directory / f"{HALF}{name}"
        try:
            # Never through a link that somebody has put there.
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with open(os.open(half, flags, 0o600), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # Without both fsyncs a power cut can leave the name with nothing behind it.
            half.rename(path)
            _settle(self.directory)
        except BaseException:
            for left in (half, path):
                with suppress(OSError):
                    left.unlink()
            raise

    def path(self, name: str) -> Path:
        """
        @raise ValueError: it is no name that we give, and might lead elsewhere.
        """
        if not NAME.fullmatch(name):
            raise ValueError(f"No file of ours is called {name!r}.")
        return self.directory / name

    def remove(self, name: str) -> None:
        """
        @raise ValueError: see L{path}.
        @raise OSError: it cannot be removed.  A missing file is fine.
        """
        self.path(name).unlink(missing_ok=True)

    def names(self) -> Iterator[str]:
        """
        What lies here, in no order.
        """
        with os.scandir(self.directory) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                    yield entry.name


def _is_young(path: Path) -> bool:
    """
    Whether somebody may still be writing it.
    """
    try:
        return time.time() - path.stat().st_mtime < LONGEST_WRITING
    except FileNotFoundError:  # they are done
        return True


def _settle(directory: Path) -> None:
    """
    See to it that what C{directory} lists is on the disk.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
