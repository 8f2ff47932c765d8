"""
The person at the terminal, or the program in their place.
"""

import getpass
import sys
import time
from collections.abc import Callable
from typing import Any

import orjson
from attrs import define, field

from teamchatd.auth import passwords

EVERY_SECONDS = 10
"""A line about long work, where nobody sees it grow."""

EVERY_SECONDS_SHOWN = 0.1


class CannotDo(Exception):
    """
    What was asked is not done.  Says why, for the operator.
    """


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def say_json(value: Any) -> None:
    say(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())


def complain(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def new_password() -> str:
    """
    From the terminal, twice and unseen; else the first line of what is sent here.  Never
    from the command line, which everybody on this machine can read.

    @raise CannotDo: the two are not the same.
    @raise UnusablePassword: it is too short, or too common.
    """
    if not sys.stdin.isatty():
        return passwords.usable(sys.stdin.readline().rstrip("\r\n"))
    password = passwords.usable(getpass.getpass("New password: "))
    if getpass.getpass("The same again: ") != password:
        raise CannotDo("These were two different passwords. Nothing was changed.")
    return password


def make_sure(question: str) -> None:
    """
    @raise CannotDo: the answer is not yes, or nobody is there to give one.
    """
    if not sys.stdin.isatty():
        raise CannotDo(f"{question} Say --yes if you are sure: nobody can be asked here.")
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise CannotDo("Nothing was changed.")


def in_words(size: int) -> str:
    """
    So many bytes, as one says them.
    """
    amount = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if amount < 1000 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "bytes" else f"{amount:.1f} {unit}"


@define
class Progress:
    """
    How far long work has come: a line that grows, where somebody watches; else a line now
    and then, so that a log shows that it goes on.
    """

    _what: str
    _stream: Any = field(factory=lambda: sys.stderr)
    _now: Callable[[], float] = time.monotonic
    _next: float = field(init=False)
    _is_shown: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        self._next = self._now() + self._seconds

    @property
    def _seconds(self) -> float:
        return EVERY_SECONDS_SHOWN if self._stream.isatty() else EVERY_SECONDS

    def at(self, how_far: str) -> None:
        if self._now() < self._next:
            return
        self._next = self._now() + self._seconds
        if self._stream.isatty():
            self._is_shown = True
            self._stream.write(f"\r\033[K{self._what}: {how_far}")
            self._stream.flush()
        else:
            self._stream.write(f"{self._what}: {how_far}\n")

    def over(self) -> None:
        if self._is_shown:
            self._stream.write("\r\033[K")
            self._stream.flush()
