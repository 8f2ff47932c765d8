"""
What Prometheus is told.

Where something happens, a number is raised and nothing else; the names, the help and
the form of all of them are made here, when somebody comes for them.  Names follow
U{https://prometheus.io/docs/practices/naming/}: seconds, bytes, and C{_total} for what
only rises.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

from attrs import define, field
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from twisted import version as twisted_version
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime

from teamchatd import __version__
from teamchatd.errors import ChatError
from teamchatd.histogram import Histogram
from teamchatd.house import House
from teamchatd.store.counting import Counts

PATIENCE = 2.0
"""Seconds for the database to say how many there are; without it, the rest is told."""


class Limits(Protocol):
    """
    @ivar refused: how often somebody was told to wait.
    """

    refused: int


def counter(name: str, sentence: str, value: float) -> Metric:
    return CounterMetricFamily(name, sentence, value=value)


def gauge(name: str, sentence: str, value: float) -> Metric:
    return GaugeMetricFamily(name, sentence, value=value)


def counters(
    name: str, sentence: str, labels: tuple[str, ...], values: Mapping[Any, float]
) -> Metric:
    """
    @param values: by the value of the label, or a tuple of them.
    """
    family = CounterMetricFamily(name, sentence, labels=labels)
    for key, value in sorted(values.items(), key=str):
        given = key if isinstance(key, tuple) else (key,)
        family.add_metric([str(each) for each in given], value)
    return family


def histogram(name: str, sentence: str, observed: Histogram) -> Metric:
    family = HistogramMetricFamily(name, sentence)
    family.add_metric([], [*observed.buckets()], observed.total)
    return family


@define(eq=False)
class Figures(Collector):
    """
    @ivar _limits: what tells people to wait, by what it is called.
    @ivar _free: how many bytes there is room for on the disk.
    @ivar counts: what the database says; L{None}: it does not.
    """

    _house: House
    _limits: Mapping[str, Limits]
    _free: Callable[[], int]
    counts: Counts | None = field(init=False, default=None)

    def collect(self) -> Iterator[Metric]:
        yield self._build()
        yield from self._http()
        yield from self._live()
        yield from self._stored()
        yield from self._people()

    def _build(self) -> Metric:
        family = GaugeMetricFamily(
            "teamchatd_build_info",
            "Which teamchat this is, and what it runs on. Always 1.",
            labels=("version", "python", "twisted"),
        )
        python = ".".join(map(str, sys.version_info[:3]))
        family.add_metric([__version__, python, twisted_version.short()], 1)
        return family

    def _http(self) -> Iterator[Metric]:
        visits = self._house.visits
        yield counters(
            "teamchatd_http_requests_total",
            "Requests that were answered. 499: nobody waited for the answer any more.",
            ("route", "method", "code"),
            visits.counts,
        )
        durations = HistogramMetricFamily(
            "teamchatd_http_request_duration_seconds",
            "How long a request took, from when all of it was there to when it was answered.",
            labels=("route",),
        )
        for route, observed in sorted(visits.durations.items()):
            durations.add_metric([route], [*observed.buckets()], observed.total)
        yield durations
        yield counters(
            "teamchatd_limited_total",
            "How often somebody was told to wait, by the limit that said so.",
            ("limit",),
            {name: limit.refused for name, limit in self._limits.items()},
        )

    def _live(self) -> Iterator[Metric]:
        hub = self._house.hub
        yield gauge("teamchatd_streams", "Event streams that are open now.", hub.count)
        yield counter(
            "teamchatd_events_delivered_total",
            "Events that were given to a stream as they happened, each counted once a stream.",
            hub.delivered,
        )
        yield histogram(
            "teamchatd_event_delivery_seconds",
            "How long it took from a commit until the last of the streams was given the event.",
            hub.delivery_seconds,
        )
        yield counter(
            "teamchatd_replays_total",
            "Streams that came back and were told what they had missed.",
            hub.replays,
        )
        yield counters(
            "teamchatd_resets_total",
            "Streams that came back and had to begin anew, by why.",
            ("reason",),
            {"unknown_id": 0, "too_old": 0} | hub.resets,
        )
        yield counter(
            "teamchatd_slow_readers_dropped_total",
            "Streams that were hung up on because their client did not read.",
            hub.slow_readers,
        )

    def _stored(self) -> Iterator[Metric]:
        database = self._house.database
        yield histogram(
            "teamchatd_commit_seconds",
            "How long it took from when changes were handed to the writer until they were on disk.",
            database.commit_seconds,
        )
        yield gauge(
            "teamchatd_writer_queue",
            "Changes that are not on disk yet.",
            database.changes_waiting,
        )
        yield counter(
            "teamchatd_changes_total",
            "Changes that are on disk, with those that found nothing to change.",
            database.changes_done,
        )
        try:
            free, size = self._free(), database.size()
        except OSError:  # a disk that is gone: whoever looks sees that these are missing
            return
        yield gauge("teamchatd_disk_free_bytes", "Room on the disk of the data directory.", free)
        yield gauge("teamchatd_database_bytes", "What the database takes of the disk.", size)

    def _people(self) -> Iterator[Metric]:
        yield counters(
            "teamchatd_sign_ins_total",
            "Attempts to sign in, by the way and by what came of it.",
            ("method", "result"),
            self._house.sessions.sign_ins.counts,
        )
        yield counters(
            "teamchatd_mail_total",
            "Letters whose turn it was, by what came of it.",
            ("result",),
            dict.fromkeys(("sent", "again", "given_up", "nobody"), 0) | self._house.letters.results,
        )
        if self.counts is not None:
            yield gauge(
                "teamchatd_mail_waiting", "Letters that wait to be sent.", self.counts.letters
            )
            yield gauge("teamchatd_users", "Users who have not been removed.", self.counts.users)
            yield gauge("teamchatd_sessions", "Sessions that have not ended.", self.counts.sessions)


class Process(ProcessCollector):
    """
    The library's own, which takes the time of the boot from C{/proc/stat}, and tells nothing at
    all where that is hidden, as systemd's C{ProcSubset=pid} does.
    """

    def _boot_time(self) -> float:
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


@define(eq=False)
class Exposition:
    """
    Our figures and those of the process, for whoever comes for them.
    """

    _figures: Figures
    _counts: "Callable[[], Deferred[Counts]]"
    _clock: IReactorTime
    _registry: CollectorRegistry = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self._figures)
        Process(registry=self._registry)

    async def scrape(self, accepted: str) -> tuple[bytes, str]:
        """
        @return: the body and its type, in the newest form that is accepted.
        """
        self._figures.counts = await self._counted()
        encode, kind = choose_encoder(accepted)
        return encode(self._registry), kind

    async def _counted(self) -> Counts | None:
        counting = self._counts().addTimeout(PATIENCE, self._clock)
        try:
            return await counting
        except (ChatError, TookTooLong):
            return None
