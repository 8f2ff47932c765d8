"""
Streams of one user with several daemons.
"""

import pytest
from twisted.internet.task import Clock

from teamchatd.live.elsewhere import LONGEST_SILENCE, Elsewhere

ADA, BOB = "ada", "bob"


class Three:
    """
    What three daemons know of each other's streams.
    """

    def __init__(self):
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.all = {name: Elsewhere(self.clock, self._tells(name)) for name in "xyz"}

    def _tells(self, name):
        return lambda told: [
            other.hear(name, told) for their, other in self.all.items() if their != name
        ]

    def open(self, name, user_id):
        self.clock.advance(1)
        since = self.all[name].now()
        self.all[name].opened(user_id, since)
        return since

    def send(self):
        for each in self.all.values():
            each.send()

    def to_end(self, user_id, at_most):
        return {name: each.oldest_here(user_id, at_most) for name, each in self.all.items()}


@pytest.fixture
def three():
    return Three()


def test_oldest_go(three):
    """
    Wherever they are, the oldest are too many, and each daemon ends its own.
    """
    for name in "xyzxyz":
        three.open(name, ADA)
    three.send()
    assert three.to_end(ADA, 6) == {"x": 0, "y": 0, "z": 0}
    assert three.to_end(ADA, 4) == {"x": 1, "y": 1, "z": 0}
    assert three.to_end(ADA, 1) == {"x": 2, "y": 2, "z": 1}
    assert three.to_end(BOB, 1) == {"x": 0, "y": 0, "z": 0}


def test_closed(three):
    """
    What is closed counts nowhere.
    """
    since = three.open("x", ADA)
    three.open("y", ADA)
    three.send()
    assert three.to_end(ADA, 1) == {"x": 1, "y": 0, "z": 0}
    three.all["x"].closed(ADA, since)
    three.send()
    assert three.to_end(ADA, 1) == {"x": 0, "y": 0, "z": 0}


def test_daemon_is_gone(three):
    """
    The streams of a daemon that is silent count no more.
    """
    three.open("x", ADA)
    three.open("y", ADA)
    three.send()
    for _ in range(LONGEST_SILENCE + 1):
        three.clock.advance(1)
        three.all["z"].hear_from("y")
        three.all["y"].hear_from("z")
        three.all["y"].send()
    assert three.all["y"].oldest_here(ADA, 1) == 0
    three.all["x"].opened(ADA, three.all["x"].now())
    three.all["x"].send()
    assert three.all["y"].oldest_here(ADA, 1) == 1


def test_newcomer_is_told(three):
    """
    A daemon of which nothing was known hears what there is.
    """
    three.open("x", ADA)
    three.open("x", ADA)
    three.send()
    new = Elsewhere(three.clock, lambda told: None)
    three.all["new"] = new
    three.all["x"].hear_from("new")
    three.send()
    three.clock.advance(1)
    new.opened(ADA, new.now())
    assert three.all["x"].oldest_here(ADA, 2) == 0
    assert new.oldest_here(ADA, 0) == 1
    assert new.oldest_here(ADA, 1) == 0


def test_told_whose(three):
    """
    Those who hear of streams elsewhere look whether there are too many now.
    """
    heard = []
    three.all["y"].changed = heard.append
    three.open("x", ADA)
    three.send()
    assert heard == [ADA]
