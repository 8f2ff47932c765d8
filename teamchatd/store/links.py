"""
One-time links, as rows: the SHA-256 of a token, never the token.
"""

import sqlite3

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Invalid
from teamchatd.model import User
from teamchatd.store import sessions, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.sessions import Opening
from teamchatd.store.users import NewUser

FIRST_START = "first-start"


class LinkNotGood(Invalid):
    """Unknown, used, expired: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("This link is not good, or no longer. Ask for a new one.")


@frozen
class FirstStart:
    """
    Somebody opens an empty server with the link from its log.
    """

    token_hash: str
    admin: NewUser
    opening: Opening


def replace_first_start(change: Change, token_hash: str, lifetime: int) -> bool:
    """
    Make the link with which the first visitor becomes admin.  Earlier ones are
    no longer good.

    @param lifetime: in milliseconds.
    @return: whether this server needs one: it has no admin.
    """
    change.cursor.execute("DELETE FROM links WHERE purpose = ?", (FIRST_START,))
    if users.has_admin(change.cursor):
        return False
    change.cursor.execute(
        "INSERT INTO links (hash, purpose, made_at, expires_at) VALUES (?, ?, ?, ?)",
        (token_hash, FIRST_START, change.at, change.at + lifetime),
    )
    return True


def _require_unused(cursor: sqlite3.Cursor, token_hash: str) -> None:
    unused = cursor.execute(
        "SELECT 1 FROM links WHERE hash = ? AND used_at IS NULL", (token_hash,)
    ).fetchone()
    if not unused:
        raise LinkNotGood()


def _make_first_admin(change: Change, first: FirstStart) -> User:
    used = change.cursor.execute(
        "UPDATE links SET used_at = ?"
        " WHERE hash = ? AND purpose = ? AND expires_at > ? AND used_at IS NULL",
        (change.at, first.token_hash, FIRST_START, change.at),
    )
    if not used.rowcount or users.has_admin(change.cursor):
        raise LinkNotGood()
    admin = users.add(change, first.admin)
    sessions.open_session(change, first.opening)
    return admin


@define
class LinkStore:
    _database: Database

    def require_unused(self, token_hash: str) -> "Deferred[None]":
        """
        @raise LinkNotGood: there never was such a link, or it was used.
        """
        return self._database.read(_require_unused, token_hash)

    def make_first_admin(self, first: FirstStart) -> "Deferred[User]":
        """
        Use up the link and make the server's first admin, signed in.

        @raise LinkNotGood: nothing was changed.
        """
        return self._database.change(_make_first_admin, first)
