"""
From a code to the account at the provider that it stands for.
"""

import re
from base64 import b64encode
from typing import Any
from urllib.parse import quote

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth import addresses, id_tokens
from teamchatd.auth.asking import Asking, ProviderAway
from teamchatd.auth.discovery import Discovery, Endpoints
from teamchatd.auth.id_tokens import Expected, NotBelieved
from teamchatd.auth.providers import Provider
from teamchatd.errors import Unidentified
from teamchatd.store.identities import Subject
from teamchatd.store.oauth import State

log = Logger()

SUBJECT = re.compile(r"[\x20-\x7e]{1,255}")
"""OpenID Connect Core, section 2."""

OUR_FAULT = {
    *("invalid_client", "unauthorized_client", "invalid_request", "unsupported_grant_type"),
    *("incorrect_client_credentials", "redirect_uri_mismatch"),  # as GitHub says
}
"""What a provider says of us when the configuration is wrong (RFC 6749, section 5.2)."""

NO_ADDRESS = "{} does not tell your e-mail address."
NOT_VERIFIED = "{} does not say that your e-mail address is verified."


class CodeRefused(Unidentified):
    """The provider takes no code from us, or not this one."""


class Unproven(Unidentified):
    """What the provider sends does not prove who has signed in."""


@frozen
class Account:
    """
    @ivar email: an address that the provider says is verified.
    @ivar no_email: why there is none.
    """

    subject: Subject
    email: str | None
    no_email: str


@frozen
class Granted:
    """
    What a provider gave for a code.
    """

    access_token: str = field(repr=False)
    id_token: str = field(repr=False)


@define
class Accounts:
    _asking: Asking
    _discovery: Discovery
    _clock: IReactorTime

    async def behind(
        self, provider: Provider, endpoints: Endpoints, code: str, state: State
    ) -> Account:
        """
        @raise CodeRefused: the provider takes no code from us, or not this one.
        @raise Unproven: what it gives for it does not say who somebody is.
        @raise ProviderAway: it does not answer, or nothing that makes sense.
        """
        granted = await self._grant(provider, endpoints, code, state)
        try:
            if provider.speaks_openid:
                return await self._openid_account(provider, endpoints, granted, state)
            return await self._plain_account(provider, granted)
        except NotBelieved as error:
            log.warn("{provider} is not believed: {why}", provider=provider.name, why=str(error))
            raise Unproven(
                f"What {provider.name} sent does not prove who you are. Begin again; if that"
                " does not help, tell your administrator."
            ) from None

    async def _grant(
        self, provider: Provider, endpoints: Endpoints, code: str, state: State
    ) -> Granted:
        """
        Trade the code for tokens (RFC 6749, section 4.1.3; RFC 7636, section 4.5).
        """
        ours, headers = provider.registration, {}
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": ours.redirect_uri,
            "client_id": ours.client_id,
            "code_verifier": state.verifier,
        }
        if endpoints.secret_in_form:
            form["client_secret"] = ours.client_secret
        else:
            headers["Authorization"] = _basic(ours.client_id, ours.client_secret)
        said = await self._asking.for_token(provider, endpoints.token, headers, form)
        if "error" in said:
            raise _refused(provider, said["error"])
        access, id_token = said.get("access_token"), said.get("id_token", "")
        if not isinstance(access, str) or not access or not isinstance(id_token, str):
            log.warn("{provider} gives no token for a code", provider=provider.name)
            raise ProviderAway(f"{provider.name} did not finish the sign-in. Try again later.")
        return Granted(access, id_token)

    async def _openid_account(
        self, provider: Provider, endpoints: Endpoints, granted: Granted, state: State
    ) -> Account:
        head = id_tokens.head_of(granted.id_token)
        keys = await self._discovery.keys(provider, endpoints.keys, head.key_id)
        now = self._clock.seconds()
        expected = Expected(provider, state.nonce, granted.access_token, now)
        claims = id_tokens.claims_of(granted.id_token, head, keys, expected)
        if not {"email", provider.verified_claim} <= claims.keys() and endpoints.user_info:
            claims |= await self._user_info(provider, endpoints, granted, claims["sub"])
        return _account(provider, Subject(claims["iss"], _subject(claims["sub"])), claims)

    async def _user_info(
        self, provider: Provider, endpoints: Endpoints, granted: Granted, subject: object
    ) -> dict[str, Any]:
        """
        The address, where the ID token does not have it (OpenID Connect Core,
        section 5.3), and whether I{this} one is verified.
        """
        url = endpoints.user_info
        said = await self._asking.about_user(provider, url, granted.access_token)
        if not isinstance(said, dict) or said.get("sub") != subject:
            raise NotBelieved("what it tells of the user is about somebody else")
        return {name: said.get(name) for name in ("email", provider.verified_claim)}

    async def _plain_account(self, provider: Provider, granted: Granted) -> Account:
        """
        OAuth 2 does not say who somebody is; most providers have a call for that.
        """
        url = provider.addresses.user_info
        said = await self._asking.about_user(provider, url, granted.access_token)
        if not isinstance(said, dict):
            raise NotBelieved("what it tells of the user is no object")
        subject = Subject(url, _subject(said.get("sub", said.get("id"))))
        if provider.addresses.emails:
            said = await self._primary_address(provider, granted)
        return _account(provider, subject, said)

    async def _primary_address(self, provider: Provider, granted: Granted) -> dict[str, Any]:
        """
        GitHub's list of a user's addresses, of which one is the primary.
        """
        url = provider.addresses.emails
        listed = await self._asking.about_user(provider, url, granted.access_token)
        for each in listed if isinstance(listed, list) else []:
            if isinstance(each, dict) and each.get("primary") is True:
                verified = each.get("verified")
                return {"email": each.get("email"), provider.verified_claim: verified}
        return {}


def _basic(client_id: str, secret: str) -> str:
    """
    Encoded twice, as RFC 6749, section 2.3.1 asks: a secret may hold a colon.
    """
    pair = f"{quote(client_id, safe='')}:{quote(secret, safe='')}"
    return f"Basic {b64encode(pair.encode()).decode()}"


def _refused(provider: Provider, error: str) -> CodeRefused:
    said = error if re.fullmatch(r"[\w-]{1,64}", error, re.ASCII) else "something unusual"
    log.warn("{provider} takes no code: it says {error}", provider=provider.name, error=said)
    if said in OUR_FAULT:
        return CodeRefused(f"{provider.name} does not accept this server. Tell your administrator.")
    return CodeRefused(f"{provider.name} did not accept this sign-in. Begin again.")


def _subject(said: object) -> str:
    """
    GitHub and others count their users.
    """
    subject = str(said) if type(said) is int else said
    if not isinstance(subject, str) or not SUBJECT.fullmatch(subject):
        raise NotBelieved("it does not name the user")
    return subject


def _account(provider: Provider, subject: Subject, said: dict[str, Any]) -> Account:
    try:
        email = addresses.usable(str(said.get("email") or ""))
    except addresses.UnusableAddress:
        return Account(subject, None, NO_ADDRESS.format(provider.name))
    if not _is_yes(said.get(provider.verified_claim)):
        return Account(subject, None, NOT_VERIFIED.format(provider.name))
    return Account(subject, email, "")


def _is_yes(said: object) -> bool:
    """
    A boolean, says OpenID; Microsoft also writes 1, and others quote it.
    """
    return said is True or (type(said) in (int, str) and str(said).lower() in ("true", "1"))
