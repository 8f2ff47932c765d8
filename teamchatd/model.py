"""
The words: what people in a team chat talk about.

Frozen records without behaviour; those that are made by the hundred for one
answer are named tuples, which take a fraction of the time to make.  A time is
an integer, in milliseconds since the Unix epoch.  An id is an opaque, URL-safe
string.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

from attrs import field, frozen


@frozen
class User:
    id: str
    user_name: str
    email: str
    is_admin: bool
    created_at: int
    password_hash: str | None = field(default=None, repr=False)


@frozen
class Actor:
    """
    The one who is asking, as their access token says.
    """

    id: str
    is_admin: bool
    session_id: str


@frozen
class Client:
    """
    Where a session was opened: the browser, as far as we can see it.
    """

    ip: str
    user_agent: str


@frozen
class Session:
    """
    One sign-in, until it is ended or C{expires_at} passes.
    """

    id: str
    user_id: str
    created_at: int
    last_used_at: int
    expires_at: int
    ip: str
    user_agent: str


class Purpose(StrEnum):
    """
    What a link is good for.
    """

    FIRST_START = "first-start"
    SIGN_IN = "sign-in"
    INVITATION = "invitation"
    PASSWORD_RESET = "password-reset"


@frozen
class Channel:
    id: str
    name: str
    created_at: int
    created_by: str | None = None
    updated_at: int | None = None


class Author(NamedTuple):
    """
    Who said something, by the name that they have now.
    """

    id: str
    user_name: str


class Message(NamedTuple):
    """
    @ivar reactions: emoji to the ids of those who chose it, in order.
    """

    id: str
    channel_id: str
    author: Author
    content: str
    created_at: int
    updated_at: int | None = None
    reactions: Mapping[str, list[str]] = MappingProxyType({})


@frozen
class Everyone:
    """The audience: whoever is signed in."""


@frozen
class InChannel:
    """The audience: those who can read this channel."""

    id: str


@frozen
class Users:
    """The audience: these users and nobody else."""

    ids: tuple[str, ...]


@frozen
class Daemons:
    """
    The audience: the daemons themselves, so that they cut streams and empty
    caches.  No client is ever told.
    """


Audience = Everyone | InChannel | Users | Daemons


class Entry(NamedTuple):
    """
    One line of the journal: what happened, and who is to hear of it.

    @ivar text: C{{"type": …, "payload": …}} as JSON, or L{None} when what it
        told of was deleted since.
    @ivar subject: a path that names what this is about, such as
        C{<channel>/<message>}.
    @ivar erases: whether earlier entries about C{subject}, and about all below
        it, have lost their text with this one.
    """

    number: int
    audience: Audience
    text: str | None
    subject: str | None = None
    erases: bool = False


@frozen
class Stretch:
    """
    A part of the journal.

    @ivar oldest: the number of the oldest entry that is still kept; one more
        than the head's when none is.
    """

    entries: list[Entry]
    oldest: int
