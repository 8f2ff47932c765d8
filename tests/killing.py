"""
What is done in a process that does not live to see the end of it.
"""

import os
import resource
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

TOUCHES = {"open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "sqlite3.connect"}
"""What Python says it is about to do (C{sys.addaudithook}) that changes what lies on a disk."""

OF_SQLITE = 500
"""So many steps of its machine are a moment, too: it writes without asking Python."""


def moments(work: Callable[[], object], below: Path) -> Iterator[int]:
    """
    Do C{work} again and again, each time in a process of its own that is killed one moment
    later than the last: with C{kill -9}, before it next touches what is C{below}.  Ends
    once it has come to its end.

    The test looks at what is there, and puts things back as they were, in between.
    """
    moment = 0
    while _is_killed(work, below, moment):
        yield moment
        moment += 1


def _is_killed(work: Callable[[], object], below: Path, moment: int) -> bool:
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
        return os.WIFSIGNALED(status)
    left = moment

    def count():
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    def hear(event, arguments):
        if event in TOUCHES and str(arguments[0]).startswith(str(below)):
            count()

    _end_with(lambda: (sys.addaudithook(hear), work()))
    raise AssertionError("not reached")


def dying(moment: int) -> Callable[..., None]:
    """
    @return: what, called so many times and once more, lets this process die.
    """
    left = moment

    def count(*said):
        nonlocal left
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1

    return count


def survives(work: Callable[[], object]) -> bool:
    """
    Do C{work} in a process of its own.

    @return: whether it came to its end.
    """
    child = os.fork()
    if not child:
        _end_with(work)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "it failed by itself"
    return not os.WIFSIGNALED(status)


def refusal(work: Callable[[], object], longest_file: int) -> str:
    """
    Do C{work} in a process that can make no file longer than that, as on a full disk.

    @return: why it could not be done; nothing, where it could.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest_file, hard))

        def say():
            try:
                work()
            except Exception as error:
                os.write(writing, f"{type(error).__name__}: {error}".encode())

        _end_with(say)
    os.close(writing)
    with open(reading, "rb") as said:
        sentence = said.read().decode()
    os.waitpid(child, 0)
    return sentence


def _end_with(work: Callable[[], object]) -> None:
    """
    The last thing that this process does.
    """
    status = 1
    try:
        work()
        status = 0
    except BaseException as error:
        os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(status)
