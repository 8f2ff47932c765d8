"""
Webhooks: programs that post into a channel.
"""

import secrets
from collections.abc import Callable

from attrs import define, field
from twisted.logger import Logger

from teamchatd.auth.links import hash_of
from teamchatd.chat import access, names
from teamchatd.chat.messages import Messages
from teamchatd.errors import Forbidden, Unidentified
from teamchatd.model import Actor, Message, Webhook
from teamchatd.store.messages import MessageStore
from teamchatd.store.webhooks import NewWebhook, NoSuchWebhook, WebhookStore

log = Logger()

TOKEN_BYTES = 32


class AnotherWebhook(Forbidden):
    """The token is good, and not for this one."""

    def __init__(self) -> None:
        super().__init__("This is the token of another webhook.")


class NoWebhooksToken(Unidentified):
    """Nobody has this token, or nobody any more."""

    def __init__(self) -> None:
        super().__init__("This needs the token of the webhook, as a Bearer token.")


@define
class Webhooks:
    """
    @ivar _messages: the rules of what can be said.
    @ivar _seen: hashes of tokens that were good.
    """

    _store: WebhookStore
    _said: MessageStore
    _messages: Messages
    _mint: Callable[[], str]
    _seen: set[str] = field(init=False, factory=set)

    async def all(self, actor: Actor) -> list[Webhook]:
        access.admin(actor)
        return await self._store.all()

    async def add(self, actor: Actor, name: str, channel_id: str) -> tuple[Webhook, str]:
        """
        @return: the webhook, and its token, which nobody sees again.
        @raise NoSuchChannel: there is none to post into.
        """
        access.admin(actor)
        token = secrets.token_hex(TOKEN_BYTES)
        new = NewWebhook(self._mint(), names.usable(name), channel_id, actor.id, hash_of(token))
        webhook = await self._store.add(new)
        log.info("Webhook {webhook} was made, by {by}", webhook=webhook.id, by=actor.id)
        return webhook, token

    async def remove(self, actor: Actor, webhook_id: str) -> None:
        """
        Its token is good for nothing from now on; what it said stays.
        """
        access.admin(actor)
        await self._store.remove(actor.id, webhook_id)
        log.info("Webhook {webhook} was removed, by {by}", webhook=webhook_id, by=actor.id)

    def was_good(self, token: str | None) -> bool:
        """
        Whether this is no guess, as far as we remember.
        """
        return token is not None and hash_of(token) in self._seen

    async def whose(self, token: str | None) -> Webhook:
        """
        @raise Unidentified: no webhook has this token.
        """
        token_hash = "" if token is None else hash_of(token)
        webhook = None if token is None else await self._store.whose(token_hash)
        if webhook is None:
            self._seen.discard(token_hash)
            raise Unidentified("This needs the token of the webhook, as a Bearer token.")
        self._seen.add(token_hash)
        return webhook

    async def post(self, webhook: Webhook, webhook_id: str, content: str | None) -> Message:
        """
        @param webhook: the one that posts.
        @param webhook_id: the one that it says it is.
        @raise AnotherWebhook: these are two.
        @raise NoWebhooksToken: it was deleted meanwhile.
        @raise UnusableContent: there is nothing to say, or too much.
        """
        if webhook.id != webhook_id:
            raise AnotherWebhook()
        usable = self._messages.usable(content, is_with_images=False)
        try:
            return await self._said.add_of_webhook(self._mint(), webhook.id, usable)
        except NoSuchWebhook as gone:
            raise NoWebhooksToken() from gone
