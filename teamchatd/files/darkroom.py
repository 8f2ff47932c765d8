"""
A process for each upload.

The decoders of images are much C that reads what strangers send.  They hold
Python's lock while they work, they may crash, and now and then somebody finds a
way to make one do what the file says.  So they run where none of that matters:
in a process that has neither our secrets nor our connections, that may use so
much memory and time and no more, and that ends with the one picture.  Starting it
costs some thirty milliseconds.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from attrs import frozen
from twisted.logger import Logger

import teamchatd.files
from teamchatd.files.inside import PICTURE, READY, REFUSAL, packed, unpacked
from teamchatd.files.pictures import (
    CONTENT_TYPES,
    TOO_MUCH,
    Picture,
    UnusablePicture,
    printed,
)

log = Logger()

PROGRAM = "from teamchatd.files.inside import main; main()"

LONGEST_REMARK = 2000
"""Characters of what the process says about its own death that get into the log."""

MEGABYTE = 1024 * 1024


@frozen
class Limits:
    """
    What the process may use.

    @ivar memory: bytes of address space.
    @ivar processor_seconds: of work.
    @ivar seconds: until it is ended, whatever it does.
    @ivar written: bytes of its answer.
    """

    memory: int
    processor_seconds: int
    seconds: float
    written: int


def limits(weight: int, max_pixels: int) -> Limits:
    """
    What an upload of C{weight} bytes may cost.
    """
    return Limits(
        memory=256 * MEGABYTE + 4 * weight + 32 * max_pixels,
        processor_seconds=10 + max_pixels // 2_000_000,
        seconds=20 + max_pixels / 1_000_000,
        written=MEGABYTE + 4 * weight,
    )


def develop_apart(image: bytes, thumbnail: bytes | None, max_pixels: int) -> Picture:
    """
    L{teamchatd.files.pictures.develop}, in a process of its own.  Blocks.

    @raise UnusablePicture: it is refused, or the process did not survive it.
    @raise OSError: there could be no process.
    """
    given = [image] if thumbnail is None else [image, thumbnail]
    allowed = limits(sum(map(len, given)), max_pixels)
    with _sheet() as upload, _sheet() as answer, _sheet() as remark:
        upload.write(packed([b"%d" % max_pixels, *given]))
        upload.seek(0)
        try:
            ended = subprocess.run(
                _command(allowed),
                stdin=upload,
                stdout=answer,
                stderr=remark,
                env=environment(),
                cwd="/",
                timeout=allowed.seconds,
                # A Ctrl-C in the terminal is for the daemon, which will wait for us.
                start_new_session=True,
                check=False,
            )
            how = f"ended with {ended.returncode}"
        except subprocess.TimeoutExpired:
            how = f"had not ended after {allowed.seconds:g} seconds"
        pieces = _pieces(answer, allowed.written)
        if pieces[:1] != [READY] and "ended with" in how:
            raise ChildProcessError(f"A process for images cannot begin: {_said(remark)}")
        picture = _picture(pieces[1:])
        if picture is None:
            log.warn("A process for images {how}: {remark}", how=how, remark=_said(remark))
            raise UnusablePicture(TOO_MUCH.format(what="image"))
        return picture


def _sheet() -> BinaryIO:
    """
    A file that is nowhere.  Unlike a pipe it needs nobody at the other end, and
    the limit on what the process may write is the kernel's business.
    """
    if hasattr(os, "memfd_create"):
        return open(os.memfd_create("teamchat"), "w+b")
    return TemporaryFile()


def _command(allowed: Limits) -> list[str]:
    # -S: what site does takes longer than all the rest, and its result, the path, we pass on.
    # -P -s: nothing from where we happen to stand.  -B: it may not write.
    figures = (allowed.memory, allowed.processor_seconds, allowed.written)
    return [sys.executable, "-S", "-P", "-s", "-B", "-c", PROGRAM, *map(str, figures)]


def environment() -> dict[str, str]:
    """
    Nothing of ours: it may have secrets in it.  But the process has to find the
    same modules, and Python the libraries that it was built with.
    """
    home = str(Path(teamchatd.files.__file__).parents[2])
    paths = [os.path.abspath(path) for path in sys.path]
    if home not in paths:  # an editable install has other ways
        paths.insert(0, home)
    found = {"PYTHONPATH": os.pathsep.join(paths)}
    if "LD_LIBRARY_PATH" in os.environ:
        found["LD_LIBRARY_PATH"] = os.environ["LD_LIBRARY_PATH"]
    return found


def _pieces(answer: BinaryIO, most: int) -> list[bytes]:
    """
    What the process has answered; nothing if that makes no sense.
    """
    answer.seek(0)
    try:
        return unpacked(answer.read(most))
    except ValueError:
        return [READY]


def _picture(pieces: list[bytes]) -> Picture | None:
    """
    @raise UnusablePicture: that is the answer.
    """
    match pieces:
        case [kind, sentence] if kind == REFUSAL:
            raise UnusablePicture(sentence.decode("utf-8", "replace"))
        case [kind, *rest] if kind == PICTURE and len(rest) in (2, 4):
            extensions = [extension.decode("ascii", "replace") for extension in rest[::2]]
            if all(extension in CONTENT_TYPES for extension in extensions):
                sheets = map(printed, rest[1::2], extensions)
                return Picture(next(sheets), next(sheets, None))
    return None


def _said(remark: BinaryIO) -> str:
    remark.seek(0, os.SEEK_END)
    remark.seek(max(0, remark.tell() - LONGEST_REMARK))
    return remark.read().decode("utf-8", "replace").strip() or "nothing was said"
