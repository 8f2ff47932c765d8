"""
The two connections to a Redis: txredisapi's, as we use them.
"""

import re
from collections.abc import Callable
from typing import Any

import txredisapi  # type: ignore[import-untyped]
from twisted.logger import Logger

log = Logger()

PATIENCE = 2
"""Seconds until an answer that does not come counts as none."""


REFUSAL = re.compile(r"\b[A-Z]{3,} .*")
"""What the server itself says begins with a word like C{WRONGPASS}."""


class Persistent:
    """
    Goes on trying, whatever the server says: it may be the one who is wrong, and be put
    right.  txredisapi would give up when it refuses the password, and say so each time.

    @ivar why: why the server did not let us in, when we tried last.
    """

    why = ""

    def stopTrying(self) -> Any:
        pass

    def connectionError(self, why: str) -> None:
        refusal = REFUSAL.search(why)
        self.why = refusal[0] if refusal else ""

    def addConnection(self, connection: Any) -> None:
        self.why = ""
        super().addConnection(connection)  # type: ignore[misc]


class Mouth(Persistent, txredisapi.RedisFactory):
    """
    One connection, which is made again whenever it is lost.
    """

    initialDelay = 0.2
    maxDelay = 5

    def __init__(self, database: int, user: str | None, password: str | None) -> None:
        super().__init__(
            None,
            database,
            1,
            password=password,
            username=user,
            replyTimeout=PATIENCE,
            convertNumbers=False,
        )


class Listening(txredisapi.SubscriberProtocol):
    def connectionMade(self) -> Any:
        made = super().connectionMade()
        self.whenConnected().addCallback(lambda _: self.factory.subscribe(self))
        return made

    def messageReceived(self, pattern: Any, channel: Any, message: Any) -> None:
        self.factory.heard(message)

    def connectionLost(self, why: Any) -> None:
        super().connectionLost(why)
        self.factory.is_listening = False  # after that, which answers whoever waits


class Ears(Persistent, txredisapi.SubscriberFactory):
    """
    @ivar is_listening: whether what is told is heard.
    """

    protocol = Listening
    initialDelay = 0.2
    maxDelay = 5
    is_listening = False

    def __init__(
        self,
        channel: str,
        heard: Callable[[Any], None],
        user: str | None,
        password: str | None,
    ) -> None:
        super().__init__()
        self.username, self.password, self.convertNumbers = user, password, False
        self.dbid = 0  # choosing one shows that there is a Redis, and not only somebody who accepts
        self._channel, self.heard = channel, heard

    def subscribe(self, connection: Any) -> None:
        connection.subscribe(self._channel).addCallbacks(self._listens, self._deaf)

    def hang_up(self) -> None:
        """
        It is connected again at once.
        """
        self.is_listening = False
        for connection in tuple(self.pool):
            connection.transport.abortConnection()

    def _listens(self, _: Any) -> None:
        self.is_listening = True

    def _deaf(self, _: Any) -> None:
        self.is_listening = False
