"""
The newest entries, kept in memory: a storm of returning clients needs no disk.
"""

from collections import deque
from collections.abc import Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.interfaces import IReactorTime

from teamchatd.live.frames import Frame
from teamchatd.model import Audience

LONGEST = 4096
"""Entries."""

LARGEST = 8 << 20
"""Bytes of them."""


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

    @property
    def size(self) -> int:
        return 0 if self.frame is None else len(self.frame.plain) + len(self.frame.chunk)


@define(eq=False)
class Tail:
    """
    The end of the journal, without a gap.

    @ivar erasures: how many there were: what was read from the journal before one of
        them may still have what it erased.
    @ivar _erased: subjects that were deleted this turn, and the numbers of the
        entries that told so: what was told of them before is still here.
    """

    _clock: IReactorTime
    erasures: int = field(init=False, default=0)
    _kept: deque[Kept] = field(init=False, factory=deque)
    _size: int = field(init=False, default=0)
    _erased: dict[str, int] = field(init=False, factory=dict)

    def after(self, number: int) -> list[Kept] | None:
        """
        The entries after C{number}; L{None} if memory does not hold all of them.
        """
        self._forget_erased()
        if not self._kept or self._kept[0].number > number + 1:
            return None
        found: list[Kept] = []
        for kept in reversed(self._kept):
            if kept.number <= number:
                break
            found.append(kept)
        found.reverse()
        return found

    def add(self, kept: Kept) -> None:
        """
        The next entry.
        """
        self._kept.append(kept)
        self._size += kept.size
        while len(self._kept) > LONGEST or self._size > LARGEST:
            self._size -= self._kept.popleft().size

    def add_older(self, kept: Sequence[Kept], head: int) -> None:
        """
        After a restart memory holds nothing, and all clients come back at once for
        the same: the first of them has it read for the others, too.

        @param kept: what was read; forgotten, if it leaves a gap or is too much.
        @param head: the number of the newest entry.
        """
        begins = self._kept[0].number if self._kept else head + 1
        older = [each for each in kept if each.number < begins]
        size = sum(each.size for each in older)
        is_room = len(self._kept) + len(older) <= LONGEST and self._size + size <= LARGEST
        if older and older[-1].number + 1 == begins and is_room:
            self._kept.extendleft(reversed(older))
            self._size += size

    def erase(self, subject: str, number: int) -> None:
        """
        What was deleted is gone from memory too, by the next turn and before
        anybody is told of it.  Many are deleted at once, and the tail is long: all
        of them take one walk.

        @param number: of the entry that tells so.
        """
        self.erasures += 1
        if not self._erased:
            self._clock.callLater(0, self._forget_erased)
        self._erased[subject] = number

    def clear(self) -> None:
        self._kept.clear()
        self._size = 0

    def _forget_erased(self) -> None:
        erased, self._erased = self._erased, {}
        for index, kept in enumerate(self._kept if erased else ()):
            if kept.frame is not None and _is_erased(kept, erased):
                self._size -= kept.size
                self._kept[index] = evolve(kept, frame=None)


def _is_erased(kept: Kept, erased: dict[str, int]) -> bool:
    """
    Whether its subject, or what that is below, was deleted after it was told.
    """
    subject = kept.subject or ""
    while subject:
        if kept.number < erased.get(subject, 0):
            return True
        subject = subject.rpartition("/")[0]
    return False
