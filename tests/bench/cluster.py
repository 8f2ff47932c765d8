"""
Several daemons over one PostgreSQL and one Redis, all on this machine: what a message costs
each of them, and how that grows with their number.  They share the machine's processors, so
that more of them are no faster here; what each costs says what more machines can do.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import redis
from attrs import define, evolve, frozen
from twisted.internet import reactor

from teamchatd.store.database import Database
from teamchatd.store.postgres import PostgreSQL
from tests import postgres
from tests.bench import listening, load
from tests.bench.seeding import sown
from tests.bench.serving import Place, Server, Target, command
from tests.bench.sizes import Sizes
from tests.bench.table import Row, count_of_wrong
from tests.redis import Redis

DAEMONS = (1, 2, 3)
LISTENERS = 20

TICK = os.sysconf("SC_CLK_TCK")


@frozen
class Meter:
    """
    What all has cost so far, besides the daemons.

    @ivar in_postgres: seconds of processor time; and C{in_redis}.
    @ivar told: messages that Redis was told.
    @ivar entries: of the journal.
    """

    in_postgres: float
    in_redis: float
    told: int
    entries: int


@define
class Cluster:
    target: Target
    _place: postgres.Place
    _redis: Redis

    def read(self) -> Meter:
        with redis.Redis(port=self._redis.port) as client:
            told = client.info("commandstats").get("cmdstat_publish", {"calls": 0})["calls"]
        head = Database(PostgreSQL(self._place.url), reactor).head()
        server = postgres.pid()
        backends = [] if server is None else children_of(server)
        return Meter(
            sum(map(seconds_of, backends)), seconds_of(self._redis.process.pid), told, head.number
        )


def children_of(pid: int) -> Iterator[int]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        yield from map(int, (task / "children").read_text().split())


def seconds_of(pid: int) -> float:
    """
    Of processor time, until now.
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


@contextmanager
def started(place: Place, sizes: Sizes, count: int) -> Iterator[Cluster]:
    """
    So many daemons, on one port.
    """
    directory = Path(tempfile.mkdtemp(prefix="teamchat-bench-"))
    record, relay, daemons = postgres.Place(), Redis(directory), []
    environ = {"TEAMCHAT_STORAGE_DATABASE": record.url, "TEAMCHAT_REDIS_URL": relay.url}
    try:
        data = directory / "data"
        data.mkdir()
        seed = sown(PostgreSQL(record.url), data, sizes.users, 0)
        port = 0
        for _ in range(count):
            daemons.append(Server(command(data, port), directory, environ))
            daemons[-1].start()
            port = daemons[-1].port
        target = place.target(daemons[0], seed)
        yield Cluster(evolve(target, pids=[each.pids[0] for each in daemons]), record, relay)
    finally:
        for daemon in daemons:
            daemon.stop()
        relay.stop()
        record.drop()
        shutil.rmtree(directory)


def cluster(place: Place, sizes: Sizes) -> Iterator[Row]:
    yield from _cluster(place, sizes, sizes.heard // 5, sizes.steps[0])


def long_cluster(place: Place, sizes: Sizes) -> Iterator[Row]:
    """
    The same for longer, and with as many streams as there may be.
    """
    yield from _cluster(place, sizes, sizes.heard, sizes.many)


def _cluster(place: Place, sizes: Sizes, messages: int, streams: int) -> Iterator[Row]:
    of_one: dict[str, float] = {}
    for count in DAEMONS:
        with started(place, sizes, count) as it:
            rows = [*_posts(it, messages), *_fan_out(it, sizes, streams)]
        for row in rows:
            yield evolve(row, what=f"{_daemons(count)}: {row.what}")
            if count == 1:
                of_one[row.what] = row.figure
            elif row.unit == "µs" and of_one[row.what]:
                times = row.figure / of_one[row.what]
                yield Row("  times that with one", times, "×", less=True, streams=row.streams)


def _daemons(count: int) -> str:
    return "1 daemon" if count == 1 else f"{count} daemons"


def _posts(it: Cluster, messages: int) -> Iterator[Row]:
    """
    Each heard by twenty, who are with any of the daemons.
    """
    load.requests(it.target, *_to_post(it), "--duration", 0.5)  # what the first ones cost
    before = it.read()
    report = load.streams(
        it.target,
        LISTENERS,
        *("--rate", 0, "--pub-conns", 32, "--hold", 0.5, "--drain", 10),
        *load.publishing(it.target, messages),
    )
    after = it.read()
    fanout: dict[str, Any] = report["fanout"]
    posted = fanout["published"]
    yield Row("posts, 32 connections, 20 listeners", posted / fanout["seconds"], "1/s")
    yield Row("  heard, p99", fanout["receipt"]["p99_ms"], "ms", less=True)
    costs = {
        "  each, in all daemons": report["cpu_fanout_s"],
        "  each, in PostgreSQL": after.in_postgres - before.in_postgres,
        "  each, in Redis": after.in_redis - before.in_redis,
    }
    for what, seconds in costs.items():
        yield Row(what, seconds * 1e6 / posted, "µs", less=True)
    yield Row("  messages on Redis for each", (after.told - before.told) / posted, "", less=True)
    yield Row("  entries of the journal for each", (after.entries - before.entries) / posted)
    yield count_of_wrong("  lost", fanout["lost"])
    yield count_of_wrong("  twice", fanout["duplicated"])
    yield count_of_wrong("  posts refused", fanout["post_failed"])


def _to_post(it: Cluster) -> list[object]:
    return ["--path", it.target.post, "--method", "POST", "--body", it.target.message]


def _fan_out(it: Cluster, sizes: Sizes, count: int) -> Iterator[Row]:
    """
    Many streams, spread over the daemons.
    """
    report = listening.told(it.target, count, sizes)
    wanted = {listening.LAST, listening.DELIVERIES, listening.COST}
    yield from (row for row in listening.figures(report, count) if row.what in wanted)
    yield from listening.mistakes(report, count)
