"""
Whether a file is an SVG.

It is kept as it is and served so that nothing in it can run, so all that matters
here is that it is one, and that finding out is no work.
"""

from xml.parsers.expat import ExpatError, ParserCreate

ROOTS = frozenset(("svg", "http://www.w3.org/2000/svg svg"))

DEEPEST = 1000
"""Elements in each other; browsers stop at a few thousand."""

LONGEST_ENTITY = 128
"""
Characters.  Drawing programs shorten the names of their namespaces with entities.
One this long, and no other inside it, makes of a file at most forty times itself.
"""


class NotDrawn(Exception):
    """Why it is no SVG that we take; empty if it is not even meant as one."""


class _Eyes:
    """
    What expat tells of a file.
    """

    def __init__(self, what: str) -> None:
        self.began = False
        self._what = what
        self._depth = 0

    def element_begins(self, name: str, attributes: object) -> None:
        if not self.began and name not in ROOTS:
            raise NotDrawn
        self.began = True
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotDrawn(
                f"The {self._what} is an SVG with too many elements inside each other."
                " Flatten it, or save it as a PNG."
            )

    def element_ends(self, name: str) -> None:
        self._depth -= 1

    def entity(
        self, name: str, is_parameter: bool, value: str | None, *elsewhere: str | None
    ) -> None:
        # Entities made of entities grow without bound, and those elsewhere would be fetched.
        if is_parameter or value is None or len(value) > LONGEST_ENTITY or set(value) & {"&", "%"}:
            raise NotDrawn(
                f"The {self._what} is an SVG that is put together from entities."
                " Save it as a plain SVG."
            )


def look_at(data: bytes, what: str) -> None:
    """
    @raise NotDrawn: it is no SVG, or one that we do not take.
    """
    eyes = _Eyes(what)
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = eyes.element_begins
    parser.EndElementHandler = eyes.element_ends
    parser.EntityDeclHandler = eyes.entity
    try:
        parser.Parse(data, True)
    except (ExpatError, ValueError, LookupError) as error:  # the last two for its encoding
        if not eyes.began:
            raise NotDrawn from None
        line = f" in line {error.lineno}" if isinstance(error, ExpatError) else ""
        raise NotDrawn(
            f"The {what} is an SVG with a mistake{line}, and cannot be opened."
        ) from None
