"""
All who are listening, and the way of an entry to those it is for.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import orjson
from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.live.frames import HEARTBEAT, REPLACED, Frame, event
from teamchatd.live.stream import Stream
from teamchatd.model import Audience, Daemons, Entry, Everyone, InChannel, Stretch, Users

log = Logger()

BEATS = 250
"""
The heartbeat is served in as many slices as this, one after another: all at once
would stop everything else for as long as it takes to write to everybody.
"""

LONGEST_TAIL = 4096
"""Entries that are kept in memory, so that a storm of returning clients needs no disk."""

LARGEST_TAIL = 8 << 20
"""Bytes of them."""

READ_AT_ONCE = 500
"""Entries of the journal that a returning client is sent in one go."""

SENT_AT_ONCE = 512 << 10
"""
Bytes of the same, in both their forms.  A stream that is caught up has to hold
back most of what it is sent in one go, and would be hung up on if that were more
than it may hold: again and again, whenever it comes back.
"""


ReadAfter = Callable[[int, int], "Deferred[Stretch]"]


@frozen
class Kept:
    """
    What is kept of an entry: its bytes, made once for all who hear it.

    @ivar frame: L{None} when no client hears of it, or what it told is deleted.
    """

    number: int
    audience: Audience
    subject: str | None
    frame: Frame | None


@define(eq=False)
class Hub:
    """
    Knows streams and frames.  It asks nobody for permission: an entry says whom
    it is for.

    @ivar _read_after: reads the journal: C{(number, limit)} to a stretch.
    @ivar head: the number of the last entry that was handed out here.
    """

    _clock: IReactorTime
    _read_after: ReadAfter
    _streams_per_user: int
    era: str = field(init=False, default="")
    head: int = field(init=False, default=0)
    _by_user: dict[str, list[Stream]] = field(init=False, factory=lambda: defaultdict(list))
    _live: dict[Stream, None] = field(init=False, factory=dict)
    _to_beat: list[dict[Stream, None]] = field(
        init=False, factory=lambda: [{} for _ in range(BEATS)]
    )
    _slice: int = field(init=False, default=0)
    _beat: int = field(init=False, default=0)
    _tail: deque[Kept] = field(init=False, factory=deque)
    _tail_size: int = field(init=False, default=0)

    def begin(self, era: str, head: int) -> None:
        """
        The journal stands here: what comes from now on is new.
        """
        self.era, self.head = era, head

    @property
    def count(self) -> int:
        """
        How many streams there are.
        """
        return sum(len(streams) for streams in self._by_user.values())

    # Coming and going

    def listen(self, stream: Stream, last_event_id: str | None) -> "Deferred[None]":
        """
        Send C{stream} what its user missed after C{last_event_id}, and then
        what happens from now on.

        @return: fires once the stream has heard all there is, or is gone.
        """
        self._admit(stream)
        resumed = None if last_event_id is None else self._number(last_event_id)
        stream.send(HEARTBEAT)
        if resumed is None:
            self._greet(stream, self.head)
            if last_event_id is not None:
                self._reset(stream, "The server does not know this event id.")
            self._join(stream)
            return succeed(None)
        return Deferred.fromCoroutine(self._resume(stream, resumed))

    def _admit(self, stream: Stream) -> None:
        streams = self._by_user[stream.user_id]
        while len(streams) >= self._streams_per_user:
            oldest = streams[0]
            oldest.send(REPLACED)
            oldest.end()
        streams = self._by_user[stream.user_id]
        streams.append(stream)
        stream.gone = self._forget
        self._beat_later(stream)

    def _forget(self, stream: Stream) -> None:
        self._live.pop(stream, None)
        self._to_beat[stream.beat_in].pop(stream, None)
        streams = self._by_user[stream.user_id]
        streams.remove(stream)
        if not streams:
            del self._by_user[stream.user_id]

    def _join(self, stream: Stream) -> None:
        if stream.is_open:
            stream.live = True
            self._live[stream] = None

    def _number(self, event_id: str) -> int | None:
        """
        The number in an event id of ours, if it is one.
        """
        era, _, number = event_id.rpartition(".")
        if era != self.era or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number) if int(number) <= self.head else None

    async def _resume(self, stream: Stream, number: int) -> None:
        if self._tail_after(number) is None:
            stretch = await self._read(stream, number)
            if stretch is None:
                return
            if number + 1 < stretch.oldest:
                self._greet(stream, self.head)
                self._reset(stream, "The server does not hold events that far back any more.")
                self._join(stream)
                return
        self._greet(stream, number)
        await self._catch_up(stream, number)

    async def _catch_up(self, stream: Stream, number: int) -> None:
        """
        Everything after C{number}, in order, then join in the very turn in which
        nothing is missing: no gap, and nothing twice.
        """
        while stream.is_open:
            kept = self._tail_after(number)
            if kept is None:
                stretch = await self._read(stream, number)
                if stretch is None:
                    return
                if number + 1 < stretch.oldest:
                    stream.end()  # trimmed meanwhile: it comes back and is told to reload
                    return
                # What is committed but not yet handed out comes from deliver().
                kept = [self._keep(e) for e in stretch.entries if e.number <= self.head]
            for each in _in_one_go(kept):
                if each.frame is not None and _is_for(each.audience, stream.user_id):
                    stream.send(each.frame)
                number = each.number
            if number >= self.head:
                self._join(stream)
                return
            await stream.drained()

    async def _read(self, stream: Stream, number: int) -> Stretch | None:
        try:
            return await self._read_after(number, READ_AT_ONCE)
        except Exception:
            # The reason is in the log already; the client comes back by itself.
            stream.end()
            return None

    def _tail_after(self, number: int) -> list[Kept] | None:
        """
        The entries after C{number}, if memory holds all of them.
        """
        missing = self.head - number
        if missing > len(self._tail):
            return None
        return [self._tail[index] for index in range(-missing, 0)]

    def _greet(self, stream: Stream, number: int) -> None:
        cursor = f"{self.era}.{number}"
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        payload = {
            "message": "SSE connection established",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "userId": stream.user_id,
            "connectionId": stream.connection_id,
            "cursor": cursor,
        }
        self._say(stream, cursor, "CONNECTED", payload)

    def _reset(self, stream: Stream, reason: str) -> None:
        self._say(stream, f"{self.era}.{self.head}", "RESET", {"reason": reason})

    def _say(self, stream: Stream, event_id: str, kind: str, payload: dict[str, str]) -> None:
        text = orjson.dumps({"type": kind, "payload": payload}).decode()
        stream.send(event(event_id, text))

    # What happens

    def deliver(self, entry: Entry) -> None:
        """
        Hand out what was committed.  Entries come in the order of their numbers.
        """
        if entry.erases and entry.subject is not None:
            self._erase(entry.subject)
        kept = self._keep(entry)
        self._remember(kept)
        self.head = entry.number
        if kept.frame is not None:
            for stream in self._listeners(entry.audience):
                stream.send(kept.frame)

    def _keep(self, entry: Entry) -> Kept:
        frame = None
        if entry.text is not None and not isinstance(entry.audience, Daemons):
            frame = event(f"{self.era}.{entry.number}", entry.text)
        return Kept(entry.number, entry.audience, entry.subject, frame)

    def _listeners(self, audience: Audience) -> list[Stream]:
        match audience:
            case Users(ids=ids):
                mine = (self._by_user.get(user_id, ()) for user_id in ids)
                return [stream for streams in mine for stream in streams if stream.live]
            case Everyone() | InChannel():
                return list(self._live)
        return []

    def _remember(self, kept: Kept) -> None:
        self._tail.append(kept)
        self._tail_size += _size(kept)
        while len(self._tail) > LONGEST_TAIL or self._tail_size > LARGEST_TAIL:
            self._tail_size -= _size(self._tail.popleft())

    def _erase(self, subject: str) -> None:
        """
        What was deleted is gone from memory too.
        """
        for index, kept in enumerate(self._tail):
            if kept.subject == subject or (kept.subject or "").startswith(subject + "/"):
                self._tail_size -= _size(kept)
                self._tail[index] = evolve(kept, frame=None)

    # Endings

    def end_sessions(self, user_id: str, session_ids: list[str]) -> None:
        """
        Cut the streams of sessions that have ended.
        """
        for stream in tuple(self._by_user.get(user_id, ())):
            if stream.session_id in session_ids:
                stream.end()

    def end_all(self) -> "Deferred[None]":
        """
        End every stream in the way of HTTP: the daemon stops.

        @return: fires when their connections are closed.
        """
        ending = [stream for streams in self._by_user.values() for stream in streams]
        left = set(ending)
        closed: Deferred[None] = Deferred()

        def one_less(stream: Stream) -> None:
            left.discard(stream)
            if not left and not closed.called:
                closed.callback(None)

        for stream in ending:
            stream.closed = one_less
            stream.end()
        if not left and not closed.called:
            closed.callback(None)
        return closed

    # The heartbeat

    def _beat_later(self, stream: Stream) -> None:
        """
        The slices are filled in turn: a storm of clients spreads over all of them.
        """
        self._slice = (self._slice + 1) % BEATS
        stream.beat_in = self._slice
        self._to_beat[self._slice][stream] = None

    def beat(self) -> None:
        """
        Serve one slice of the streams; called L{BEATS} times per heartbeat.
        """
        self._beat = (self._beat + 1) % BEATS
        for stream in tuple(self._to_beat[self._beat]):
            stream.beat(HEARTBEAT)


def _is_for(audience: Audience, user_id: str) -> bool:
    """
    Whether this user may hear now what is for C{audience}.
    """
    match audience:
        case Everyone() | InChannel():
            return True
        case Users(ids=ids):
            return user_id in ids
    return False


def _in_one_go(kept: list[Kept]) -> Iterator[Kept]:
    """
    The first of C{kept}: as many as a stream may be sent before it has drained.
    """
    size = 0
    for number, each in enumerate(kept[:READ_AT_ONCE]):
        size += _size(each)
        if number and size > SENT_AT_ONCE:
            return
        yield each


def _size(kept: Kept) -> int:
    return 0 if kept.frame is None else len(kept.frame.plain) + len(kept.frame.chunk)
