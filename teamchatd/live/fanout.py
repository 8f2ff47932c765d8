"""
The way of a frame to all who hear it.

To write to ten thousand streams takes a good part of a second, in which nobody else
would be served.  So it is done in slices of time, with everything else in between;
one frame after another, so that each stream hears them in order.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from attrs import define, field, frozen
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from teamchatd.histogram import Histogram
from teamchatd.live.frames import Frame, joined
from teamchatd.live.stream import Stream

SLICE = 0.005
"""Seconds.  Others wait no longer than this."""

LOOKS_EVERY = 16
"""Streams: to look at the clock takes a part of the time that it takes to write to one."""

MOST_WAITING = 64
"""
Frames.  When more wait than that, those who post are faster than we can tell of it,
and have to wait for us: the first are told at once, and nobody is served meanwhile.
"""

SENT_TOGETHER = 64 << 10
"""
Bytes that a stream is sent in one piece.  A commit may be of several megabytes, and a
piece is copied for each stream that does not take it at once.
"""

DELIVERY_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
"""Up to where deliveries are told apart."""

Whom = tuple[str, ...] | None
"""The ids of some users; L{None} for all."""


@frozen
class Told:
    """
    @ivar number: of the last entry in C{frame}: whoever has heard all up to that one
        is not told again.
    @ivar count: how many events there are in C{frame}.
    """

    whom: Whom
    frame: Frame
    number: int
    count: int = 1


def in_pieces(several: Iterable[Told]) -> Iterator[Told]:
    """
    The same, for the same listeners, in fewer frames.
    """
    together: list[Told] = []
    length = 0
    for told in several:
        if together and length + len(told.frame.chunk) > SENT_TOGETHER:
            yield _as_one(together)
            together, length = [], 0
        together.append(told)
        length += len(told.frame.chunk)
    if together:
        yield _as_one(together)


def _as_one(several: list[Told]) -> Told:
    *_, last = several
    return Told(last.whom, joined([told.frame for told in several]), last.number, len(several))


@define(eq=False)
class FanOut:
    """
    @ivar _listeners: the streams of some users, or all.
    @ivar _send: gives one of them a frame.
    @ivar delivered: events, each counted once for every stream that was given it.
    @ivar seconds: how long it took until all had been given something.
    @ivar _begun: when the first of C{_waiting} came, and so on.
    @ivar _rest: those who have not yet been sent the first of C{_waiting}.
    """

    _clock: IReactorTime
    _listeners: Callable[[Whom], Iterable[Stream]]
    _send: Callable[[Stream, Frame], None]
    delivered: int = field(init=False, default=0)
    seconds: Histogram = field(init=False, factory=lambda: Histogram(DELIVERY_SECONDS))
    _waiting: deque[Told] = field(init=False, factory=deque)
    _begun: deque[float] = field(init=False, factory=deque)
    _rest: Iterator[Stream] | None = field(init=False, default=None)
    _later: IDelayedCall | None = field(init=False, default=None)

    def add(self, told: Told) -> None:
        self._waiting.append(told)
        self._begun.append(self._clock.seconds())
        if len(self._waiting) > MOST_WAITING:
            self._finish_first()
        elif self._later is None:
            self._go_on()

    def hurry(self, stream: Stream) -> None:
        """
        Tell all of it to one who cannot wait, and to the others when it is their turn.
        """
        for told in self._waiting:
            if told.whom is None or stream.user_id in told.whom:
                self._tell(stream, told)

    def finish(self) -> None:
        """
        Tell all of it now.
        """
        while self._waiting:
            self._finish_first()

    def forget(self) -> None:
        """
        Nobody needs to hear what waits: all are hung up on.
        """
        self._waiting.clear()
        self._begun.clear()
        self._rest = None

    def _go_on(self) -> None:
        self._later = None
        until = self._clock.seconds() + SLICE
        while self._waiting:
            while self._tell_some():
                if self._clock.seconds() > until:
                    self._later = self._clock.callLater(0, self._go_on)
                    return

    def _finish_first(self) -> None:
        while self._tell_some():
            pass

    def _tell_some(self) -> bool:
        """
        Tell the first that waits to the next of its listeners.

        @return: whether there may be more of these.
        """
        told = self._waiting[0]
        if self._rest is None:
            self._rest = iter(list(self._listeners(told.whom)))
        some = list(islice(self._rest, LOOKS_EVERY))
        number, frame, send = told.number, told.frame, self._send
        heard = 0
        for stream in some:
            if stream.since is not None and stream.since < number:
                stream.since = number
                send(stream, frame)
                heard += 1
        self.delivered += heard * told.count
        if some:
            return True
        self._rest = None
        if self._waiting:  # else all was forgotten meanwhile
            self._waiting.popleft()
            self.seconds.observe(self._clock.seconds() - self._begun.popleft())
        return False

    def _tell(self, stream: Stream, told: Told) -> None:
        if stream.since is not None and stream.since < told.number:
            stream.since = told.number
            self._send(stream, told.frame)
            self.delivered += told.count
