"""
What all daemons on one database must have in common, and cannot have from it.
"""

from hashlib import sha256
from pathlib import Path

from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.schema import Unusable

MARK = "shared-by"
"""The file that tells data directories apart."""


def _agree(change: Change, name: str, value: str) -> str:
    """
    @return: what the first daemon said.
    """
    change.cursor.execute(
        "INSERT INTO settings (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, value)
    )
    [(agreed,)] = change.cursor.execute("SELECT value FROM settings WHERE name = ?", (name,))
    return str(agreed)


def meet(database: Database, directory: Path, jwt_secret: str, newcomer: str) -> None:
    """
    Make sure that this daemon belongs to the others, who may have been here first.

    @param newcomer: what the data directory is called from now on, if nobody has called
        it anything yet.
    @raise Unusable: it does not.
    """
    secret = sha256(jwt_secret.encode()).hexdigest()
    if database.change_at_once(_agree, "hashOfSecret", secret) != secret:
        raise Unusable(
            "[auth] jwtSecret is not that of the other daemons on this database, so that who"
            " signs in with one would be nobody to the others: give all of them the same"
        )
    mark = directory / MARK
    try:
        ours = mark.read_text("utf-8").strip() if mark.exists() else newcomer
        agreed = database.change_at_once(_agree, "dataDirectory", ours)
        if agreed == ours:
            mark.write_text(f"{ours}\n", "utf-8")
    except OSError as error:
        raise Unusable(f"{mark} cannot be used: {error.strerror}") from error
    if agreed != ours:
        raise Unusable(
            f"the data directory {directory} is not that of the other daemons on this database,"
            " who would not find the images that are put there: let all of them have the same,"
            f" and if this is a copy of it, copy its file {MARK}, too"
        )
