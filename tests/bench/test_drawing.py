"""
Tests for L{tests.bench.drawing}.
"""

from itertools import pairwise
from xml.etree import ElementTree

import pytest

from tests.bench.drawing import APART, BOTTOM, LEFT, RIGHT, TOP, Chart, Line, kept_apart, round_step

OURS = Line("teamchat", [(1_000, 20), (10_000, 100)], "ours")
OTHER = Line("a < b", [(1_000, 50), (10_000, 200)])

SVG = "{http://www.w3.org/2000/svg}"


def drawn(*lines):
    return ElementTree.fromstring(Chart("How long & how late", "streams", list(lines)).drawn())


def corners(picture):
    """
    The places that the lines go through, by the look of each line.
    """
    return {
        line.get("class"): [
            tuple(float(each) for each in place.split(",")) for place in line.get("points").split()
        ]
        for line in picture.iter(f"{SVG}polyline")
    }


def words(picture):
    return [text.text for text in picture.iter(f"{SVG}text")]


def test_lines():
    """
    Both axes begin with zero and end with the largest.
    """
    found = corners(drawn(OURS, OTHER))
    assert found["line ink0 ours"][-1] == (RIGHT, (TOP + BOTTOM) / 2)
    assert found["line ink1"][-1] == (RIGHT, TOP)
    assert found["line ink1"][0] == (LEFT + (RIGHT - LEFT) / 10, BOTTOM - (BOTTOM - TOP) / 4)


def test_words():
    """
    The axes and the lines are named where they are.
    """
    assert words(drawn(OURS, OTHER)) == [
        "How long & how late",
        *("0", "50", "100", "150", "200"),
        *("1 000", "10 000", "streams"),
        *("teamchat", "a < b"),
    ]


def test_light_and_dark():
    """
    Every colour has another one for a dark screen.
    """
    light, dark = Chart("", "", [OURS, OTHER]).drawn().split("@media (prefers-color-scheme: dark)")
    for look in (".paper {", ".grid {", "text {", ".line.ink0 {", "text.ink1 {"):
        assert look in light
        assert look in dark


@pytest.mark.parametrize("lines", [[], [Line("none", [(1_000, 0), (10_000, 0)])]])
def test_nothing(lines):
    """
    Where nothing was measured there is an empty picture, and no mistake.
    """
    assert drawn(*lines).tag == f"{SVG}svg"


@pytest.mark.parametrize(
    ("most", "step"),
    [(0, 0.02), (0.7, 0.1), (1, 0.2), (3.3, 0.5), (79, 10), (143, 20), (223, 50), (999, 200)],
)
def test_round_step(most, step):
    assert round_step(most) == pytest.approx(step)


def test_names_apart():
    """
    Names do not cover each other, stay in their order, and move only if they have to.
    """
    wanted = [100, 300, 105, 102, 200]
    found = kept_apart(wanted)
    assert (found[1], found[4]) == (300, 200)
    assert all(b - a >= APART for a, b in pairwise(sorted(found)))
    order = sorted(range(5), key=wanted.__getitem__)
    assert order == sorted(range(5), key=found.__getitem__)


def test_pushed_into_another():
    """
    Names that were moved may meet one that was far enough from where they were.
    """
    found = kept_apart([100, 101, 102, 103, 100 + 2.4 * APART])
    assert all(b - a >= APART for a, b in pairwise(found))
