"""
ID tokens: what a provider signs about who has signed in.

The rules are those of OpenID Connect Core, section 3.1.3.7; the signature is
checked by PyJWT.
"""

import hmac
import re
from base64 import urlsafe_b64encode
from typing import Any

import jwt
from attrs import field, frozen

from teamchatd.auth.discovery import Key
from teamchatd.auth.providers import Provider

SIGNED_WITH = {
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
}
"""
Never "none", and never HS256: those would let whoever knows the public key, or
our own secret, write the token (RFC 8725, sections 2.1 and 3.1).
"""

LONGEST = 16384
LEEWAY = 60
"""Seconds by which clocks may differ."""

TENANT = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NotBelieved(Exception):
    """
    It does not prove who signed in.  Says why, for the operator; never what is
    in it.
    """


@frozen
class Head:
    """
    How a token says that it is to be checked.  Nothing of it is believed yet.
    """

    algorithm: str
    key_id: str | None


@frozen
class Expected:
    """
    @ivar nonce: what we gave along when we sent the user away.
    @ivar access_token: what came together with the ID token.
    @ivar now: in seconds.
    """

    provider: Provider
    nonce: str = field(repr=False)
    access_token: str = field(repr=False)
    now: float


def head_of(token: str) -> Head:
    """
    @raise NotBelieved: it is no token, or is signed in a way that proves nothing.
    """
    if len(token) > LONGEST or not token.isascii():
        raise NotBelieved("the ID token is no token")
    try:
        header = jwt.get_unverified_header(token)
    except jwt.InvalidTokenError:
        raise NotBelieved("the ID token is no token") from None
    algorithm = header.get("alg")
    if algorithm not in SIGNED_WITH:
        raise NotBelieved(f"the ID token is signed with {str(algorithm)[:20]!r}")
    return Head(algorithm, header.get("kid"))


def claims_of(token: str, head: Head, keys: list[Key], expected: Expected) -> dict[str, Any]:
    """
    What the token says, all of it checked.

    @raise NotBelieved: it is not for us, not for this sign-in, not for now, or
        not from this provider.
    """
    claims = _signed(token, head, keys, expected.provider.registration.client_id)
    _check_issuer(claims, expected.provider)
    _check_audience(claims, expected.provider.registration.client_id)
    _check_times(claims, expected.now)
    if not _is(claims.get("nonce"), expected.nonce):
        raise NotBelieved("the ID token is of another sign-in")
    if "at_hash" in claims and not _is(claims["at_hash"], _half_hash(head, expected.access_token)):
        raise NotBelieved("the ID token came with another access token")
    return claims


def _signed(token: str, head: Head, keys: list[Key], audience: str) -> dict[str, Any]:
    for key in keys:
        try:
            # The key is bound to the algorithm here, so that its type has to fit.
            usable = jwt.PyJWK(key, head.algorithm)
        except jwt.PyJWTError:
            continue
        if key.get("use", "sig") != "sig" or key.get("alg", head.algorithm) != head.algorithm:
            continue
        try:
            return jwt.decode(
                token,
                usable,
                algorithms=[head.algorithm],
                audience=audience,
                options={
                    "require": ["iss", "sub", "aud", "exp", "iat"],
                    "enforce_minimum_key_length": True,
                    # The time is compared below, with the clock that we were given.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.InvalidSignatureError:
            continue
        except jwt.InvalidAudienceError:
            raise NotBelieved("the ID token is for somebody else") from None
        except (jwt.PyJWTError, ValueError, RecursionError) as error:
            raise NotBelieved(f"the ID token cannot be used: {type(error).__name__}") from None
    raise NotBelieved("the ID token is signed with none of the provider's keys")


def _check_issuer(claims: dict[str, Any], provider: Provider) -> None:
    """
    Microsoft's shared issuer signs for all tenants, each of which is an issuer
    of its own: the token says which.
    """
    issued_as, tenant = provider.issued_as, claims.get("tid")
    if "{tenantid}" in issued_as and isinstance(tenant, str) and TENANT.fullmatch(tenant):
        issued_as = issued_as.replace("{tenantid}", tenant)
    if claims["iss"] != issued_as:
        raise NotBelieved("the ID token is from another issuer")


def _check_audience(claims: dict[str, Any], client_id: str) -> None:
    """
    PyJWT has seen that we are among those it is for.
    """
    is_for_several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
    if (is_for_several or "azp" in claims) and claims.get("azp") != client_id:
        raise NotBelieved("the ID token was asked for by somebody else")


def _check_times(claims: dict[str, Any], now: float) -> None:
    times = [claims["exp"], claims["iat"], claims.get("nbf", 0)]
    if any(type(time) not in (int, float) for time in times):
        raise NotBelieved("the ID token has no times")
    expires, issued, not_before = times
    # Asked this way round, so that NaN, which Python reads as a number, is never right.
    if not now < expires + LEEWAY:
        raise NotBelieved("the ID token has expired; is this server's clock right?")
    if not (issued - LEEWAY <= now and not_before - LEEWAY <= now):
        raise NotBelieved("the ID token is from the future; is this server's clock right?")


def _half_hash(head: Head, access_token: str) -> str:
    """
    OpenID Connect Core, section 3.1.3.6.
    """
    digest = jwt.get_algorithm_by_name(head.algorithm).compute_hash_digest(access_token.encode())
    return urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _is(found: object, expected: str) -> bool:
    return isinstance(found, str) and hmac.compare_digest(
        found.encode("utf-8", "surrogatepass"), expected.encode()
    )
