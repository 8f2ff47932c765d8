"""
What an administrator sets while the server runs, as rows.
"""

from attrs import define
from twisted.internet.defer import Deferred

from teamchatd.model import Everyone
from teamchatd.store import users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor


def _name(cursor: Cursor) -> str:
    [(name,)] = cursor.execute("SELECT value FROM settings WHERE name = 'serverName'")
    return str(name)


def _rename(change: Change, actor_id: str, name: str) -> str:
    users.administrating(change.cursor, actor_id)
    change.cursor.execute("UPDATE settings SET value = ? WHERE name = 'serverName'", (name,))
    change.tell(Everyone(), "UPDATE_SERVER_SETTINGS", {"name": name})
    return name


def set_first_name(change: Change, name: str) -> None:
    """
    The server's name at its first start; later ones leave it as it was set.
    """
    change.cursor.execute(
        "INSERT INTO settings (name, value) VALUES ('serverName', ?) ON CONFLICT DO NOTHING",
        (name,),
    )


@define
class SettingStore:
    _database: Database

    def name(self) -> "Deferred[str]":
        return self._database.read(_name)

    def rename(self, actor_id: str, name: str) -> "Deferred[str]":
        return self._database.change(_rename, actor_id, name)
