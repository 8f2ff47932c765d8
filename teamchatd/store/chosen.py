"""
Where the record is, by the configuration.
"""

from pathlib import Path

from teamchatd.store.engine import Engine
from teamchatd.store.sqlite import SQLite
from teamchatd.store.unusable import Unusable


def engine(url: str, directory: Path) -> Engine:
    """
    @param url: of a PostgreSQL database; empty: SQLite, in the data directory.
    @raise Unusable: nothing is installed that speaks to it.
    """
    if not url:
        return SQLite(directory)
    try:
        from teamchatd.store.postgres import PostgreSQL
    except ImportError as error:
        raise Unusable(
            "[storage] database is in PostgreSQL, and what speaks to that is not installed:"
            ' pip install "teamchat[postgres]", or make install EXTRAS=postgres'
        ) from error
    return PostgreSQL(url)
