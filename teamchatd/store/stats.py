"""
How much there is.
"""

import sqlite3

from attrs import frozen

from teamchatd.store.engine import Cursor

DAY = 24 * 60 * 60 * 1000

COUNTS = {
    "users": "SELECT count(*) FROM users WHERE removed_at IS NULL",
    "admins": "SELECT count(*) FROM users WHERE removed_at IS NULL AND is_admin = 1",
    "sessions": "SELECT count(*) FROM sessions",
    "channels": "SELECT count(*) FROM channels",
    "conversations": "SELECT count(*) FROM conversations",
    "messages": "SELECT count(*) FROM messages",
    "replies": "SELECT count(*) FROM messages WHERE thread_id IS NOT NULL",
    "directMessages": "SELECT count(*) FROM messages"
    " WHERE place_id IN (SELECT id FROM conversations)",
    "reactions": "SELECT count(*) FROM reactions",
    "images": "SELECT count(*) FROM images",
    "webhooks": "SELECT count(*) FROM webhooks",
    "lettersWaiting": "SELECT count(*) FROM letters",
    "events": "SELECT count(*) FROM journal",
}


@frozen
class Stats:
    """
    @ivar newest_at: when the newest message was said, if there is any.
    @ivar weekly: how many were said in the seven days before.
    @ivar monthly: the same of thirty days.
    @ivar tables: bytes of each table with its indexes, the largest first; none where
        this SQLite cannot tell.
    """

    counts: dict[str, int]
    newest_at: int | None
    weekly: int
    monthly: int
    tables: dict[str, int]


def stats(cursor: Cursor, now: int) -> Stats:
    return Stats(
        {noun: _number(cursor, sql) for noun, sql in COUNTS.items()},
        _number(cursor, "SELECT max(created_at) FROM messages"),
        _number(cursor, "SELECT count(*) FROM messages WHERE created_at > ?", now - 7 * DAY),
        _number(cursor, "SELECT count(*) FROM messages WHERE created_at > ?", now - 30 * DAY),
        _tables(cursor),
    )


def _number(cursor: Cursor, sql: str, *parameters: int) -> int:
    [(number,)] = cursor.execute(sql, parameters)
    return number


def _tables(cursor: Cursor) -> dict[str, int]:
    try:
        rows = cursor.execute(
            "SELECT tbl_name, sum(pgsize) FROM dbstat JOIN sqlite_master USING (name)"
            " WHERE aggregate = 1 GROUP BY tbl_name ORDER BY 2 DESC"
        )
        return dict(rows.fetchall())
    except sqlite3.OperationalError:  # it was made without this
        return {}
