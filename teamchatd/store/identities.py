"""
Who is who at the providers that users sign in through.

A provider's account is named by its issuer and its subject (OpenID Connect
Core, section 5.7).  Its address only finds the user the first time: addresses
change hands, subjects do not.
"""

from attrs import frozen

from teamchatd.store.change import Change
from teamchatd.store.engine import Cursor


@frozen
class Subject:
    """
    An account at a provider.
    """

    issuer: str
    name: str


def user_of(cursor: Cursor, subject: Subject) -> str | None:
    """
    The id of the user that this account is bound to.
    """
    row = cursor.execute(
        "SELECT user_id FROM identities WHERE issuer = ? AND subject = ?",
        (subject.issuer, subject.name),
    ).fetchone()
    return row and row[0]


def is_bound(cursor: Cursor, user_id: str, issuer: str) -> bool:
    """
    Whether an account of this issuer is bound to the user.
    """
    return bool(
        cursor.execute(
            "SELECT 1 FROM identities WHERE user_id = ? AND issuer = ?", (user_id, issuer)
        ).fetchone()
    )


def bind(change: Change, subject: Subject, user_id: str) -> None:
    change.cursor.execute(
        "INSERT INTO identities (issuer, subject, user_id, bound_at) VALUES (?, ?, ?, ?)",
        (subject.issuer, subject.name, user_id, change.at),
    )


def forget(change: Change, user_id: str) -> None:
    """
    A user goes, and takes along what was bound to them.
    """
    change.cursor.execute("DELETE FROM identities WHERE user_id = ?", (user_id,))
