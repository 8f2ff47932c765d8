"""
What is done again and again, by L{teamchatd.recurring}.
"""

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from teamchatd.errors import Unavailable
from teamchatd.recurring import PAUSE, Recurring

MINUTE = 60


class Work:
    """
    What is to be done every minute.

    @ivar answers: of the next steps; without one, there is no more to do.
    """

    def __init__(self):
        self.clock, self.count, self.answers = Clock(), 0, []
        self.recurring = Recurring(self.clock, MINUTE, self.step)
        self.recurring.startService()

    def step(self):
        self.count += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def end(self):
        """
        @return: a list that is no longer empty once it has ended.
        """
        over = []
        self.recurring.stopService().addBoth(over.append)
        return over


@pytest.fixture
def work():
    return Work()


@pytest.fixture
def logged():
    """
    The texts of what is logged as wrong.
    """
    found = []

    def hear(event):
        if event["log_level"].name in ("warn", "error", "critical"):
            found.append(event.get("log_format") or str(event.get("log_failure")))

    globalLogPublisher.addObserver(hear)
    yield found
    globalLogPublisher.removeObserver(hear)


def test_every_minute(work):
    """
    At once, and then every minute, by the clock.
    """
    assert work.count == 1
    work.clock.pump([MINUTE - 1, 1])
    assert work.count == 2
    work.clock.pump([MINUTE, MINUTE])
    assert work.count == 4


def test_pause_between_steps(work):
    """
    Where there is more to do it goes on soon, and others get their turn before;
    for that nobody waits twice.
    """
    work.answers = [True, succeed(True), succeed(False), True]
    work.clock.advance(MINUTE)
    assert work.count == 2
    work.clock.pump([PAUSE / 2, PAUSE / 2])
    assert work.count == 3
    work.clock.pump([PAUSE, PAUSE])
    assert work.count == 4
    work.clock.advance(MINUTE - 3 * PAUSE)
    assert work.count == 5


def test_one_at_a_time(work):
    """
    What takes longer than a minute is not begun a second time.
    """
    work.answers = [Deferred()]
    slow = work.answers[0]
    work.clock.pump([MINUTE, MINUTE, MINUTE])
    assert work.count == 2
    slow.callback(None)
    work.clock.advance(MINUTE)
    assert work.count == 3


@pytest.mark.parametrize("wrong", [Unavailable("The disk is full."), ValueError("oops")])
@pytest.mark.parametrize("how", [lambda wrong: wrong, fail])
def test_again(work, logged, wrong, how):
    """
    What fails is done again the next time, and somebody hears of it.
    """
    work.answers = [how(wrong)]
    work.clock.advance(MINUTE)
    assert len(logged) == 1
    work.clock.advance(MINUTE)
    assert (work.count, len(logged)) == (3, 1)


def test_end_while_idle(work):
    assert work.end()
    work.clock.pump([MINUTE, MINUTE])
    assert work.count == 1


def test_end_between_steps(work, logged):
    """
    However much there is to do: it ends at once, and quietly.
    """
    work.answers = [True] * 1000
    work.clock.pump([MINUTE, PAUSE, PAUSE])
    assert work.count == 4
    assert work.end()
    work.clock.pump([MINUTE, MINUTE])
    assert (work.count, logged) == (4, [])
    assert work.clock.getDelayedCalls() == []


@pytest.mark.parametrize("outcome", [True, False, Unavailable("The server is stopping.")])
def test_end_during_a_step(work, logged, outcome):
    """
    A step that was begun is waited for, and none comes after it.
    """
    work.answers = [Deferred(), True]
    step = work.answers[0]
    work.clock.advance(MINUTE)
    over = work.end()
    assert over == []
    step.errback(outcome) if isinstance(outcome, Exception) else step.callback(outcome)
    assert over
    work.clock.pump([MINUTE, MINUTE])
    assert (work.count, logged) == (2, [])


def test_not_waited_for(work, logged):
    """
    A step that does not end is given up, which is no error of anybody's.
    """
    work.answers = [Deferred()]
    step = work.answers[0]
    work.clock.advance(MINUTE)
    ending = work.recurring.stopService().addErrback(lambda failure: None)
    ending.cancel()
    assert ending.called
    step.callback(True)
    del ending, step
    assert (work.count, logged) == (2, [])


def test_end_twice(work):
    assert work.end()
    assert work.end()
