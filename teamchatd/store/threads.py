"""
What the replies to a message add up to.
"""

from collections import defaultdict
from collections.abc import Sequence

from teamchatd.model import Author, ThreadMeta
from teamchatd.store.engine import Cursor


def metas(cursor: Cursor, message_ids: Sequence[str]) -> dict[str, ThreadMeta]:
    """
    Of those messages that have replies.

    They are counted each time: a count that is kept would be wrong one day.  An
    index holds all that is counted; names are looked up once for each who replied.
    """
    marks = ", ".join("?" * len(message_ids))
    repliers: dict[str, list[tuple[Author, int, int]]] = defaultdict(list)
    for thread_id, author_id, user_name, count, last in cursor.execute(
        "SELECT thread_id, author_id, user_name, replies, last FROM"
        " (SELECT thread_id, author_id, count(*) AS replies, min(position) AS first,"
        f" max(position) AS last FROM messages WHERE thread_id IN ({marks})"
        " GROUP BY thread_id, author_id)"
        " JOIN users ON users.id = author_id ORDER BY first",
        message_ids,
    ):
        repliers[thread_id].append((Author(author_id, user_name), count, last))
    if not repliers:
        return {}
    said_at = _times(cursor, [max(last for _, _, last in each) for each in repliers.values()])
    return {message_id: _meta(each, said_at) for message_id, each in repliers.items()}


def meta(cursor: Cursor, message_id: str) -> ThreadMeta | None:
    return metas(cursor, [message_id]).get(message_id)


def _meta(repliers: list[tuple[Author, int, int]], said_at: dict[int, int]) -> ThreadMeta:
    newest, _, last = max(repliers, key=lambda each: each[2])
    return ThreadMeta(
        sum(count for _, count, _ in repliers),
        said_at[last],
        newest,
        tuple(author.id for author, _, _ in repliers),
    )


def _times(cursor: Cursor, positions: list[int]) -> dict[int, int]:
    marks = ", ".join("?" * len(positions))
    return dict(
        cursor.execute(
            f"SELECT position, created_at FROM messages WHERE position IN ({marks})", positions
        )
    )
