"""
The two connections to a Redis: txredisapi's, as we use them.
"""

from collections.abc import Callable
from typing import Any

import txredisapi  # type: ignore[import-untyped]
from twisted.logger import Logger

log = Logger()

PATIENCE = 2
"""Seconds until an answer that does not come counts as none."""


class Mouth(txredisapi.RedisFactory):
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
            isLazy=True,
            password=password,
            username=user,
            replyTimeout=PATIENCE,
            convertNumbers=False,
        )

    def stopTrying(self) -> Any:
        """
        txredisapi gives up when the password is refused.  It may be the server's that
        is wrong, and be put right: we go on trying.
        """


class Listening(txredisapi.SubscriberProtocol):
    def connectionMade(self) -> Any:
        made = super().connectionMade()
        self.whenConnected().addCallback(lambda _: self.factory.subscribe(self))
        return made

    def messageReceived(self, pattern: Any, channel: Any, message: Any) -> None:
        self.factory.heard(message)

    def connectionLost(self, why: Any) -> None:
        self.factory.is_listening = False
        super().connectionLost(why)


class Ears(txredisapi.SubscriberFactory):
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
        super().__init__(isLazy=True)
        self.username, self.password, self.convertNumbers = user, password, False
        self._channel, self.heard = channel, heard

    def stopTrying(self) -> Any:
        """
        As for L{Mouth}.
        """

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
