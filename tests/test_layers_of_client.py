"""
The layers of the page, kept: its modules import what is below them, and never in a circle.
"""

import re
from pathlib import Path
from posixpath import dirname, join, normpath

import pytest

from teamchatd.http import assets

CLIENT = assets.FOLDER

RANKS = {"vendor": 0, "lib.js": 1, "core": 2, "text": 3, "views": 4, "main.js": 5}
"""The libraries, what is known and done, what is written, what is seen of it, the beginning."""

ALONE = {"first.js", "service-worker.js"}
"""Plain scripts, which can import nothing."""

LATER = re.compile(rb"""\bimport\(\s*["']([^"']+)["']""")

MODULES = sorted(
    str(path.relative_to(CLIENT)) for path in CLIENT.rglob("*.js") if "vendor" not in path.parts
)


def source(name: str) -> bytes:
    return Path(CLIENT, name).read_bytes()


def rank(name: str) -> int:
    return RANKS[name.split("/")[0]]


def later(name: str) -> list[str]:
    found = LATER.findall(source(name))
    return [normpath(join(dirname(name), each.decode())) for each in found]


@pytest.mark.parametrize("name", MODULES)
def test_direction(name):
    named = assets.imported(name, source(name)) + later(name)
    if name in ALONE:
        assert named == []
        return
    for each in named:
        assert rank(each) <= rank(name), f"{name} imports {each}"
        # The libraries are renamed in one place; what only core needs, it takes itself.
        assert rank(each) > 0 or name == "lib.js" or rank(name) in (2, 3), f"{name} imports {each}"


def test_no_circle():
    """
    In a circle the order of loading decides what is there already, and it works by luck.
    """
    needs = {name: set(assets.imported(name, source(name))) & set(MODULES) for name in MODULES}
    while ready := {name for name, others in needs.items() if not others}:
        needs = {name: others - ready for name, others in needs.items() if name not in ready}
    assert needs == {}


NAMED = re.compile(r"^import\s*(?:(\w+)\s*,?\s*)?(?:\{([^}]*)\}|\* as (\w+))?\s*from[^;]*;", re.M)


@pytest.mark.parametrize("name", MODULES)
def test_imported_for_a_reason(name):
    """
    What nobody uses any more would still be loaded by everybody.
    """
    text = re.sub(r"/\*[\s\S]*?\*/", "", source(name).decode())  # a comment is no use of it
    rest = NAMED.sub("", text)
    for default, several, whole in NAMED.findall(text):
        each_own = [each.split(" as ")[-1].strip() for each in several.split(",")]
        for own in filter(None, [default, whole, *each_own]):
            assert re.search(rf"(?<!\w)(?<![^.]\.){own}\b", rest), f"{name} does not use {own}"


EXPORTED = re.compile(r"^export (?:async )?(?:function|const|let|class) (\w+)", re.M)

EXPORTS = {name for each in MODULES for name in EXPORTED.findall(source(each).decode())}


def is_bound(name: str, text: str) -> bool:
    """
    Declared, imported, a parameter, or taken out of something.
    """
    declared = rf"(?:function|const|let|class) {name}\b|\b{name} =>"
    taken = rf"[({{,]\s*{name}\s*[,}})=:]"
    return bool(re.search(rf"{declared}|{taken}|^\s+(?:async )?{name}\(.*\) {{$", text, re.M))


@pytest.mark.parametrize("name", MODULES)
def test_used_is_imported(name):
    """
    Two branches that are right by themselves may be merged into a page that does not begin.
    """
    text = re.sub(r"/\*[\s\S]*?\*/|//.*", "", source(name).decode())
    used = set(re.findall(r"(?<![\w.#\"'-])(\w+)(?=\(|\.value\b|\.peek\()", text))
    used |= set(re.findall(r"<\${(\w+)}", text))
    assert [each for each in sorted(used & EXPORTS) if not is_bound(each, text)] == []
