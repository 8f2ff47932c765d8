"""
What providers say of themselves: where to ask, and with which keys they sign.

OpenID Connect Discovery 1.0 and RFC 8414; keys as in RFC 7517.  Both change
seldom, so they are remembered for a while.
"""

from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth.asking import SAFE_URL, Asking
from teamchatd.auth.providers import Provider
from teamchatd.errors import Unavailable

log = Logger()

GOOD_FOR = 60 * 60.0
"""Seconds that a document or a set of keys is believed without asking again."""

AT_MOST_EVERY = 60.0
"""Seconds between two looks for a key that is not there: tokens may name any."""

PATH = "/.well-known/openid-configuration"

Key = dict[str, Any]


class BadDocument(Unavailable):
    """It does not describe itself as it should, or the configuration names another."""


@frozen
class Endpoints:
    """
    @ivar secret_in_form: whether the client's secret goes into the form and
        not into a header (RFC 6749, section 2.3.1).
    @ivar answers_with_issuer: whether it says who it is when it sends somebody
        back (RFC 9207, section 3).
    """

    authorization: str
    token: str
    user_info: str = ""
    keys: str = ""
    secret_in_form: bool = True
    answers_with_issuer: bool = False


@define
class Remembered:
    at: float
    value: Any
    missed_at: float | None = None


@define
class Discovery:
    _asking: Asking
    _clock: IReactorTime
    _endpoints: dict[str, Remembered] = field(init=False, factory=dict)
    _keys: dict[str, Remembered] = field(init=False, factory=dict)

    async def endpoints(self, provider: Provider) -> Endpoints:
        """
        @raise Unavailable: it does not describe itself, or not as it should.
        """
        if not provider.speaks_openid:
            fixed = provider.addresses
            return Endpoints(fixed.authorization, fixed.token, fixed.user_info)
        known = self._endpoints.get(provider.id)
        if known is None or self._is_old(known):
            url = provider.issuer.removesuffix("/") + PATH
            document = await self._asking.about_itself(provider, url)
            known = Remembered(self._clock.seconds(), _endpoints_in(provider, document))
            self._endpoints[provider.id] = known
        found: Endpoints = known.value
        return found

    async def keys(self, provider: Provider, url: str, key_id: str | None) -> list[Key]:
        """
        The provider's keys that are called C{key_id}; all, if that is L{None}.

        A provider may change its keys at any time: for a name that is not
        among those we remember, it is asked again, but not all the time.

        @raise Unavailable: it does not say which keys it has.
        """
        known = self._keys.get(provider.id)
        if known is None or self._is_old(known):
            known = await self._fetch_keys(provider, url)
        elif key_id is not None and not _called(key_id, known.value) and self._may_look(known):
            missed_at = self._clock.seconds()
            known = await self._fetch_keys(provider, url)
            known.missed_at = missed_at
        keys: list[Key] = known.value
        return keys if key_id is None else _called(key_id, keys)

    async def _fetch_keys(self, provider: Provider, url: str) -> Remembered:
        said = (await self._asking.about_itself(provider, url)).get("keys")
        if not isinstance(said, list):
            raise _bad(provider, "its set of keys has none")
        keys = [key for key in said if isinstance(key, dict)]
        self._keys[provider.id] = known = Remembered(self._clock.seconds(), keys)
        return known

    def _is_old(self, known: Remembered) -> bool:
        return self._clock.seconds() - known.at >= GOOD_FOR

    def _may_look(self, known: Remembered) -> bool:
        missed_at = known.missed_at
        return missed_at is None or self._clock.seconds() - missed_at >= AT_MOST_EVERY


def _called(key_id: str, keys: list[Key]) -> list[Key]:
    return [key for key in keys if key.get("kid") == key_id]


def _endpoints_in(provider: Provider, document: dict[str, Any]) -> Endpoints:
    """
    @raise BadDocument: it is another issuer's (OpenID Connect Discovery,
        section 4.3), or does not say what is needed.
    """
    if document.get("issuer") != provider.issued_as:
        said = str(document.get("issuer"))[:200]
        raise _bad(provider, f"its issuer is {said!r} and not {provider.issued_as!r}")
    fixed = provider.addresses
    methods = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Endpoints(
        fixed.authorization or _url(provider, document, "authorization_endpoint"),
        fixed.token or _url(provider, document, "token_endpoint"),
        fixed.user_info or _url(provider, document, "userinfo_endpoint", is_needed=False),
        _url(provider, document, "jwks_uri"),
        secret_in_form=isinstance(methods, list) and "client_secret_post" in methods,
        answers_with_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _url(provider: Provider, document: dict[str, Any], name: str, is_needed: bool = True) -> str:
    url = document.get(name)
    if url is None and not is_needed:
        return ""
    if not isinstance(url, str) or not SAFE_URL.fullmatch(url):
        raise _bad(provider, f"its {name} is missing, or is not https")
    return url


def _bad(provider: Provider, why: str) -> BadDocument:
    log.error(
        "{provider} ({issuer}) cannot be used: {why}",
        provider=provider.name,
        issuer=provider.issuer,
        why=why,
    )
    return BadDocument(
        f"{provider.name} is not set up as this server expects. Tell your administrator."
    )
