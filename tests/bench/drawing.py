"""
A picture of lines, as SVG.  It brings its own paper, light or dark as the reader's
screen is, because it cannot know the page it is shown on.
"""

from collections.abc import Iterator
from html import escape
from itertools import pairwise

from attrs import frozen

from tests.bench.table import number

Points = list[tuple[float, float]]

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 64, 572, 56, 344
"""Where the axes are.  The names of the lines stand to the right of it."""

APART = 17
"""Pixels from one name to the next, at least."""

INK = [
    ("#0550ae", "#6cb6ff"),
    ("#1a7f37", "#57ab5a"),
    ("#8a5a00", "#daaa3f"),
    ("#8250df", "#b083f0"),
    ("#57606a", "#909dab"),
]
"""Of the lines, in their order: on light paper, and on dark."""

STYLE = """\
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-size: 15px; font-weight: 600 }
.paper { fill: #ffffff }
.grid { stroke: #d0d7de }
.line { fill: none; stroke-width: 1.5 }
.ours { stroke-width: 3.5 }
.floor { stroke-dasharray: 5 4 }
text.ours { font-weight: 700 }
%s
@media (prefers-color-scheme: dark) {
text { fill: #d1d7e0 }
.paper { fill: #161b22 }
.grid { stroke: #3d444d }
%s
}"""


@frozen
class Line:
    """
    @ivar kind: C{ours}, C{floor}, or nothing.
    """

    name: str
    points: Points
    kind: str = ""


@frozen
class Chart:
    """
    @ivar title: says what the height is, and in which unit.
    @ivar across: what the width is.
    """

    title: str
    across: str
    lines: list[Line]

    def drawn(self) -> str:
        """
        All of it.  Both axes begin with zero: nothing looks larger than it is.
        """
        points = [point for line in self.lines for point in line.points]
        step = round_step(max((y for _, y in points), default=1))
        scale = _Scale(
            max((x for x, _ in points), default=1), step * _steps(step, (y for _, y in points))
        )
        parts = [
            f'<rect class="paper" width="{WIDTH}" height="{HEIGHT}" rx="6"/>',
            f'<text class="title" x="20" y="30">{escape(self.title)}</text>',
            *self._grid(scale, step),
            *self._curves(scale),
        ]
        return "\n".join([_opening(self.title), _style(len(self.lines)), *parts, "</svg>", ""])

    def _grid(self, scale: "_Scale", step: float) -> Iterator[str]:
        for place in range(round(scale.most_y / step) + 1):
            y = scale.y(place * step)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
            yield _text(LEFT - 8, y + 4, number(round(place * step, 6)), "end")
        middle = (LEFT + RIGHT) / 2
        for x in sorted({x for line in self.lines for x, _ in line.points}):
            yield f'<path class="grid" d="M{scale.x(x):.1f} {BOTTOM}v5"/>'
            yield _text(scale.x(x), BOTTOM + 20, number(x), "middle")
        yield _text(middle, BOTTOM + 42, self.across, "middle")

    def _curves(self, scale: "_Scale") -> Iterator[str]:
        ends = [scale.y(line.points[-1][1]) for line in self.lines]
        for place, (line, y) in enumerate(zip(self.lines, kept_apart(ends), strict=True)):
            path = " ".join(f"{scale.x(x):.1f},{scale.y(high):.1f}" for x, high in line.points)
            look = f"ink{place} {line.kind}".strip()
            yield f'<polyline class="line {look}" points="{path}"/>'
            yield _text(RIGHT + 10, y + 4, line.name, "start", look)


@frozen
class _Scale:
    most_x: float
    most_y: float

    def x(self, value: float) -> float:
        return LEFT + (RIGHT - LEFT) * value / self.most_x

    def y(self, value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * value / self.most_y


def round_step(most: float) -> float:
    """
    What is counted by on an axis up to C{most}: three to eight round numbers.
    """
    power = 10.0 ** (len(f"{int(most)}") - 1) if most >= 1 else 0.1
    return next(power * part for part in (0.2, 0.5, 1, 2) if power * part * 8 >= most)


def _steps(step: float, values: Iterator[float]) -> int:
    most = max(values, default=1)
    return max(1, -int(-most // step))


def kept_apart(wanted: list[float]) -> list[float]:
    """
    The same heights, moved up and down no more than names need that stand below
    each other.
    """
    order = sorted(range(len(wanted)), key=lambda place: wanted[place])
    groups: list[list[float]] = [[wanted[place]] for place in order]
    while (near := _touching(groups)) is not None:
        groups[near : near + 2] = [groups[near] + groups[near + 1]]
    moved = [height for group in groups for height in _spread(group)]
    return [height for _, height in sorted(zip(order, moved, strict=True))]


def _touching(groups: list[list[float]]) -> int | None:
    pairs = enumerate(pairwise(_spread(group) for group in groups))
    return next((place for place, (a, b) in pairs if b[0] - a[-1] < APART), None)


def _spread(group: list[float]) -> list[float]:
    begin = sum(group) / len(group) - APART * (len(group) - 1) / 2
    return [begin + APART * place for place in range(len(group))]


def _opening(title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        f' width="{WIDTH}" height="{HEIGHT}" role="img">\n<title>{escape(title)}</title>'
    )


def _style(count: int) -> str:
    light, dark = (
        "\n".join(
            f".line.ink{place} {{ stroke: {ink[side]} }} text.ink{place} {{ fill: {ink[side]} }}"
            for place, ink in enumerate(INK[:count])
        )
        for side in (0, 1)
    )
    return f"<style>\n{STYLE % (light, dark)}\n</style>"


def _text(x: float, y: float, said: str, anchor: str, look: str = "") -> str:
    shown = f' class="{look}"' if look else ""
    return f'<text{shown} x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
