"""
Signing in through others: the authorization code flow of OAuth 2 and OpenID
Connect, as RFC 9700 wants it done.

Somebody is sent to a provider with a C{state}, which only the browser that
began can bring back, and only once; with the hash of a secret, without which
the code that they bring is worth nothing (PKCE, RFC 7636); and with a C{nonce},
which an ID token has to repeat.
"""

import re
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlencode

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth.accounts import Account, Accounts, Unproven
from teamchatd.auth.discovery import Discovery, Endpoints
from teamchatd.auth.limits import Limit
from teamchatd.auth.links import hash_of
from teamchatd.auth.providers import Provider
from teamchatd.auth.sessions import Sessions, TokenAnswer
from teamchatd.errors import Invalid, NotFound, Unidentified
from teamchatd.model import Client
from teamchatd.store.oauth import Arrival, OAuthStore, State, StateNotGood
from teamchatd.store.sessions import Opening

log = Logger()

STATE_SECONDS = 10 * 60
"""As long as the provider's own code may live (RFC 6749, section 4.1.2)."""


class NoSuchProvider(NotFound):
    """Nobody signs in through them here."""


class Refused(Unidentified):
    """The provider did not let them in, or they did not let it."""


@frozen
class Departure:
    """
    Somebody is sent to a provider.

    @ivar url: where to.
    @ivar ticket: what their browser keeps until it is back.
    """

    url: str = field(repr=False)
    ticket: "Ticket"


@frozen
class Ticket:
    """
    The cookie of one sign-in.  It has a name of its own, so that two that were
    begun in two windows do not end each other.
    """

    name: str
    value: str = field(repr=False)
    provider: Provider


@frozen
class Return:
    """
    What a browser brings back: from the provider, and C{ticket} from its cookie.

    @ivar issuer: who says that they send it (RFC 9207).
    """

    code: str | None = field(repr=False)
    state: str | None = field(repr=False)
    error: str | None
    issuer: str | None
    ticket: str | None = field(repr=False)


@define
class OAuth:
    """
    @ivar _attempts: how often one client address may try, to go and to come back.
    """

    _providers: dict[str, Provider]
    _discovery: Discovery
    _accounts: Accounts
    _store: OAuthStore
    _sessions: Sessions
    _attempts: Limit
    _clock: IReactorTime
    _mint: Callable[[], str]
    _is_invite_required: bool

    def providers(self) -> list[Provider]:
        return list(self._providers.values())

    def provider(self, provider_id: str) -> Provider:
        """
        @raise NoSuchProvider: not of this id.
        """
        if provider_id not in self._providers:
            raise NoSuchProvider("Nobody can sign in through this provider on this server.")
        return self._providers[provider_id]

    async def begin(self, provider_id: str, neighbourhood: str) -> Departure:
        """
        @raise NoSuchProvider: there is none of this id.
        @raise TooMany: from this address, too often.
        @raise Unavailable: the provider does not say where it is.
        """
        provider = self.provider(provider_id)
        self._attempts.take(f"to go: {neighbourhood}")
        endpoints = await self._discovery.endpoints(provider)
        state, ticket, verifier, nonce = (secrets.token_urlsafe(32) for _ in range(4))
        until = int(self._clock.seconds() + STATE_SECONDS) * 1000
        await self._store.begin(
            State(hash_of(state), hash_of(ticket), provider.id, verifier, nonce, until)
        )
        url = _authorization_url(provider, endpoints, state, verifier, nonce)
        return Departure(url, Ticket(ticket_name(state), ticket, provider))

    async def finish(
        self, provider_id: str, back: Return, neighbourhood: str, client: Client
    ) -> TokenAnswer:
        """
        @raise ChatError: for every reason there is; nothing was made and nothing
            bound, and the state is used up if it was this browser's.
        """
        with self._sessions.sign_ins.watch("oauth", client) as attempt:
            self._attempts.take(f"to come back: {neighbourhood}")
            opened = await self._admit(await self._account(provider_id, back), client)
            attempt.user_id = opened.user_id
        return self._sessions.answer_for(opened)

    async def _account(self, provider_id: str, back: Return) -> Account:
        provider = self.provider(provider_id)
        if back.state is None:
            raise Invalid("The sign-in came back without its state. Begin again.")
        if back.ticket is None:
            raise StateNotGood()
        state = await self._store.use(hash_of(back.state), hash_of(back.ticket), provider.id)
        endpoints = await self._discovery.endpoints(provider)
        _check_sender(provider, endpoints, back)
        if back.error is not None:
            raise _refusal(provider, back.error)
        if back.code is None:
            raise Invalid(f"{provider.name} sent you back without a code. Begin again.")
        return await self._accounts.behind(provider, endpoints, back.code, state)

    async def _admit(self, account: Account, client: Client) -> Opening:
        new_id = self._mint()
        opening = self._sessions.opening(new_id, client)
        return await self._store.admit(
            Arrival(
                account.subject,
                account.email,
                account.no_email,
                new_id,
                self._is_invite_required,
                opening,
            )
        )

    async def forget_expired(self) -> None:
        """
        Whoever has not come back by now does not come.
        """
        await self._store.forget_expired()


def ticket_name(state: str) -> str:
    return f"teamchat_oauth_{hash_of(state)[:16]}"


def _authorization_url(
    provider: Provider, endpoints: Endpoints, state: str, verifier: str, nonce: str
) -> str:
    """
    RFC 6749, section 4.1.1; RFC 7636, section 4.3; OpenID Connect Core, section 3.1.2.1.
    """
    asked = {
        "response_type": "code",
        "client_id": provider.registration.client_id,
        "redirect_uri": provider.registration.redirect_uri,
        "state": state,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    if provider.scopes:
        asked["scope"] = " ".join(provider.scopes)
    if provider.speaks_openid:
        asked["nonce"] = nonce
    url = endpoints.authorization
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


def _challenge(verifier: str) -> str:
    """
    RFC 7636, section 4.2.
    """
    return urlsafe_b64encode(sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def _check_sender(provider: Provider, endpoints: Endpoints, back: Return) -> None:
    """
    Another provider may have been made to send its code here, so that we tell
    it to this one (RFC 9207, section 2.4).
    """
    if back.issuer is None and not endpoints.answers_with_issuer:
        return
    # Who speaks only OAuth has no issuer that we know, and Microsoft has one for each tenant.
    if not provider.speaks_openid or "{tenantid}" in provider.issued_as:
        return
    if back.issuer != provider.issued_as:
        log.warn("somebody else answers for {provider}", provider=provider.name)
        raise Unproven(f"The answer did not come from {provider.name}. Begin again.")


def _refusal(provider: Provider, error: str) -> Refused:
    """
    RFC 6749, section 4.1.2.1.  Only the code is repeated: a description could
    say anything, and would be read as ours.
    """
    if error == "access_denied":
        return Refused(f"{provider.name} was not allowed to tell who you are.")
    said = error if re.fullmatch(r"[\w-]{1,64}", error, re.ASCII) else "something unusual"
    log.warn("{provider} sends somebody back: {error}", provider=provider.name, error=said)
    return Refused(f"{provider.name} could not sign you in; it says {said}.")
