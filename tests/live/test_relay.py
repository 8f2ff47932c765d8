"""
What daemons tell each other through a Redis, on a real one.
"""

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.task import deferLater
from twisted.logger import globalLogPublisher

from teamchatd.live.relay import AWAY_AFTER, LONGEST_SILENCE, Address, RedisRelay
from tests.redis import Redis

pytestmark = pytest.mark.real

TURNS = 3000
"""Of a hundredth of a second, until something counts as not coming."""


async def until(condition):
    for _ in range(TURNS):
        if condition():
            return
        await deferLater(reactor, 0.01)
    raise AssertionError("it does not come")


@pytest.fixture
def log():
    said = []
    globalLogPublisher.addObserver(said.append)
    yield lambda: [event["log_format"].format(**event) for event in said if event["log_format"]]
    globalLogPublisher.removeObserver(said.append)


@pytest.fixture
def redis(tmp_path):
    made = Redis(tmp_path, password="right")
    yield made
    made.stop()


@pytest.fixture
def make_relay(redis):
    made = []

    def make(channel="teamchat:ours", url=None):
        relay = RedisRelay(reactor, Address.of(url or redis.url), channel)
        relay.heard = []
        relay.hear("bell", lambda daemon, what: relay.heard.append(what))
        relay.startService()
        made.append(relay)
        return relay

    yield make
    for each in made:
        pytest_twisted.blockon(each.stopService())


async def are_up(*relays):
    await until(lambda: all(each._mouth.size and each._ears.is_listening for each in relays))


@pytest_twisted.ensureDeferred
async def test_told(make_relay):
    """
    The others hear it, whoever tells it does not, and those of another team do not.
    """
    here, there, elsewhere = make_relay(), make_relay(), make_relay("teamchat:theirs")
    await are_up(here, there, elsewhere)
    here.tell("bell", 1)
    there.tell("bell", 2)
    await until(lambda: here.heard and there.heard)
    assert (here.heard, there.heard, elsewhere.heard) == ([2], [1], [])


@pytest_twisted.ensureDeferred
async def test_nonsense(make_relay, log):
    """
    Whatever else is told there does no harm, and is logged once and not each time.
    """
    here, there = make_relay(), make_relay()
    await are_up(here, there)
    here.hear("counts", lambda daemon, told: told["kind"])
    for nonsense in ("", "{", "[]", "[1, 2]", '["x", {}, 3]', '["x", "counts", 7]', '"abc"'):
        there._mouth.handler.publish(here.channel, nonsense)
    there.tell("bell", 1)
    await until(lambda: here.heard)
    assert here.heard == [1]
    said = [line for line in log() if "makes no sense" in line]
    assert len(said) == 2  # each of the two has heard it


@pytest_twisted.ensureDeferred
async def test_wrong_password(make_relay, redis, log):
    """
    The operator is told why; and when the password is put right, all is well by itself.
    """
    relay = make_relay(url=redis.url.replace("right", "wrong"))
    await until(lambda: relay._mouth.why and relay._ears.why)
    relay._heard_at -= AWAY_AFTER + 1
    relay.look()
    [said] = [line for line in log() if "Redis" in line]
    assert "does not let us in (WRONGPASS" in said
    assert "wrong" not in said.lower().replace("wrongpass", "")
    other = make_relay()
    await are_up(other)
    await other._mouth.handler.execute_command("CONFIG", "SET", "requirepass", "wrong")
    await are_up(relay)
    before = relay._heard_at
    relay.look()
    await until(lambda: relay._heard_at > before)
    relay.look()
    assert "can be reached again" in log()[-1]


@pytest_twisted.ensureDeferred
async def test_not_there_yet(make_relay, log):
    """
    A daemon that has just been started has not lost anything.
    """
    relay = make_relay()
    relay.look()
    await are_up(relay)
    relay.look()
    assert [line for line in log() if "Redis" in line] == []


@pytest_twisted.ensureDeferred
async def test_deaf(make_relay):
    """
    A connection on which not even oneself is heard is made again.
    """
    relay = make_relay()
    await are_up(relay)
    dead = relay._ears.pool[0]
    relay.look()
    relay._heard_at -= LONGEST_SILENCE + 1
    relay._quiet_since = relay._heard_at
    relay.look()
    await until(lambda: relay._ears.is_listening and relay._ears.pool[0] is not dead)


def test_address():
    url = "redis://ada:s%40cret@cache.example.org:6380/2"
    assert Address.of(url) == Address("cache.example.org", 6380, "ada", "s@cret", 2)
    assert str(Address.of(url)) == "cache.example.org:6380"
