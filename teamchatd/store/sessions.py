"""
Sessions and their pairs of tokens, as rows.

A pair is an access token and the refresh token that came with it.  Spending the
refresh token buys the next pair.  What a pair is good for is said by its row, so
the end of a session, or a spent token that comes back, counts at once.
"""

from attrs import define, evolve, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Unidentified
from teamchatd.model import Actor, Client, Session
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor

SESSIONS_ENDED = "SESSIONS_ENDED"
"""What the daemons are told: C{{"userId": …, "sessionIds": […]}}."""


class NotGood(Unidentified):
    """A token that does not open anything (any more)."""


@frozen
class Opening:
    """
    A session about to be opened.

    @ivar expires_at: of the session and of its first refresh token.
    @ivar at_most: how many sessions the user may have, this one included.
    @ivar password_hash: what the password was checked against, if one was: it
        may have been changed while bcrypt was at work.
    """

    session_id: str
    pair_id: str
    user_id: str
    client: Client
    expires_at: int
    at_most: int
    password_hash: str | None = None

    def of(self, user_id: str) -> "Opening":
        """
        The same session, for the user who turned out to come.
        """
        return evolve(self, user_id=user_id)


@frozen
class Holder:
    """
    Whom an access token belongs to.

    @ivar used: whether this pair of tokens has been used before.
    """

    actor: Actor
    used: bool


@frozen
class Bought:
    """
    What spending a refresh token brought: a pair for this session, or, with
    C{pair_id} missing, the session's end.
    """

    user_id: str
    session_id: str
    pair_id: str | None


def open_session(change: Change, opening: Opening) -> Opening:
    """
    @return: C{opening}, which is open now.
    @raise NotGood: the user was removed, or has another password by now.
    """
    living = change.cursor.execute(
        "SELECT password_hash FROM users WHERE id = ? AND removed_at IS NULL", (opening.user_id,)
    ).fetchone()
    if living is None or (opening.password_hash and living[0] != opening.password_hash):
        raise NotGood("This account was changed just now. Sign in again.")
    rows = change.cursor.execute(
        "SELECT id FROM sessions WHERE user_id = ? ORDER BY created_at DESC, rowid DESC",
        (opening.user_id,),
    ).fetchall()
    too_many = rows[opening.at_most - 1 :]
    end(change, opening.user_id, [session_id for (session_id,) in too_many])
    change.cursor.execute(
        "INSERT INTO sessions (id, user_id, created_at, last_used_at, expires_at, ip, user_agent)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            opening.session_id,
            opening.user_id,
            change.at,
            change.at,
            opening.expires_at,
            opening.client.ip,
            opening.client.user_agent,
        ),
    )
    _add_pair(change, opening.pair_id, opening.session_id, None, opening.expires_at)
    return opening


def end(change: Change, user_id: str, session_ids: list[str]) -> None:
    """
    End these sessions: their tokens are worthless, their streams are cut.
    """
    if session_ids:
        change.cursor.executemany(
            "DELETE FROM sessions WHERE id = ?", [(session_id,) for session_id in session_ids]
        )
        change.notify_daemons(SESSIONS_ENDED, {"userId": user_id, "sessionIds": session_ids})


def end_all(change: Change, user_id: str, but: str | None = None) -> None:
    """
    End every session of a user, except perhaps the one called C{but}.
    """
    rows = change.cursor.execute("SELECT id FROM sessions WHERE user_id = ?", (user_id,)).fetchall()
    end(change, user_id, [session_id for (session_id,) in rows if session_id != but])


def _add_pair(
    change: Change, pair_id: str, session_id: str, bought_with: str | None, expires_at: int
) -> None:
    change.cursor.execute(
        "INSERT INTO pairs (id, session_id, bought_with, used, spent, void, expires_at)"
        " VALUES (?, ?, ?, 0, 0, 0, ?)",
        (pair_id, session_id, bought_with, expires_at),
    )


def _holder(cursor: Cursor, pair_id: str, now: int) -> Holder | None:
    row = cursor.execute(
        "SELECT users.id, users.is_admin, sessions.id, pairs.used FROM pairs"
        " JOIN sessions ON sessions.id = pairs.session_id"
        " JOIN users ON users.id = sessions.user_id"
        " WHERE pairs.id = ? AND pairs.void = 0 AND sessions.expires_at > ?"
        " AND users.removed_at IS NULL",
        (pair_id, now),
    ).fetchone()
    if row is None:
        return None
    user_id, is_admin, session_id, used = row
    return Holder(Actor(user_id, bool(is_admin), session_id), bool(used))


def _mark_used(change: Change, pair_id: str) -> bool:
    """
    @return: whether the pair is still good.
    """
    marked = change.cursor.execute(
        "UPDATE pairs SET used = 1 WHERE id = ? AND void = 0", (pair_id,)
    )
    change.cursor.execute(
        "UPDATE sessions SET last_used_at = ?"
        " WHERE id = (SELECT session_id FROM pairs WHERE id = ?)",
        (change.at, pair_id),
    )
    return bool(marked.rowcount)


def _refresh(change: Change, pair_id: str, next_pair_id: str, expires_at: int) -> Bought:
    """
    Spend the refresh token of C{pair_id}.

    A spent one that comes back ends the session: one of the two who hold it is
    a thief.  Except when what it bought was never used: then the answer was
    lost on the way, and another pair takes the place of the lost one.  (RFC
    9700, section 4.14.2; the exception is the contract's, chapter 4.)

    @raise NotGood: there is no such pair (any more).
    """
    row = change.cursor.execute(
        "SELECT sessions.user_id, sessions.id, pairs.spent FROM pairs"
        " JOIN sessions ON sessions.id = pairs.session_id"
        " WHERE pairs.id = ? AND pairs.void = 0 AND pairs.expires_at > ?"
        " AND sessions.expires_at > ?",
        (pair_id, change.at, change.at),
    ).fetchone()
    if row is None:
        raise NotGood("This refresh token is no longer good. Sign in again.")
    user_id, session_id, spent = row
    if spent and not _void_unused(change, pair_id):
        end(change, user_id, [session_id])
        return Bought(user_id, session_id, None)
    change.cursor.execute("UPDATE pairs SET spent = 1, used = 1 WHERE id = ?", (pair_id,))
    # A pair that has expired is of no use, not even to notice that it comes back.
    change.cursor.execute(
        "DELETE FROM pairs WHERE session_id = ? AND expires_at <= ?", (session_id, change.at)
    )
    _add_pair(change, next_pair_id, session_id, pair_id, expires_at)
    change.cursor.execute(
        "UPDATE sessions SET last_used_at = ?, expires_at = ? WHERE id = ?",
        (change.at, expires_at, session_id),
    )
    return Bought(user_id, session_id, next_pair_id)


def _void_unused(change: Change, pair_id: str) -> bool:
    """
    Make what C{pair_id} bought void, if it was never used.
    """
    row = change.cursor.execute(
        "SELECT id, used FROM pairs WHERE bought_with = ? AND void = 0", (pair_id,)
    ).fetchone()
    if row is None or row[1]:
        return False
    change.cursor.execute("UPDATE pairs SET void = 1 WHERE id = ?", (row[0],))
    return True


def _end_by_pair(change: Change, user_id: str, pair_id: str) -> None:
    """
    End the session that C{pair_id} belongs to, if it is one of this user's.
    """
    rows = change.cursor.execute(
        "SELECT sessions.id FROM sessions JOIN pairs ON pairs.session_id = sessions.id"
        " WHERE pairs.id = ? AND sessions.user_id = ?",
        (pair_id, user_id),
    ).fetchall()
    end(change, user_id, [session_id for (session_id,) in rows])


def _end_one(change: Change, user_id: str, session_id: str) -> bool:
    """
    @return: whether there was such a session of this user's.
    """
    mine = change.cursor.execute(
        "SELECT 1 FROM sessions WHERE id = ? AND user_id = ?", (session_id, user_id)
    ).fetchone()
    if mine:
        end(change, user_id, [session_id])
    return bool(mine)


def _end_expired(change: Change) -> None:
    rows = change.cursor.execute(
        "SELECT user_id, id FROM sessions WHERE expires_at <= ? LIMIT 500", (change.at,)
    ).fetchall()
    for user_id, session_id in rows:
        end(change, user_id, [session_id])


def _of_user(cursor: Cursor, user_id: str, now: int) -> list[Session]:
    rows = cursor.execute(
        "SELECT id, user_id, created_at, last_used_at, expires_at, ip, user_agent FROM sessions"
        " WHERE user_id = ? AND expires_at > ? ORDER BY created_at DESC, rowid DESC",
        (user_id, now),
    )
    return [Session(*row) for row in rows]


@define
class SessionStore:
    _database: Database

    def open(self, opening: Opening) -> "Deferred[Opening]":
        return self._database.change(open_session, opening)

    def holder(self, pair_id: str, now: int) -> "Deferred[Holder | None]":
        """
        Whom the access token of this pair belongs to, if it is good at C{now}.
        """
        return self._database.read(_holder, pair_id, now)

    def mark_used(self, pair_id: str) -> "Deferred[bool]":
        return self._database.change(_mark_used, pair_id)

    def refresh(self, pair_id: str, next_pair_id: str, expires_at: int) -> "Deferred[Bought]":
        return self._database.change(_refresh, pair_id, next_pair_id, expires_at)

    def of_user(self, user_id: str, now: int) -> "Deferred[list[Session]]":
        """
        A user's sessions, newest first.
        """
        return self._database.read(_of_user, user_id, now)

    def end_by_pair(self, user_id: str, pair_id: str) -> "Deferred[None]":
        return self._database.change(_end_by_pair, user_id, pair_id)

    def end_one(self, user_id: str, session_id: str) -> "Deferred[bool]":
        return self._database.change(_end_one, user_id, session_id)

    def end_all(self, user_id: str, but: str | None = None) -> "Deferred[None]":
        return self._database.change(end_all, user_id, but)

    def end_expired(self) -> "Deferred[None]":
        return self._database.change(_end_expired)
