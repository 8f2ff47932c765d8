"""
The letters that wait to be sent, as rows.

Neither their text nor a token is kept.  Whether anybody here has the address is
not looked at when a letter is asked for: both cases leave the same row behind.
"""

from uuid import uuid4

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.model import Purpose, User
from teamchatd.store import users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.users import NewUser, key

MINUTE = 60 * 1000

USEFUL_FOR = {
    Purpose.SIGN_IN: 15 * MINUTE,
    Purpose.PASSWORD_RESET: 60 * MINUTE,
    Purpose.INVITATION: 24 * 60 * MINUTE,
}
"""Who wants to sign in does not wait for an hour; an invitation is no surprise a day later."""

COLUMNS = "id, purpose, email, made_at, attempts, expires_at"


@frozen
class Letter:
    """
    A letter that somebody asked for.

    @ivar attempts: how many have failed.
    @ivar expires_at: when it would come too late to be of use.
    """

    id: str
    purpose: Purpose
    email: str
    made_at: int
    attempts: int
    expires_at: int


def ask(change: Change, purpose: Purpose, email: str) -> None:
    """
    Have a letter sent, soon after the commit.

    It takes the place of one to the same address that still waits: who asks five
    times while the mail server is away gets one letter, and its link is not
    voided by that of an older letter which comes through later.
    """
    change.cursor.execute("DELETE FROM letters WHERE email_key = ?", (key(email),))
    change.cursor.execute(
        "INSERT INTO letters (id, purpose, email, email_key, made_at, attempts, next_at,"
        " expires_at) VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
        (
            uuid4().hex,
            purpose,
            email,
            key(email),
            change.at,
            change.at,
            change.at + USEFUL_FOR[purpose],
        ),
    )


def invite(change: Change, new: NewUser) -> User:
    """
    Make a user, and write to them.

    @raise AddressTaken: nobody was made, and nobody is written to.
    """
    user = users.add(change, new)
    ask(change, Purpose.INVITATION, user.email)
    return user


def _letter_of(row: tuple[str, str, str, int, int, int]) -> Letter:
    letter_id, purpose, email, made_at, attempts, expires_at = row
    return Letter(letter_id, Purpose(purpose), email, made_at, attempts, expires_at)


def _is_due(cursor: Cursor, now: int) -> bool:
    row = cursor.execute("SELECT 1 FROM letters WHERE next_at <= ? LIMIT 1", (now,)).fetchone()
    return row is not None


def _take_up(change: Change, at_most: int, milliseconds: int) -> list[Letter]:
    rows = change.cursor.execute(
        f"SELECT {COLUMNS} FROM letters WHERE next_at <= ? ORDER BY next_at, rowid LIMIT ?",
        (change.at, at_most),
    ).fetchall()
    letters = [_letter_of(row) for row in rows]
    for letter in letters:
        _wait(change, letter.id, milliseconds)
    return letters


def _wait(change: Change, letter_id: str, milliseconds: int) -> None:
    change.cursor.execute(
        "UPDATE letters SET next_at = ? WHERE id = ?", (change.at + milliseconds, letter_id)
    )


def _put_back(change: Change, letter_id: str, milliseconds: int) -> None:
    change.cursor.execute("UPDATE letters SET attempts = attempts + 1 WHERE id = ?", (letter_id,))
    _wait(change, letter_id, milliseconds)


def _everyones_turn(change: Change) -> None:
    change.cursor.execute("UPDATE letters SET next_at = ? WHERE next_at > ?", (change.at,) * 2)


def _remove(change: Change, letter_id: str) -> None:
    change.cursor.execute("DELETE FROM letters WHERE id = ?", (letter_id,))


@define
class LetterStore:
    _database: Database

    def ask(self, purpose: Purpose, email: str) -> "Deferred[None]":
        return self._database.change(ask, purpose, email)

    def invite(self, new: NewUser) -> "Deferred[User]":
        return self._database.change(invite, new)

    def is_due(self, now: int) -> "Deferred[bool]":
        """
        Whether it is any letter's turn.
        """
        return self._database.read(_is_due, now)

    def take_up(self, at_most: int, milliseconds: int) -> "Deferred[list[Letter]]":
        """
        The letters whose turn it is, the longest due first.  Nobody else gets
        them for so long: by then they are removed or put back, or whoever took
        them up is dead.
        """
        return self._database.change(_take_up, at_most, milliseconds)

    def put_back(self, letter_id: str, milliseconds: int) -> "Deferred[None]":
        """
        Try this one again, so much later.
        """
        return self._database.change(_put_back, letter_id, milliseconds)

    def everyones_turn(self) -> "Deferred[None]":
        """
        Let nothing wait any longer, not even what somebody has taken up: for
        the start of a daemon, which is alone in its data directory.
        """
        return self._database.change(_everyones_turn)

    def remove(self, letter_id: str) -> "Deferred[None]":
        return self._database.change(_remove, letter_id)
