"""
What is printed: figures beside the goals, and beside those of other servers.
"""

from collections.abc import Callable

from attrs import frozen

OURS = "teamchat"

FLOOR = "C and epoll"
"""The least that this machine takes, and so nobody's to beat."""

FIRM = "\N{NO-BREAK SPACE}"

Cells = tuple[str, ...]

HEADINGS: Cells = ("what", "goal", "stretch", "ours", "to goal", "best of others", "to it")


@frozen
class Row:
    """
    One figure.

    @ivar goal: what we want to reach, and C{stretch} what would be better still.
    @ivar less: whether less is better.
    @ivar wrong: whether C{figure} is a mistake of the server and none to improve.
    @ivar streams: with how many streams, where that makes the difference.
    @ivar by: whose figure it is.
    """

    what: str
    figure: float
    unit: str = ""
    goal: float | None = None
    stretch: float | None = None
    less: bool = False
    wrong: bool = False
    streams: int | None = None
    by: str = OURS

    @property
    def name(self) -> str:
        what = self.what if self.streams is None else f"{number(self.streams)} streams: {self.what}"
        return f"{what}, {self.unit}" if self.unit else what

    def to(self, wanted: float | None) -> str:
        """
        How much of C{wanted} is reached: 1 is all of it, 2 is twice as good.
        """
        if not wanted or wanted < 0 or self.figure <= 0:
            return ""
        return f"{wanted / self.figure if self.less else self.figure / wanted:.2f}"

    def written(self) -> str:
        return number(self.figure) + (" !!!" if self.wrong else "")


def count_of_wrong(what: str, count: int, streams: int | None = None) -> Row:
    """
    Something of which there must be none.
    """
    return Row(what, count, goal=0, stretch=0, less=True, wrong=count != 0, streams=streams)


def against_goals(rows: list[Row]) -> list[Cells]:
    """
    Our rows, with the goals and with the best that another server reaches.
    """
    return [HEADINGS, *(_compared(row, _best(row, rows)) for row in rows if row.by == OURS)]


def _compared(row: Row, best: Row | None) -> Cells:
    sign = "≤" if row.less else "≥"
    wanted = [
        "" if value is None else f"{sign} {number(value)}" for value in (row.goal, row.stretch)
    ]
    other = ("", "") if best is None else (f"{number(best.figure)} {best.by}", row.to(best.figure))
    return (row.name, *wanted, row.written(), row.to(row.goal), *other)


def _best(row: Row, rows: list[Row]) -> Row | None:
    choose = min if row.less else max
    others = [each for each in rows if each.name == row.name and each.by not in (row.by, FLOOR)]
    return choose(others, key=lambda each: each.figure, default=None)


def side_by_side(rows: list[Row]) -> list[Cells]:
    """
    What was measured of more than ourselves, a column for each server.
    """
    servers = sorted({row.by for row in rows}, key=lambda by: (by != OURS, by == FLOOR, by))
    written = {(row.name, row.by): row.written() for row in rows}
    names = dict.fromkeys(row.name for row in rows if row.by != OURS)
    lines = [(name, *(written.get((name, by), "") for by in servers)) for name in names]
    return [("what", *servers), *lines]


def text(table: list[Cells]) -> str:
    """
    For a terminal.
    """
    lines = _aligned(table)
    lines.insert(1, _rule(table, "-"))
    return "\n".join(lines)


def rst(table: list[Cells]) -> str:
    """
    For reStructuredText, which takes away the spaces that a row begins with, and
    breaks a number at any other.
    """
    shown = [
        (cells[0].replace("  ", "… "), *(cell.replace(" ", FIRM) for cell in cells[1:]))
        for cells in table
    ]
    rule = _rule(shown, "=")
    heading, *lines = _aligned(shown)
    return "\n".join([rule, heading, rule, *lines, rule])


def _widths(table: list[Cells]) -> list[int]:
    return [max(len(cell) for cell in column) for column in zip(*table, strict=True)]


def _rule(table: list[Cells], line: str) -> str:
    return "  ".join(line * width for width in _widths(table))


def _aligned(table: list[Cells]) -> list[str]:
    widths = _widths(table)
    sides: list[Callable[[str, int], str]] = [str.ljust, *[str.rjust] * (len(widths) - 1)]
    return [
        "  ".join(
            side(cell, width) for side, cell, width in zip(sides, cells, widths, strict=True)
        ).rstrip()
        for cells in table
    ]


def number(value: float) -> str:
    """
    Three digits that mean something; whole numbers as they are.
    """
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
