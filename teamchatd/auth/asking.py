"""
Asking a provider something over HTTP, and what can be wrong with the answer.
"""

import re
from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

import orjson
from attrs import define, field, frozen
from twisted.logger import Logger

from teamchatd.auth.providers import Provider
from teamchatd.errors import Unavailable

log = Logger()

SAFE_URL = re.compile(
    r"(?i)(https://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])"
    r"|http://(localhost|127(\.[0-9]{1,3}){3}|\[::1\]))(:[0-9]{1,5})?([/?][!$-;=?-Z_a-z~]*)?"
)
"""Nobody else can listen there (RFC 9700, section 2.6)."""


class NotReached(Exception):
    """
    There is no answer, or none that ends in time.  Says why, for the operator.
    """


@frozen
class Reply:
    status: int
    body: bytes = field(repr=False)


class Call(Protocol):
    """
    Makes one HTTP request, follows no redirect, and waits no longer than one
    who is signing in would.
    """

    def __call__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> Awaitable[Reply]:
        """
        @raise NotReached: there is no answer.
        """


class ProviderAway(Unavailable):
    """It does not answer, or with something that makes no sense."""


@define
class Asking:
    _call: Call

    async def about_itself(self, provider: Provider, url: str) -> dict[str, Any]:
        """
        One of the documents in which a provider describes itself.

        @raise ProviderAway: it is not there.
        """
        return self._object(provider, *await self._ask(provider, "GET", url, {}))

    async def about_user(self, provider: Provider, url: str, access_token: str) -> Any:
        """
        What a provider tells who has this token (RFC 6750, section 2.1).

        @raise ProviderAway: nothing.
        """
        headers = {"Authorization": f"Bearer {access_token}"}
        status, said = await self._ask(provider, "GET", url, headers)
        if status != 200:
            raise self._nonsense(provider, f"it says {status} when asked about the user")
        return said

    async def for_token(
        self, provider: Provider, url: str, headers: Mapping[str, str], form: Mapping[str, str]
    ) -> dict[str, Any]:
        """
        What a provider gives for a code, or C{{"error": …}} (RFC 6749, section 5).

        @raise ProviderAway: neither.
        """
        status, said = await self._ask(provider, "POST", url, headers, form)
        if isinstance(said, dict) and isinstance(said.get("error"), str):
            return said
        return self._object(provider, status, said)

    async def _ask(
        self,
        provider: Provider,
        method: str,
        url: str,
        headers: Mapping[str, str],
        form: Mapping[str, str] | None = None,
    ) -> tuple[int, Any]:
        # GitHub answers forms as forms unless told otherwise, and nobody without a name.
        headers = {"Accept": "application/json", "User-Agent": "teamchat", **headers}
        try:
            reply = await self._call(method, url, headers, form)
        except NotReached as error:
            log.warn(
                "{provider} cannot be asked at {url}: {why}",
                provider=provider.name,
                url=url,
                why=str(error),
            )
            raise ProviderAway(
                f"{provider.name} cannot be reached right now. Try again later."
            ) from None
        try:
            return reply.status, orjson.loads(reply.body)
        except orjson.JSONDecodeError:
            why = f"it says {reply.status} at {url}, and that is no JSON"
            raise self._nonsense(provider, why) from None

    def _object(self, provider: Provider, status: int, said: Any) -> dict[str, Any]:
        if status != 200 or not isinstance(said, dict):
            raise self._nonsense(provider, f"it says {status}, and no JSON object with it")
        return said

    @staticmethod
    def _nonsense(provider: Provider, why: str) -> ProviderAway:
        log.warn("{provider} cannot be understood: {why}", provider=provider.name, why=why)
        return ProviderAway(
            f"{provider.name} answers something that this server does not understand."
            " Try again later."
        )
