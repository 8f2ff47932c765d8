"""
Saying things, and reading what was said.
"""

from collections.abc import Callable

from attrs import define, frozen

from teamchatd.chat.access import Access
from teamchatd.errors import Invalid
from teamchatd.model import Actor, Message
from teamchatd.store.messages import Draft, MessageStore
from teamchatd.store.places import Found

LONGEST_CLIENT_ID = 64
LARGEST_PAGE = 200

MOST_IMAGES = 100
"""In one message: every page of the history names them all."""


class UnusableContent(Invalid):
    """A message has to say something, and not too much of it."""


class UnusablePage(Invalid):
    """Nobody can read that many messages."""


@frozen
class Wording:
    """
    What somebody wants to say, before anybody has looked at it.

    @ivar images: names of files; an empty list says that they will follow, and
        then there need be no C{content}.
    @ivar client_id: the sender's own name for this message: sent again, it
        answers the first message and makes no second.
    """

    content: str | None
    images: list[str] | None = None
    client_id: str | None = None


@define
class Messages:
    """
    @ivar _longest: characters of a message.
    """

    _access: Access
    _store: MessageStore
    _mint: Callable[[], str]
    _longest: int

    async def page(
        self, actor: Actor, channel_id: str, limit: int, before: str | None
    ) -> list[Message]:
        """
        The newest C{limit} messages of a channel, or those just before the
        message C{before}; oldest first.

        @raise NoSuchMessage: C{before} is not in this channel.
        """
        place = self._access.channel(actor, channel_id)
        return await self._store.page(place.id, page_size(limit), before)

    async def post(self, actor: Actor, channel_id: str, wording: Wording) -> Message:
        """
        Say something in a channel.

        @raise UnusableContent: there is nothing to say, or too much.
        """
        place = self._access.channel(actor, channel_id)
        return await self._store.add(self.draft(actor, place.id, wording))

    async def edit(self, actor: Actor, message_id: str, wording: Wording) -> Message:
        """
        @param wording: what is L{None} in it stays as it is.
        @raise UnusableContent: it could not be said either, or nothing is to change.
        """
        message = await self._access.message_to_edit(actor, message_id)
        return await self.reword(actor, message, wording)

    async def remove(self, actor: Actor, message_id: str) -> None:
        message = await self._access.message_to_delete(actor, message_id)
        await self._store.remove(actor.id, message.id)

    # What channels, threads and conversations have in common

    def draft(
        self, actor: Actor, place_id: str, wording: Wording, thread_id: str | None = None
    ) -> Draft:
        """
        Something that can be said.

        @raise UnusableContent: it is empty or too long.
        """
        return Draft(
            self._mint(),
            place_id,
            actor.id,
            self.usable(wording.content, wording.images is not None),
            thread_id,
            tuple(_usable_images(wording.images or [])),
            _usable_id(wording.client_id),
        )

    async def reword(self, actor: Actor, message: Found, wording: Wording) -> Message:
        """
        Let C{message}, which C{actor} may change, say something else.
        """
        content, names = wording.content, wording.images
        if content is None and names is None:
            raise UnusableContent("Neither 'content' nor 'images' is given.")
        if content is not None:
            content = self.usable(content, names is not None or message.is_with_images)
        if names is not None:
            names = _usable_images(names)
        return await self._store.edit(actor.id, message.id, content, names)

    def usable(self, content: str | None, is_with_images: bool) -> str:
        """
        C{content} as it is: it is never trimmed or normalised.
        """
        if content is None and not is_with_images:
            raise UnusableContent("'content' is missing.")
        content = content or ""
        if not content.strip() and not is_with_images:
            raise UnusableContent("The message is empty.")
        if len(content) > self._longest:
            raise UnusableContent(f"The message is longer than {self._longest} characters.")
        return content


def page_size(limit: int) -> int:
    """
    How many messages are read for somebody who wants C{limit}.
    """
    if limit < 1:
        raise UnusablePage("'limit' has to be 1 or more.")
    return min(limit, LARGEST_PAGE)


def _usable_images(names: list[str]) -> list[str]:
    if len(names) > MOST_IMAGES:
        raise UnusableContent(f"A message shows {MOST_IMAGES} images at the most.")
    return names


def _usable_id(client_id: str | None) -> str | None:
    if client_id is not None and not 1 <= len(client_id) <= LONGEST_CLIENT_ID:
        raise Invalid(f"'clientId' has to be 1 to {LONGEST_CLIENT_ID} characters long.")
    return client_id
