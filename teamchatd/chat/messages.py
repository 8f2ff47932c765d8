"""
Saying things, and reading what was said.
"""

from collections.abc import Callable

from attrs import define

from teamchatd.chat.access import Access
from teamchatd.errors import Invalid
from teamchatd.model import Actor, Message
from teamchatd.store.messages import Draft, MessageStore

LONGEST_CLIENT_ID = 64
LARGEST_PAGE = 200


class UnusableContent(Invalid):
    """A message has to say something, and not too much of it."""


class UnusablePage(Invalid):
    """Nobody can read that many messages."""


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
        if limit < 1:
            raise UnusablePage("'limit' has to be 1 or more.")
        return await self._store.page(channel_id, min(limit, LARGEST_PAGE), before)

    async def post(
        self,
        actor: Actor,
        channel_id: str,
        content: str | None,
        images: list[str] | None = None,
        client_id: str | None = None,
    ) -> Message:
        """
        Say something in a channel.

        @param images: names of files; an empty list says that they will follow,
            and then there need be no C{content}.
        @param client_id: the sender's own name for this message: sent again, it
            answers the first message and makes no second.
        @raise UnusableContent: there is nothing to say, or too much.
        """
        draft = Draft(
            self._mint(), channel_id, actor.id, self._usable(content, images), _usable_id(client_id)
        )
        return await self._store.add(draft)

    async def edit(
        self, actor: Actor, message_id: str, content: str | None, images: list[str] | None = None
    ) -> Message:
        """
        @param content: the new text; L{None} leaves it as it is.
        @raise UnusableContent: it could not be said either, or nothing is to change.
        """
        message = await self._access.message_to_edit(actor, message_id)
        if content is None and images is None:
            raise UnusableContent("Neither 'content' nor 'images' is given.")
        if content is not None:
            content = self._usable(content, images)
        refuse_unknown(images)
        return await self._store.edit(message.id, content)

    async def remove(self, actor: Actor, message_id: str) -> None:
        message = await self._access.message_to_delete(actor, message_id)
        await self._store.remove(message.id)

    def _usable(self, content: str | None, images: list[str] | None) -> str:
        """
        C{content} as it is: it is never trimmed or normalised.
        """
        content = content or ""
        refuse_unknown(images)
        if not content.strip() and images is None:
            raise UnusableContent("The message is empty.")
        if len(content) > self._longest:
            raise UnusableContent(f"The message is longer than {self._longest} characters.")
        return content


def refuse_unknown(images: list[str] | None) -> None:
    """
    @raise UnusableContent: a file is named that the author did not upload there.
    """
    if images:
        raise UnusableContent("There is no such image in this channel.")


def _usable_id(client_id: str | None) -> str | None:
    if client_id is not None and not 1 <= len(client_id) <= LONGEST_CLIENT_ID:
        raise Invalid(f"'clientId' has to be 1 to {LONGEST_CLIENT_ID} characters long.")
    return client_id
