"""
One-time links: 256 bits that only the record's hash can recognise.
"""

import secrets
from hashlib import sha256

from attrs import field, frozen

SETUP_SECONDS = 7 * 24 * 60 * 60


@frozen
class Link:
    """
    @ivar token: what the link carries.  It is shown once, and never kept.
    @ivar hash: what the record keeps of it.
    """

    token: str = field(repr=False)
    hash: str


def new_link() -> Link:
    token = secrets.token_urlsafe(32)
    return Link(token, hash_of(token))


def hash_of(token: str) -> str:
    """
    A plain hash will do: nobody can guess what has 256 random bits.
    """
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
