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


@frozen
class Place:
    """
    Where things are said: a channel, or a conversation of two.

    @ivar participants: who may read it; L{None} of a channel, which is for all.
    """

    id: str
    participants: tuple[str, str] | None = None


class Author(NamedTuple):
    """
    Who said something, by the name that they have now.

    @ivar is_bot: whether it was a webhook.
    """

    id: str
    user_name: str
    is_bot: bool = False


class ThreadMeta(NamedTuple):
    """
    What became of a message that was replied to.

    @ivar participants: the ids of those who replied, in the order of their first
        replies.
    """

    reply_count: int
    last_reply_at: int
    last_reply_by: Author
    participants: tuple[str, ...]


class Message(NamedTuple):
    """
    @ivar channel_id: of the place where it was said; a conversation's begins
        with C{dm:}.
    @ivar reactions: emoji to the ids of those who chose it, in order.
    @ivar images: the names of the files that it shows, in order.
    @ivar thread_id: of a reply: the message that it answers.
    @ivar thread_meta: of its own replies, where there are any.
    """

    id: str
    channel_id: str
    author: Author
    content: str
    created_at: int
    updated_at: int | None = None
    reactions: Mapping[str, list[str]] = MappingProxyType({})
    images: tuple[str, ...] = ()
    thread_id: str | None = None
    thread_meta: ThreadMeta | None = None


class Reaction(NamedTuple):
    message_id: str
    user_id: str
    reaction: str


@frozen
class Conversation:
    """
    What two users say to each other, and nobody else reads.

    @ivar last_message_at: when the newest message was said that there still is.
    @ivar other_user: the one who is not asking; L{None} once they are removed.
    """

    id: str
    participants: tuple[str, str]
    created_at: int
    last_message_at: int | None = None
    other_user: Author | None = None


class Read(NamedTuple):
    """
    Up to where a user has read in a channel or conversation.

    @ivar last_read_id: the message there; L{None} where it is deleted, or where
        they have read nothing yet.
    @ivar unread: how many messages of others came after it, counted to a hundred.
    """

    channel_id: str
    last_read_id: str | None
    unread: int


@frozen
class Webhook:
    """
    A program that posts into a channel.
    """

    id: str
    name: str
    channel_id: str
    created_at: int
    created_by: str


@frozen
class ImageFile:
    """
    The bytes of an image, or of its thumbnail, as they lie on the shelf.
    """

    name: str
    content_type: str


@frozen
class Image:
    """
    What was uploaded.

    @ivar thumbnail: L{None} of an image so small that it is its own.
    """

    file: ImageFile
    thumbnail: ImageFile | None


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
