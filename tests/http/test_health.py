"""
C{/health/ready}: L{teamchatd.http.readiness}, on a clock that stands still.
"""

import os
import sqlite3

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from teamchatd.errors import Unavailable
from teamchatd.http import readiness
from teamchatd.http.readiness import LEAST_FREE, ONE_LOOK, PATIENCE, Readiness, free_bytes

OK = (200, b"OK")


class Writer:
    """
    Stands in for the database: C{outcome} is what its probes come back with; None: they
    do not come back.
    """

    def __init__(self, clock):
        self.clock, self.count, self.outcome = clock, 0, ...
        self.is_broken, self.since, self.out = False, None, []

    def waiting_since(self):
        return self.since

    def probe(self):
        self.count += 1
        if self.outcome is None:
            self.out.append(Deferred())
            return self.out[-1]
        return fail(self.outcome) if isinstance(self.outcome, Exception) else succeed(None)


class Server:
    def __init__(self):
        self.clock = Clock()
        self.writer, self.free = Writer(self.clock), LEAST_FREE
        self.readiness = Readiness(self.writer, self.clock, lambda: self.free)

    def ask(self):
        """
        @return: a list of the one answer, which stays empty until there is one.
        """
        answers = []
        asked = Deferred.fromCoroutine(self.readiness.check())
        asked.addCallbacks(
            lambda _: answers.append("OK"), lambda why: answers.append(str(why.value))
        )
        return answers

    def later(self):
        self.clock.advance(ONE_LOOK)
        return self.ask()


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.fixture
def server():
    return Server()


def test_it_is(daemon):
    """
    Ready, and alive, for everybody and in the words of C{/health}.
    """
    for path in ("/health", "/health/live", "/health/ready"):
        answer = daemon.get(path)
        assert (answer.status, answer.body) == OK
        assert answer.headers["content-type"] == "text/plain"
        assert daemon.ask("HEAD", path).status == 200


def test_refusal(in_memory):
    """
    It says why not, in the way of every refusal, and says so while the daemon stops;
    C{/health} goes on saying that we are there.
    """
    daemon = in_memory()
    daemon.house.readiness.stop()
    answer = daemon.get("/health/ready")
    assert (answer.status, answer.json) == (
        503,
        {"error": "The server is stopping. Try again in a moment."},
    )
    assert (daemon.get("/health").status, daemon.get("/health/live").status) == (200, 200)


def test_probe_changes_nothing(in_memory):
    """
    A probe leaves no trace in the record, and nobody hears of it.
    """
    daemon = in_memory()
    listener = daemon.listen(daemon.token("ada"))
    before = daemon.database.head()
    for _ in range(5):
        assert daemon.get("/health/ready").status == 200
        daemon.clock.advance(ONE_LOOK)
    assert daemon.database.head() == before
    assert listener.types == ["CONNECTED"]


def test_one_look_a_second(server):
    """
    However many ask: one probe a second, and none if nobody asks.
    """
    assert [server.ask() for _ in range(10)] == [["OK"]] * 10
    assert server.writer.count == 1
    server.clock.advance(ONE_LOOK * 0.9)
    assert server.ask() == ["OK"]
    assert server.writer.count == 1
    assert server.later() == ["OK"]
    assert server.writer.count == 2


def test_clock_set_back(server):
    """
    An answer from the future is not believed.
    """
    assert server.ask() == ["OK"]
    server.clock.rightNow -= 3600
    server.free = 0
    assert server.ask() == [readiness.FULL]


def test_stuck(server):
    """
    A probe that does not come back is given some time, and all who ask meanwhile wait for
    the same one.  When it is back, we are ready again.
    """
    server.writer.outcome = None
    asked = [server.ask() for _ in range(3)]
    server.clock.advance(PATIENCE * 0.9)
    assert asked == [[], [], []]
    server.clock.advance(PATIENCE * 0.1)
    assert asked == [[readiness.STUCK]] * 3
    assert server.writer.count == 1
    server.writer.out[0].callback(None)
    server.writer.outcome = ...
    assert server.later() == ["OK"]


def test_waiting_for_long(server):
    """
    Where a change has waited for too long, no probe has to be sent after it.
    """
    server.clock.advance(100)
    server.writer.since = int((100 - PATIENCE) * 1000) - 1
    assert server.ask() == [readiness.STUCK]
    assert server.writer.count == 0
    server.writer.since = int(server.clock.seconds() * 1000)
    assert server.later() == ["OK"]


@pytest.mark.parametrize("free", [0, LEAST_FREE - 1])
def test_little_room(server, free):
    server.free = free
    assert server.ask() == [readiness.FULL]
    server.free = LEAST_FREE
    assert server.later() == ["OK"]


def test_not_written(server):
    """
    A probe that fails, and one that comes back although the last change could not be
    written: it may have proved nothing.
    """
    server.writer.outcome = Unavailable("no")
    assert server.ask() == [readiness.NOT_WRITTEN]
    server.writer.outcome = ...
    server.writer.is_broken = True
    assert server.later() == [readiness.NOT_WRITTEN]
    server.writer.is_broken = False
    assert server.later() == ["OK"]


def test_stopping_meanwhile(server):
    server.writer.outcome = None
    asked = server.ask()
    server.readiness.stop()
    server.writer.out[0].callback(None)
    assert asked == ["The server is stopping. Try again in a moment."]


def test_broken_look(server, logged):
    """
    If we cannot even look, nobody waits for ever for the answer, and it is no good one.
    """
    server.writer.outcome = None
    asked = [server.ask(), server.ask()]
    server.writer.out[0].errback(ZeroDivisionError())
    assert asked == [[readiness.NOT_WRITTEN]] * 2
    assert [event["log_failure"].type for event in logged if "log_failure" in event] == [
        ZeroDivisionError
    ]


def test_free_bytes(tmp_path):
    space = os.statvfs(tmp_path)
    assert 0 < free_bytes(tmp_path) <= space.f_frsize * space.f_bfree


def test_only_a_write_proves_the_disk(in_memory, monkeypatch):
    """
    After a change could not be written, one that writes nothing does not make us ready
    again, but a probe does: nobody sends changes to a server that is not ready.
    """
    daemon = in_memory()
    database = daemon.database
    monkeypatch.setattr(
        "teamchatd.store.batch.run_batch",
        lambda cursor, jobs, engine, told: (_ for _ in ()).throw(
            sqlite3.OperationalError("disk is full")
        ),
    )
    refused = []
    database.change(lambda change: None).addErrback(refused.append)
    assert refused[0].check(Unavailable)
    assert database.is_broken
    assert daemon.get("/health/ready").json == {"error": readiness.NOT_WRITTEN}
    monkeypatch.undo()
    database.change(lambda change: None)
    assert database.is_broken

    def thinks_better_of_it(change):
        change.cursor.execute("UPDATE settings SET value = 'x'")
        raise Unavailable("no")

    database.change(thinks_better_of_it).addErrback(refused.append)
    assert (len(refused), database.is_broken) == (2, True)
    daemon.clock.advance(ONE_LOOK)
    assert daemon.get("/health/ready").status == 200
    assert not database.is_broken
