"""
What several daemons count together.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field


class Counts(Protocol):
    """
    @ivar counted: called with the name that was counted here.
    """

    counted: Callable[[str], None]

    def count(self, name: str, times: int) -> None:
        """
        Another daemon has counted this.
        """


@define(eq=False)
class Tally:
    """
    Each daemon decides by itself, at once, and tells the others a few times a second
    what it has counted.  So a limit may be passed by what is under way, and no request
    waits for an answer from elsewhere.

    @ivar _tell: tells the other daemons: C{{kind: {name: times}}}.
    """

    _tell: Callable[[dict[str, dict[str, int]]], None]
    _kinds: dict[str, Counts] = field(init=False, factory=dict)
    _news: dict[str, Counter[str]] = field(init=False, factory=dict)

    def share(self, kind: str, counts: Counts) -> None:
        news = self._news[kind] = Counter()
        self._kinds[kind] = counts
        counts.counted = lambda name: news.update((name,))

    def send(self) -> None:
        """
        Done a few times a second.
        """
        told = {kind: dict(news) for kind, news in self._news.items() if news}
        if told:
            self._tell(told)
        for news in self._news.values():
            news.clear()

    def hear(self, told: Any) -> None:
        """
        @param told: as another daemon's C{_tell} was given it.
        """
        for kind, news in told.items():
            if kind in self._kinds:
                for name, times in news.items():
                    self._kinds[kind].count(name, int(times))
