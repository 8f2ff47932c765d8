"""
Names: of users, channels, and the server.
"""

import unicodedata

from teamchatd.errors import Invalid

LONGEST = 64
"""Code points."""


class UnusableName(Invalid):
    """Blank, too long, or with characters that nobody sees."""


def usable(name: str) -> str:
    """
    C{name} without the space around it.

    @raise UnusableName: it is not 1 to L{LONGEST} code points long, or holds
        control characters.
    """
    name = name.strip()
    if not name:
        raise UnusableName("The name is empty.")
    if len(name) > LONGEST:
        raise UnusableName(f"The name is longer than {LONGEST} characters.")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UnusableName("The name holds control characters.")
    return name
