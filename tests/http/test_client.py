"""
The web client, as it is served: its page, its files, what makes an application of it,
C{/config.json}.
"""

import gzip
import io
import re
from html.parser import HTMLParser
from itertools import chain

import pytest
from PIL import Image
from twisted.internet.defer import fail

from teamchatd import __version__, house
from teamchatd.errors import TooMany
from teamchatd.http import assets
from teamchatd.http.client import ClientRoutes
from tests.daemon import Daemon
from tests.oauth import custom

CLIENT = assets.shipped()

HOME = f"/assets/{CLIENT.digest}"

IMMUTABLE = "public, max-age=31536000, immutable"

MAIL = {"host": "mail.example", "from_": "chat@example.org"}

APP = "https://app.example"

BUDGET = 112_000
"""Bytes, compressed, that a first look takes.  A phone on a train waits for them."""

IMPORTS_LATER = re.compile(rb"""\bimport\(\s*["']([^"']+)["']""")

NAMES = sorted(CLIENT.files)

each_file = pytest.mark.parametrize("name", NAMES)

SMALL_ALREADY = [name for name in NAMES if not CLIENT.files[name].is_compressible]

APART = {"index.html", "service-worker.js", "manifest.webmanifest"}
"""What is served at an address of its own."""

FOR_INSTALLING = ("manifest", "apple-touch-icon")
"""What a page names and a browser does not load to show it."""


@pytest.fixture
def daemon(in_memory):
    """
    In memory: only what says otherwise is tried with a real one, too.
    """
    return in_memory()


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """
    One for all files.
    """
    daemon = Daemon(tmp_path_factory.mktemp("lasting") / "data")
    yield daemon
    daemon.stop()


def address(name):
    return f"{HOME}/{name}"


def unpacked(answer):
    return gzip.decompress(answer.body)


# The page


class Reader(HTMLParser):
    """
    Reads a page as a browser does.
    """

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page.decode())

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def of(self, wanted):
        return [attrs for tag, attrs in self.tags if tag == wanted]


def test_page(make_daemon):
    """
    A page for people, that is asked for each time.
    """
    page = make_daemon().get("/")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-cache"
    assert page.headers["etag"] == f'"{CLIENT.page.digest}"'
    assert page.headers["cross-origin-opener-policy"] == "same-origin"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["referrer-policy"] == "no-referrer"
    for unused in ("camera", "microphone", "geolocation"):
        assert f"{unused}=()" in page.headers["permissions-policy"].split(", ")
    assert b"{{" not in page.body


def test_policy(daemon):
    """
    Only what we serve runs, and only what it was made safe by becomes HTML.
    """
    assert daemon.get("/").headers["content-security-policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:;"
        " font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self';"
        " base-uri 'none'; form-action 'self'; frame-ancestors 'none';"
        " require-trusted-types-for 'script'; trusted-types dompurify teamchat"
    )


def test_nothing_inline(daemon):
    """
    What the policy would not let run is not there.
    """
    page = Reader(daemon.get("/").body)
    assert page.of("style") == []
    assert all({"src"} <= attrs.keys() <= {"type", "src"} for attrs in page.of("script"))
    for tag, attrs in page.tags:
        assert not [name for name in attrs if name.startswith("on") or name == "style"], tag
        assert not [value for value in attrs.values() if value and "script:" in value], tag


def test_without_scripts(daemon):
    """
    Who sees nothing else learns what this is, and programs where to read on.
    """
    page = daemon.get("/").body
    said = page.partition(b"<noscript>")[2].partition(b"</noscript>")[0]
    assert b"team chat" in said
    assert b'href="/openapi.json"' in said


def test_page_leads_to_files(daemon):
    """
    All that the page names is there.
    """
    page = Reader(daemon.get("/").body)
    named = [attrs["href"] for attrs in page.of("link")]
    named += [attrs["src"] for attrs in page.of("script")]
    assert address("main.js") in named
    assert len(named) == len(set(named))
    for each in named:
        assert daemon.get(each).status == 200, each


def test_page_is_known(daemon):
    """
    A browser that has this very page is not sent it again.
    """
    page = daemon.get("/")
    for method in ("GET", "HEAD"):
        again = daemon.ask(method, "/", if_none_match=page.headers["etag"])
        assert (again.status, again.body) == (304, b"")
        for name in ("etag", "cache-control", "content-security-policy"):
            assert again.headers[name] == page.headers[name]
    assert daemon.get("/", if_none_match='"another"').body == page.body
    packed = daemon.get("/", accept_encoding="gzip")
    assert gzip.decompress(packed.body) == page.body


# Its files


def without_comments(name, data):
    """
    What is left of one of our own files when line after line is looked at.
    """
    if name.startswith("vendor/") or not name.endswith((".js", ".css")):
        return data
    left, is_within = [], False
    for line in data.splitlines(keepends=True):
        begins = line.strip()
        if is_within:
            is_within = not begins.endswith(b"*/")
        elif begins.startswith(b"/*"):
            is_within = b"*/" not in begins
        elif not begins.startswith(b"//"):
            left.append(line)
    return b"".join(left)


OWN = {name: asset for name, asset in CLIENT.files.items() if asset.is_commented}
OWN["service-worker.js"] = CLIENT.worker


@pytest.mark.parametrize("name", OWN)
def test_what_looks_like_a_comment(name):
    """
    Nothing within a text or a template is taken for a comment and left out; and what
    is left out ends where its line ends.
    """
    source = OWN[name].source
    for found in assets.COMMENT.finditer(source):
        before = assets.COMMENT.sub(b"", source[: found.start()])
        assert len(re.findall(rb"(?<!\\)`", before)) % 2 == 0, found[0]
        assert found[0].count(b"*/") <= 1, found[0]


@each_file
def test_file(lasting, name):
    """
    Every file is there, as it is in the folder but for comments, and is kept.
    """
    answer = lasting.get(address(name))
    assert answer.status == 200
    assert answer.body == without_comments(name, (assets.FOLDER / name).read_bytes())
    assert answer.headers["content-type"] == assets.TYPES[re.search(r"\.\w+$", name)[0]]
    assert answer.headers["cache-control"] == IMMUTABLE
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; connect-src 'self'; script-src 'self'"
    )


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(SMALL_ALREADY)))
def test_compressed(lasting, name):
    """
    Who takes gzip is sent the same in fewer bytes, under another ETag.
    """
    plain = lasting.get(address(name))
    packed = lasting.get(address(name), accept_encoding="gzip, deflate, br")
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert unpacked(packed) == plain.body
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]
    assert plain.headers["content-type"] == packed.headers["content-type"]


@each_file
@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_file_is_known(lasting, name, encoding):
    """
    Who has it already is told so, whatever they have it as.
    """
    whole = lasting.get(address(name), accept_encoding=encoding)
    known = {"accept_encoding": encoding, "if_none_match": f'"x", W/{whole.headers["etag"]}'}
    for method in ("GET", "HEAD"):
        again = lasting.ask(method, address(name), **known)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["etag"] == whole.headers["etag"]
        assert again.headers["cache-control"] == IMMUTABLE
        assert ("vary" in again.headers) == (name not in SMALL_ALREADY)
        assert "content-encoding" not in again.headers


def test_head_of_file(daemon):
    """
    HEAD tells of a file what GET does.
    """
    for encoding in ("gzip", "identity"):
        whole, head = (
            daemon.ask(method, address("main.js"), accept_encoding=encoding)
            for method in ("GET", "HEAD")
        )
        for answer in (whole, head):
            del answer.headers["x-request-id"]
        assert (head.status, head.body, head.headers) == (200, b"", whole.headers)


@pytest.mark.parametrize(
    ("said", "is_zipped"),
    [
        (None, False),
        ("", False),
        ("gzip", True),
        ("GZip", True),
        ("x-gzip", True),
        ("deflate, gzip;q=1.0, *;q=0.5", True),
        ("br;q=1.0, gzip; q=0.5", True),
        ("gzip;q=0", False),
        ("gzip;q=0.000", False),
        ("*", True),
        ("*;q=0", False),
        ("*, gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("br", False),
        ("identity", False),
        ("identity, gzip;q=0.5", False),
        ("identity;q=0.5, gzip", True),
        ("gzip;q=much", False),
        ("gzip;level=9", True),
        (";q=1,,gzip", True),
        ("\xff", False),
    ],
)
def test_who_takes_gzip(daemon, said, is_zipped):
    """
    What is said of gzip, and how much it is wanted, is heard.
    """
    headers = {} if said is None else {"accept_encoding": said}
    answer = daemon.get(address("vendor/preact.js"), **headers)
    assert ("content-encoding" in answer.headers) == is_zipped
    assert (unpacked(answer) if is_zipped else answer.body).startswith(b"var ")


def test_compressed_elsewhere(make_daemon):
    """
    A real daemon has a thread for it.
    """
    answer = make_daemon().get(address("vendor/emoji.json"), accept_encoding="gzip")
    assert unpacked(answer) == (assets.FOLDER / "vendor/emoji.json").read_bytes()


def test_compressed_once(daemon, monkeypatch):
    """
    Whoever asks first has it compressed, for all who come later.
    """
    made, compress = [], gzip.compress
    monkeypatch.setattr(gzip, "compress", lambda *args, **more: made.append(1) or compress(*args))
    CLIENT.files["icon.svg"].gzipped = None
    for _ in range(3):
        daemon.get(address("icon.svg"), accept_encoding="gzip")
    daemon.get("/favicon.ico", accept_encoding="gzip")
    assert len(made) == 1


def test_no_time_to_compress(in_memory, monkeypatch):
    """
    Where the threads have too much to do already, a file is sent as it is.
    """

    def busy(*args):
        return fail(TooMany("They are all at work.", 10))

    monkeypatch.setattr(house, "ClientRoutes", lambda *parts: ClientRoutes(*parts[:-1], busy))
    monkeypatch.setattr(CLIENT.files["icon.svg"], "gzipped", None)
    answer = in_memory().get(address("icon.svg"), accept_encoding="gzip")
    assert answer.body == (assets.FOLDER / "icon.svg").read_bytes()
    assert "content-encoding" not in answer.headers


def test_other_version(daemon):
    """
    What another version had is not here, and nobody keeps that news.
    """
    for digest in ("0" * 16, CLIENT.digest.upper(), CLIENT.digest[:-1], "x"):
        answer = daemon.get(f"/assets/{digest}/main.js")
        assert (answer.status, answer.error) == (404, "There is nothing at this address.")
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/main.js/",
        "//main.js",
        "/./main.js",
        "/nowhere.js",
        "/index.html",
        "/vendor",
        "/vendor/",
        "/vendor//preact.js",
        "/vendor%2Fpreact.js",
        "/vendor%5Cpreact.js",
        "/vendor\\preact.js",
        "/MAIN.JS",
        "/main.js%00",
        "/%00main.js",
        "/main.js%20",
        "/main.j%73%2F",
        "/../http/assets.py",
        "/vendor/../main.js",
        "/vendor/..%2Fmain.js",
        "/%2e%2e/http/assets.py",
        "/%2e%2e%2fhttp/assets.py",
        "/..%252fhttp/assets.py",
        "/..;/http/assets.py",
        "/%c0%ae%c0%ae/http/assets.py",
        "/../../../../../../etc/passwd",
        "/%2fetc/passwd",
        "//etc/passwd",
        "/file:///etc/passwd",
    ],
)
def test_nothing_else(daemon, path):
    """
    No path leads to anything but the files that were found at the start.
    """
    for method in ("GET", "HEAD"):
        answer = daemon.ask(method, HOME + path)
        assert answer.status == 404
        assert answer.headers["cache-control"] == "no-store"


def test_encoded_name(daemon):
    """
    A letter is the same however it is written.
    """
    assert daemon.get(HOME + "/main%2Ejs").status == 200


def test_other_methods(daemon):
    """
    Who wants to do something with a file is told what may be done.
    """
    there = {"GET", "HEAD", "OPTIONS"}
    apart = ("/favicon.ico", "/robots.txt", "/config.json", *INSTALLING)
    for path in ("/", address("vendor/preact.js"), *apart):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            answer = daemon.ask(method, path)
            assert answer.status == 405
            assert set(answer.headers["allow"].split(", ")) == there
        asked = daemon.ask("OPTIONS", path)
        assert asked.status == 204
        assert set(asked.headers["allow"].split(", ")) == there


def test_other_origins(in_memory):
    """
    A page from elsewhere may read files where it may read answers; caches are told
    of both things that an answer depends on.
    """
    daemon = in_memory(server={"allowed_origins": (APP,)})
    for known in ({}, {"if_none_match": "*"}):
        answer = daemon.get(address("main.js"), origin=APP, **known)
        assert answer.headers["access-control-allow-origin"] == APP
        assert answer.headers["vary"] == "Origin, Accept-Encoding"
    assert in_memory().get("/").headers["vary"] == "Accept-Encoding"


def test_not_counted(in_memory):
    """
    A page has many files: they are no reason to keep an office out.
    """
    daemon = in_memory(rate_limit={"enabled": True, "requests_per_minute": 1})
    assert daemon.get("/").status == 200
    assert daemon.get("/config.json").status == 429
    assert daemon.get("/manifest.webmanifest").status == 429
    for path in (address("main.js"), "/favicon.ico", "/robots.txt", "/service-worker.js"):
        assert [daemon.get(path).status for _ in range(3)] == [200] * 3


def test_icon(daemon):
    """
    Browsers ask for it by its old name, and are given the new one.
    """
    answer = daemon.get("/favicon.ico")
    assert answer.headers["content-type"] == "image/svg+xml"
    assert answer.body == (assets.FOLDER / "icon.svg").read_bytes()
    assert answer.headers["cache-control"] == "public, max-age=86400"
    assert daemon.get("/favicon.ico", if_none_match=answer.headers["etag"]).status == 304


def test_robots(daemon):
    """
    Search engines have nothing to look for here.
    """
    answer = daemon.get("/robots.txt")
    assert answer.body == b"User-agent: *\nDisallow: /\n"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"


# To be put among the applications of a device

INSTALLING = ("/service-worker.js", "/manifest.webmanifest")


def test_worker(make_daemon):
    """
    It is asked for each time, and at the root, since it works for what is below its address.
    """
    daemon = make_daemon()
    answer = daemon.get("/service-worker.js")
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["content-security-policy"] == (
        "default-src 'none'; connect-src 'self'; script-src 'self'"
    )
    packed = daemon.get("/service-worker.js", accept_encoding="gzip")
    assert unpacked(packed) == answer.body
    for known in (answer, packed):
        encoding = known.headers.get("content-encoding", "identity")
        etag = known.headers["etag"]
        again = daemon.get("/service-worker.js", if_none_match=etag, accept_encoding=encoding)
        assert (again.status, again.body) == (304, b"")
        assert again.headers["cache-control"] == "no-cache"


def test_what_the_worker_keeps(daemon):
    """
    The page and what the page names, and nothing else; the comments are left out.
    """
    page = Reader(daemon.get("/").body)
    named = {attrs["href"] for attrs in page.of("link") if attrs["rel"] != "manifest"}
    named |= {attrs["src"] for attrs in page.of("script")}
    worker = daemon.get("/service-worker.js").body.decode()
    assert set(re.findall(r"/assets/[^\s\"]+/[^\s\"]+", worker)) == named
    assert f'const HOME = "{HOME}";' in worker
    assert "{{" not in worker
    assert "/**" not in worker
    assert "\n//" not in worker


def test_manifest(make_daemon):
    """
    The application has the name that the server has right now.
    """
    daemon = make_daemon()
    answer = daemon.get("/manifest.webmanifest")
    assert answer.headers["content-type"] == "application/manifest+json"
    assert answer.headers["cache-control"] == "no-cache"
    told = answer.json
    assert told["name"] == told["short_name"] == "teamchat"
    assert told["id"] == told["start_url"] == told["scope"] == "/"
    assert told["display"] == "standalone"
    again = daemon.get("/manifest.webmanifest", if_none_match=answer.headers["etag"])
    assert (again.status, again.body) == (304, b"")
    named = {"name": 'The "Würfel" <b>'}
    daemon.done(daemon.put("/server/settings", daemon.token("ada"), named))
    renamed = daemon.get("/manifest.webmanifest", if_none_match=answer.headers["etag"])
    assert (renamed.status, renamed.json["name"]) == (200, named["name"])
    assert renamed.json == told | {"name": named["name"], "short_name": named["name"]}


def test_icons(daemon):
    """
    Each is as large as it is said to be; and one is for systems that cut it, which loses
    nothing but its ground in the smallest form that they may cut it to.
    """
    icons = daemon.get("/manifest.webmanifest").json["icons"]
    purposes = {}
    for icon in icons:
        image = Image.open(io.BytesIO(daemon.get(icon["src"]).body))
        assert icon["sizes"] == f"{image.width}x{image.height}"
        assert icon["type"] == image.get_format_mimetype()
        purposes.setdefault(icon["purpose"], {})[image.width] = image
    assert purposes["any"].keys() == {192, 512}
    assert purposes["maskable"].keys() == {512}
    image = purposes["maskable"][512].convert("RGBA")
    ground = image.getpixel((0, 0))
    assert ground[3] == 255
    for at in [(x, y) for x in range(0, 512, 4) for y in range(0, 512, 4)]:
        if (at[0] - 256) ** 2 + (at[1] - 256) ** 2 > (0.4 * 512) ** 2:
            assert image.getpixel(at) == ground
    [touched] = [
        attrs["href"]
        for attrs in Reader(daemon.get("/").body).of("link")
        if attrs["rel"] == "apple-touch-icon"
    ]
    apple = Image.open(io.BytesIO(daemon.get(touched).body))
    assert apple.size == (180, 180)
    assert apple.convert("RGBA").getextrema()[3] == (255, 255)


def test_frame(daemon):
    """
    The frame that a device puts around the page has its ground, in light and in dark.
    """
    page = Reader(daemon.get("/").body)
    frames = {
        attrs["media"]: attrs["content"]
        for attrs in page.of("meta")
        if attrs.get("name") == "theme-color"
    }
    light, dark = re.search(
        r"--bg: light-dark\((#\w+), (#\w+)\)", (assets.FOLDER / "style/tokens.css").read_text()
    ).groups()
    assert frames == {
        "(prefers-color-scheme: light)": light,
        "(prefers-color-scheme: dark)": dark,
    }
    told = daemon.get("/manifest.webmanifest").json
    assert told["theme_color"] == told["background_color"] == light


# The folder


def test_every_file_is_served():
    """
    Nothing lies in the folder that nobody can load.
    """
    there = {
        path.relative_to(assets.FOLDER).as_posix()
        for path in assets.FOLDER.rglob("*")
        if path.is_file()
    }
    assert there == CLIENT.files.keys() | APART


def test_every_import_is_there():
    """
    A module that names another one, now or later, finds it; by its path, because a
    browser knows no other name.
    """
    for name, asset in CLIENT.files.items():
        if name.endswith(".js"):
            for target in assets.imported(name, asset.data):
                assert target in CLIENT.files, f"{name} imports {target}"
            for later in IMPORTS_LATER.findall(asset.data):
                [target] = assets.imported(name, b'import "%b"' % later)
                assert target in CLIENT.files, f"{name} imports {target}"


def test_budget():
    """
    What a browser loads before anything can be seen stays small enough for anywhere.
    """
    page = Reader(CLIENT.page.data)
    links = [attrs for attrs in page.of("link") if attrs["rel"] not in FOR_INSTALLING]
    named = [attrs["href"] for attrs in links] + [attrs["src"] for attrs in page.of("script")]
    home = f"/assets/{CLIENT.digest}/"
    sizes = {
        name: len(gzip.compress(CLIENT.files[name.removeprefix(home)].data, 9)) for name in named
    }
    table = sorted(((size, name) for name, size in sizes.items()), reverse=True)
    lines = [f"{size:7} {name}" for size, name in table]
    total = sum(sizes.values()) + len(gzip.compress(CLIENT.page.data, 9))
    assert home + "main.js" in sizes
    assert home + "vendor/marked.js" in sizes
    assert total < BUDGET, "\n".join([f"{total} bytes, {BUDGET} are too many:", *lines])


@pytest.fixture
def folder(tmp_path):
    """
    A client of one's own.
    """
    folder = tmp_path / "client"
    for name, text in {
        "index.html": '{{modulepreload}}\n<script type="module" src="{{assets}}/main.js">',
        "main.js": 'import { a } from "./core/a.js";\nimport("./later.js");\n',
        "core/a.js": "import {\n  b,\n  c,\n} from '../views/b.js'\nexport * from './c.js'\n",
        "core/c.js": 'export const c = "./none.js"; // import "./nor-this.js"\n',
        "views/b.js": 'var x;import"../core/a.js";import d from"../core/c.js"',
        "later.js": 'import "./main.js"',
        "service-worker.js": '// Ours.\nconst all = "{{assets}} {{shell}}";\n',
        "manifest.webmanifest": '{"name": "", "src": "{{assets}}/a.png"}',
        "style/a.css": "p {}",
        "a.webmanifest": "{}",
        "a.png": "\x89PNG\r\n\x1a\n",
        "a.woff2": "wOF2",
        "a.json": "{}",
        "a.txt": "a",
        "a.svg": "<svg/>",
        ".main.js.swp": "x",
        "main.js~": "x",
        "main.py": "x",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "latin-1")
    return folder


def test_types(folder):
    """
    Each is served as what it is, and what is left by an editor is not.
    """
    assert {name: asset.content_type for name, asset in assets.read(folder).files.items()} == {
        "main.js": "text/javascript; charset=utf-8",
        "core/a.js": "text/javascript; charset=utf-8",
        "core/c.js": "text/javascript; charset=utf-8",
        "views/b.js": "text/javascript; charset=utf-8",
        "later.js": "text/javascript; charset=utf-8",
        "style/a.css": "text/css; charset=utf-8",
        "a.webmanifest": "application/manifest+json",
        "a.png": "image/png",
        "a.woff2": "font/woff2",
        "a.json": "application/json",
        "a.txt": "text/plain; charset=utf-8",
        "a.svg": "image/svg+xml",
    }


def test_what_is_small_already(folder, in_memory, monkeypatch):
    """
    A picture is not compressed again, and does not depend on who takes what.
    """
    monkeypatch.setattr(assets, "shipped", lambda: assets.read(folder))
    daemon = in_memory()
    digest = assets.read(folder).digest
    for name in ("a.png", "a.woff2"):
        answer = daemon.get(f"/assets/{digest}/{name}", accept_encoding="gzip")
        assert "content-encoding" not in answer.headers
        assert "vary" not in answer.headers
        assert answer.body == (folder / name).read_bytes()


def test_digest(folder):
    """
    It is another one when any name or any byte is.
    """
    seen = {assets.read(folder).digest}
    assert seen == {assets.read(folder).digest}
    for change in (
        lambda: (folder / "core/a.js").write_text("x"),
        lambda: (folder / "core/a.js").rename(folder / "core/d.js"),
        lambda: (folder / "index.html").write_text("y"),
        lambda: (folder / "service-worker.js").write_text("z"),
        lambda: (folder / "manifest.webmanifest").write_text("{}"),
        lambda: (folder / "a.png").unlink(),
        lambda: (folder / "new.css").touch(),
    ):
        change()
        seen.add(assets.read(folder).digest)
    assert len(seen) == 8
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in seen)


def test_what_is_needed_first(folder):
    """
    The page names what its script imports, and what that imports, once each; not
    what is imported later.
    """
    page = assets.read(folder).page.data.decode()
    found = re.findall('<link rel="modulepreload" href="/assets/[0-9a-f]{16}/(.+?)">', page)
    assert found == ["core/a.js", "views/b.js", "core/c.js"]


def test_what_is_filled_in(folder):
    """
    Worker and manifest name the files of the version that they belong to.
    """
    client = assets.read(folder)
    home = f"/assets/{client.digest}"
    named = [f"{home}/{name}" for name in ("core/a.js", "views/b.js", "core/c.js", "main.js")]
    assert client.worker.data.decode() == f'const all = "{home} {" ".join(named)}";\n'
    assert client.manifest == {"name": "", "src": f"{home}/a.png"}


# What a client has to know first


def config(daemon):
    return daemon.done(daemon.get("/config.json"))


def test_config(make_daemon):
    """
    All that a page can ask before anybody has signed in.
    """
    daemon = make_daemon()
    answer = daemon.get("/config.json")
    assert answer.headers["cache-control"] == "no-store"
    assert daemon.done(answer) == {
        "serverName": "teamchat",
        "version": __version__,
        "assets": CLIENT.digest,
        "auth": {"mode": "dev", "isInviteRequired": False, "providers": []},
        "hasMail": False,
        "maxMessageLength": 16384,
        "maxImageBytes": 10485760,
        "heartbeatSeconds": 25,
    }


@pytest.mark.parametrize("is_invite_required", [True, False])
@pytest.mark.parametrize(
    ("mode", "mail"),
    [("dev", {}), ("dev", MAIL), ("password", {}), ("password", MAIL), ("magic-link", MAIL)],
)
def test_ways_in(in_memory, mode, is_invite_required, mail):
    """
    How one signs in, whether everybody may, and whether a letter would come.
    """
    auth = {"auth_mode": mode, "is_invite_required": is_invite_required}
    told = config(in_memory(auth=auth, email=mail))
    assert told["auth"] == {"mode": mode, "isInviteRequired": is_invite_required, "providers": []}
    assert told["hasMail"] == bool(mail)


def test_providers(in_memory):
    """
    Through whom one can sign in is told as it is for those who ask for just that.
    """
    daemon = in_memory(oauth={"custom": (custom("y", "Y"), custom("x", "X"))})
    providers = config(daemon)["auth"]["providers"]
    assert providers == [
        {"id": "y", "name": "Y", "loginUrl": "/auth/oauth/y"},
        {"id": "x", "name": "X", "loginUrl": "/auth/oauth/x"},
    ]
    assert daemon.done(daemon.get("/auth/oauth/providers"))["providers"] == providers


def test_limits(in_memory):
    """
    What is configured is what is told.
    """
    told = config(
        in_memory(
            chat={"max_message_length": 100},
            images={"max_bytes": 2048},
            events={"heartbeat_seconds": 7},
        )
    )
    assert told["maxMessageLength"] == 100
    assert told["maxImageBytes"] == 2048
    assert told["heartbeatSeconds"] == 7


def test_name(daemon):
    """
    The name is the one of now.
    """
    ada = daemon.token("ada")
    daemon.done(daemon.put("/server/settings", ada, {"name": "The Pond"}))
    assert config(daemon)["serverName"] == "The Pond"


def test_nothing_secret(in_memory):
    """
    Strangers read it: nothing in it is for the operator alone.
    """
    mail = MAIL | {"user": "postmaster", "password": "correct horse"}
    said = in_memory(email=mail, oauth={"custom": (custom(),)}).get("/config.json").body.decode()
    for each in chain(mail.values(), [custom().client_secret, custom().client_id]):
        assert str(each) not in said
