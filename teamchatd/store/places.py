"""
Places, as rows: where things are said, in channels and in conversations.
"""

from attrs import frozen

from teamchatd.errors import NotFound
from teamchatd.model import Place
from teamchatd.store.engine import Cursor


class NoSuchChannel(NotFound):
    """Also said of a channel that is none of the asker's business."""

    def __init__(self) -> None:
        super().__init__("There is no such channel.")


@frozen
class Found:
    """
    A message, as far as it takes to say who may do what to it.

    @ivar thread_id: of a reply: the message that it answers.
    @ivar is_with_images: whether it shows any, so that it needs no text.
    """

    id: str
    place: Place
    author_id: str
    thread_id: str | None
    is_with_images: bool


def find(cursor: Cursor, place_id: str) -> Place | None:
    if cursor.execute("SELECT 1 FROM channels WHERE id = ?", (place_id,)).fetchone():
        return Place(place_id)
    pair = cursor.execute(
        "SELECT first_id, second_id FROM conversations WHERE id = ?", (place_id,)
    ).fetchone()
    return None if pair is None else Place(place_id, pair)
