"""
Tests for L{tests.bench.sizes}.
"""

from tests.bench.sizes import Sizes, fewer


def test_fewer():
    """
    No more streams than a process may open, and none of the numbers twice.
    """
    found = fewer(Sizes(steps=(1_000, 10_000), drawn=(1_000, 5_000, 10_000)), 4_000)
    assert (found.steps, found.drawn) == ((1_000, 4_000), (1_000, 4_000))
    assert (found.many, found.returning) == (4_000, 4_000)
