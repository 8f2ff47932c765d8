"""
What is printed: figures beside the goals.
"""

from attrs import frozen

HEADINGS = ("what", "goal", "first target", "ours", "ratio")


@frozen
class Row:
    """
    One figure.

    @ivar goal: what we want to reach, and C{first} what we want to reach first.
    @ivar less: whether less is better.
    @ivar wrong: whether C{ours} is a mistake of the server and no figure to improve.
    """

    what: str
    ours: float
    unit: str = ""
    goal: float | None = None
    first: float | None = None
    less: bool = False
    wrong: bool = False

    @property
    def ratio(self) -> float | None:
        """
        How much of the goal is reached: 1 is all of it, 2 is twice as good.
        """
        if not self.goal or not self.ours:
            return None
        return self.goal / self.ours if self.less else self.ours / self.goal

    def cells(self) -> tuple[str, ...]:
        sign = "≤" if self.less else "≥"
        wanted = [
            "" if value is None else f"{sign} {_figure(value)}" for value in (self.goal, self.first)
        ]
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        what = f"{self.what}, {self.unit}" if self.unit else self.what
        return (what, *wanted, _figure(self.ours) + (" !!!" if self.wrong else ""), ratio)


def count_of_wrong(what: str, ours: int) -> Row:
    """
    Something of which there must be none.
    """
    return Row(what, ours, goal=0, first=0, less=True, wrong=ours != 0)


def draw(rows: list[Row]) -> str:
    table = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADINGS))]
    lines = [_line(cells, widths) for cells in table]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    what, *figures = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([what, *figures]).rstrip()


def _figure(value: float) -> str:
    """
    Three digits that mean something; whole numbers as they are.
    """
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}".replace(",", " ")
    return f"{value:.3g}"
