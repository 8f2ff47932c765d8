"""
The tokens that a client carries: JWTs (RFC 7519), signed and not encrypted.

A token proves that we made it for a certain pair of a certain session.  Whether
that still counts is said by the record (L{teamchatd.store.sessions}).
"""

from typing import Literal

import jwt
from attrs import define, frozen
from twisted.internet.interfaces import IReactorTime

ALGORITHM = "HS256"
"""The only one: a token does not choose how it is checked (RFC 8725, section 3.1)."""

ISSUER = "teamchat"
LONGEST = 4096

Kind = Literal["access", "refresh"]


@frozen
class Claims:
    """
    @ivar until: when the token stops being good, in seconds since the epoch.
    """

    user_id: str
    session_id: str
    pair_id: str
    until: int


@define
class Tokens:
    _secret: str
    _clock: IReactorTime

    def sign(self, kind: Kind, claims: Claims) -> str:
        return jwt.encode(
            {
                "iss": ISSUER,
                "typ": kind,
                "sub": claims.user_id,
                "sid": claims.session_id,
                "jti": claims.pair_id,
                "iat": int(self._clock.seconds()),
                "exp": claims.until,
            },
            self._secret,
            ALGORITHM,
        )

    def read(self, kind: Kind, token: str) -> Claims | None:
        """
        What C{token} says, if we signed it, as this kind, and it has not expired.
        """
        if len(token) > LONGEST or not token.isascii():
            return None
        try:
            said = jwt.decode(
                token,
                self._secret,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                # The time is compared below, with the clock that we were given.
                options={"verify_exp": False, "verify_iat": False, "require": ["exp", "jti"]},
            )
        except (jwt.InvalidTokenError, ValueError, RecursionError):
            return None
        if said.get("typ") != kind or said["exp"] <= self._clock.seconds():
            return None
        return Claims(said["sub"], said["sid"], said["jti"], said["exp"])
