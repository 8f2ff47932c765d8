"""
The web client: its page, its files, and what it has to know before anybody has
signed in.

Nothing is read from the disk for it, and no path leads there: what is served is what
L{teamchatd.http.assets} has found at the start.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import define
from klein import Response

from teamchatd.chat.settings import Settings
from teamchatd.errors import NotFound, TooMany, Unavailable
from teamchatd.http.assets import TYPES, Asset, Client
from teamchatd.http.identity import Identity
from teamchatd.http.request import Request
from teamchatd.http.routes import (
    NOTHING_HERE,
    answer,
    json_app,
    open_to_all,
    open_without_limit,
    raw_answer,
)
from teamchatd.http.sending import has_it
from teamchatd.workers import InThread

POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob: data:",
        "font-src 'self'",
        "connect-src 'self'",
        "worker-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types dompurify teamchat",
    ]
)
"""What the page may load, and which parts of it make HTML and name scripts (W3C CSP, level 3)."""

POLICY_OF_FILES = "default-src 'none'; connect-src 'self'; script-src 'self'"
"""A worker has not that of its page, but that which its script came with."""

UNUSED = (
    *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer"),
    *("microphone", "midi", "payment", "serial", "usb", "xr-spatial-tracking"),
)
"""What no script in the page is given, whoever wrote it."""

ON_PAGES = {
    "Content_Security_Policy": POLICY,
    "Cross_Origin_Opener_Policy": "same-origin",
    "Permissions_Policy": ", ".join(f"{each}=()" for each in UNUSED),
}

ON_OWN_TLS = {"Strict_Transport_Security": "max-age=31536000"}
"""
Who came here by TLS of our own is to come by it again, for a year (RFC 6797).  Of other servers
under this name, or below it, we know nothing; and a proxy speaks for itself.
"""

ON_FILES = {"Content_Security_Policy": POLICY_OF_FILES}

ASKED_EACH_TIME = "no-cache"
KEPT_FOR_EVER = "public, max-age=31536000, immutable"
KEPT_FOR_A_DAY = "public, max-age=86400"


class NoSuchFile(NotFound):
    """It is none of this version's, or no file at all."""


@define
class ClientRoutes:
    """
    @ivar _in_thread: where files are compressed, once each.
    """

    app = json_app()

    identity: Identity
    _client: Client
    _settings: Settings
    _in_thread: InThread

    @app.route("/", methods=["GET"])
    @open_to_all
    async def page(self, request: Request) -> Response:
        more = ON_PAGES | (ON_OWN_TLS if request.isSecure() else {})
        return await self._send(request, self._client.page, ASKED_EACH_TIME, more)

    @app.route("/assets/<digest>/<path:file>", methods=["GET"])
    @open_without_limit
    async def asset(self, request: Request, digest: str, file: str) -> Response:
        found = self._client.files.get(file) if digest == self._client.digest else None
        if found is None:
            raise NoSuchFile(NOTHING_HERE)
        return await self._send(request, found, KEPT_FOR_EVER, ON_FILES)

    @app.route("/service-worker.js", methods=["GET"])
    @open_without_limit
    async def worker(self, request: Request) -> Response:
        """
        Not among the files: it is there for what is below its own address.
        """
        return await self._send(request, self._client.worker, ASKED_EACH_TIME, ON_FILES)

    @app.route("/manifest.webmanifest", methods=["GET"])
    @open_to_all
    async def manifest(self, request: Request) -> Response:
        name = await self._settings.public_name()
        told = {**self._client.manifest, "name": name, "short_name": name}
        said = Asset(TYPES[".webmanifest"], json.dumps(told).encode(), False)
        return await self._send(request, said, ASKED_EACH_TIME, ON_FILES)

    @app.route("/favicon.ico", methods=["GET"])
    @open_without_limit
    async def icon(self, request: Request) -> Response:
        return await self._send(request, self._client.files["icon.svg"], KEPT_FOR_A_DAY, ON_FILES)

    @app.route("/robots.txt", methods=["GET"])
    @open_without_limit
    async def robots(self, request: Request) -> Response:
        kept = {"Cache_Control": KEPT_FOR_A_DAY}
        return raw_answer(b"User-agent: *\nDisallow: /\n", "text/plain; charset=utf-8", 200, **kept)

    async def _send(
        self, request: Request, asset: Asset, keeping: str, more: Mapping[str, str]
    ) -> Response:
        headers = {"ETag": f'"{asset.digest}"', "Cache_Control": keeping, **more}
        zipped = None
        if asset.is_compressible:
            headers["Vary"] = varying(request, "Accept-Encoding")
            if takes_gzip(request):
                zipped = await self._zipped(asset)
        if zipped is not None:
            headers["ETag"] = f'"{asset.digest}-gzip"'
        if has_it(request.getHeader(b"if-none-match"), headers["ETag"].encode()):
            return not_modified(headers)
        if zipped is not None:
            headers["Content_Encoding"] = "gzip"
        return raw_answer(zipped or asset.data, asset.content_type, 200, **headers)

    async def _zipped(self, asset: Asset) -> bytes | None:
        if asset.gzipped is None:
            with suppress(TooMany, Unavailable):  # then it is sent as it is
                await self._in_thread(asset.compress)
        return asset.gzipped


@define
class ConfigRoutes:
    """
    @ivar _facts: what is the same for everybody, and changes when the configuration is
        read again.
    """

    app = json_app()

    identity: Identity
    _settings: Settings
    _facts: Mapping[str, Any]

    @app.route("/config.json", methods=["GET"])
    @open_to_all
    async def config(self, request: Request) -> Response:
        return answer({"serverName": await self._settings.public_name(), **self._facts})


def not_modified(headers: Mapping[str, str]) -> Response:
    given: Any = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(304, given, b"")


def varying(request: Request, name: str) -> str:
    """
    C{Vary}, with what it says already of answers to other origins.
    """
    said = request.responseHeaders.getRawHeaders("Vary", [])
    return ", ".join([*said, name])


def takes_gzip(request: Request) -> bool:
    """
    Whether the client wants gzip, and not rather nothing of the kind (RFC 9110,
    section 12.5.3).
    """
    given = b",".join(request.requestHeaders.getRawHeaders(b"Accept-Encoding", []))
    wanted = dict(map(_weighed, given.lower().split(b",")))
    gzip = wanted.get(b"gzip", wanted.get(b"x-gzip", wanted.get(b"*", 0.0)))
    return gzip > 0 and gzip >= wanted.get(b"identity", 0.0)


def _weighed(coding: bytes) -> tuple[bytes, float]:
    name, _, parameter = coding.partition(b";")
    weight, given, value = parameter.partition(b"=")
    if not given or weight.strip() != b"q":
        return name.strip(), 1.0
    try:
        return name.strip(), float(value)
    except ValueError:
        return name.strip(), 0.0
