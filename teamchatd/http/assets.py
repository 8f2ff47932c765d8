"""
The files of the web client: read once, and served under a path that names what
is in all of them together.  So a page and its modules are always of one piece, and
a browser may keep what it has.
"""

import gzip
import json
import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from posixpath import dirname, join, normpath, relpath, splitext
from typing import Any

from attrs import define, field, frozen

FOLDER = Path(__file__).parent.parent / "client"

PAGE = "index.html"

WORKER = "service-worker.js"

MANIFEST = "manifest.webmanifest"

TYPES = {
    ".html": "text/html; charset=utf-8",
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

NAMED = re.compile(r'(?:src|href)="(/assets/[^"]+)"')

IMPORT = re.compile(
    rb"""(?:^|;)(?:import|export)\b(?:[^"'`();=]*?\bfrom)?\s*["'](\.\.?/[^"']+)["']""", re.MULTILINE
)
"""What a module needs before it can begin.  What it fetches later, it calls C{import()} for."""


COMMENT = re.compile(rb"^[ \t]*(?://.*|/\*(?s:.*?)\*/[ \t]*)\n", re.MULTILINE)
"""
One that has its lines to itself.  A fifth of what a browser would load is for those
who read the source, and these have it.
"""

COMMENTED = {".js", ".css"}

OTHERS = "vendor/"
"""What is not ours is served as it is: the manifest says what it is byte for byte."""


@define(eq=False)
class Asset:
    """
    @ivar source: as it lies in the folder.
    @ivar digest: of C{source}.
    @ivar gzipped: C{data}, compressed; L{None} until somebody has asked for it.
    """

    content_type: str
    source: bytes
    is_compressible: bool
    is_commented: bool = False
    gzipped: bytes | None = None
    digest: str = field(init=False)
    _data: bytes | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.digest = sha256(self.source).hexdigest()[:16]

    @property
    def data(self) -> bytes:
        """
        What is sent.
        """
        if self._data is None:
            self._data = COMMENT.sub(b"", self.source) if self.is_commented else self.source
        return self._data

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
    @ivar worker: what keeps the page and the files that it names where there is no net.
    @ivar manifest: what the page is as an application; its name is the server's to say.
    @ivar files: all others, by their path.
    """

    digest: str
    page: Asset
    worker: Asset
    manifest: Mapping[str, Any]
    files: Mapping[str, Asset]


@cache
def shipped() -> Client:
    """
    The client that came with this daemon.  Like its modules, it is read once.
    """
    return read(FOLDER)


def read(folder: Path) -> Client:
    files = dict(sorted(_found(folder)))
    listing = "".join(f"{asset.digest} {name}\n" for name, asset in files.items())
    digest = sha256(listing.encode()).hexdigest()[:16]
    page, worker, manifest = (files.pop(name).source.decode() for name in (PAGE, WORKER, MANIFEST))
    home = f"/assets/{digest}"
    page = _page(page, home, files)
    return Client(
        digest,
        Asset(TYPES[".html"], page.encode(), True),
        Asset(TYPES[".js"], _worker(worker, home, page).encode(), True, True),
        json.loads(manifest.replace("{{assets}}", home)),
        files,
    )


def _found(folder: Path) -> Iterator[tuple[str, Asset]]:
    for place, _, names in os.walk(folder):
        for name in names:
            suffix = splitext(name)[1]
            if suffix in TYPES:
                path = relpath(join(place, name), folder)
                is_commented = suffix in COMMENTED and not path.startswith(OTHERS)
                with open(folder / path, "rb") as file:
                    data = file.read()
                yield path, Asset(TYPES[suffix], data, suffix not in COMPRESSED, is_commented)


def _page(template: str, home: str, files: Mapping[str, Asset]) -> str:
    scripts = SCRIPT.findall(template)
    lines = [
        f'<link rel="modulepreload" href="{home}/{name}">'
        for name in needed(scripts, files)
        if name not in scripts
    ]
    return template.replace("{{modulepreload}}", "\n".join(lines)).replace("{{assets}}", home)


def _worker(template: str, home: str, page: str) -> str:
    shell = " ".join(NAMED.findall(page))
    return template.replace("{{assets}}", home).replace("{{shell}}", shell)


def needed(scripts: list[str], files: Mapping[str, Asset]) -> list[str]:
    """
    The modules without which C{scripts} cannot begin, and those without which these
    cannot.  A browser that is told of them at once need not find them one by one.
    """
    found = list(scripts)
    for name in found:  # which grows meanwhile
        for target in imported(name, files[name].source):
            if target in files and target not in found:
                found.append(target)
    return found


def imported(name: str, data: bytes) -> list[str]:
    """
    The paths of the modules that the module C{name} imports at its beginning.
    """
    return [normpath(join(dirname(name), each.decode())) for each in IMPORT.findall(data)]
