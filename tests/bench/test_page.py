"""
Tests for what L{tests.bench.page} makes of what it has seen.
"""

from tests.bench.page import longest_task, out_of_order, percentile


def test_percentile():
    """
    One of the values, and of few the worst.
    """
    hundred = [float(value) for value in range(100, 0, -1)]
    assert [percentile(hundred, share) for share in (50, 99, 100)] == [50, 99, 100]
    assert percentile([3, 1, 2], 99) == 3
    assert percentile([3, 1, 2], 50) == 2


def test_in_order():
    """
    A log shows the end of what was said, however much of it.
    """
    assert out_of_order([7, 8, 9], 9) == 0
    assert out_of_order([9], 9) == 0


def test_out_of_order():
    """
    Whether two have changed places, one is there twice, or the last is missing, or all.
    """
    assert out_of_order([], 9) == 1
    assert out_of_order([6, 8, 7, 9], 9) == 2
    assert out_of_order([6, 7, 8, 8, 9], 9) == 3
    assert out_of_order([7, 8], 9) == 2


def test_longest_task():
    """
    Of the thread that draws the page.  Its number is told after its tasks.
    """
    trace = [
        {"name": "RunTask", "pid": 1, "tid": 1, "tdur": 7_500},
        {"name": "RunTask", "pid": 1, "tid": 1, "tdur": 200},
        {"name": "RunTask", "pid": 1, "tid": 2, "tdur": 90_000},
        {"name": "RunTask", "pid": 1, "tid": 1},
        {"name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "CrRendererMain"}},
        {"name": "thread_name", "pid": 1, "tid": 2, "args": {"name": "Compositor"}},
    ]
    assert longest_task(trace) == 7.5
    assert longest_task([]) == 0
