"""
Images, as rows: what was uploaded where, and which message shows it.

The bytes are files, which somebody else keeps.  A row goes first; its files are
remembered as leftovers, and go when nobody can be looking for them any more.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from attrs import define, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Invalid, NotFound
from teamchatd.model import Image, ImageFile
from teamchatd.store import places, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.places import NoSuchChannel

AT_ONCE = 200
"""Uploads or files, in one step of sweeping: more would keep the writer from others."""

# One lookup each: an OR would go through all images for every file.
KNOWN = (
    "SELECT 1 FROM images WHERE name = ?1"
    " UNION ALL SELECT 1 FROM images WHERE thumb_name = ?1"
    " UNION ALL SELECT 1 FROM leftovers WHERE name = ?1"
)


class NoSuchImage(NotFound):
    """Also said of one that belongs elsewhere."""

    def __init__(self) -> None:
        super().__init__("There is no such image.")


class NotYourImage(Invalid):
    """A message names a file that its author did not upload to this very place."""

    def __init__(self) -> None:
        super().__init__("'images' names a file that you have not uploaded here.")


@frozen
class Upload:
    """
    An image that has its files already, and is to have a row.

    @ivar thread_id: the message in whose thread it may be shown; L{None}: among
        the other messages of the place.
    """

    image: Image
    place_id: str
    thread_id: str | None
    author_id: str


def shown_by(cursor: Cursor, message_ids: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """
    The names of what these messages show, in order; of those that show something.
    """
    marks = ", ".join("?" * len(message_ids))
    shown: dict[str, list[str]] = defaultdict(list)
    for message_id, name in cursor.execute(
        f"SELECT message_id, image_name FROM message_images WHERE message_id IN ({marks})"
        " ORDER BY message_id, ordinal",
        message_ids,
    ):
        shown[message_id].append(name)
    return {message_id: tuple(names) for message_id, names in shown.items()}


def show(
    change: Change,
    message_id: str,
    author_id: str,
    place_id: str,
    thread_id: str | None,
    names: Sequence[str],
) -> tuple[str, ...]:
    """
    Let a message show these images, and no others.  What no message shows any
    more is deleted.

    @return: their names, each once.
    @raise NotYourImage: nothing was changed.
    """
    wanted = tuple(dict.fromkeys(names))
    before = shown_by(change.cursor, [message_id]).get(message_id, ())
    for name in wanted:
        found = change.cursor.execute(
            "SELECT thread_id FROM images WHERE name = ? AND author_id = ? AND place_id = ?",
            (name, author_id, place_id),
        ).fetchone()
        if found is None or found[0] != thread_id:
            raise NotYourImage()
    change.cursor.execute("DELETE FROM message_images WHERE message_id = ?", (message_id,))
    change.cursor.executemany(
        "INSERT INTO message_images (message_id, ordinal, image_name) VALUES (?, ?, ?)",
        [(message_id, ordinal, name) for ordinal, name in enumerate(wanted)],
    )
    change.cursor.executemany(
        "UPDATE images SET unused_since = NULL WHERE name = ?", [(name,) for name in wanted]
    )
    discard_unshown(change, [name for name in before if name not in wanted])
    return wanted


def below(cursor: Cursor, message_id: str) -> list[str]:
    """
    What has to be looked at once this message is gone: all it shows, and all
    that was uploaded to its thread.
    """
    rows = cursor.execute(
        "SELECT image_name FROM message_images WHERE message_id = ?"
        " UNION SELECT name FROM images WHERE thread_id = ?",
        (message_id, message_id),
    )
    return [name for (name,) in rows]


def discard_unshown(change: Change, names: Iterable[str]) -> None:
    """
    Delete those of C{names} that no message shows.
    """
    for name in names:
        shown = change.cursor.execute(
            "SELECT 1 FROM message_images WHERE image_name = ?", (name,)
        ).fetchone()
        if shown is None:
            _discard(change, name)


def discard_in(change: Change, place_id: str) -> bool:
    """
    Delete some of what was uploaded to a place.

    @return: whether there may be more.
    """
    rows = change.cursor.execute(
        "SELECT name FROM images WHERE place_id = ? LIMIT ?", (place_id, AT_ONCE)
    ).fetchall()
    for (name,) in rows:
        _discard(change, name)
    return len(rows) == AT_ONCE


def _discard(change: Change, name: str) -> None:
    for column in ("name", "thumb_name"):
        change.cursor.execute(
            f"INSERT INTO leftovers (name, since) SELECT {column}, ? FROM images"
            f" WHERE name = ? AND {column} IS NOT NULL",
            (change.at, name),
        )
    change.cursor.execute("DELETE FROM images WHERE name = ?", (name,))


def _add(change: Change, upload: Upload) -> None:
    """
    @raise NoSuchChannel: the place was deleted meanwhile.
    @raise NoSuchImage: the message was, to whose thread it was to go.
    """
    users.acting(change.cursor, upload.author_id)
    if places.find(change.cursor, upload.place_id) is None:
        raise NoSuchChannel()
    if upload.thread_id is not None and not _is_there(change.cursor, upload.thread_id):
        raise NoSuchImage()
    file, thumbnail = upload.image.file, upload.image.thumbnail
    change.cursor.execute(
        "INSERT INTO images (name, place_id, thread_id, author_id, content_type, thumb_name,"
        " thumb_type, unused_since) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            file.name,
            upload.place_id,
            upload.thread_id,
            upload.author_id,
            file.content_type,
            thumbnail and thumbnail.name,
            thumbnail and thumbnail.content_type,
            change.at,
        ),
    )


def _is_there(cursor: Cursor, message_id: str) -> bool:
    row = cursor.execute("SELECT 1 FROM messages WHERE id = ?", (message_id,)).fetchone()
    return row is not None


def _find(cursor: Cursor, place_id: str, name: str) -> Image | None:
    row = cursor.execute(
        "SELECT content_type, thumb_name, thumb_type FROM images WHERE name = ? AND place_id = ?",
        (name, place_id),
    ).fetchone()
    if row is None:
        return None
    if places.find(cursor, place_id) is None:  # it was deleted, and this will be
        return None
    content_type, thumb_name, thumb_type = row
    thumbnail = None if thumb_name is None else ImageFile(thumb_name, thumb_type)
    return Image(ImageFile(name, content_type), thumbnail)


def _discard_unused(change: Change, before: int) -> bool:
    rows = change.cursor.execute(
        "SELECT name FROM images WHERE unused_since < ? ORDER BY unused_since LIMIT ?",
        (before, AT_ONCE),
    ).fetchall()
    discard_unshown(change, [name for (name,) in rows])
    return len(rows) == AT_ONCE


def _leftovers(cursor: Cursor, before: int) -> list[str]:
    rows = cursor.execute(
        "SELECT name FROM leftovers WHERE since < ? ORDER BY since LIMIT ?", (before, AT_ONCE)
    )
    return [name for (name,) in rows]


def _forget(change: Change, gone: Sequence[str], stuck: Sequence[str]) -> None:
    change.cursor.executemany("DELETE FROM leftovers WHERE name = ?", [(name,) for name in gone])
    change.cursor.executemany(
        "UPDATE leftovers SET since = ? WHERE name = ?", [(change.at, name) for name in stuck]
    )


def unknown(cursor: Cursor, names: Sequence[str]) -> list[str]:
    return [name for name in names if cursor.execute(KNOWN, (name,)).fetchone() is None]


@define
class ImageStore:
    _database: Database

    def add(self, upload: Upload) -> "Deferred[None]":
        return self._database.change(_add, upload)

    def find(self, place_id: str, name: str) -> "Deferred[Image | None]":
        """
        An image of this very place.
        """
        return self._database.read(_find, place_id, name)

    def discard_unused(self, before: int) -> "Deferred[bool]":
        """
        Delete some of the uploads that no message has shown since the time C{before}.

        @return: whether there may be more.
        """
        return self._database.change(_discard_unused, before)

    def leftovers(self, before: int) -> "Deferred[list[str]]":
        """
        Files whose row was gone at the time C{before}, or that were found to be
        stuck: some of them, none at last.
        """
        return self._database.read(_leftovers, before)

    def forget(self, gone: Sequence[str], stuck: Sequence[str]) -> "Deferred[None]":
        """
        @param gone: files that are no more.
        @param stuck: those that could not be removed.  They count as left over from
            now on: the others come first, and some time later it is their turn.
        """
        return self._database.change(_forget, gone, stuck)

    def unknown(self, names: Sequence[str]) -> "Deferred[list[str]]":
        """
        Those of C{names} that no row knows of.
        """
        return self._database.read(unknown, names)
