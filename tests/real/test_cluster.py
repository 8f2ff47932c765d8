"""
Three daemons, one PostgreSQL, one Redis: several machines that behave as one.
"""

import os
import signal
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http.client import HTTPException
from itertools import cycle
from pathlib import Path

import pytest

from teamchatd.http.readiness import STUCK
from teamchatd.store.database import IN_DOUBT, NOT_READ, NOT_STORED
from tests.answers import encoded
from tests.daemon import request_bytes
from tests.files import corpus
from tests.postgres import Pair, Place, Server, restart
from tests.real.daemon import PATIENCE, ROOT, RealDaemon
from tests.redis import some_redis

pytestmark = pytest.mark.real

STREAMS = 300
CHECKING = 9
"""Of these, hold what they hear against the contract; to do it for all takes longest."""

POSTERS = ("bob", "cyd", "dan")
EACH_POSTS = 20
"""Messages that each poster sends in each act."""


class Cluster:
    """
    @ivar daemons: those that are there.
    """

    def __init__(
        self,
        directory,
        count=3,
        is_with_redis=True,
        streams_per_user=1000,
        place=None,
        **sections,
    ):
        """
        @param place: of the record; else it is a database of its own.
        """
        self._directory, self.shared = directory, directory / "shared"
        events = {"streams_per_user": streams_per_user, "heartbeat_seconds": 1}
        self._sections = {"events": events} | sections
        self.place = place or Place()
        self.redis = some_redis(directory) if is_with_redis else None
        self.daemons = []
        with ThreadPoolExecutor(count) as threads:  # for the first time, all at once
            self.daemons = [*threads.map(self._made, range(count))]

    def add(self, **more):
        self.daemons.append(self._made(len(self.daemons), **more))

    def _made(self, number, data=None, **more):
        home = self._directory / f"daemon-{number}"
        home.mkdir()
        sections = self._sections | {
            "storage": {"database": self.place.url},
            "redis": {"url": self.redis.url} if self.redis else {},
        }
        return RealDaemon(home, data=data or self.shared, **more, **sections)

    def stop(self):
        for daemon in self.daemons:
            daemon.stop()
        if self.redis:
            self.redis.stop()
        self.place.drop()


@pytest.fixture
def make_cluster(tmp_path):
    made = []

    def make(**more):
        made.append(Cluster(tmp_path, **more))
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()
    for cluster in made:
        for daemon in cluster.daemons:
            daemon.assert_discreet()


@pytest.fixture
def cluster(make_cluster):
    return make_cluster()


@pytest.fixture(params=["redis", "alone"])
def two(make_cluster, request):
    """
    Two daemons, with a bell between them and without.
    """
    return make_cluster(count=2, is_with_redis=request.param == "redis").daemons


def test_heard_on_another(two):
    """
    What is said on one is heard on the other.
    """
    here, there = two
    ada = here.token("ada")
    listener = there.listen(ada)
    listener.await_events(1)
    said = here.say(ada, "hello")
    heard = listener.await_events(2)[1]
    assert (heard.type, heard.payload) == ("NEW_MESSAGE", said)
    assert there.read(ada) == ["hello"]
    listener.leave()


def test_reconnects_to_another(two):
    """
    A client goes on where it was, with whichever daemon it finds, also with one that
    has not heard yet of what the client knows.
    """
    here, there = two
    ada = here.token("ada")
    listener = here.listen(ada)
    listener.await_events(1)
    for number in range(20):
        here.say(ada, f"before {number}")
    last = listener.await_events(21)[-1].id
    listener.leave()
    again = there.listen(ada, last)
    here.say(ada, "after")
    types = [(event.type, event.payload.get("content")) for event in again.await_events(2)]
    assert types == [("CONNECTED", None), ("NEW_MESSAGE", "after")]
    again.leave()


def test_what_one_keeps_another_shows(two):
    """
    An image that was sent to one, and the name that was given to the server there.
    """
    here, there = two
    ada = here.token("ada")
    place = f"/channels/{here.general(ada)}/messages"
    given = {"filename": "garden.png", "image": b64encode(corpus.png()).decode()}
    name = here.done(here.post(f"{place}/image", ada, given))["filename"]
    here.done(here.post(place, ada, {"content": "look", "images": [name]}))
    here.done(here.put("/server/settings", ada, {"name": "Ours"}))
    shown = there.get(f"{place}/image/{name}", ada)
    assert shown.status == 200
    assert shown.body == here.get(f"{place}/image/{name}", ada).body
    assert there.done(there.get("/server/settings", ada))["name"] == "Ours"


def test_session_ends_everywhere(two):
    """
    Whose sessions end on one daemon is out on all, and their streams end.
    """
    here, there = two
    ada, bob = here.token("ada"), here.token("bob")
    listener = there.listen(bob)
    listener.await_events(1)
    bob_id = here.done(here.get("/auth/me", bob))["user"]["id"]
    here.done(here.delete(f"/users/{bob_id}", ada))
    listener.await_end()
    assert there.get("/auth/me", bob).status == 401
    assert there.get("/auth/me", ada).status == 200


def test_sent_again_elsewhere(cluster):
    """
    Killed between COMMIT and answer, or before: what is sent again to another daemon, under
    the same name, is there once.
    """
    ada = cluster.daemons[0].token("ada")
    path = f"/channels/{cluster.daemons[0].general(ada)}/messages"
    headers = {"authorization": f"Bearer {ada}", "content-type": "application/json"}
    survivor = cluster.daemons[-1]
    for number, daemon in enumerate(cluster.daemons[:-1]):
        given = encoded({"content": f"number {number}", "clientId": f"id {number}"})
        with daemon.connect() as line:
            line.sendall(request_bytes("POST", path, headers, given))
            daemon.kill()
        for _ in range(2):
            assert survivor.exchange("POST", path, headers, given).status == 200
    assert survivor.read(ada) == ["number 0", "number 1"]


DYING = """
import os, signal
from teamchatd.store.database import Database

kept = Database._kept

def die(self, batch, *more):
    if batch.is_on_disk and os.path.exists("dies"):
        os.kill(os.getpid(), signal.SIGKILL)
    return kept(self, batch, *more)

Database._kept = die
"""
"""After COMMIT, and before anybody is told of it: no bell, no event, no answer."""


def test_killed_after_commit(make_cluster, tmp_path):
    """
    What is in the record is heard from the others, once, though nobody rang; and whoever was
    not answered, and sends it again, does not say it twice.
    """
    (tmp_path / "sitecustomize.py").write_text(DYING)
    cluster = make_cluster(count=1)
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    cluster.add(environ={"PYTHONPATH": path})
    survivor, dying = cluster.daemons
    ada = survivor.token("ada")
    listener = survivor.listen(ada)
    listener.await_events(1)
    (dying.directory / "dies").write_text("")
    given = {"content": "hello", "clientId": "the only one"}
    path = f"/channels/{survivor.general(ada)}/messages"
    with pytest.raises((OSError, HTTPException)):
        dying.post(path, ada, given)
    assert dying.process.wait(PATIENCE) == -signal.SIGKILL
    dying.hang_up()
    assert said_to(listener, 2) == ["hello"]
    again = survivor.done(survivor.post(path, ada, given))["message"]
    assert again["id"] == listener.events[-1].payload["id"]
    survivor.say(ada, "and on")
    assert said_to(listener, 3) == ["hello", "and on"]
    assert survivor.read(ada) == ["hello", "and on"]


class Poster:
    """
    Posts numbered messages, to any daemon that takes them, until each is taken.
    """

    def __init__(self, name, token, channel):
        self.name, self.acknowledged = name, []
        self._path = f"/channels/{channel}/messages"
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def post(self, daemons, count):
        lines = cycle([daemon.another() for daemon in daemons])
        line = next(lines)
        for _ in range(count):
            content = f"{self.name} {len(self.acknowledged)}"
            given = encoded({"content": content, "clientId": f"id of {content}"})
            for _ in range(PATIENCE * 100):
                try:
                    answer = line.exchange("POST", self._path, self._headers, given)
                except (OSError, HTTPException):
                    line.hang_up()
                    line = next(lines)
                    continue
                if answer.status == 200:
                    break
                assert answer.status == 503, answer.body
                line.process.poll()
            assert answer.status == 200, answer.body
            self.acknowledged.append(answer.json["message"]["id"])
        for _ in daemons:
            next(lines).hang_up()


class Ear:
    """
    Listens to one daemon, and to another when that one goes.
    """

    def __init__(self, who, daemon, is_checking):
        self._who, self.heard, self._last = who, [], None
        self._is_checking = is_checking
        self.listen(daemon)

    def listen(self, daemon):
        self.daemon = daemon
        self._listener = daemon.listen(self._who, self._last, is_checking=self._is_checking)
        self._listener.await_events(1)

    def move(self, daemon):
        """
        What was on its way is read to its end first.
        """
        self._listener.await_end()
        self._note()
        self.listen(daemon)

    def hear_until(self, message_id):
        count = 1
        while self._listener.await_events(count)[-1].payload.get("id") != message_id:
            count += 1
        self._note()
        self._listener.leave()

    def _note(self):
        events = self._listener.events
        self._last = events[-1].id or self._last
        self.heard += [event.payload["id"] for event in events if event.type == "NEW_MESSAGE"]


def test_whichever_dies(cluster):
    """
    Every acknowledged message is heard exactly once by everyone, in the same order, while
    a daemon is killed, Redis goes and comes back, Redis stalls, and PostgreSQL restarts.
    """
    first, second, third = cluster.daemons
    ada, *tokens = [first.token(name) for name in ("ada", *POSTERS)]
    channel = first.general(ada)
    posters = [Poster(name, token, channel) for name, token in zip(POSTERS, tokens, strict=True)]
    ears = [
        Ear(ada, daemon, number < CHECKING)
        for number, daemon in zip(range(STREAMS), cycle(cluster.daemons))
    ]
    survivors = [second, third]
    acts = [
        (cluster.daemons, lambda: None),
        (cluster.daemons, first.kill),
        (survivors, cluster.redis.stop),
        (survivors, cluster.redis.start),
        (survivors, cluster.redis.freeze),
        (survivors, lambda: restart(cluster.place)),
        (survivors, cluster.redis.thaw),
    ]
    with ThreadPoolExecutor(len(posters)) as threads:
        for daemons, act in acts:
            under_way = [threads.submit(poster.post, daemons, EACH_POSTS) for poster in posters]
            act()
            for each in under_way:
                each.result(PATIENCE * 2)
    for ear in ears:
        if ear.daemon is first:
            ear.move(second)
    last = second.say(ada, "that was all")["id"]
    for ear in ears:
        ear.hear_until(last)
    assert all(ear.heard == ears[0].heard for ear in ears)
    assert len(set(ears[0].heard)) == len(ears[0].heard)
    acknowledged = [each for poster in posters for each in poster.acknowledged]
    assert sorted(acknowledged) == sorted(ears[0].heard[:-1])
    for poster in posters:
        mine = [each for each in ears[0].heard if each in set(poster.acknowledged)]
        assert mine == poster.acknowledged
    for daemon in survivors:
        daemon.assert_untroubled()


@pytest.fixture(scope="module")
def server():
    """
    A PostgreSQL that can be stopped still.
    """
    made = Server()
    yield made
    made.stop()


def beats(listener):
    """
    Wait until it is shown once more that the stream is alive.
    """
    count = listener.comments
    while listener.comments == count:
        assert not listener.closed
        listener._read_some()


def said_to(listener, count):
    return [event.payload.get("content") for event in listener.await_events(count)[1:]]


def test_backend_stands_still(make_cluster, server):
    """
    While what works for one daemon in PostgreSQL stands still, in the middle of a change, it is
    not ready, its streams live and it can be read; what others would write is refused, for it
    holds the lock.  Nothing of that was changed, and what is sent again is heard once.
    """
    cluster = make_cluster(count=1, is_with_redis=False, place=Place(server.url))
    [here], place = cluster.daemons, cluster.place
    ada = here.token("ada")
    path = f"/channels/{here.general(ada)}/messages"
    while len(ours := place.backends()) != 2:  # those with which it has started end
        assert len(ours) > 2
    cluster.add()
    there = cluster.daemons[1]
    ears = [daemon.listen(ada) for daemon in (here, there)]
    for ear in ears:
        ear.await_events(1)
    line = here.another()
    with ThreadPoolExecutor(1) as thread, ExitStack() as while_it_is_still:
        with place.held("messages"):
            asked = thread.submit(line.post, path, ada, {"content": "a", "clientId": "a"})
            while not (writer := place.backends("wait_event_type = 'Lock'") & ours):
                assert not asked.done(), asked.result()
            while_it_is_still.enter_context(server.still(*writer))
        ready = here.get("/health/ready")
        assert (ready.status, ready.json["error"]) == (503, STUCK)
        assert here.read(ada) == []
        beats(ears[0])
        refused = there.post(path, ada, {"content": "b", "clientId": "b"})
        assert (refused.status, refused.json["error"]) == (503, NOT_STORED)
        there.await_log("cannot be written: canceling statement due to lock timeout")
        while_it_is_still.close()
        late = asked.result(PATIENCE)  # it finds that it has waited for too long
        assert (late.status, late.json["error"]) == (503, NOT_STORED)
    line.hang_up()
    for daemon, content in ((there, "a"), (here, "b"), (there, "b")):
        given = {"content": content, "clientId": content}
        assert daemon.post(path, ada, given).status == 200
    for ear in ears:
        assert said_to(ear, 3) == ["a", "b"]
    here.await_log("Not ready: ")
    while here.get("/health/ready").status != 200:
        pass

    with between_readings(server, place, ours - writer):
        assert here.read(ada) == ["a", "b"]
        here.await_log("did not answer: it is called anew")
    here.say(ada, "c")
    for ear in ears:
        assert said_to(ear, 4) == ["a", "b", "c"]
        ear.leave()
    for daemon in cluster.daemons:
        daemon.assert_untroubled()


@contextmanager
def between_readings(server, place, reader):
    """
    It stands still while it does nothing.
    """
    while True:
        with server.still(*reader):
            if place.backends("state = 'idle'") >= reader:
                yield
                return


def test_server_stands_still(make_cluster, server):
    """
    When all of PostgreSQL does, who writes and who reads is told so, and the operator; and
    when it goes on, so does the daemon.
    """
    cluster = make_cluster(count=1, is_with_redis=False, place=Place(server.url))
    [daemon] = cluster.daemons
    ada = daemon.token("ada")
    path = f"/channels/{daemon.general(ada)}/messages"
    ear = daemon.listen(ada)
    ear.await_events(1)
    lines = [daemon.another() for _ in range(2)]
    with server.still():
        with ThreadPoolExecutor(2) as threads:
            asked = [
                threads.submit(lines[0].post, path, ada, {"content": "a", "clientId": "a"}),
                threads.submit(lines[1].get, path, ada),
            ]
            beats(ear)
            assert daemon.get("/health").status == 200
            answers = [each.result(PATIENCE) for each in asked]
        assert [each.status for each in answers] == [503, 503]
        assert answers[0].json["error"] in (NOT_STORED, IN_DOUBT)
        assert answers[1].json["error"] == NOT_READ
        daemon.await_log("cannot be written: ")
        daemon.await_log("cannot be read: ")
        beats(ear)
    while (answer := lines[0].post(path, ada, {"content": "a", "clientId": "a"})).status != 200:
        assert answer.status == 503
    daemon.await_log("can be written again")
    assert daemon.read(ada) == ["a"]
    daemon.await_log("can be read again")
    assert said_to(ear, 2) == ["a"]
    ear.leave()
    for line in lines:
        line.hang_up()
    daemon.assert_untroubled()


def test_standby_takes_over(make_cluster):
    """
    Of several servers in the address, the daemons find the one that takes changes, also when
    that is another all of a sudden.  Until then changes are refused, and what is sent again is
    there once.
    """
    pair = Pair()
    cluster = make_cluster(count=2, place=pair)
    here, there = cluster.daemons
    ada, *tokens = [here.token(name) for name in ("ada", *POSTERS)]
    channel = here.general(ada)
    path, given = f"/channels/{channel}/messages", {"content": "last", "clientId": "last"}
    posters = [Poster(name, token, channel) for name, token in zip(POSTERS, tokens, strict=True)]
    ears = [Ear(ada, daemon, True) for daemon in cluster.daemons]
    with ThreadPoolExecutor(len(posters)) as threads:
        under_way = [threads.submit(each.post, cluster.daemons, EACH_POSTS) for each in posters]
        with pair.without_first():
            refused = here.post(path, ada, given)
            assert refused.status == 503
            assert refused.json["error"] in (NOT_STORED, IN_DOUBT)
            here.await_log(r"cannot be read: .*session is read-only")
        for each in under_way:
            each.result(PATIENCE * 2)
    assert here.post(path, ada, given).status == 200
    last = there.done(there.post(path, ada, given))["message"]
    for ear in ears:
        ear.hear_until(last["id"])
    assert ears[0].heard == ears[1].heard
    acknowledged = [each for poster in posters for each in poster.acknowledged]
    assert sorted([*acknowledged, last["id"]]) == sorted(ears[0].heard)
    here.await_log("can be written again")
    for daemon in cluster.daemons:
        daemon.assert_untroubled()


def sockets_of(daemon):
    links = Path(f"/proc/{daemon.process.pid}/fd").iterdir()
    return sum(os.readlink(link).startswith("socket:") for link in links)


def test_one_port(make_cluster):
    """
    Daemons on one machine share a port; when one goes, the other is there.
    """
    cluster = make_cluster(count=1, is_with_redis=False)
    first = cluster.daemons[0]
    ada = first.token("ada")
    cluster.add(port=first.port)
    second = cluster.daemons[1]
    assert second.port == first.port
    before = sum(sockets_of(daemon) for daemon in cluster.daemons)
    headers = {"authorization": f"Bearer {ada}"}
    lines = [first.another() for _ in range(64)]
    for line in lines:
        assert line.exchange("GET", "/auth/me", headers, b"").status == 200
    assert sum(sockets_of(daemon) for daemon in cluster.daemons) - before >= len(lines)
    assert all(sockets_of(daemon) > 16 for daemon in cluster.daemons)
    for line in lines:
        line.hang_up()
    first.stop()
    assert second.get("/auth/me", ada).status == 200


def test_another_secret(make_cluster, tmp_path):
    """
    A daemon that signs otherwise than the others does not start.
    """
    cluster = make_cluster(count=1, is_with_redis=False)
    environ = {"TEAMCHAT_AUTH_JWT_SECRET": "another one than theirs, 32 bytes"}
    with pytest.raises(AssertionError, match="jwtSecret is not that of the other daemons"):
        cluster.add(environ=environ)


def test_another_directory(make_cluster, tmp_path):
    """
    A daemon that keeps its images elsewhere than the others does not start.
    """
    cluster = make_cluster(count=1, is_with_redis=False)
    secret = (cluster.shared / "jwt-secret").read_text().strip()
    environ = {"TEAMCHAT_AUTH_JWT_SECRET": secret}
    with pytest.raises(AssertionError, match="is not that of the other daemons"):
        cluster.add(environ=environ, data=tmp_path / "elsewhere")


def test_streams_are_counted_together(make_cluster):
    """
    A user has so many streams, with all daemons together: the oldest goes.
    """
    cluster = make_cluster(count=2, streams_per_user=3)
    here, there = cluster.daemons
    ada = here.token("ada")
    opened = [daemon.listen(ada) for daemon in (here, there, here)]
    for listener in opened:
        listener.await_events(1)
    newest = there.listen(ada)
    opened[0].await_end()
    assert opened[0].types[-1] == "REPLACED"
    said = there.say(ada, "hello")
    for listener in (*opened[1:], newest):
        assert listener.await_events(2)[1].payload == said
        listener.leave()


def test_limits_are_counted_together(make_cluster):
    """
    Who has failed too often with one daemon has to wait with another, too.  Successes do
    not count: what refuses them there has failed here.
    """
    cluster = make_cluster(
        count=2,
        auth={"auth_mode": "password", "is_invite_required": False},
        rate_limit={"enabled": True, "failed_sign_ins_per_minute": 2},
    )
    here, there = cluster.daemons
    right = {"email": "ada@example.org", "password": "a password of mine"}
    here.done(here.post("/auth/register", given=right))
    assert there.post("/auth/password-login", given=right).status == 200
    for _ in range(2):
        wrong = right | {"password": "none of mine"}
        assert here.post("/auth/password-login", given=wrong).status == 401
    answers = (there.post("/auth/password-login", given=right) for _ in range(PATIENCE * 20))
    assert any(answer.status == 429 for answer in answers)


def test_redis_comes_back_by_itself(cluster):
    """
    The operator is told when Redis goes, and when it has come back.
    """
    daemon = cluster.daemons[0]
    cluster.redis.stop()
    daemon.await_log("Redis at 127.0.0.1:[0-9]+ cannot be reached")
    cluster.redis.start()
    daemon.await_log("Redis at 127.0.0.1:[0-9]+ can be reached again")
