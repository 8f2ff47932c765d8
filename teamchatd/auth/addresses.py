"""
E-mail addresses, as far as their look goes.
"""

import re

from teamchatd.errors import Invalid

LONGEST = 254
"""Characters (RFC 5321, section 4.5.3.1.3)."""

_LOOKS_LIKE_ONE = re.compile(
    r"[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]{1,64}@[^\s@.<>]+(\.[^\s@.<>]+)*"
)


class UnusableAddress(Invalid):
    """Nothing could be delivered there."""


def usable(email: str) -> str:
    """
    C{email} without the space around it.

    @raise UnusableAddress: it does not look like an address.
    """
    email = email.strip()
    if len(email) > LONGEST or not _LOOKS_LIKE_ONE.fullmatch(email) or not email.isprintable():
        raise UnusableAddress("This does not look like an e-mail address.")
    return email
