"""
Passwords, off the reactor.

bcrypt of the base64 of the SHA-256: bcrypt itself looks at 72 bytes only, and
stops at a zero byte.  It lets go of Python's lock while it works, but two at
once already take most of a small machine, so the pool is that small.
"""

import hashlib
from base64 import b64encode
from functools import cache
from itertools import islice

import bcrypt
from attrs import define, field

from teamchatd.errors import Invalid, TooMany
from teamchatd.workers import InThread

SHORTEST = 8
LONGEST = 256
"""Characters (NIST SP 800-63B, section 3.1.1.2: at least 64 are to be allowed)."""

MOST_COMMON = 3000
"""Passwords that are refused (OWASP ASVS 5.0, 6.2.4)."""

AT_ONCE = 2

MOST_WAITING = 64
"""
More are refused: the last of these waits for eight seconds, and whoever waited
much longer would give up, and have us work for nobody.
"""

TOO_BUSY = "Too many are signing in at this moment. Try again in a few seconds."

BCRYPT_COST = 12
"""Each step more doubles the time: a quarter of a second at 12."""


class UnusablePassword(Invalid):
    """Too short or too long.  Nothing else is asked of a password."""


def usable(password: str) -> str:
    """
    @raise UnusablePassword: it is not C{SHORTEST} to C{LONGEST} characters long, or
        among the first that anybody would guess (NIST SP 800-63B, section 3.1.1.2).
    """
    if len(password) < SHORTEST:
        raise UnusablePassword(f"A password has at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise UnusablePassword(f"A password has at most {LONGEST} characters.")
    if password.casefold() in _common():
        raise UnusablePassword("This password is one of the most common. Choose another.")
    return password


@cache
def _common() -> frozenset[str]:
    """
    The passwords that others have chosen most often, from zxcvbn's list, and of
    those the L{MOST_COMMON} that are long enough.
    """
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # slow to import, and seldom needed

    long_enough = (word for word in FREQUENCY_LISTS["passwords"] if len(word) >= SHORTEST)
    return frozenset(islice(long_enough, MOST_COMMON))


def _digest(password: str) -> bytes:
    # A password can hold what UTF-8 does not: it is compared, never shown.
    return b64encode(hashlib.sha256(password.encode("utf-8", "surrogatepass")).digest())


def hash_now(password: str, cost: int) -> str:
    """
    Blocks, at the usual L{BCRYPT_COST} for a quarter of a second.
    """
    return bcrypt.hashpw(_digest(password), bcrypt.gensalt(cost)).decode()


def _cost_of(password_hash: str) -> int:
    """
    The 12 in C{$2b$12$…}.
    """
    return int(password_hash.split("$")[2])


def _matches_now(password: str, password_hash: str) -> bool:
    return bcrypt.checkpw(_digest(password), password_hash.encode())


@define
class Passwords:
    """
    @ivar _in_thread: where bcrypt works.
    """

    _in_thread: InThread
    _cost: int = BCRYPT_COST
    _nobodys: "str | None" = field(init=False, default=None)

    async def hash(self, password: str) -> str:
        """
        @raise UnusablePassword: see L{usable}.
        """
        hashed: str = await self._in_thread(hash_now, usable(password), self._cost)
        return hashed

    async def match(self, password: str, password_hash: str | None) -> bool:
        """
        Whether C{password} is the one that was hashed.  For somebody without a
        password, or nobody at all, the same work is done: the time that an
        answer takes does not tell who has an account.
        """
        if self._nobodys is None:
            self._nobodys = await self._in_thread(hash_now, "nobody's password", self._cost)
        right: bool = await self._in_thread(
            _matches_now, password[: LONGEST + 1], password_hash or self._nobodys
        )
        return right and password_hash is not None and len(password) <= LONGEST

    async def rehash(self, password: str, password_hash: str) -> str | None:
        """
        A new hash of a password that has just matched, if the cost has risen
        since it was hashed.  That can wait when there is much to do.
        """
        if _cost_of(password_hash) >= self._cost:
            return None
        try:
            hashed: str = await self._in_thread(hash_now, password, self._cost)
        except TooMany:
            return None
        return hashed
