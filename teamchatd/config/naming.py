"""
How sections and keys are called.
"""

import re


def camel(snake: str) -> str:
    """
    An underscore at the end is for Python: C{from_} is C{from} for everybody else.
    """
    return re.sub("_(.)", lambda letter: letter[1].upper(), snake.rstrip("_"))


def inside(section: str, name: str) -> str:
    return f"{section}.{name}" if section else name


def title(section: str, is_repeated: bool) -> str:
    return f"[[{section}]]" if is_repeated else f"[{section}]"


def numbered(section: str, number: int) -> str:
    return f"{section} {number}" if number else section
