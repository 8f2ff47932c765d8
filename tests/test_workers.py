"""
Threads for what takes long, by L{teamchatd.workers}.
"""

import subprocess
import sys

import pytest
from twisted.internet.defer import Deferred

from teamchatd import workers
from teamchatd.errors import TooMany, Unavailable
from teamchatd.workers import Workers
from tests.real.daemon import PATIENCE, ROOT


@pytest.fixture
def at_work(monkeypatch):
    """
    What is worked on, each to be ended by hand.
    """
    begun = []

    def defer(reactor, pool, function, *args):
        begun.append((function(*args), Deferred()))
        return begun[-1][1]

    monkeypatch.setattr(workers, "deferToThreadPool", defer)
    return begun


@pytest.fixture
def few(at_work):
    """
    Two threads; ten may wait, four of one.
    """
    made = Workers(None, "work", 2, 10, "Too much.", 4)
    made.startService()
    return made


def name_of(letter):
    return letter


def ended(begun, count):
    for _, done in begun[:count]:
        if not done.called:
            done.callback(None)


def test_no_more_at_once(few, at_work):
    for letter in "abcd":
        few.run(name_of, letter)
    assert [what for what, _ in at_work] == ["a", "b"]
    ended(at_work, 1)
    assert [what for what, _ in at_work] == ["a", "b", "c"]


def test_turns(few, at_work):
    """
    Who brings much waits for themselves, and the others do not wait for them.
    """
    for letter in "abcdef":
        few.run_for("ada", name_of, letter)
    few.run_for("bob", name_of, "B")
    few.run_for("cyd", name_of, "C")
    few.run_for("bob", name_of, "D")
    for count in range(1, 9):
        ended(at_work, count)
    assert "".join(what for what, _ in at_work) == "abcBCdDef"


def failure_of(deferred):
    failures = []
    deferred.addErrback(failures.append)
    [failure] = failures
    return failure


def test_too_much_of_one(few, at_work):
    """
    They are told, and the others are not.
    """
    for letter in "abcdef":
        few.run_for("ada", name_of, letter)
    assert failure_of(few.run_for("ada", name_of, "g")).check(TooMany)
    few.run_for("bob", name_of, "B")
    assert len(at_work) == 2


def test_too_much(few, at_work):
    for whom in ("ada", "bob", "cyd"):
        for _ in range(4):
            few.run_for(whom, name_of, "x")
    refused = failure_of(few.run_for("eve", name_of, "x")).value
    assert (str(refused), refused.retry_after) == ("Too much.", workers.RETRY_SECONDS)


def test_stopping(few, at_work):
    """
    What waits is refused, what was begun is waited for.
    """
    waiting = [few.run_for("ada", name_of, letter) for letter in "abc"][2]
    over = few.stopService()
    assert failure_of(waiting).check(Unavailable)
    assert failure_of(few.run(name_of, "d")).check(Unavailable)
    ended(at_work, 1)
    assert not over.called
    ended(at_work, 2)
    assert over.called
    assert few.idle().called


@pytest.mark.real
def test_exit_does_not_wait():
    """
    Work that outlasts the daemon, on a disk that hangs, does not keep the process.
    """
    program = (
        "import threading\n"
        "from twisted.internet import reactor\n"
        "from teamchatd.workers import Workers\n"
        "workers = Workers(reactor, 'work', 1, 10, 'Too much.')\n"
        "workers.startService()\n"
        "workers.run(lambda: (reactor.callFromThread(reactor.stop), threading.Event().wait()))\n"
        "reactor.run()\n"
        "workers.stopService()\n"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=PATIENCE, check=True)
