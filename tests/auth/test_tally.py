"""
Limits that several daemons count together.
"""

import pytest
from twisted.internet.task import Clock

from teamchatd.auth.limits import Failures, Limit
from teamchatd.auth.tally import Tally
from teamchatd.errors import TooMany


class Wrong(Exception):
    pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def two(clock):
    """
    The tallies of two daemons that hear each other, and what both count.
    """
    made = []
    for mine in range(2):
        limit, failures = Limit(6, "Slowly.", clock), Failures(4, "Wait.", clock)
        tally = Tally(lambda told, other=1 - mine: made[other][0].hear(told))
        tally.share("requests", limit)
        tally.share("failures", failures)
        made.append((tally, limit, failures))
    return made


def test_counted_together(two):
    """
    What one daemon has counted, the other counts too, once it is told.
    """
    (here, ours, _), (_, theirs, _) = two
    for _ in range(4):
        ours.take("ada")
    here.send()
    theirs.take("ada")
    theirs.take("ada")
    with pytest.raises(TooMany):
        theirs.take("ada")
    theirs.take("bob")


def test_told_once(two):
    """
    What was told is not told again, and what was heard is not told on.
    """
    (here, ours, _), (there, theirs, _) = two
    ours.take("ada")
    for tally in (here, there) * 5:
        tally.send()
    for _ in range(5):
        theirs.take("ada")
    with pytest.raises(TooMany):
        theirs.take("ada")


def test_never_more_than_full(two, clock):
    """
    Daemons that let a little too much through lock nobody out: a window later all is as
    it was.
    """
    (here, ours, _), (there, theirs, _) = two
    for limit in (ours, theirs):
        for _ in range(6):
            limit.take("ada")
    here.send()
    there.send()
    with pytest.raises(TooMany):
        ours.take("ada")
    clock.advance(60)
    for _ in range(6):
        ours.take("ada")


def test_failures_together(two):
    """
    Who guesses at one daemon has guessed at all.
    """
    (here, _, ours), (_, _, theirs) = two
    for _ in range(4):
        with pytest.raises(Wrong), ours.watch(Wrong, "192.0.2.1", "ada"):
            raise Wrong
    with theirs.watch(Wrong, "192.0.2.2", "ada"):
        pass
    here.send()
    for client, account in (("192.0.2.1", "bob"), ("192.0.2.2", "ada")):
        with pytest.raises(TooMany), theirs.watch(Wrong, client, account):
            pass


def test_unknown_kind(two):
    """
    A daemon of another version may count what we do not.
    """
    (tally, limit, _), _ = two
    tally.hear({"something new": {"ada": 1}, "requests": {"ada": 6}})
    with pytest.raises(TooMany):
        limit.take("ada")
