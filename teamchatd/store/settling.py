"""
Seeing to it that what was written is on the disk.
"""

import os
from pathlib import Path


def settle(path: Path) -> None:
    """
    A file, or what a directory lists, is on the disk when this returns.  Blocks.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def settle_all(directory: Path) -> None:
    """
    The same of C{directory} and of all that is below it.
    """
    for below, _, names in os.walk(directory, topdown=False):
        for name in names:
            settle(Path(below, name))
        settle(Path(below))
