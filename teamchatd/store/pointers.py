"""
Read pointers, as rows: up to where each user has read in each place.

A pointer is a position in the order of all that was said.  So it stands where it
stood when the message that was there is deleted.
"""

from teamchatd.store.change import Change

AT_ONCE = 1000
"""Rows that go in one step."""


def subject(place_id: str, user_id: str) -> str:
    """
    What the journal calls what happens to a pointer.  It is below the place, which
    takes it along, and not below the message: a device that was away has to hear how
    far another has read, also where that message is deleted since.
    """
    return f"{place_id}/reads/{user_id}"


def move(change: Change, user_id: str, place_id: str, position: int) -> bool:
    """
    Forward, and never back: several devices race, and the one that has seen least
    may come last.  What was said before the user came counts as read, so a pointer
    to there would be one back.

    @return: whether it has moved.
    """
    moved = change.cursor.execute(
        "INSERT INTO reads (user_id, place_id, position)"
        " SELECT id, ?2, ?3 FROM users WHERE id = ?1 AND reads_from < ?3"
        " ON CONFLICT (user_id, place_id) DO UPDATE SET position = excluded.position"
        " WHERE excluded.position > reads.position",
        (user_id, place_id, position),
    )
    return bool(moved.rowcount)


def forget(change: Change, user_id: str) -> None:
    """
    A user goes, and what they have read is kept nowhere.
    """
    rows = change.cursor.execute(
        "DELETE FROM reads WHERE user_id = ? RETURNING place_id", (user_id,)
    ).fetchall()
    for (place_id,) in rows:
        change.forget(subject(place_id, user_id))


def discard_in(change: Change, place_id: str) -> bool:
    """
    Delete some of the pointers into a place that is gone.

    @return: whether there may be more.
    """
    gone = change.cursor.execute(
        "DELETE FROM reads WHERE place_id = ?1 AND user_id IN"
        " (SELECT user_id FROM reads WHERE place_id = ?1 LIMIT ?2)",
        (place_id, AT_ONCE),
    )
    return gone.rowcount == AT_ONCE
