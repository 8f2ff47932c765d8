"""
What others wrote and the web client or its tests use: known, allowed, and as it was taken.
"""

import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

from teamchatd.http.assets import FOLDER

VENDOR = FOLDER / "vendor"

FOR_TESTS = Path(__file__).with_name("real") / "page" / "vendor"

FOLDERS = {"client": VENDOR, "tests": FOR_TESTS}

PACKAGES = [
    (folder, package)
    for folder in FOLDERS.values()
    for package in json.loads((folder / "MANIFEST.json").read_text("utf-8"))["packages"]
]

ENTRIES = {folder / entry["file"]: entry for folder, one in PACKAGES for entry in one["files"]}

ALLOWED = {"MIT", "ISC", "Apache-2.0", "BSD-3-Clause", "MPL-2.0 OR Apache-2.0"}
"""With these, we may hand it on beside what is ours, with its licence."""

ALLOWED_FOR_TESTS = ALLOWED | {"MPL-2.0"}
"""Of what is handed on unchanged, in its own file, and never served."""

HASH = re.compile("[0-9a-f]{64}")

BARE_IMPORT = re.compile(
    r"""(?:^|;)(?:import|export)\b(?:[^"'`();=]*?\bfrom)?\s*["'](?!\.\.?/)|\bimport\(["'](?!\.)""",
    re.MULTILINE,
)

MAKES_CODE = re.compile(r"\beval\s*\(|\bnew\s+Function\b|(?<![.\w])Function\s*\(")

MODULES = sorted(path for path in VENDOR.rglob("*.js"))


@pytest.mark.parametrize("folder", FOLDERS.values(), ids=FOLDERS)
def test_every_file_is_known(folder):
    """
    Nothing lies there that the manifest does not name, and the other way round.
    """
    there = {path for path in folder.rglob("*") if path.is_file()}
    known = {path for path in ENTRIES if path.is_relative_to(folder)}
    assert there == known | {folder / "MANIFEST.json"}


@pytest.mark.parametrize("path", sorted(ENTRIES), ids=lambda path: path.name)
def test_as_it_was_taken(path):
    """
    No file was changed by hand: C{.ci/vendor} would undo it.
    """
    entry = ENTRIES[path]
    assert sha256(path.read_bytes()).hexdigest() == entry["sha256"]
    assert HASH.fullmatch(entry["source sha256"])
    assert entry["source"]
    assert entry["why"].strip()


@pytest.mark.parametrize(
    ("folder", "package"), PACKAGES, ids=[one["package"] for _, one in PACKAGES]
)
def test_licence(folder, package):
    """
    Each package says which version it is of, and comes with its terms.
    """
    assert re.fullmatch(r"\d+\.\d+\.\d+", package["version"])
    assert package["licence"] in (ALLOWED if folder == VENDOR else ALLOWED_FOR_TESTS)
    assert any(entry["file"].startswith("licenses/") for entry in package["files"])


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_stands_alone(path):
    """
    A browser finds all that a module imports, and none makes code of text.
    """
    text = path.read_text("utf-8")
    assert not BARE_IMPORT.search(text)
    assert not MAKES_CODE.search(text)
    assert "sourceMappingURL" not in text


@pytest.mark.parametrize(
    "wrong",
    [
        'import{h}from"preact";',
        'var x;import{h}from"preact";',
        'import "preact";',
        'export{h}from"preact";',
        "import {\n  h,\n} from 'preact'",
        'await import("preact")',
    ],
)
def test_finds_bare_imports(wrong):
    """
    The test above would say so.
    """
    assert BARE_IMPORT.search(wrong)


def test_emoji():
    """
    What a picker needs, in order, and nothing that it does not.
    """
    emoji = json.loads((VENDOR / "emoji.json").read_text("utf-8"))
    assert len(emoji) > 1800
    assert {tuple(each) for each in emoji} == {("unicode", "label", "tags", "group", "order")}
    assert [each["order"] for each in emoji] == sorted({each["order"] for each in emoji})
    assert emoji[0]["unicode"] == "😀"
