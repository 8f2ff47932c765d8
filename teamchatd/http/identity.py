"""
Who is asking, and from where.
"""

from ipaddress import IPv4Network, IPv6Network, ip_address

from attrs import define

from teamchatd.auth.limits import Limit, NoLimit, neighbourhood
from teamchatd.auth.sessions import SIGN_IN_FIRST, Sessions
from teamchatd.errors import Unidentified
from teamchatd.http.fields import in_query
from teamchatd.http.request import Request
from teamchatd.model import Actor, Client

Network = IPv4Network | IPv6Network


@define
class Identity:
    """
    @ivar _requests: how often one may ask, by user and by address.
    @ivar _trusted_proxies: whose C{X-Forwarded-For} is believed.
    """

    _sessions: Sessions
    _requests: "Limit | NoLimit"
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
        token = in_query(request, "token")
        if token is not None:
            try:
                return await self._known(request, token, remember=False)
            except Unidentified:
                if request.getHeader("authorization") is None:
                    raise
        return await self._known(request, bearer(request), remember=False)

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
        peer = getattr(request.getClientAddress(), "host", "")
        forwarded = b",".join(request.requestHeaders.getRawHeaders(b"X-Forwarded-For", []))
        named = forwarded.decode(errors="replace").split(",")
        hops = [hop.strip() for hop in named if hop.strip()]
        # The rightmost that is no proxy of ours: whatever stands left of it, anybody may have sent.
        while hops and self._is_proxy(peer) and _is_address(hops[-1]):
            peer = hops.pop()
        return Client(peer, request.getHeader("user-agent") or "")

    def _is_proxy(self, host: str) -> bool:
        return _is_address(host) and any(
            ip_address(host) in network for network in self._trusted_proxies
        )


def bearer(request: Request) -> str | None:
    """
    The token of RFC 6750, section 2.1.
    """
    scheme, _, token = (request.getHeader("authorization") or "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
