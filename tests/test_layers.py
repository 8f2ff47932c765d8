"""
The layers of teamchatd, kept.

Read from the source and not from what is loaded, so that an import inside a
function or under C{TYPE_CHECKING} counts like any other.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

HOME = Path(__file__).parent.parent / "teamchatd"

LAYERS = [
    {"model", "errors", "config"},
    {"shapes", "workers", "recurring"},
    {"store", "live", "mail", "files"},
    {"auth"},
    {"chat"},
    {"http"},
    {"house"},
    {"systemd", "reloading"},
    {"tap", "console"},
]
"""Each may import those above it, never one beside or below it; the words on top may share."""

DEPTH = {part: depth for depth, layer in enumerate(LAYERS) for part in layer}

ONLY_IN = {
    "klein": {"http", "house", "tap"},
    "werkzeug": {"http", "house", "tap"},
    "twisted.web": {"http", "house", "tap"},
    "twisted.mail": {"mail"},
    "twisted.enterprise": {"store"},
    "sqlite3": {"store"},
    "PIL": {"files"},
}
"""Who else's packages may be imported where.  The rest is free."""

SQL = re.compile(
    r"\s*(SELECT\s|INSERT\s+(INTO|OR)\s|UPDATE\s|DELETE\s+FROM\s"
    r"|(CREATE|ALTER|DROP)\s+(TABLE|INDEX|UNIQUE|TRIGGER|VIEW|VIRTUAL|TEMP)|PRAGMA\s)"
)
"""How a statement begins.  C{"DELETE"} alone is a method of HTTP, not a statement."""


def part_of(path: Path, home: Path) -> str:
    """
    The part of the house that a file belongs to: its folder, or for a file at
    the top its own name.
    """
    return path.relative_to(home).parts[0].removesuffix(".py")


def imports(path: Path, home: Path) -> Iterator[str]:
    """
    The full names of all that a file imports, however it says it.
    """
    package = [home.name, *path.relative_to(home).parent.parts]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def within(dotted: str, package: str) -> bool:
    return f"{dotted}.".startswith(f"{package}.")


def objection(mine: str, dotted: str, house: str) -> str | None:
    """
    Why C{mine} may not import C{dotted}, or L{None} if it may.
    """
    for package, allowed in ONLY_IN.items():
        if within(dotted, package) and mine not in allowed:
            return f"only {' and '.join(sorted(allowed))} may"
    if not within(dotted, house) or dotted == f"{house}.__version__":
        return None
    if dotted == house:
        return "it does not say which part"
    theirs = dotted.split(".")[1]
    if theirs not in DEPTH:
        return f"{theirs} has no place in LAYERS"
    if mine == theirs or DEPTH[mine] == DEPTH[theirs] == 0 or DEPTH[mine] > DEPTH[theirs]:
        return None
    return f"{theirs} is not above {mine}"


def wrong_imports(home: Path) -> list[str]:
    wrong = []
    for path in sorted(home.rglob("*.py")):
        mine, file = part_of(path, home), path.relative_to(home)
        if mine == "__init__":
            wrong += [f"{file} imports {dotted}: it is a map" for dotted in imports(path, home)]
        elif mine not in DEPTH:
            wrong.append(f"{file}: {mine} has no place in LAYERS")
        else:
            for dotted in imports(path, home):
                reason = objection(mine, dotted, home.name)
                if reason is not None:
                    wrong.append(f"{file} imports {dotted}: {reason}")
    return wrong


def stray_sql(home: Path) -> list[str]:
    return [
        f"{path.relative_to(home)}:{node.lineno}: {node.value.strip()[:40]}"
        for path in sorted(home.rglob("*.py"))
        if part_of(path, home) != "store"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and SQL.match(node.value)
    ]


def test_there_is_something_to_check() -> None:
    """
    The other tests would also be content with an empty folder.
    """
    assert (HOME / "model.py").exists()


def test_imports_go_upwards() -> None:
    """
    No module imports from a layer below or beside its own, nor a library that
    is another part's business.
    """
    assert wrong_imports(HOME) == []


def test_sql_stays_in_the_store() -> None:
    """
    Only the store speaks to the database.
    """
    assert stray_sql(HOME) == []


def made_up(home: Path, file: str, source: str) -> Path:
    path = home / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    return home


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("store/users.py", "from teamchatd.chat.users import Users"),
        ("store/users.py", "from teamchatd.chat import users"),
        ("store/users.py", "from teamchatd import chat"),
        ("store/users.py", "from teamchatd import *"),
        ("store/users.py", "import teamchatd.chat.users"),
        ("store/users.py", "import teamchatd.chat.users as rules"),
        ("store/users.py", "import teamchatd"),
        ("store/users.py", "import json, teamchatd.tap"),
        ("store/users.py", "from ..chat import users"),
        ("store/users.py", "from ..chat.users import Users"),
        ("store/users.py", "from .. import chat"),
        ("store/deep/users.py", "from ...chat import users"),
        ("store/users.py", "def late():\n    from teamchatd.chat import users"),
        ("store/users.py", "if TYPE_CHECKING:\n    import teamchatd.http.site"),
        ("store/users.py", "from teamchatd.live.hub import Hub"),
        ("store/__init__.py", "from teamchatd.live.hub import Hub"),
        ("live/hub.py", "from teamchatd.store.journal import Journal"),
        ("auth/sessions.py", "from teamchatd.chat.users import Users"),
        ("chat/users.py", "from teamchatd.http.routes import answer"),
        ("http/site.py", "from teamchatd.tap import Options"),
        ("mail/postman.py", "from teamchatd.store.letters import Letter"),
        ("console.py", "from teamchatd.tap import Options"),
        ("auth/letters.py", "from twisted.mail import smtp"),
        ("shapes.py", "from teamchatd.store.users import UserStore"),
        ("model.py", "from teamchatd.shapes import user"),
        ("helpers.py", ""),
        ("chat/users.py", "from teamchatd.helpers import help"),
        ("__init__.py", "from teamchatd.model import User"),
        ("live/stream.py", "from twisted.web.server import Request"),
        ("live/stream.py", "from twisted import web"),
        ("chat/users.py", "import klein"),
        ("http/users.py", "import sqlite3"),
    ],
)
def test_wrong_import(tmp_path: Path, file: str, source: str) -> None:
    """
    Every way of saying a forbidden import is caught.
    """
    wrong = wrong_imports(made_up(tmp_path / "teamchatd", file, source))
    assert len(wrong) == 1
    assert wrong[0].startswith(file)


@pytest.mark.parametrize(
    ("file", "source"),
    [
        ("config.py", "from teamchatd.errors import Invalid"),
        ("shapes.py", "from teamchatd.model import User"),
        ("store/users.py", "from teamchatd.store.database import Database"),
        ("store/users.py", "from .database import Database"),
        ("store/users.py", "from teamchatd import shapes"),
        ("store/database.py", "import sqlite3\nfrom twisted.enterprise import adbapi"),
        ("store/users.py", "import teamchatdog\nfrom twisted.website import Site"),
        ("chat/users.py", "from teamchatd.auth.sessions import Sessions"),
        ("auth/letters.py", "from teamchatd.mail import letters"),
        ("console.py", "from teamchatd.mail.postman import Postman"),
        ("http/client.py", "from klein import Klein\nfrom teamchatd import __version__"),
        ("tap.py", "from twisted.web.server import Site\nfrom teamchatd.http.site import Root"),
    ],
)
def test_right_import(tmp_path: Path, file: str, source: str) -> None:
    """
    What the layers allow is not complained about.
    """
    assert wrong_imports(made_up(tmp_path / "teamchatd", file, source)) == []


@pytest.mark.parametrize(
    "source",
    [
        'cursor.execute("SELECT id FROM users")',
        'cursor.execute(f"SELECT {columns} FROM users")',
        'cursor.execute("""\n    INSERT INTO users (id) VALUES (?)""")',
        'cursor.execute("UPDATE " + table)',
        'cursor.execute("DELETE FROM" " users")',
        'STEP = "CREATE TABLE users (id TEXT)"',
    ],
)
def test_stray_sql(tmp_path: Path, source: str) -> None:
    """
    A statement outside the store is caught, and inside it is at home.
    """
    assert len(stray_sql(made_up(tmp_path / "out" / "teamchatd", "chat/users.py", source))) == 1
    assert stray_sql(made_up(tmp_path / "in" / "teamchatd", "store/users.py", source)) == []


def test_not_sql(tmp_path: Path) -> None:
    """
    Methods of HTTP and sentences begin with the same words.
    """
    source = '"DELETE"\n"DELETE /messages/<id>"\n"Select a channel."\n"UPDATED"'
    assert stray_sql(made_up(tmp_path / "teamchatd", "http/messages.py", source)) == []
