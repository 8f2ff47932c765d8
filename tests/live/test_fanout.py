"""
The way of a frame to all who hear it, by L{teamchatd.live.fanout}.
"""

import pytest
from twisted.internet.task import Clock

from teamchatd.live.fanout import LOOKS_EVERY, MOST_WAITING, SLICE, FanOut, Told
from teamchatd.live.frames import frame


class Ear:
    """
    As much of a stream as a fan-out needs.
    """

    def __init__(self, user_id="ada", since=0):
        self.user_id, self.since, self.heard = user_id, since, []


class SlowClock(Clock):
    """
    Each look at it costs a good part of a slice.

    @ivar turns: how often something was left for another turn.
    """

    turns = 0

    def callLater(self, *what):
        self.turns += 1
        return super().callLater(*what)

    def seconds(self):
        now = super().seconds()
        self.rightNow += SLICE * 0.6
        return now


@pytest.fixture
def clock():
    return SlowClock()


@pytest.fixture
def ears():
    return [Ear("bob" if number % 2 else "ada") for number in range(LOOKS_EVERY * 10)]


@pytest.fixture
def fan_out(clock, ears):
    def listeners(whom):
        return [ear for ear in ears if whom is None or ear.user_id in whom]

    return FanOut(clock, listeners, lambda ear, sent: ear.heard.append(sent.plain))


def told(number, whom=None):
    return Told(whom, frame(b"%d" % number), number)


def heard(ears):
    return [b"".join(ear.heard) for ear in ears]


def pass_turns(clock):
    while clock.getDelayedCalls():
        clock.advance(0)


def test_slices(fan_out, clock, ears):
    """
    After a slice of time others have their turn, and then it goes on.
    """
    fan_out.add(told(1))
    first = sum(map(len, heard(ears)))
    assert 0 < first <= len(ears) // 3
    pass_turns(clock)
    assert heard(ears) == [b"1"] * len(ears)
    assert clock.turns > 2


def test_in_order(fan_out, clock, ears):
    """
    What comes meanwhile waits until all have heard what was before it.
    """
    for number in (1, 2, 3):
        fan_out.add(told(number))
    fan_out.add(told(4, ("bob",)))
    fan_out.add(told(5))
    assert b"2" not in b"".join(heard(ears))
    pass_turns(clock)
    assert heard(ears) == [b"1235", b"12345"] * (len(ears) // 2)


def test_joins_meanwhile(fan_out, clock, ears):
    """
    Who joins has heard what is under way, and hears what comes after it.
    """
    fan_out.add(told(1))
    fan_out.add(told(2))
    ears.append(Ear(since=2))
    fan_out.add(told(3))
    pass_turns(clock)
    assert heard(ears[-2:]) == [b"123", b"3"]


def test_still_catching_up(fan_out, clock, ears):
    ears[5].since = None
    fan_out.add(told(1))
    pass_turns(clock)
    assert heard(ears[4:7]) == [b"1", b"", b"1"]


def test_leaves_meanwhile(fan_out, clock, ears):
    fan_out.add(told(1))
    gone = ears.pop()
    gone.since = None
    pass_turns(clock)
    assert heard([*ears, gone]) == [b"1"] * len(ears) + [b""]


def test_cannot_wait(fan_out, clock, ears):
    """
    One who is about to be cut hears all of it at once, and nothing twice.
    """
    fan_out.add(told(1))
    fan_out.add(told(2, ("ada",)))
    fan_out.add(told(3))
    first, last = ears[0], ears[-1]
    for ear in (first, last):
        fan_out.hurry(ear)
    assert heard([first, last]) == [b"123", b"13"]
    pass_turns(clock)
    assert heard(ears) == [b"123", b"13"] * (len(ears) // 2)


def test_too_much_waits(fan_out, clock, ears):
    """
    Those who post faster than it can be told have to wait for us.
    """
    for number in range(1, MOST_WAITING + 4):
        fan_out.add(told(number))
    assert all(len(ear.heard) >= 3 for ear in ears)
    pass_turns(clock)
    assert {len(ear.heard) for ear in ears} == {MOST_WAITING + 3}


def test_finish(fan_out, clock, ears):
    """
    The daemon stops: everybody hears all there is, in this very turn.
    """
    for number in (1, 2):
        fan_out.add(told(number))
    fan_out.finish()
    assert heard(ears) == [b"12"] * len(ears)
    pass_turns(clock)
    assert heard(ears) == [b"12"] * len(ears)


def test_forget(fan_out, clock, ears):
    fan_out.add(told(1))
    fan_out.add(told(2))
    before = heard(ears)
    fan_out.forget()
    pass_turns(clock)
    assert heard(ears) == before
    fan_out.add(told(3))
    pass_turns(clock)
    assert b"2" not in b"".join(heard(ears))
