"""
Webhooks, as rows.  Of a token, only its hash is kept.
"""

from hmac import compare_digest

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import NotFound
from teamchatd.model import Everyone, Webhook
from teamchatd.store import channels, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.places import NoSuchChannel

COLUMNS = "id, name, channel_id, created_at, created_by"


class NoSuchWebhook(NotFound):
    """It was never there, or went with its channel."""

    def __init__(self) -> None:
        super().__init__("There is no such webhook.")


@frozen
class NewWebhook:
    id: str
    name: str
    channel_id: str
    creator_id: str
    token_hash: str


def all_of(cursor: Cursor) -> list[Webhook]:
    rows = cursor.execute(f"SELECT {COLUMNS} FROM webhooks ORDER BY position")
    return [Webhook(*row) for row in rows]


def find(cursor: Cursor, webhook_id: str) -> Webhook | None:
    row = cursor.execute(f"SELECT {COLUMNS} FROM webhooks WHERE id = ?", (webhook_id,)).fetchone()
    return row and Webhook(*row)


def _whose(cursor: Cursor, token_hash: str) -> Webhook | None:
    """
    The index narrows it down; what is equal is decided in constant time.
    """
    row = cursor.execute(
        f"SELECT token_hash, {COLUMNS} FROM webhooks WHERE token_hash = ?", (token_hash,)
    ).fetchone()
    if row is None or not compare_digest(row[0], token_hash):
        return None
    return Webhook(*row[1:])


def _add(change: Change, new: NewWebhook) -> Webhook:
    """
    @raise NoSuchChannel: there is none to post into.
    """
    users.administrating(change.cursor, new.creator_id)
    if channels.find(change.cursor, new.channel_id) is None:
        raise NoSuchChannel()
    change.cursor.execute(
        "INSERT INTO webhooks (id, name, channel_id, token_hash, created_by, created_at, position)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            new.id,
            new.name,
            new.channel_id,
            new.token_hash,
            new.creator_id,
            change.at,
            change.position,
        ),
    )
    webhook = Webhook(new.id, new.name, new.channel_id, change.at, new.creator_id)
    told = {"id": webhook.id, "name": webhook.name, "channelId": webhook.channel_id}
    change.tell(Everyone(), "NEW_WEBHOOK", told, subject=_subject_of(webhook))
    return webhook


def _remove(change: Change, actor_id: str, webhook_id: str) -> None:
    users.administrating(change.cursor, actor_id)
    webhook = find(change.cursor, webhook_id)
    if webhook is None:
        raise NoSuchWebhook()
    change.cursor.execute("DELETE FROM webhooks WHERE id = ?", (webhook.id,))
    told = {"id": webhook.id, "channelId": webhook.channel_id}
    change.tell(Everyone(), "DELETE_WEBHOOK", told, subject=_subject_of(webhook), erases=True)


def _subject_of(webhook: Webhook) -> str:
    """
    Below its channel: with that, it goes.
    """
    return f"{webhook.channel_id}/webhook:{webhook.id}"


@define
class WebhookStore:
    _database: Database

    def all(self) -> "Deferred[list[Webhook]]":
        """
        Every webhook, oldest first.
        """
        return self._database.read(all_of)

    def whose(self, token_hash: str) -> "Deferred[Webhook | None]":
        """
        The webhook that has the token with this SHA-256.
        """
        return self._database.read(_whose, token_hash)

    def add(self, new: NewWebhook) -> "Deferred[Webhook]":
        return self._database.change(_add, new)

    def remove(self, actor_id: str, webhook_id: str) -> "Deferred[None]":
        return self._database.change(_remove, actor_id, webhook_id)
