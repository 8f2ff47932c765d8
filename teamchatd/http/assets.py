"""
The files of the web client: read once, and served under a path that names what
is in all of them together.  So a page and its modules are always of one piece, and
a browser may keep what it has.
"""

import gzip
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path, PurePosixPath
from posixpath import dirname, join, normpath

from attrs import define, frozen

FOLDER = Path(__file__).parent.parent / "client"

PAGE = "index.html"

TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".webmanifest": "application/manifest+json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".woff2": "font/woff2",
}
"""What is of none of these types is not served."""

COMPRESSED = {".png", ".woff2"}
"""These are as small as they get."""

SCRIPT = re.compile(r'<script type="module" src="\{\{assets\}\}/([^"]+)">')

IMPORT = re.compile(
    rb"""(?:^|;)(?:import|export)\b(?:[^"'`();=]*?\bfrom)?\s*["'](\.\.?/[^"']+)["']""", re.MULTILINE
)
"""What a module needs before it can begin.  What it fetches later, it calls C{import()} for."""


@define(eq=False)
class Asset:
    """
    @ivar etag: names the content, between the quotation marks.
    @ivar gzipped: the same, compressed; L{None} until somebody has asked for it.
    """

    content_type: str
    data: bytes
    etag: str
    is_compressible: bool
    gzipped: bytes | None = None

    def compress(self) -> None:
        """
        Takes some milliseconds.
        """
        self.gzipped = gzip.compress(self.data, 9, mtime=0)


@frozen
class Client:
    """
    @ivar digest: of all its files.
    @ivar page: what a browser loads first.
    @ivar files: all others, by their path.
    """

    digest: str
    page: bytes
    files: Mapping[str, Asset]

    @property
    def home(self) -> str:
        return f"/assets/{self.digest}"


@cache
def shipped() -> Client:
    """
    The client that came with this daemon.  Like its modules, it is read once.
    """
    return read(FOLDER)


def read(folder: Path) -> Client:
    found = dict(sorted(_found(folder)))
    digest = sha256()
    for name, data in found.items():
        digest.update(f"{name}\0{len(data)}\0".encode())
        digest.update(data)
    template = found.pop(PAGE).decode()
    files = {name: _asset(name, data) for name, data in found.items()}
    client = Client(digest.hexdigest()[:16], b"", files)
    return Client(client.digest, _page(template, client).encode(), files)


def _found(folder: Path) -> Iterator[tuple[str, bytes]]:
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place, name)
            if name == PAGE or path.suffix in TYPES:
                yield path.relative_to(folder).as_posix(), path.read_bytes()


def _asset(name: str, data: bytes) -> Asset:
    suffix = PurePosixPath(name).suffix
    return Asset(TYPES[suffix], data, sha256(data).hexdigest()[:16], suffix not in COMPRESSED)


def _page(template: str, client: Client) -> str:
    scripts = SCRIPT.findall(template)
    lines = [
        f'<link rel="modulepreload" href="{client.home}/{name}">'
        for name in needed(scripts, client.files)
        if name not in scripts
    ]
    text = template.replace("{{modulepreload}}", "\n".join(lines))
    return text.replace("{{assets}}", client.home)


def needed(scripts: list[str], files: Mapping[str, Asset]) -> list[str]:
    """
    The modules without which C{scripts} cannot begin, and those without which these
    cannot.  A browser that is told of them at once need not find them one by one.
    """
    found = list(scripts)
    for name in found:  # which grows meanwhile
        for target in imported(name, files[name].data):
            if target in files and target not in found:
                found.append(target)
    return found


def imported(name: str, data: bytes) -> list[str]:
    """
    The paths of the modules that the module C{name} imports at its beginning.
    """
    return [normpath(join(dirname(name), each.decode())) for each in IMPORT.findall(data)]
