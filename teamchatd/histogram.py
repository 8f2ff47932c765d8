"""
How often something took how long.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from attrs import define, field


@define
class Histogram:
    """
    Counts, and nothing else: it costs less than a microsecond where something happens,
    and is added up when somebody looks at it.

    @ivar _bounds: in seconds, rising; what took longer than the last is counted as well.
    @ivar total: all observations together, in seconds.
    """

    _bounds: Sequence[float]
    total: float = field(init=False, default=0.0)
    _counts: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._counts = [0] * (len(self._bounds) + 1)

    def observe(self, seconds: float) -> None:
        """
        @param seconds: less than nothing if somebody has set the clock back meanwhile,
            which counts as nothing: a total must not fall.
        """
        self._counts[bisect_left(self._bounds, seconds)] += 1
        if seconds > 0:
            self.total += seconds

    @property
    def count(self) -> int:
        return sum(self._counts)

    def buckets(self) -> Iterator[tuple[str, int]]:
        """
        Up to each bound, how many took no longer; the last, C{+Inf}, has all of them.
        """
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        yield from zip(names, accumulate(self._counts), strict=True)
