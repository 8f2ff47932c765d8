"""
Streams of one user with several daemons.
"""

import pytest
from twisted.internet.task import Clock

from teamchatd.live.elsewhere import LONGEST_SILENCE, LOOKED_THROUGH_AT_ONCE, Elsewhere

ADA, BOB = "ada", "bob"


class Three:
    """
    What three daemons know of each other's streams.
    """

    def __init__(self, at_most=1):
        self.clock = Clock()
        self.clock.advance(1_800_000_000)
        self.at_most, self.told = at_most, []
        self.all = {}
        for name in "xyz":
            self.add(name)

    def add(self, name):
        self.all[name] = Elsewhere(self.clock, lambda told: self.tell(name, told), self.at_most)
        for their, other in self.all.items():
            if their != name:
                other.hear_from(name)
                self.all[name].hear_from(their)
        return self.all[name]

    def tell(self, name, told):
        self.told.append((name, told))
        for their, other in self.all.items():
            if their != name:
                other.hear(name, told)

    def open(self, name, user_id):
        self.clock.advance(1)
        since = self.all[name].now()
        self.all[name].opened(user_id, since)
        return since

    def send(self):
        """
        Twice: what is heard may have to be answered.
        """
        for _ in range(2):
            for each in self.all.values():
                each.send()

    def to_end(self, user_id, at_most):
        for each in self.all.values():
            each.at_most = at_most
        return {name: each.oldest_here(user_id) for name, each in self.all.items()}


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
    assert three.to_end(ADA, 1)["y"] == 0
    three.all["x"].opened(ADA, three.all["x"].now())
    three.all["x"].send()
    assert three.to_end(ADA, 1)["y"] == 1


def test_newcomer_is_told(three):
    """
    A daemon of which nothing was known hears what there is.
    """
    three.open("x", ADA)
    three.open("x", ADA)
    three.send()
    new = three.add("new")
    three.send()
    three.clock.advance(1)
    new.opened(ADA, new.now())
    assert three.to_end(ADA, 0)["new"] == 1
    assert three.to_end(ADA, 1)["new"] == 0
    three.send()
    assert three.to_end(ADA, 1)["x"] == 2


def test_told_whose(three):
    """
    Those who hear of streams elsewhere look whether there are too many now.
    """
    heard = []
    three.all["y"].changed = heard.append
    three.open("x", ADA)
    three.send()
    assert heard == [ADA]


def test_few_are_not_told():
    """
    Nobody hears of users who have a few streams everywhere.  One daemon that has more than
    its share has the others tell what they have.
    """
    three = Three(at_most=6)
    for name in "xxyyzz":
        three.open(name, ADA)
    three.send()
    assert three.told == []
    three.open("x", ADA)
    three.send()
    assert {name for name, _ in three.told} == {"x", "y", "z"}
    assert three.to_end(ADA, 6) == {"x": 1, "y": 0, "z": 0}


def test_many_are_told_bit_by_bit():
    """
    When a daemon comes, it is not told of all users in one message.
    """
    three = Three(at_most=1)
    for number in range(LOOKED_THROUGH_AT_ONCE + 5):
        three.all["x"].opened(f"user {number}", number)
    sizes = []
    for _ in range(3):
        three.all["x"].send()
        sizes.append(len(three.told[-1][1]) if three.told else 0)
        three.told.clear()
    assert sizes == [LOOKED_THROUGH_AT_ONCE, 5, 0]
