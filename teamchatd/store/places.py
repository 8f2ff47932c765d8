"""
Places, as rows: where things are said, in channels and in conversations.
"""

import sqlite3

from teamchatd.errors import NotFound
from teamchatd.model import Place


class NoSuchChannel(NotFound):
    """Also said of a channel that is none of the asker's business."""

    def __init__(self) -> None:
        super().__init__("There is no such channel.")


def find(cursor: sqlite3.Cursor, place_id: str) -> Place | None:
    if cursor.execute("SELECT 1 FROM channels WHERE id = ?", (place_id,)).fetchone():
        return Place(place_id)
    pair = cursor.execute(
        "SELECT first_id, second_id FROM conversations WHERE id = ?", (place_id,)
    ).fetchone()
    return None if pair is None else Place(place_id, pair)
