"""
Tests for L{teamchatd.reloading}.
"""

import signal

import pytest
from attrs import evolve
from twisted.logger import capturedLogs, formatEvent

from teamchatd import house
from teamchatd.config import BadConfig, Config, CustomProvider, OAuth
from teamchatd.config.differences import differences
from teamchatd.config.sources import KEYS
from teamchatd.reloading import Reloading
from tests.daemon import settings


class Reactor:
    """
    One that does at once what it is asked to.
    """

    def callFromThread(self, function):  # noqa: N802 - Twisted's name
        function()


class Reading:
    """
    A configuration that the test changes.
    """

    def __init__(self):
        self.now = Config()

    def __call__(self):
        if isinstance(self.now, BadConfig):
            raise self.now
        return self.now


@pytest.fixture
def reading():
    return Reading()


@pytest.fixture
def around():
    """
    What was called around a reload.
    """
    return []


@pytest.fixture
def reloading(reading, around):
    before = signal.getsignal(signal.SIGHUP)
    made = Reloading(
        Reactor(),
        reading,
        Config(),
        lambda: around.append("before"),
        lambda: around.append("after"),
    )
    made.startService()
    yield made
    made.stopService()
    signal.signal(signal.SIGHUP, before)


def said():
    signal.raise_signal(signal.SIGHUP)


def test_differences():
    """
    The keys that have another value, as they are written, and no value.
    """
    other = settings(
        auth={"jwt_secret": "x" * 40, "auth_mode": "password", "is_invite_required": True},
        chat={"initial_user": evolve(Config().chat.initial_user, email="ada@example.org")},
        email={"from_": "chat@example.org"},
        oauth={"custom": (CustomProvider("x"),)},
        rate_limit={"enabled": True},
    )
    assert differences(Config(), Config()) == []
    assert differences(Config(), other) == [
        "[auth] jwtSecret",
        "[chat.initialUser] email",
        "[email] from",
        "[[oauth.custom]]",
    ]


def test_changeable_are_keys():
    """
    What the house calls changeable is what the configuration has.
    """
    assert set(house.CHANGEABLE) <= {str(key) for key in KEYS.values()}


def test_all_changeable_change(in_memory):
    """
    Each of them is taken over by a house that has been built with another.
    """
    daemon = in_memory(rate_limit={"enabled": True})
    wanted = settings(
        auth={"max_active_sessions": 1},
        chat={"message_retention_days": 2},
        oauth={"max_attempts": 3, "window_seconds": 4},
        events={"streams_per_user": 5},
        images={"max_bytes": 6000, "max_pixels": 70000},
        rate_limit={"enabled": True, "requests_per_minute": 8, "failed_sign_ins_per_minute": 9},
    )
    assert set(differences(daemon.chosen, wanted)) == set(house.CHANGEABLE)
    made = daemon.house
    made.change(wanted)
    assert (made.sessions.at_most, made._retention.days) == (1, 2)
    assert (made._attempts._at_most, made._attempts._window) == (3, 4)
    assert (made.hub.streams_per_user, made.images.max_pixels) == (5, 70000)
    assert (made._uploads.max_bytes, made._reception.max_bytes) == (6000, 6000)
    assert daemon.done(daemon.get("/config.json"))["maxImageBytes"] == 6000
    assert (made._requests._at_most, made._failures._per_minute) == (8, 9)


def test_without_limits(in_memory):
    """
    Limits that were switched off stay so.
    """
    daemon = in_memory()
    daemon.house.change(settings(rate_limit={"requests_per_minute": 1}))
    assert [daemon.get("/health").status for _ in range(3)] == [200] * 3


def test_broken_part(reading, reloading, around):
    """
    A part that fails keeps no other from changing, nor anybody waiting.
    """
    took = []
    reloading.parts.append((("[events] keepDays",), lambda chosen: 1 / 0))
    reloading.parts.append((("the certificates",), took.append))
    reading.now = settings(events={"keep_days": 9})
    with capturedLogs() as logs:
        said()
    assert took == [reading.now]
    assert around == ["before", "after"]
    assert [log["log_failure"].type for log in logs if "log_failure" in log] == [ZeroDivisionError]


def test_refused(reading, reloading, around):
    """
    A bad configuration changes nothing, and its sentence is in the log.
    """
    took = []
    reloading.parts.append((("the certificates",), took.append))
    reading.now = BadConfig("teamchat.toml: [auth] authMode", '"non" is not "dev"')
    with capturedLogs() as logs:
        said()
    assert took == []
    assert around == ["before", "after"]
    assert [formatEvent(log) for log in logs] == [
        'The configuration stays as it was: teamchat.toml: [auth] authMode: "non" is not "dev"'
    ]


def test_no_secret_is_said(reading, reloading):
    """
    That a secret is another is said, and not which.
    """
    reading.now = evolve(Config(), oauth=OAuth(custom=(CustomProvider("x", client_secret="hush"),)))
    with capturedLogs() as logs:
        said()
    told = [formatEvent(log) for log in logs]
    assert any("[[oauth.custom]]" in line for line in told)
    assert not any("hush" in line for line in told)


def test_while_stopping(reading, reloading, around):
    """
    Who asks while we stop does not end us, and is not heard.
    """
    reloading.stopService()
    said()
    assert around == []
