"""
Several daemons as one: what they tell each other besides what they write.

Nothing that must not be lost goes this way.  What happened is in the journal, at which
each daemon looks once a second; a bell only says that there is something to look at.
"""

import secrets
from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

import orjson
from attrs import define, field, frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()

Hear = Callable[[str, Any], None]

PATIENCE = 2
"""Seconds until an answer that does not come counts as none."""

AWAY_AFTER = 4
"""Seconds without hearing even oneself, until the operator is told."""

LONGEST_SILENCE = 10
"""The same, until a connection counts as dead on which we listen."""


LONGEST_CONFUSION = 60
"""Seconds for which one nonsense stands for all that follow it."""


class Relay(Protocol):
    def hear(self, topic: str, hear: Hear) -> None:
        """
        Have C{hear} called with what the other daemons tell about C{topic}, and which
        of them does.
        """

    def tell(self, topic: str, what: Any) -> None:
        """
        Tell the other daemons, if they can be reached.

        @param what: something that JSON can say.
        """

    def look(self) -> None:
        """
        Done once a second.
        """


class NoRelay:
    """
    For a daemon that is alone, or whose fellows hear of it from the journal only.
    """

    def hear(self, topic: str, hear: Hear) -> None:
        pass

    def tell(self, topic: str, what: Any) -> None:
        pass

    def look(self) -> None:
        pass


@frozen
class Address:
    """
    Of a Redis, as C{redis://user:password@host:port/database} says it.
    """

    host: str
    port: int
    user: str | None
    password: str | None
    database: int

    @classmethod
    def of(cls, url: str) -> "Address":
        parts = urlsplit(url)
        return cls(
            parts.hostname or "localhost",
            parts.port or 6379,
            unquote(parts.username) if parts.username else None,
            unquote(parts.password) if parts.password else None,
            int(parts.path.strip("/") or 0),
        )

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@define(eq=False, slots=False)
class RedisRelay(Service):
    """
    Speaks through a Redis, with one connection to tell and one to hear.

    @ivar channel: what these daemons call their conversation: those of another team
        may have the same Redis.
    """

    _reactor: Any
    _address: Address
    channel: str
    _me: str = field(init=False, factory=lambda: secrets.token_hex(8))
    _hear: dict[str, Hear] = field(init=False, factory=dict)
    _mouth: Any = field(init=False, default=None)
    _ears: Any = field(init=False, default=None)
    _quiet_since: float = field(init=False, default=0.0)
    _is_away: bool = field(init=False, default=False)
    _confused_at: float | None = field(init=False, default=None)
    _heard_at: float = field(init=False, default=0.0)

    def startService(self) -> None:
        """
        Redis need not be there: it is looked for until it is.
        """
        from teamchatd.live import redis  # the package behind it is slow to import

        super().startService()
        self._heard_at = self._reactor.seconds()  # it gets as long as one that falls silent
        address = self._address
        endpoint = HostnameEndpoint(
            self._reactor, address.host.encode(), address.port, timeout=PATIENCE
        )
        self._mouth = redis.Mouth(address.database, address.user, address.password)
        self._ears = redis.Ears(self.channel, self._heard, address.user, address.password)
        for factory in (self._mouth, self._ears):
            factory.startConnecting(endpoint)

    def stopService(self) -> "Deferred[Any]":
        super().stopService()
        return gatherResults([self._mouth.disconnect(), self._ears.disconnect()])

    def hear(self, topic: str, hear: Hear) -> None:
        self._hear[topic] = hear

    def tell(self, topic: str, what: Any) -> None:
        if self._mouth is None or not self._mouth.size:
            return
        said = orjson.dumps([self._me, topic, what]).decode()
        self._mouth.handler.publish(self.channel, said).addErrback(self._unheard)

    def _unheard(self, failure: Failure) -> None:
        """
        L{look} says it once; and what was told is found in the journal.
        """

    def look(self) -> None:
        """
        Hear oneself, and tell the operator when that ends and when it begins again.  A
        connection may be dead without anybody saying so.
        """
        now = self._reactor.seconds()
        if not self._ears.is_listening:
            self._quiet_since = now
        elif now - max(self._heard_at, self._quiet_since) > LONGEST_SILENCE:
            self._ears.hang_up()
        self.tell("beat", None)
        is_away = now - self._heard_at > AWAY_AFTER
        if is_away and not self._is_away:
            self._say_away(self._mouth.why or self._ears.why)
        elif self._is_away and not is_away:
            log.info("Redis at {address} can be reached again", address=self._address)
        self._is_away = is_away

    def _say_away(self, why: str) -> None:
        log.warn(
            "Redis at {address} {how}: until it can be reached, daemons hear of each other"
            " once a second, and count for themselves",
            address=self._address,
            how=f"does not let us in ({why})" if why else "cannot be reached",
        )

    def _heard(self, said: Any) -> None:
        """
        Whoever shares the Redis may say anything there, and must not fill the log.
        """
        try:
            teller, topic, what = orjson.loads(said)
            self._heard_at = self._reactor.seconds()
            if teller != self._me and topic in self._hear:
                self._hear[topic](teller, what)
        except Exception:
            self._confused(self._reactor.seconds())

    def _confused(self, now: float) -> None:
        if self._confused_at is None or now - self._confused_at > LONGEST_CONFUSION:
            self._confused_at = now
            log.failure(
                "What is told on {channel} of the Redis at {address} makes no sense."
                " Does anybody tell something there who is not one of these daemons?",
                channel=self.channel,
                address=self._address,
            )
