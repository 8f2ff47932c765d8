"""
The running daemon as browsers reach it: through C{[auth] appUrl}, with all that stands before it.
"""

import secrets
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import orjson
from attrs import define, field
from twisted.internet import reactor

from teamchatd.auth import secret
from teamchatd.auth.tokens import Claims, Tokens
from teamchatd.config import Config
from teamchatd.console.finding import Finding
from teamchatd.console.place import Place
from teamchatd.model import Client
from teamchatd.store import sessions, users
from teamchatd.store.schema import Unusable
from teamchatd.store.sessions import Opening

PATIENCE = 10
"""Seconds for one answer."""

PATIENCE_FOR_EVENTS = 5
"""Seconds for the first event, which is there at once where nobody holds it back."""

SESSION_SECONDS = 60
"""If we are killed, the session ends by itself."""

DAY = 24 * 60 * 60

WARN_DAYS = 14
"""A certificate that is renewed by itself is, by then."""

FORGED = "192.0.2.77"
"""Nobody's address (RFC 5737): whoever takes us for it believes whatever is said."""

ANY_NUMBER = 1_000_000
"""Of sessions: ours ends nobody else's."""


@define
class Door:
    """
    An address that leads to the daemon.

    @ivar own: from where we came to it the last time.
    @ivar certificate_until: when what it showed us runs out, in seconds since the epoch.
    """

    url: str
    own: str = field(init=False, default="")
    certificate_until: float | None = field(init=False, default=None)

    @contextmanager
    def asked(self, path: str, seconds: float, **headers: str) -> Iterator[HTTPResponse]:
        """
        The beginning of the answer, and for so many seconds whatever comes of it.

        @raise OSError: there is none.
        @raise HTTPException: it is not one of HTTP.
        """
        parts = urlsplit(self.url)
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(parts.hostname or "", parts.port, timeout=seconds)
        try:
            connection.connect()
            self.own = connection.sock.getsockname()[0]
            if isinstance(connection.sock, ssl.SSLSocket):
                shown: Any = connection.sock.getpeercert() or {}
                self.certificate_until = ssl.cert_time_to_seconds(shown["notAfter"])
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request("GET", f"{parts.path.rstrip('/')}{path}", headers=names)
            yield connection.getresponse()
        finally:
            connection.close()


def findings(place: Place, now: Callable[[], float]) -> list[Finding]:
    door = Door(place.settings.auth.app_url)
    reached = _reached(door)
    found = [reached, *_certificate(door, now())]
    if reached.state != "ok":
        return found
    try:
        with _signed_in(place) as token:
            if token is None:
                return [
                    *found,
                    Finding.note("events", "nobody can look at them before there is a user"),
                ]
            return [*found, _events(door, token), _proxies(door, token, place.settings)]
    except (Unusable, secret.BadSecret) as wrong:
        return [*found, Finding.wrong("events", str(wrong))]


def _reached(door: Door) -> Finding:
    what, url = "address", door.url
    try:
        with door.asked("/health", PATIENCE) as answer:
            status, location = answer.status, answer.getheader("Location")
    except ssl.SSLCertVerificationError as error:
        sentence = f"the certificate of {url} is not good: {error.verify_message}. Renew it"
        return Finding.wrong(what, f"{sentence}, or make [auth] appUrl the name that is in it.")
    except TimeoutError:
        return Finding.wrong(what, f"{url} does not answer within {PATIENCE} seconds")
    except socket.gaierror:
        return Finding.wrong(what, f"nobody knows where {url} is: is [auth] appUrl spelled right?")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or str(error)
        return Finding.wrong(
            what,
            f"{url} does not answer ({reason}): start the daemon, or make [auth] appUrl lead to it",
        )
    if location is not None:
        sentence = f"{url} sends browsers on to {location}: make [auth] appUrl where they end up"
        return Finding.wrong(what, sentence)
    if status != 200:
        return Finding.wrong(what, f"what answers at {url} says {status}, and is no teamchat")
    if url.startswith("http:") and not _is_here(urlsplit(url).hostname or ""):
        sentence = f"{url} answers without TLS: whoever is in between reads passwords and messages"
        return Finding.note(what, sentence)
    return Finding.ok(what, f"{url} answers")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _certificate(door: Door, now: float) -> Iterator[Finding]:
    if door.certificate_until is None:
        return
    days = int((door.certificate_until - now) // DAY)
    if days < WARN_DAYS:
        yield Finding.note("certificate", f"of {door.url} runs out in {days} days: renew it")
    else:
        yield Finding.ok("certificate", f"is good for {days} more days")


@contextmanager
def _signed_in(place: Place) -> Iterator[str | None]:
    """
    The token of an administrator, who is signed in for as long as this lasts.
    """
    database = place.database()
    with database.at_once() as cursor:
        known = users.all_of(cursor)
    known.sort(key=lambda user: not user.is_admin)
    if not known:
        yield None
        return
    clock: Any = reactor
    until = int(clock.seconds()) + SESSION_SECONDS
    session_id, pair_id = secrets.token_hex(15), secrets.token_hex(15)
    client = Client("127.0.0.1", "teamchat check")
    opening = Opening(session_id, pair_id, known[0].id, client, until * 1000, ANY_NUMBER)
    tokens = Tokens(_secret(place), clock)
    database.change_at_once(sessions.open_session, opening)
    try:
        yield tokens.sign("access", Claims(known[0].id, session_id, pair_id, until))
    finally:
        database.change_at_once(sessions.end, known[0].id, [session_id])


def _secret(place: Place) -> str:
    if place.settings.auth.jwt_secret:
        return place.settings.auth.jwt_secret
    if not place.secret.exists():
        raise secret.BadSecret(f"there is no secret {place.secret}: the daemon never started here")
    return secret.kept_in(place.directory)


def _events(door: Door, token: str) -> Finding:
    """
    A stream goes on for hours.  What waits for its end, or for some kilobytes, shows nothing.
    """
    what = "events"
    held = Finding.wrong(
        what,
        f"the proxy holds them back: nothing came within {PATIENCE_FOR_EVENTS} seconds. Turn off"
        " its buffering for /events (nginx: proxy_buffering off)",
    )
    try:
        bearer = f"Bearer {token}"
        with door.asked("/events", PATIENCE_FOR_EVENTS, Authorization=bearer) as answer:
            if answer.status == 401:
                return Finding.wrong(
                    what,
                    f"the teamchat at {door.url} does not know who is in this data directory: it"
                    " is another one, or has another [auth] jwtSecret, or its proxy takes away the"
                    " Authorization header",
                )
            if answer.status != 200:
                return Finding.wrong(what, f"{door.url}/events answers with {answer.status}")
            heard = b""
            while b"CONNECTED" not in heard:
                some = answer.read1(4096)
                if not some:
                    return Finding.wrong(what, "the proxy ends their stream at once")
                heard += some
    except TimeoutError:
        return held
    except (OSError, HTTPException) as error:
        return Finding.wrong(what, f"their stream breaks: {error}")
    return Finding.ok(what, "come at once")


def _proxies(door: Door, token: str, settings: Config) -> Finding:
    """
    What stands in X-Forwarded-For counts when a proxy of ours wrote it, and else does not.
    """
    what = "client addresses"
    try:
        with door.asked(
            "/auth/address", PATIENCE, Authorization=f"Bearer {token}", X_Forwarded_For=FORGED
        ) as answer:
            seen = str(orjson.loads(answer.read())["address"])
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return Finding.note(what, "the daemon does not say what it sees: is it an older one?")
    own = ip_address(door.own.partition("%")[0])
    if any(own in network for network in settings.server.trusted_proxies):
        return Finding.note(
            what, f"cannot be seen from here: {own} counts as a proxy, [server] trustedProxies"
        )
    if seen == FORGED:
        return Finding.wrong(
            what,
            "anybody can say to be anybody: the proxy passes on an X-Forwarded-For that it was"
            " sent. Let it add the address it sees (nginx: $proxy_add_x_forwarded_for)",
        )
    if seen == str(own):
        return Finding.ok(what, f"are seen; this machine is {seen}")
    if _is_inside(seen):
        return Finding.wrong(
            what,
            f"everybody seems to come from {seen}, and shares one rate limit: name the proxy there"
            " in [server] trustedProxies, and let it send X-Forwarded-For",
        )
    return Finding.note(what, f"this machine, {own}, is seen as {seen}; is that what others see?")


def _is_inside(address: str) -> bool:
    try:
        return ip_address(address).is_private
    except ValueError:
        return True  # nobody has such an address
