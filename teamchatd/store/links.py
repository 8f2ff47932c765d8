"""
One-time links, as rows: the SHA-256 of a token, never the token.

A link is used up in the transaction of what it is good for, so that of twenty
who use it at once one gets in.
"""

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Invalid
from teamchatd.model import Purpose, User
from teamchatd.store import sessions, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.sessions import Opening
from teamchatd.store.users import NewUser

DAY = 24 * 60 * 60 * 1000

SETS_PASSWORD = (Purpose.FIRST_START, Purpose.INVITATION, Purpose.PASSWORD_RESET)
SIGNS_IN = (Purpose.FIRST_START, Purpose.SIGN_IN)


class LinkNotGood(Invalid):
    """Unknown, used, expired, sent to somebody else: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("This link is not good, or no longer. Ask for a new one.")


@frozen
class Entrance:
    """
    Somebody comes in with a link.

    @ivar purposes: of which kinds the link may be.
    @ivar newcomer: who is made if there is no such user, where the link allows.
    @ivar opening: their session; its user is only known once the link is.
    @ivar password_hash: their new password, if they set one.
    """

    token_hash: str
    purposes: tuple[Purpose, ...]
    newcomer: NewUser
    opening: Opening
    password_hash: str | None = None


@frozen
class Reader:
    """
    Whoever reads the mail that a link is in.  A stranger is nobody yet.
    """

    user_id: str | None = None
    user_name: str | None = None


def replace_first_start(change: Change, token_hash: str, lifetime: int) -> bool:
    """
    Make the link with which the first visitor becomes admin.  Earlier ones are
    no longer good.

    @param lifetime: in milliseconds.
    @return: whether this server needs one: it has no admin.
    """
    change.cursor.execute("DELETE FROM links WHERE purpose = ?", (Purpose.FIRST_START,))
    if users.has_admin(change.cursor):
        return False
    _insert(change, token_hash, Purpose.FIRST_START, None, lifetime)
    return True


def remake(
    change: Change,
    token_hash: str,
    purpose: Purpose,
    email: str,
    lifetime: int,
    for_strangers: bool,
) -> Reader | None:
    """
    A letter may be sent twice.  Its link begins anew then, but never after it
    was used: somebody else might find it in a mailbox.
    """
    user = users.by_email(change.cursor, email)
    if user is None and not for_strangers:
        return None
    used = change.cursor.execute(
        "SELECT 1 FROM links WHERE hash = ? AND used_at IS NOT NULL", (token_hash,)
    ).fetchone()
    if used:
        return None
    change.cursor.execute("DELETE FROM links WHERE email_key = ?", (users.key(email),))
    _insert(change, token_hash, purpose, users.key(email), lifetime)
    return Reader() if user is None else Reader(user.id, user.user_name)


def invite(change: Change, new: NewUser, token_hash: str, purpose: Purpose, lifetime: int) -> User:
    """
    Add a user, and make a link with which they come in.

    @raise AddressTaken: nothing was changed.
    """
    user = users.add(change, new)
    remake(change, token_hash, purpose, user.email, lifetime, for_strangers=False)
    return user


def _insert(
    change: Change, token_hash: str, purpose: Purpose, email_key: str | None, lifetime: int
) -> None:
    change.cursor.execute(
        "INSERT INTO links (hash, purpose, email_key, made_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        (token_hash, purpose, email_key, change.at, change.at + lifetime),
    )


def _good(cursor: Cursor, token_hash: str, email: str, now: int) -> Purpose | None:
    """
    What the link is good for in the hands of C{email}, if it is.
    """
    row = cursor.execute(
        "SELECT purpose FROM links WHERE hash = ? AND (email_key = ? OR email_key IS NULL)"
        " AND expires_at > ? AND used_at IS NULL",
        (token_hash, users.key(email), now),
    ).fetchone()
    return row and Purpose(row[0])


def _enter(change: Change, entrance: Entrance) -> Opening:
    """
    Use up the link, and let its bearer in.
    """
    new = entrance.newcomer
    purpose = _good(change.cursor, entrance.token_hash, new.email, change.at)
    if purpose not in entrance.purposes:
        raise LinkNotGood()
    change.cursor.execute(
        "UPDATE links SET used_at = ? WHERE hash = ?", (change.at, entrance.token_hash)
    )
    user = _bearer(change, new, purpose)
    if entrance.password_hash is not None and user.id != new.id:
        users.set_password(change, user.id, entrance.password_hash)
    return sessions.open_session(change, entrance.opening.of(user.id))


def _bearer(change: Change, new: NewUser, purpose: Purpose) -> User:
    if purpose is Purpose.FIRST_START:
        if users.has_admin(change.cursor):
            raise LinkNotGood()
        return users.add(change, new.as_admin())
    user = users.by_email(change.cursor, new.email)
    if user is not None:
        users.take_from_squatter(change, user.id)
        return user
    if purpose is not Purpose.SIGN_IN:  # they were removed since the link was sent
        raise LinkNotGood()
    return users.add(change, new)


def _sweep(change: Change) -> None:
    change.cursor.execute("DELETE FROM links WHERE expires_at <= ?", (change.at - DAY,))


@define
class LinkStore:
    _database: Database

    def make(
        self,
        token_hash: str,
        purpose: Purpose,
        email: str,
        lifetime: int,
        for_strangers: bool,
    ) -> "Deferred[Reader | None]":
        """
        Make a link for whoever reads the mail of C{email}; earlier ones are void.

        @param lifetime: in milliseconds.
        @param for_strangers: whether it is made for somebody who is no user yet.
        @return: who they are, or L{None} if there is nobody to send it to.
        """
        return self._database.change(remake, token_hash, purpose, email, lifetime, for_strangers)

    def good(self, token_hash: str, email: str, now: int) -> "Deferred[Purpose | None]":
        """
        What a link is good for in the hands of C{email}, at C{now}.
        """
        return self._database.read(_good, token_hash, email, now)

    def enter(self, entrance: Entrance) -> "Deferred[Opening]":
        """
        Use up a link, and open a session for its bearer.

        @return: the session, with the user that it is for.
        @raise LinkNotGood: nothing was changed.
        """
        return self._database.change(_enter, entrance)

    def sweep(self) -> "Deferred[None]":
        """
        Forget the links that have expired, once no letter can bring them back.
        """
        return self._database.change(_sweep)
