"""
One-time links: 256 bits that only the record's hash can recognise.

A link alone does nothing: mail scanners open what they find.  What it is good
for happens when its token is sent back to us with the address it was sent to
(L{teamchatd.auth.entrances}).
"""

import hmac
import secrets
from base64 import urlsafe_b64encode
from hashlib import sha256
from urllib.parse import quote

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


def token_for(secret: str, letter_id: str) -> str:
    """
    The token of the link in a letter: 256 bits that follow from the secret of
    this server, so that a letter which is tried again has the same link, and
    yet no token is kept anywhere.
    """
    digest = hmac.digest(secret.encode(), f"link {letter_id}".encode(), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def url(app_url: str, token: str, email: str) -> str:
    """
    Where a link leads.
    """
    return f"{app_url}?token={token}&email={quote(email, safe='')}"
