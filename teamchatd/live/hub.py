"""
All who are listening, and the way of an entry to those it is for.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from itertools import chain, groupby

import orjson
from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from teamchatd.histogram import Histogram
from teamchatd.live.elsewhere import Elsewhere
from teamchatd.live.fanout import FanOut, Told, Whom, in_pieces
from teamchatd.live.frames import HEARTBEAT, REPLACED, Frame, event, joined
from teamchatd.live.stream import Stream
from teamchatd.live.tail import Kept, Tail
from teamchatd.model import Audience, Daemons, Entry, Everyone, InChannel, Stretch, Users

log = Logger()

BEATS = 250
"""
The heartbeat is served in as many slices as this, one after another: all at once
would stop everything else for as long as it takes to write to everybody.
"""

READ_AT_ONCE = 500
"""Entries of the journal that a returning client is sent in one go."""

SENT_AT_ONCE = 512 << 10
"""
Bytes of the same, in both their forms.  A stream that is caught up has to hold
back most of what it is sent in one go, and would be hung up on if that were more
than it may hold: again and again, whenever it comes back.
"""


CLOSING_SECONDS = 5
"""
For how long a client may take the end of its stream.  Then we hang up: a client
that does not read, or over TLS does not agree to the end, would keep a connection
that nobody counts any more, and a client can have as many of those as it likes.
"""

ReadAfter = Callable[[int, int], "Deferred[Stretch]"]

Look = Callable[[], "Deferred[bool]"]


@define(eq=False)
class Hub:
    """
    Knows streams and frames.  It asks nobody for permission: an entry says whom
    it is for.

    @ivar _read_after: reads the journal: C{(number, limit)} to a stretch.
    @ivar _elsewhere: knows of their streams with other daemons, where there are such.
    @ivar _since: when each was opened here, for those.
    @ivar _look: hands out what others have written, some of it; whether there may be
        more.
    @ivar _greeting: what every stream is told at its beginning, besides what it is.
    @ivar streams_per_user: so many at most.
    @ivar left: called with each stream that is over.
    @ivar replays: how many came back with an event id, and were told what they missed.
    @ivar resets: how many were told to begin anew, by why.
    @ivar slow_readers: how many were hung up on because they did not read.
    @ivar head: the number of the last entry that was handed out here.
    @ivar _leaving: streams that are caught up although their session has ended,
        each until the number of the last entry that it may hear.
    @ivar _closing: when we hang up on those that should be gone by themselves.
    @ivar _all_closed: who waits until none of these is left.
    """

    _clock: IReactorTime
    _read_after: ReadAfter
    streams_per_user: int
    _greeting: Mapping[str, str] = field(factory=dict)
    left: Callable[[Stream], None] = field(init=False, default=lambda stream: None)
    replays: int = field(init=False, default=0)
    resets: Counter[str] = field(init=False, factory=Counter)
    slow_readers: int = field(init=False, default=0)
    _look: Look = field(default=lambda: succeed(False))
    _elsewhere: Elsewhere | None = None
    _since: dict[Stream, int] = field(init=False, factory=dict)
    _gone: Callable[[Stream], None] = field(init=False)
    _fan_out: FanOut = field(init=False)
    era: str = field(init=False, default="")
    head: int = field(init=False, default=0)
    _by_user: dict[str, list[Stream]] = field(init=False, factory=lambda: defaultdict(list))
    _to_beat: list[dict[Stream, None]] = field(
        init=False, factory=lambda: [{} for _ in range(BEATS)]
    )
    _slice: int = field(init=False, default=0)
    _beat: int = field(init=False, default=0)
    _tail: Tail = field(init=False)
    _leaving: dict[Stream, int] = field(init=False, factory=dict)
    _closing: dict[Stream, IDelayedCall] = field(init=False, factory=dict)
    _all_closed: "list[Deferred[None]]" = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._tail = Tail(self._clock)
        self._fan_out = FanOut(self._clock, self._listeners, self._send)
        self._gone = self._forget  # once: a bound method for each stream would be thousands

    def begin(self, era: str, head: int) -> None:
        """
        The journal stands here: what comes from now on is new.
        """
        self.era, self.head = era, head

    @property
    def delivered(self) -> int:
        """
        How many events were given to a stream as they happened, added up over all streams.
        """
        return self._fan_out.delivered

    @property
    def delivery_seconds(self) -> Histogram:
        """
        How long it took from a commit until the last of the streams had the event.
        """
        return self._fan_out.seconds

    @property
    def count(self) -> int:
        """
        How many streams there are.
        """
        return sum(len(streams) for streams in self._by_user.values())

    @property
    def people(self) -> int:
        """
        How many users these are of.
        """
        return len(self._by_user)

    # Coming and going

    def listen(self, stream: Stream, last_event_id: str | None) -> "Deferred[None]":
        """
        Send C{stream} what its user missed after C{last_event_id}, and then
        what happens from now on.

        @return: fires once the stream has heard all there is, or is gone.
        """
        listening = Deferred.fromCoroutine(self._listen(stream, last_event_id))
        return listening.addErrback(self._broken, stream)

    async def _listen(self, stream: Stream, last_event_id: str | None) -> None:
        self._admit(stream)
        resumed = None if last_event_id is None else await self._resumed(last_event_id)
        if resumed is not None:
            await self._catch_up(stream, resumed)
        elif last_event_id is not None:
            self.resets["unknown_id"] += 1
            self._reset(stream, "The server does not know this event id.")
        else:
            self._greet(stream, self.head)
            self._join(stream)

    def _broken(self, failure: Failure, stream: Stream) -> None:
        """
        Rather no stream than one that is open and deaf: it comes back.
        """
        log.failure("a stream could not be served", failure)
        _hang_up(stream)

    def _admit(self, stream: Stream) -> None:
        here = len(self._by_user[stream.user_id])
        self._end_oldest(stream.user_id, here + 1 - self.streams_per_user)
        self._by_user[stream.user_id].append(stream)
        if self._elsewhere is not None:
            self._since[stream] = self._elsewhere.now()
            self._elsewhere.opened(stream.user_id, self._since[stream])
            self.end_too_many(stream.user_id)
        stream.gone = self._gone
        self._beat_later(stream)

    def _end_oldest(self, user_id: str, count: int) -> None:
        for oldest in self._by_user.get(user_id, [])[: max(0, count)]:
            oldest.send(REPLACED)
            oldest.end()

    def end_too_many(self, user_id: str) -> None:
        """
        Of the user's streams with all daemons, the oldest go that are too many; the
        others end those that are with them.
        """
        if self._elsewhere is not None:
            self._end_oldest(user_id, self._elsewhere.oldest_here(user_id))

    def _forget(self, stream: Stream) -> None:
        self.left(stream)
        self.slow_readers += stream.fell_behind
        if self._elsewhere is not None:
            self._elsewhere.closed(stream.user_id, self._since.pop(stream))
        stream.since = None
        self._leaving.pop(stream, None)
        self._to_beat[stream.beat_in].pop(stream, None)
        streams = self._by_user[stream.user_id]
        streams.remove(stream)
        if not streams:
            del self._by_user[stream.user_id]
        if not stream.is_closed:
            self._hang_up_later(stream)

    def _join(self, stream: Stream) -> None:
        """
        It has heard all there is: now what happens, if its session goes on.
        """
        if stream in self._leaving:
            self._finish(stream)
        elif stream.is_open:
            stream.since = self.head

    async def _resumed(self, event_id: str) -> int | None:
        """
        The number in an event id, if it is one of ours.  Another daemon may have told
        what we have not heard of yet.
        """
        number = self._number(event_id)
        if number is not None and number > self.head:
            while await self._look():
                pass
        return number if number is not None and number <= self.head else None

    def _number(self, event_id: str) -> int | None:
        """
        The number in what may be an event id of ours.
        """
        era, _, number = event_id.rpartition(".")
        if era != self.era or not (number.isascii() and number.isdigit()) or len(number) > 18:
            return None
        return int(number)

    async def _catch_up(self, stream: Stream, number: int) -> None:
        """
        Everything after C{number}, in order, then join in the very turn in which
        nothing is missing: no gap, and nothing twice.
        """
        greeted = False
        self.replays += 1
        while stream.is_open:
            kept = self._tail_after(number)
            if kept is None:
                erasures = self._tail.erasures
                stretch = await self._read(stream, number)
                if stretch is None:
                    return
                if number + 1 < stretch.oldest:
                    self._too_far_back(stream, greeted)
                    return
                kept = self._tail_after(number)  # somebody else may have had it read meanwhile
                if kept is None:
                    # What is committed but not yet handed out comes from deliver().
                    kept = [self._keep(e) for e in stretch.entries if e.number <= self.head]
                    if erasures == self._tail.erasures:
                        self._tail.add_older(kept, self.head)
            if not greeted:
                self._greet(stream, number)
                greeted = True
            last = self._leaving.get(stream, self.head)
            frames = []
            for each in _in_one_go([each for each in kept if each.number <= last]):
                if each.frame is not None and _is_for(each.audience, stream.user_id):
                    frames.append(each.frame)
                number = each.number
            if frames:
                stream.send(joined(frames))
            if number >= last:
                self._join(stream)
                return
            await stream.drained()

    def _too_far_back(self, stream: Stream, greeted: bool) -> None:
        if greeted:
            stream.end()  # trimmed meanwhile: it comes back and is told to reload
        else:
            self.resets["too_old"] += 1
            self._reset(stream, "The server does not hold events that far back any more.")

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
        return [] if number >= self.head else self._tail.after(number)

    def _greet(self, stream: Stream, number: int) -> None:
        cursor = f"{self.era}.{number}"
        now = datetime.fromtimestamp(self._clock.seconds(), UTC)
        payload = {
            "message": "SSE connection established",
            "timestamp": now.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "userId": stream.user_id,
            "connectionId": stream.connection_id,
            "cursor": cursor,
            **self._greeting,
        }
        stream.send(joined([HEARTBEAT, said(cursor, "CONNECTED", payload)]))
        stream.connection_id = ""  # nobody asks for it again, and there are many of them

    def _reset(self, stream: Stream, reason: str) -> None:
        """
        What it missed cannot be told: it starts from here.
        """
        self._greet(stream, self.head)
        stream.send(said(f"{self.era}.{self.head}", "RESET", {"reason": reason}))
        self._join(stream)

    # What happens

    def deliver(self, entries: Sequence[Entry]) -> None:
        """
        Hand out what was committed together.  Entries come in the order of their
        numbers; what the same streams hear one after another, they are sent at once.

        Whoever joins from now on has heard of all of it: in the tail, or because they
        begin after it.  So the fan-out, which may take a while, leaves them out.
        """
        for whom, run in groupby(entries, key=_whom):
            kept = filter(None, map(self._taken_in, run))
            told = [Told(whom, each.frame, each.number) for each in kept if each.frame is not None]
            for piece in in_pieces(told):
                self._fan_out.add(piece)

    def _send(self, stream: Stream, frame: Frame) -> None:
        try:
            stream.send(frame)
        except Exception:  # one that broke must not keep it from the others
            self._broken(Failure(), stream)

    def _taken_in(self, entry: Entry) -> Kept | None:
        try:
            return self._take_in(entry)
        except Exception:
            log.failure("entry {number} cannot be told as it happens", number=entry.number)
            self.begin_anew(self.era, entry.number)
            return None

    def _take_in(self, entry: Entry) -> Kept:
        if entry.erases and entry.subject is not None:
            self._tail.erase(entry.subject, entry.number)
        kept = self._keep(entry)
        self._tail.add(kept)
        self.head = entry.number
        return kept

    def begin_anew(self, era: str, head: int) -> None:
        """
        Forget what memory holds, which has a gap now, and all who listen: they
        come back, and are told everything from the journal.
        """
        self._fan_out.forget()
        self._tail.clear()
        self.begin(era, head)
        self.abort_all()

    def _keep(self, entry: Entry) -> Kept:
        frame = None
        if entry.text is not None and not isinstance(entry.audience, Daemons):
            frame = event(f"{self.era}.{entry.number}", entry.text)
        return Kept(entry.number, entry.audience, entry.subject, frame)

    def _listeners(self, whom: Whom) -> Iterator[Stream]:
        if whom is None:
            return chain.from_iterable(self._to_beat)
        return chain.from_iterable(self._by_user.get(user_id, ()) for user_id in whom)

    # Endings

    def end_sessions(self, user_id: str, session_ids: list[str]) -> None:
        """
        End the streams of sessions that have ended.  Why they have, a removed
        user is told last of all; so those who have not heard everything yet are
        given a little time to.
        """
        for stream in tuple(self._by_user.get(user_id, ())):
            if stream.session_id not in session_ids:
                continue
            self._fan_out.hurry(stream)  # or it would be gone before it has heard why
            if stream.since is not None:
                self._finish(stream)
            elif stream not in self._leaving:
                self._leaving[stream] = self.head
                self._hang_up_later(stream)

    def _finish(self, stream: Stream) -> None:
        try:
            stream.finish()
        except Exception:  # the others of a removed user have to go, too
            self._broken(Failure(), stream)

    def end_all(self) -> "Deferred[None]":
        """
        End every stream in the way of HTTP: the daemon stops.

        @return: fires when their connections are closed.
        """
        self._fan_out.finish()
        for stream in self._open():
            stream.end()
        closed: Deferred[None] = Deferred()
        self._all_closed.append(closed)
        self._look_closed()
        return closed

    def abort_all(self) -> None:
        """
        Hang up on everybody, also on those whose end is under way.
        """
        for stream in (*self._open(), *self._closing):
            _hang_up(stream)

    def _open(self) -> list[Stream]:
        return [stream for streams in self._by_user.values() for stream in streams]

    def _hang_up_later(self, stream: Stream) -> None:
        if stream not in self._closing:
            stream.closed = self._closed
            self._closing[stream] = self._clock.callLater(CLOSING_SECONDS, _hang_up, stream)

    def _closed(self, stream: Stream) -> None:
        hanging_up = self._closing.pop(stream)
        if hanging_up.active():
            hanging_up.cancel()
        self._look_closed()

    def _look_closed(self) -> None:
        if not self._closing:
            waiting, self._all_closed = self._all_closed, []
            for closed in waiting:
                closed.callback(None)

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


def _whom(entry: Entry) -> Whom:
    """
    The ids of the users who hear of C{entry}; L{None} for all.
    """
    match entry.audience:
        case Everyone() | InChannel():
            return None
        case Users(ids=ids):
            return ids
    return ()


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


def said(event_id: str, kind: str, payload: dict[str, str]) -> Frame:
    """
    What one stream is told by us, and no entry tells.
    """
    return event(event_id, orjson.dumps({"type": kind, "payload": payload}).decode())


def _hang_up(stream: Stream) -> None:
    try:
        stream.abort()
    except Exception:
        log.failure("a stream could not be closed")


def _in_one_go(kept: list[Kept]) -> Iterator[Kept]:
    """
    The first of C{kept}: as many as a stream may be sent before it has drained.
    """
    size = 0
    for number, each in enumerate(kept[:READ_AT_ONCE]):
        size += each.size
        if number and size > SENT_AT_ONCE:
            return
        yield each
