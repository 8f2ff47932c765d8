"""
Channels, as rows.
"""

from attrs import define, evolve
from twisted.internet.defer import Deferred

from teamchatd import shapes
from teamchatd.errors import Invalid
from teamchatd.model import Channel, Everyone
from teamchatd.store import users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.places import NoSuchChannel

COLUMNS = "id, name, created_at, created_by, updated_at"


class ChannelNameTaken(Invalid):
    """Another channel already has this name."""


class GeneralStays(Invalid):
    """The one channel that is always there, under its name."""


def all_of(cursor: Cursor) -> list[Channel]:
    rows = cursor.execute(f"SELECT {COLUMNS} FROM channels ORDER BY position")
    return [Channel(*row) for row in rows]


def find(cursor: Cursor, channel_id: str) -> Channel | None:
    row = cursor.execute(f"SELECT {COLUMNS} FROM channels WHERE id = ?", (channel_id,)).fetchone()
    return row and Channel(*row)


def make_general(change: Change, channel_id: str) -> None:
    """
    The channel that is there from the first start.  Nobody is told: nobody was
    there before it.
    """
    if not change.cursor.execute("SELECT 1 FROM channels WHERE is_general = 1").fetchone():
        _insert(change, Channel(channel_id, "General", change.at), is_general=True)


def _add(change: Change, creator_id: str, channel_id: str, name: str) -> Channel:
    users.administrating(change.cursor, creator_id)
    channel = Channel(channel_id, name, change.at, creator_id)
    _refuse_taken(change, channel)
    _insert(change, channel)
    change.tell(Everyone(), "NEW_CHANNEL", shapes.channel(channel), subject=channel.id)
    return channel


def _insert(change: Change, channel: Channel, is_general: bool = False) -> None:
    change.cursor.execute(
        "INSERT INTO channels"
        " (id, name, name_key, visibility, is_general, created_by, created_at, position)"
        " VALUES (?, ?, ?, 'open', ?, ?, ?, ?)",
        (
            channel.id,
            channel.name,
            channel.name.casefold(),
            is_general,
            channel.created_by,
            channel.created_at,
            change.position,
        ),
    )


def _refuse_taken(change: Change, channel: Channel) -> None:
    taken = change.cursor.execute(
        "SELECT 1 FROM channels WHERE name_key = ? AND id <> ?",
        (channel.name.casefold(), channel.id),
    ).fetchone()
    if taken:
        raise ChannelNameTaken(f"There is already a channel called {channel.name}.")


def _to_be_changed(change: Change, channel_id: str) -> Channel:
    row = change.cursor.execute(
        "SELECT is_general FROM channels WHERE id = ?", (channel_id,)
    ).fetchone()
    channel = find(change.cursor, channel_id)
    if channel is None:
        raise NoSuchChannel()
    if row[0]:
        raise GeneralStays("The channel General can be neither renamed nor deleted.")
    return channel


def _rename(change: Change, actor_id: str, channel_id: str, name: str) -> Channel:
    users.administrating(change.cursor, actor_id)
    channel = evolve(_to_be_changed(change, channel_id), name=name, updated_at=change.at)
    _refuse_taken(change, channel)
    change.cursor.execute(
        "UPDATE channels SET name = ?, name_key = ?, updated_at = ? WHERE id = ?",
        (name, name.casefold(), change.at, channel.id),
    )
    change.tell(Everyone(), "UPDATE_CHANNEL", shapes.channel(channel), subject=channel.id)
    return channel


def _remove(change: Change, actor_id: str, channel_id: str) -> None:
    """
    With it go its webhooks.  What was said in it may be a lot: it is nowhere from
    now on, and its rows go later.
    """
    users.administrating(change.cursor, actor_id)
    channel = _to_be_changed(change, channel_id)
    change.cursor.execute("INSERT INTO deleted_channels (id) VALUES (?)", (channel.id,))
    change.cursor.execute("DELETE FROM channels WHERE id = ?", (channel.id,))
    told = {"id": channel.id, "name": channel.name}
    change.tell(Everyone(), "DELETE_CHANNEL", told, subject=channel.id, erases=True)


@define
class ChannelStore:
    _database: Database

    def all(self) -> "Deferred[list[Channel]]":
        """
        Every channel, oldest first.
        """
        return self._database.read(all_of)

    def find(self, channel_id: str) -> "Deferred[Channel | None]":
        return self._database.read(find, channel_id)

    def add(self, creator_id: str, channel_id: str, name: str) -> "Deferred[Channel]":
        return self._database.change(_add, creator_id, channel_id, name)

    def rename(self, actor_id: str, channel_id: str, name: str) -> "Deferred[Channel]":
        return self._database.change(_rename, actor_id, channel_id, name)

    def remove(self, actor_id: str, channel_id: str) -> "Deferred[None]":
        """
        Delete a channel with all that was said in it.
        """
        return self._database.change(_remove, actor_id, channel_id)
