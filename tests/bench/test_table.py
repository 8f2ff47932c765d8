"""
Tests for L{tests.bench.table}.
"""

from attrs import evolve

from tests.bench.table import (
    FIRM,
    FLOOR,
    Row,
    against_goals,
    count_of_wrong,
    rst,
    side_by_side,
    text,
)

MEMORY = Row("memory of each", 1.5, "kB", 3, 1, less=True, streams=10_000)
POSTS = Row("posts", 6_000, "1/s", 8_000, 10_000)


def test_goal():
    """
    1 is as good as the goal and 2 twice as good, whether more is better or less.
    """
    assert against_goals([MEMORY, POSTS])[1:] == [
        ("10 000 streams: memory of each, kB", "≤ 3", "≤ 1", "1.5", "2.00", "", ""),
        ("posts, 1/s", "≥ 8 000", "≥ 10 000", "6 000", "0.75", "", ""),
    ]


def test_no_goal():
    """
    What cannot be compared is shown without a ratio.
    """
    rows = [Row("guess", 287.4, "ms", less=True), Row("nothing", 0, "s", goal=1, less=True)]
    assert [cells[1:5] for cells in against_goals(rows)[1:]] == [
        ("", "", "287", ""),
        ("≤ 1", "", "0", ""),
    ]


def test_best_of_others():
    """
    Beside ours is the best of those that do the same: less memory, more posts.  The
    floor is nobody's to beat.
    """
    rows = [
        *(MEMORY, evolve(MEMORY, by="one", figure=6), evolve(MEMORY, by="two", figure=3)),
        *(POSTS, evolve(POSTS, by="one", figure=3_000), evolve(POSTS, by="two", figure=1)),
        *(evolve(MEMORY, by=FLOOR, figure=0.01), evolve(MEMORY, by="two", figure=1, streams=5)),
    ]
    assert [cells[5:] for cells in against_goals(rows)[1:]] == [
        ("3 two", "2.00"),
        ("3 000 one", "2.00"),
    ]


def test_wrong():
    """
    A mistake is marked; none is not.
    """
    lost, twice = count_of_wrong("lost", 3), count_of_wrong("twice", 0)
    assert (lost.wrong, twice.wrong) == (True, False)
    assert [cells[3] for cells in against_goals([lost, twice])[1:]] == ["3 !!!", "0"]


def test_side_by_side():
    """
    A column for each server, ours first and the floor last, and a line for what was
    measured of more than one.
    """
    rows = [evolve(MEMORY, by=by, figure=2) for by in (FLOOR, "zeta", "alpha")]
    assert side_by_side([POSTS, *rows, MEMORY]) == [
        ("what", "teamchat", "alpha", "zeta", FLOOR),
        ("10 000 streams: memory of each, kB", "1.5", "2", "2", "2"),
    ]


def test_nobody_else():
    assert side_by_side([POSTS]) == [("what", "teamchat")]


def test_text():
    assert text([("what", "a"), ("posts", "6 000"), ("  lost", "0")]).splitlines() == [
        "what        a",
        "------  -----",
        "posts   6 000",
        "  lost      0",
    ]


def test_rst():
    """
    That a row belongs to the one before it is seen, though the spaces go; and
    numbers stay in one piece.
    """
    assert rst([("what", "a"), ("posts", "6 000"), ("  lost", "0")]).splitlines() == [
        "======  =====",
        "what        a",
        "======  =====",
        f"posts   6{FIRM}000",
        "… lost      0",
        "======  =====",
    ]
