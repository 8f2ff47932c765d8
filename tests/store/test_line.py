"""
Who waits for a database thread: L{teamchatd.store.line}.
"""

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from teamchatd.errors import Invalid
from teamchatd.store.line import Job, Line


class Thread:
    """
    Keeps what it is handed until it is told to finish.

    @ivar clock: of the reactor that does the handing over.
    """

    def __init__(self):
        self.turns = []
        self.clock = Clock()

    def soon(self, function):
        self.clock.callLater(0, function)

    def run(self, jobs):
        self.turns.append((jobs, Deferred()))
        return self.turns[-1][1]

    @property
    def handed_over(self):
        return [[job.args[0] for job in jobs] for jobs, _ in self.turns]

    def finish(self):
        """
        The newest turn is over.
        """
        self.turns[-1][1].callback(None)
        self.clock.advance(0)


@pytest.fixture
def thread():
    return Thread()


@pytest.fixture
def line(thread):
    return Line(thread.run, thread.soon, 3)


@pytest.fixture
def come(line, thread):
    """
    Jobs come, one in each turn of the reactor: C{come(*jobs)}.
    """

    def come(*jobs):
        for each in jobs:
            line.join(each)
            thread.clock.advance(0)

    return come


def job(name):
    return Job(len, (name,), 0)


def test_alone(come, thread):
    """
    Who comes alone waits for nobody.
    """
    come(job("a"))
    assert thread.handed_over == [["a"]]


def test_in_one_turn(line, thread):
    """
    Those who come in one turn of the reactor go together.
    """
    for name in "ab":
        line.join(job(name))
    thread.clock.advance(0)
    assert thread.handed_over == [["a", "b"]]


def test_together(come, thread):
    """
    Those who come while the thread is busy go together, in their order, but never
    more than so many at once.
    """
    come(*map(job, "abcdef"))
    assert thread.handed_over == [["a"]]
    thread.finish()
    assert thread.handed_over == [["a"], ["b", "c", "d"]]
    thread.finish()
    thread.finish()
    assert thread.handed_over == [["a"], ["b", "c", "d"], ["e", "f"]]
    come(job("g"))
    assert thread.handed_over[3:] == [["g"]]


def test_outcomes(come, thread):
    """
    Everybody has their own outcome, once their turn is over.
    """
    first, good, bad = jobs = [job(name) for name in "abc"]
    come(*jobs)
    thread.finish()
    good.outcome, bad.failure = 5, Failure(Invalid("no"))
    refused = []
    bad.done.addErrback(refused.append)
    assert first.done.called
    assert not good.done.called
    thread.finish()
    assert good.done.result == 5
    assert refused == [bad.failure]


def test_next_go_first(come, thread):
    """
    The thread works while those before are answered.
    """
    seen = []
    first = job("a")
    first.done.addCallback(lambda _: seen.extend(thread.handed_over))
    come(first, job("b"))
    thread.finish()
    assert seen == [["a"], ["b"]]


def test_asks_again(come, line, thread):
    """
    Who asks for more as soon as they are answered is not forgotten.
    """
    first = job("a")
    first.done.addCallback(lambda _: line.join(job("b")))
    come(first)
    thread.finish()
    assert thread.handed_over == [["a"], ["b"]]


def test_all_done(come, line, thread):
    """
    It is all done when the last who waited has been told.
    """
    assert line.all_done().called
    last = job("b")
    come(job("a"), last)
    done = line.all_done().addCallback(lambda _: last.done.called)
    thread.finish()
    assert not done.called
    thread.finish()
    assert done.result is True
