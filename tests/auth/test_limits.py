"""
How often somebody may: L{teamchatd.auth.limits}.
"""

from contextlib import ExitStack

import pytest
from twisted.internet.task import Clock

from teamchatd.auth import limits
from teamchatd.auth.limits import Failures, Limit, neighbourhood
from teamchatd.errors import TooMany


@pytest.fixture
def clock():
    return Clock()


def refused(limit, name="ada"):
    """
    For how many seconds the next one has to wait; 0 if it need not.
    """
    try:
        limit.take(name)
    except TooMany as many:
        return many.retry_after
    return 0


def test_burst(clock):
    """
    As many as a minute allows may come at once, and no more.
    """
    limit = Limit(6, "Too often.", clock)
    assert [refused(limit) for _ in range(7)] == [0] * 6 + [10]


def test_comes_back(clock):
    """
    What was taken comes back evenly, and a refusal costs nothing.
    """
    limit = Limit(6, "Too often.", clock)
    for _ in range(20):
        refused(limit)
    clock.advance(10)
    assert [refused(limit) for _ in range(2)] == [0, 10]
    clock.advance(60)
    assert [refused(limit) for _ in range(7)] == [0] * 6 + [10]


def test_names_do_not_share(clock):
    """
    One who asks too often stops nobody else.
    """
    limit = Limit(1, "Too often.", clock)
    assert [refused(limit, name) for name in ("ada", "bob", "ada")] == [0, 0, 60]


def test_memory_is_bounded(clock, monkeypatch):
    """
    Many names are forgotten once they are calm, and all of them if they are not.
    """
    monkeypatch.setattr(limits, "MOST_NAMES", 10)
    for kind in (Limit, Failures):
        limit = kind(6, "Too often.", clock)
        for number in range(100):
            refused(limit, f"n{number}")
        assert len(limit._full_until) <= 11


def test_delay_grows(clock):
    """
    Who goes on failing at the limit waits longer each time, up to a quarter of
    an hour: never for good.
    """
    failures = Failures(10, "Too many.", clock)
    waits = []
    for _ in range(22):
        wait = refused(failures)
        if wait:
            waits.append(wait)
            clock.advance(wait)
            assert refused(failures) == 0
    assert waits[0] == 12
    assert waits == sorted(waits)
    assert max(waits) <= 15 * 60 + 6
    assert waits[-1] > 10 * 60


def test_peace(clock):
    """
    After a while without attempts all is forgotten.
    """
    failures = Failures(10, "Too many.", clock)
    for _ in range(15):
        clock.advance(refused(failures))
    clock.advance(3600)
    assert [refused(failures) for _ in range(10)] == [0] * 10


class Wrong(Exception):
    pass


def attempt(failures, error=None, client="here", account="ada"):
    """
    For how many seconds an attempt has to wait that ends so; 0 if it was made.
    """
    try:
        with failures.watch(Wrong, client, account):
            if error is not None:
                raise error
    except TooMany as many:
        return many.retry_after
    except (Wrong, OSError):
        pass
    return 0


def test_only_failures_count(clock):
    """
    An attempt that succeeds was none, nor one that could not be made.
    """
    failures = Failures(2, "Too many.", clock)
    for _ in range(50):
        assert attempt(failures) == 0
        assert attempt(failures, OSError()) == 0
    assert [attempt(failures, Wrong()) > 0 for _ in range(3)] == [False, False, True]
    assert attempt(failures, client="elsewhere") > 0
    assert attempt(failures, account="bob") > 0
    assert attempt(failures, client="elsewhere", account="bob") == 0


def test_office(clock):
    """
    Behind one address many may be signing in at once, each to their account.
    """
    failures = Failures(10, "Too many.", clock)
    with ExitStack() as office:
        for number in range(30):
            office.enter_context(failures.watch(Wrong, "office", f"n{number}"))


def test_guesses_at_once(clock):
    """
    Whoever guesses at one account does not guess more often by guessing at once,
    from wherever.
    """
    failures = Failures(10, "Too many.", clock)
    for _ in range(4):
        attempt(failures, Wrong())
    with ExitStack() as guesses:
        for number in range(6):
            guesses.enter_context(failures.watch(Wrong, f"n{number}", "ada"))
        assert attempt(failures, client="elsewhere") > 0
    assert attempt(failures, client="elsewhere") == 0


def test_failing_at_once(clock):
    """
    A hundred that fail together keep nobody out for longer than a quarter of an hour.
    """
    failures = Failures(10, "Too many.", clock)
    with ExitStack() as guesses:
        for number in range(100):
            guesses.push(lambda *error: True)
            guesses.enter_context(failures.watch(Wrong, "here", f"n{number}"))
            guesses.callback(fail)
    assert 10 * 60 < attempt(failures) <= 15 * 60 + 6


def fail():
    raise Wrong()


def test_all_names_or_none(clock):
    """
    An attempt that is not made under one name does not count under the other.
    """
    failures = Failures(1, "Too many.", clock)
    failures.take("account")
    for _ in range(5):
        with pytest.raises(TooMany):
            failures.take("client", "account")
    failures.take("client")


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("", ""),
        ("a path", "a path"),
    ],
)
def test_neighbourhood(host, name):
    """
    Whoever has an IPv6 address has all those of its /64.
    """
    assert neighbourhood(host) == name
