"""
All listeners: L{teamchatd.live.hub}, on a journal that answers when it is told to.
"""

from collections import deque

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from teamchatd.live import hub as hub_module
from teamchatd.live import tail as tail_module
from teamchatd.live.fanout import SENT_TOGETHER
from teamchatd.live.hub import BEATS, CLOSING_SECONDS, Hub
from teamchatd.live.stream import Stream
from teamchatd.model import Daemons, Entry, Everyone, InChannel, Stretch, Users
from tests.answers import EventReader
from tests.daemon import MemoryTransport, unchunked


class Journal:
    """
    Entries, read at once or, if C{slow}, when C{answer} is called.
    """

    def __init__(self):
        self.entries = []
        self.oldest = 1
        self.slow = False
        self.asked = []
        self.count = 0

    def after(self, number, limit):
        self.count += 1
        found = [entry for entry in self.entries if entry.number > number][:limit]
        stretch = Stretch(found, self.oldest)
        if not self.slow:
            return succeed(stretch)
        self.asked.append((Deferred(), stretch))
        return self.asked[-1][0]

    def answer(self):
        waiting, stretch = self.asked.pop(0)
        waiting.callback(stretch)


class Agreeing(MemoryTransport):
    """
    One that closes when the other side agrees to it, as TLS does: never.
    """

    def loseConnection(self):
        self.disconnecting = self.aborted
        if self.aborted:
            self.disconnecting = False
            super().loseConnection()


class Broken(MemoryTransport):
    def write(self, data):
        if b"SAID" in data:
            raise OSError("broken")
        super().write(data)


class Listener:
    def __init__(self, hub, user_id, last_event_id=None, session_id="s", kind=MemoryTransport):
        self.transport = kind(None)
        self.stream = Stream(self.transport, True, user_id, session_id, "c")
        self.transport.protocol = self.stream
        self.transport.registerProducer(self.stream, True)
        hub.listen(self.stream, last_event_id)

    @property
    def heard(self):
        """
        What came after the greeting: numbers of events, and types of the rest.
        """
        reader = EventReaderWithoutContract()
        reader.feed(unchunked(self.transport.value()))
        return [
            event.type if event.type == "RESET" else int(event.id.rpartition(".")[2])
            for event in reader.events
            if event.type != "CONNECTED"
        ]

    @property
    def beats(self):
        reader = EventReaderWithoutContract()
        reader.feed(unchunked(self.transport.value()))
        return reader.comments - 1


class EventReaderWithoutContract(EventReader):
    """
    The entries of these tests are shorter than the contract's.
    """

    def check(self, data):
        pass


BREAKS_IN_THE_MIDDLE = (("ada", MemoryTransport), ("bob", Broken), ("eve", MemoryTransport))


@pytest.fixture
def journal():
    return Journal()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def hub(journal, clock):
    made = Hub(clock, journal.after, 32)
    made.begin("e", 0)
    return made


@pytest.fixture
def happen(hub, journal):
    def happen(audience=None, subject=None, erases=False, deliver=True, length=0):
        number = len(journal.entries) + 1
        text = f'{{"type":"SAID","payload":{number}}}' + " " * length
        entry = Entry(number, audience or Everyone(), text, subject, erases)
        journal.entries.append(entry)
        if deliver:
            hub.deliver([entry])
        return entry

    return happen


def test_audience(hub, happen):
    """
    Only those hear an entry whom it is for; what is for the daemons nobody hears.
    """
    ada, bob = Listener(hub, "ada"), Listener(hub, "bob")
    happen(Everyone())
    happen(InChannel("c"))
    happen(Users(("ada", "eve")))
    happen(Daemons())
    assert (ada.heard, bob.heard) == ([1, 2, 3], [1, 2])


def test_resume_from_memory(hub, happen, journal):
    """
    Who comes back soon is caught up without a look at the disk.
    """
    for _ in range(5):
        happen()
    journal.slow = True
    assert Listener(hub, "ada", "e.2").heard == [3, 4, 5]
    assert not journal.asked


def test_resume_from_the_journal(hub, happen, journal):
    """
    After a restart memory is empty, and the journal has it all.
    """
    for _ in range(3):
        happen(deliver=False)
    hub.begin("e", 3)
    ada = Listener(hub, "ada", "e.1")
    happen()
    assert ada.heard == [2, 3, 4]


def test_resume_hears_only_what_is_for_them(hub, happen):
    """
    What was missed is heard by those whom it is for.
    """
    happen(Users(("bob",)))
    happen(Daemons())
    happen(Users(("ada",)))
    assert Listener(hub, "ada", "e.0").heard == [3]


def test_joins_where_it_stands(hub, happen, journal):
    """
    What happens while the journal is read is heard once, after what was missed.
    """
    for _ in range(3):
        happen(deliver=False)
    hub.begin("e", 3)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    happen()
    happen(deliver=False)  # committed, but not yet told
    while journal.asked:
        journal.answer()
    hub.deliver([journal.entries[-1]])
    happen()
    assert ada.heard == [1, 2, 3, 4, 5, 6]


def test_no_stretch_is_read_twice(hub, happen, journal):
    """
    One look at the journal tells both whether it goes back that far, and what there is.
    """
    happen(deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    journal.answer()
    assert (ada.heard, journal.asked) == ([1], [])


def test_long_way_back(hub, happen, monkeypatch):
    """
    A long absence is read in pieces, each once.
    """
    monkeypatch.setattr(hub_module, "READ_AT_ONCE", 4)
    for _ in range(10):
        happen(deliver=False)
    hub.begin("e", 10)
    assert Listener(hub, "ada", "e.1").heard == list(range(2, 11))


def test_catching_up_waits_for_a_slow_reader(hub, happen, journal, monkeypatch):
    """
    The journal is read no faster than it is heard: no backlog is built up.
    """
    monkeypatch.setattr(hub_module, "READ_AT_ONCE", 2)
    for _ in range(6):
        happen(deliver=False)
    hub.begin("e", 6)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    ada.transport.producer.pauseProducing()
    journal.answer()
    assert not journal.asked
    ada.transport.producer.resumeProducing()
    while journal.asked:
        journal.answer()
    assert ada.heard == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    "strange", ["before.1", "1", "e.x", "e.", "e.-1", "e.99", "", "e.1.1", "e.²", "e." + "9" * 30]
)
def test_unknown_id(hub, happen, strange):
    """
    An id that is none of ours is said to be none, and life goes on from now.
    """
    happen()
    ada = Listener(hub, "ada", strange)
    happen()
    assert ada.heard == ["RESET", 2]


def test_too_far_back(hub, happen, journal):
    """
    Who was away for longer than the journal goes back has to reload.
    """
    for _ in range(3):
        happen(deliver=False)
    hub.begin("e", 3)
    journal.entries = journal.entries[2:]
    journal.oldest = 3
    assert Listener(hub, "ada", "e.1").heard == ["RESET"]
    assert Listener(hub, "ada", "e.2").heard == [3]


def test_trimmed_while_catching_up(hub, happen, journal, monkeypatch):
    """
    Rather no stream than one with a gap.
    """
    monkeypatch.setattr(hub_module, "READ_AT_ONCE", 2)
    for _ in range(6):
        happen(deliver=False)
    hub.begin("e", 6)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    journal.answer()
    waiting, stretch = journal.asked.pop()
    waiting.callback(evolve(stretch, entries=stretch.entries[1:], oldest=4))
    assert ada.transport.disconnecting


def test_erased_from_memory(hub, happen):
    """
    What was deleted is not told to those who come back, from memory either.
    """
    happen(subject="c/m")
    happen(subject="c/m/r")
    happen(subject="c/m2")
    happen(subject="c/m", erases=True)
    assert Listener(hub, "ada", "e.0").heard == [3, 4]


def test_erased_until_the_next_turn(hub, happen, clock):
    """
    Nobody has to come back for that: it is gone from memory in the next turn; what
    was told later of the same stays.
    """
    for subject in ("c", "c/m", "c/m/r", "c/m2", None, "c2"):
        happen(subject=subject)
    happen(subject="c/m", erases=True)
    happen(subject="c/m")
    clock.advance(0)
    assert [kept.number for kept in hub._tail._kept if kept.frame is None] == [2, 3]
    assert hub._tail._size == sum(kept.size for kept in hub._tail._kept)
    happen(subject="c", erases=True)
    clock.advance(0)
    assert [kept.number for kept in hub._tail._kept if kept.frame is not None] == [5, 6, 9]


def test_many_are_erased(hub, happen, clock):
    """
    However many are deleted at once, memory is gone through once.
    """

    class Counting(deque):
        walks = 0

        def __iter__(self):
            self.walks += 1
            return super().__iter__()

    hub._tail._kept = tail = Counting()
    for number in range(50):
        happen(subject=f"c/{number}")
    for number in range(50):
        happen(subject=f"c/{number}", erases=True)
    clock.advance(0)
    assert tail.walks == 1
    assert Listener(hub, "ada", "e.0").heard == list(range(51, 101))
    assert tail.walks == 1


def test_memory_is_bounded(hub, happen, monkeypatch):
    """
    However much is said, memory keeps the newest and no more than fits.
    """
    monkeypatch.setattr(tail_module, "LONGEST", 3)
    for _ in range(10):
        happen()
    assert len(hub._tail._kept) == 3
    monkeypatch.setattr(tail_module, "LARGEST", 0)
    happen()
    assert (len(hub._tail._kept), hub._tail._size) == (0, 0)


def test_gone_are_forgotten(hub, happen):
    """
    Nothing is left of somebody who left, whether live or still catching up.
    """
    ada = Listener(hub, "ada")
    ada.transport.leave()
    assert (hub.count, sum(map(len, hub._to_beat)), dict(hub._by_user)) == (0, 0, {})
    assert not any(hub._to_beat)


def test_sent_together(hub, happen, journal):
    """
    What was committed together is written together, to each what is for them, in
    order and in pieces that are not too large.
    """
    ada, bob = Listener(hub, "ada"), Listener(hub, "bob")
    writes = []
    for who in (ada, bob):
        write = who.transport.write
        who.transport.write = lambda data, write=write: (writes.append(len(data)), write(data))
    happen(deliver=False)
    for _ in range(3):
        happen(length=30_000, deliver=False)
    happen(Users(("bob",)), deliver=False)
    happen(Daemons(), deliver=False)
    happen(InChannel("c"), deliver=False)
    happen(Everyone(), deliver=False)
    hub.deliver(journal.entries)
    assert (ada.heard, bob.heard) == ([1, 2, 3, 4, 7, 8], [1, 2, 3, 4, 5, 7, 8])
    assert max(writes) < SENT_TOGETHER
    before, direct, after = 2 * 2, 1, 2
    assert len(writes) == before + direct + after


def test_read_for_all(hub, happen, journal):
    """
    After a restart memory holds nothing.  The first who comes back has the journal
    read for those who come after them.
    """
    for _ in range(5):
        happen(deliver=False)
    hub.begin("e", 5)
    assert [Listener(hub, who, "e.2").heard for who in ("ada", "bob")] == [[3, 4, 5]] * 2
    assert Listener(hub, "ada", "e.4").heard == [5]
    assert journal.count == 1
    happen()
    assert Listener(hub, "ada", "e.2").heard == [3, 4, 5, 6]
    assert Listener(hub, "ada", "e.0").heard == [1, 2, 3, 4, 5, 6]
    assert Listener(hub, "ada", "e.1").heard == [2, 3, 4, 5, 6]
    assert journal.count == 2


def test_read_before_it_was_erased(hub, happen, journal):
    """
    What was deleted while the journal was read is not kept in memory.
    """
    happen(subject="c/m", deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    happen(subject="c/m", erases=True)
    journal.answer()
    journal.slow = False
    journal.entries[0] = journal.entries[0]._replace(text=None)
    assert ada.heard == [1, 2]
    assert Listener(hub, "bob", "e.0").heard == [2]


def test_left_while_catching_up(hub, happen, journal):
    """
    Whoever leaves before the journal has answered never joins.
    """
    happen(deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    ada.transport.leave()
    journal.answer()
    assert (hub.count, sum(map(len, hub._to_beat))) == (0, 0)


def test_unreadable_journal(hub, happen, journal):
    """
    When the journal cannot be read the client is sent away, to come again.
    """
    happen(deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    journal.asked.pop()[0].errback(OSError())
    assert ada.transport.disconnecting


# What breaks


def test_one_stream_breaks(hub, happen):
    """
    Who cannot be written to is hung up on, and the others hear everything.
    """
    listeners = [Listener(hub, name, kind=kind) for name, kind in BREAKS_IN_THE_MIDDLE]
    happen()
    happen()
    first, broken, last = listeners
    assert broken.transport.aborted
    assert (first.heard, broken.heard, last.heard) == ([1, 2], [], [1, 2])


def test_entry_that_cannot_be_told(hub, happen, monkeypatch):
    """
    Nobody goes on with a gap: all are hung up on, and catch up from the journal.
    """
    happen()
    ada = Listener(hub, "ada")
    with monkeypatch.context() as patched:
        patched.setattr(hub_module, "event", lambda *_: 1 / 0)
        happen()
    assert ada.transport.aborted
    happen()
    assert Listener(hub, "ada", "e.0").heard == [1, 2, 3]
    assert Listener(hub, "ada", "e.1").heard == [2, 3]
    assert Listener(hub, "ada", "e.2").heard == [3]


def test_catching_up_breaks(hub, happen, journal):
    """
    A stream that cannot be caught up is not left open, to hear nothing ever.
    """
    happen(deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    ada = Listener(hub, "ada", "e.0")
    journal.asked.pop()[0].callback("no stretch of the journal")
    assert ada.transport.aborted
    bob = Listener(hub, "bob", "e.0", kind=Broken)
    journal.answer()
    assert bob.transport.aborted
    assert hub.count == 0


# Endings


def test_ended_sessions(hub, happen):
    """
    The end of a session ends its streams, also those that are catching up, and
    no others.
    """
    ada, bob = Listener(hub, "ada", session_id="s1"), Listener(hub, "ada", session_id="s2")
    hub.end_sessions("ada", ["s1"])
    happen()
    assert (ada.transport.disconnecting, bob.transport.disconnecting) == (True, False)
    assert bob.heard == [1]


def test_last_words(hub, happen, journal, clock):
    """
    Who is still being caught up, or does not read just now, hears all there was
    until the end of the session, and nothing after it.
    """
    for _ in range(2):
        happen(deliver=False)
    hub.begin("e", 2)
    journal.slow = True
    behind, asleep = Listener(hub, "ada", "e.0"), Listener(hub, "ada")
    asleep.transport.producer.pauseProducing()
    happen()
    hub.end_sessions("ada", ["s"])
    happen()
    asleep.transport.producer.resumeProducing()
    while journal.asked:
        journal.answer()
    assert (behind.heard, asleep.heard) == ([1, 2, 3], [3])
    assert behind.transport.value().endswith(b"\r\n0\r\n\r\n")
    assert behind.transport.disconnecting
    assert asleep.transport.disconnecting
    assert not clock.getDelayedCalls()


def test_no_last_words(hub, happen, journal, clock):
    """
    They do not have for ever to hear it.
    """
    happen(deliver=False)
    hub.begin("e", 1)
    journal.slow = True
    behind, asleep = Listener(hub, "ada", "e.0"), Listener(hub, "ada")
    asleep.transport.producer.pauseProducing()
    happen()
    hub.end_sessions("ada", ["s"])
    clock.advance(CLOSING_SECONDS)
    journal.answer()
    assert (behind.transport.aborted, asleep.transport.aborted) == (True, True)
    assert (behind.heard, asleep.heard, hub.count) == ([], [], 0)


def test_the_end_is_not_taken(hub, clock):
    """
    Whose connection is not closed by their end is hung up on a little later.
    """
    ada, bob = Listener(hub, "ada", kind=Agreeing), Listener(hub, "bob", kind=Agreeing)
    hub.end_sessions("ada", ["s"])
    assert not ada.transport.aborted
    clock.advance(CLOSING_SECONDS)
    assert (ada.transport.aborted, bob.transport.aborted) == (True, False)
    assert not clock.getDelayedCalls()
    assert not hub._closing


def test_all_hung_up_on(hub, clock):
    """
    When there is no time left nobody is waited for, whenever their end began.
    """
    ada, bob = Listener(hub, "ada", kind=Agreeing), Listener(hub, "bob", kind=Agreeing)
    hub.end_sessions("ada", ["s"])
    ended = hub.end_all()
    assert not ended.called
    hub.abort_all()
    assert ended.called
    assert (ada.transport.aborted, bob.transport.aborted) == (True, True)
    assert not clock.getDelayedCalls()


def test_all_ended(hub):
    """
    The end of all is over when every connection is closed.
    """
    assert hub.end_all().called
    listeners = [Listener(hub, f"u{n}") for n in range(3)]
    assert hub.end_all().called
    assert all(listener.transport.disconnecting for listener in listeners)


def test_heartbeat(hub):
    """
    In a round of beats everybody hears one, whenever they came.
    """
    listeners = [Listener(hub, f"u{n}") for n in range(BEATS + 7)]
    for _ in range(BEATS):
        hub.beat()
    assert {listener.beats for listener in listeners} == {1}
