"""
Files on disk, by L{teamchatd.files.shelf}.
"""

import os
import stat

import pytest

from teamchatd.files.shelf import Shelf

NAME = "1800000000123-0123456789ab.png"


@pytest.fixture
def shelf(tmp_path):
    shelf = Shelf(tmp_path / "files")
    shelf.open()
    return shelf


def lies_there(shelf):
    return sorted(os.listdir(shelf.path("x").parent))


def test_opens_nothing(tmp_path):
    """
    Made is not opened: who only asks about paths leaves no trace.
    """
    Shelf(tmp_path / "files").path(NAME)
    assert not (tmp_path / "files").exists()


def test_put(shelf):
    """
    What was put is there, for us alone.
    """
    shelf.put(NAME, b"some bytes")
    assert shelf.path(NAME).read_bytes() == b"some bytes"
    assert stat.S_IMODE(shelf.path(NAME).stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.path(NAME).parent.stat().st_mode) == 0o700
    assert lies_there(shelf) == [NAME]


def test_put_again(shelf):
    """
    What lies there is never changed.
    """
    shelf.put(NAME, b"first")
    with pytest.raises(FileExistsError):
        shelf.put(NAME, b"second")
    assert shelf.path(NAME).read_bytes() == b"first"


def test_open_again(shelf, tmp_path):
    """
    Opened again, everything is still there.
    """
    shelf.put(NAME, b"some bytes")
    again = Shelf(tmp_path / "files")
    again.open()
    assert list(again.names()) == [NAME]


def test_crash(shelf, tmp_path, monkeypatch):
    """
    What a crash leaves half written is not seen, and gone after the next start.
    """
    with monkeypatch.context() as crash:
        crash.setattr(os, "fsync", lambda descriptor: 1 / 0)
        crash.setattr("pathlib.Path.unlink", lambda path: None)
        with pytest.raises(ZeroDivisionError):
            shelf.put(NAME, b"half of it")
    assert lies_there(shelf) == [f".half-{NAME}"]
    assert list(shelf.names()) == []
    Shelf(tmp_path / "files").open()
    assert lies_there(shelf) == []
    shelf.put(NAME, b"all of it")


def test_others_are_writing(shelf, tmp_path):
    """
    A daemon that starts leaves alone what another one is writing just now, and takes away
    what nobody can be writing any more.
    """
    now, long_ago = tmp_path / "files" / f".half-{NAME}", tmp_path / "files" / ".half-old.png"
    for each in (now, long_ago):
        each.write_bytes(b"half of it")
    os.utime(long_ago, (0, 0))
    Shelf(tmp_path / "files").open(is_shared=True)
    assert lies_there(shelf) == [now.name]


def failing(at):
    """
    C{os.fsync}, the C{at}th of which fails.
    """
    calls = []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == at:
            raise OSError(5, "Input/output error")

    return fsync


@pytest.mark.parametrize("at", [1, 2])
def test_fsync_fails(shelf, monkeypatch, at):
    """
    A disk that does not take the file, or its name, leaves nothing there.
    """
    monkeypatch.setattr(os, "fsync", failing(at))
    with pytest.raises(OSError, match="Input/output error"):
        shelf.put(NAME, b"some bytes")
    assert lies_there(shelf) == []


def test_rename_fails(shelf, monkeypatch):
    """
    A file that cannot get its name is not left under another.
    """

    def rename(path, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.rename", rename)
    with pytest.raises(OSError, match="No space"):
        shelf.put(NAME, b"some bytes")
    assert lies_there(shelf) == []


def test_order(shelf, monkeypatch):
    """
    The content is on the disk before the name is, and the name before we say so.
    """
    happened = []
    rename = os.rename

    def fsync(descriptor):
        happened.append("directory" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")

    def renamed(path, target):
        happened.append("rename")
        rename(path, target)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr("pathlib.Path.rename", renamed)
    shelf.put(NAME, b"some bytes")
    assert happened == ["file", "rename", "directory"]


def test_no_directory(tmp_path):
    """
    Where no directory can be, that is said, and by the system itself.
    """
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(OSError, match="exists"):
        Shelf(tmp_path / "files").open()


def test_somebody_was_there_first(shelf, tmp_path):
    """
    A link that stands where we are about to write is not followed.
    """
    (tmp_path / "elsewhere").write_text("dear")
    (tmp_path / "files" / f".half-{NAME}").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="exists"):
        shelf.put(NAME, b"some bytes")
    assert (tmp_path / "elsewhere").read_text() == "dear"


def test_remove(shelf):
    """
    What is gone may be removed again.
    """
    shelf.put(NAME, b"some bytes")
    shelf.remove(NAME)
    shelf.remove(NAME)
    assert lies_there(shelf) == []


def test_names(shelf, tmp_path):
    """
    Only files of ours are listed.
    """
    shelf.put(NAME, b"some bytes")
    shelf.put("1800000000123-0123456789ab.thumb.png", b"fewer")
    (tmp_path / "files" / "lost+found").mkdir()
    (tmp_path / "files" / "directory").mkdir()
    (tmp_path / "files" / "README").write_text("not ours")
    assert sorted(shelf.names()) == [NAME, "1800000000123-0123456789ab.thumb.png"]


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x.png",
        "a/b.png",
        "/etc/passwd",
        ".hidden",
        ".half-x.png",
        "a..png",
        "a.png.",
        "-rf",
        "A.png",
        "a b.png",
        "a\0.png",
        "a.png\n",
        "ä.png",
        "a\\b.png",
        "%2e%2e",
    ],
)
def test_wrong_names(shelf, name):
    """
    A name that might lead anywhere else is refused, whatever it is wanted for.
    """
    with pytest.raises(ValueError, match="No file of ours"):
        shelf.path(name)
    with pytest.raises(ValueError, match="No file of ours"):
        shelf.put(name, b"")
    with pytest.raises(ValueError, match="No file of ours"):
        shelf.remove(name)
