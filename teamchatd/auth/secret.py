"""
The secret that tokens are signed with: made at the first start, and kept.
"""

import os
import secrets
from contextlib import suppress
from pathlib import Path

SHORTEST = 32
"""Bytes (RFC 7518, section 3.2: as long as the hash)."""


class BadSecret(Exception):
    """It cannot be read or made.  Says why, for the operator."""


def kept_in(directory: Path) -> str:
    """
    The secret of this data directory.

    @raise BadSecret: there is none, and none can be made.
    """
    path = directory / "jwt-secret"
    try:
        if not path.exists():
            _make(path)
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)  # put back from a backup, perhaps
        secret = path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSecret(f"the secret {path} cannot be read or made: {error}") from error
    if len(secret) < SHORTEST:
        raise BadSecret(
            f"the secret {path} is damaged. Put back the one from your backup, or delete it:"
            " then a new one is made, and everybody has to sign in again."
        )
    return secret


def _make(path: Path) -> None:
    # Under another name first: half a secret, left by a crash, must not be taken for one.
    # Of several daemons that start in one directory, all take that of the first.
    unfinished = path.with_name(f"jwt-secret.{secrets.token_hex(4)}.new")
    try:
        with open(unfinished, "x", opener=_for_us_only) as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _for_us_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
