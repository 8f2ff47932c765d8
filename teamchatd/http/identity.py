"""
Who is asking, and from where.
"""

from ipaddress import IPv4Network, IPv6Network

from attrs import define
from twisted.internet.address import UNIXAddress

from teamchatd.auth.limits import Limit, NoLimit, address_of, neighbourhood
from teamchatd.auth.sessions import SIGN_IN_FIRST, Sessions
from teamchatd.chat.webhooks import Webhooks
from teamchatd.errors import Unidentified
from teamchatd.http.fields import BadField, in_query
from teamchatd.http.request import Request
from teamchatd.model import Actor, Client, Webhook

Network = IPv4Network | IPv6Network


@define
class Identity:
    """
    @ivar _requests: how often one may ask, by user, by webhook and by address.
    @ivar _trusted_proxies: whose C{X-Forwarded-For} is believed.
    """

    _sessions: Sessions
    _requests: "Limit | NoLimit"
    _webhooks: Webhooks
    _trusted_proxies: tuple[Network, ...] = ()

    async def of(self, request: Request) -> Actor:
        """
        @raise Unidentified: nobody we know.
        @raise TooMany: they ask too often.
        """
        return await self._known(request, bearer(request), remember=True)

    async def of_listener(self, request: Request) -> Actor:
        """
        Browsers cannot send a header with an event stream: the query counts
        too, and first.
        """
        token = _in_query(request)
        if token is not None:
            try:
                return await self._known(request, token, remember=False)
            except Unidentified:
                if request.getHeader("authorization") is None:
                    raise
        return await self._known(request, bearer(request), remember=False)

    async def of_webhook(self, request: Request) -> Webhook:
        """
        @raise Unidentified: no webhook of ours.
        @raise TooMany: it posts too often.
        """
        token = bearer(request)
        if not self._webhooks.was_good(token):
            # Guesses cost nothing, and each would be a look at the record.
            self._requests.refuse_over(f"address {self.neighbourhood(request)}")
        try:
            webhook = await self._webhooks.whose(token)
        except Unidentified:
            self.count_stranger(request)
            raise
        self._requests.take(f"webhook {webhook.id}")
        return webhook

    async def _known(self, request: Request, token: str | None, remember: bool) -> Actor:
        try:
            if token is None:
                raise Unidentified(SIGN_IN_FIRST)
            actor = await self._sessions.whose(token, remember)
        except Unidentified:
            self.count_stranger(request)
            raise
        self._requests.take(f"user {actor.id}")
        return actor

    def count_stranger(self, request: Request) -> None:
        """
        Somebody asks without saying who they are.

        @raise TooMany: from this address, too often.
        """
        self._requests.take(f"address {self.neighbourhood(request)}")

    def neighbourhood(self, request: Request) -> str:
        """
        Whom limits per client address count: all addresses that one client has.
        """
        return neighbourhood(self.client(request).ip)

    def client(self, request: Request) -> Client:
        """
        The browser at the other end, behind the proxies that are ours.
        """
        connected = request.getClientAddress()
        # Who may open a unix socket is said by its file: nobody strange stands behind one.
        is_ours = isinstance(connected, UNIXAddress)
        peer = _plain(getattr(connected, "host", ""))
        forwarded = b",".join(request.requestHeaders.getRawHeaders(b"X-Forwarded-For", []))
        named = forwarded.decode(errors="replace").split(",")
        hops = [hop.strip() for hop in named if hop.strip()]
        # The rightmost that is no proxy of ours: whatever stands left of it, anybody may have sent.
        while hops and (is_ours or self._is_proxy(peer)) and address_of(hops[-1]) is not None:
            peer, is_ours = _plain(hops.pop()), False
        return Client(peer, request.getHeader("user-agent") or "")

    def is_from_proxy(self, request: Request) -> bool:
        """
        Whether what sends it is a proxy of ours, whose word we take.
        """
        connected = request.getClientAddress()
        if isinstance(connected, UNIXAddress):
            return True
        return self._is_proxy(getattr(connected, "host", ""))

    def _is_proxy(self, host: str) -> bool:
        address = address_of(host)
        return address is not None and any(address in network for network in self._trusted_proxies)


def bearer(request: Request) -> str | None:
    """
    The token of RFC 6750, section 2.1.
    """
    scheme, _, token = (request.getHeader("authorization") or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _in_query(request: Request) -> str | None:
    """
    The token of a browser.  What is not even text is one, too, and a wrong one.
    """
    try:
        return in_query(request, "token")
    except BadField:
        return "no text"


def _plain(host: str) -> str:
    """
    An address in the one way in which we write it; all else as it is.
    """
    address = address_of(host)
    return host if address is None else str(address)
