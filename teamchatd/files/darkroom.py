"""
A process for each upload.

The decoders of images are much C that reads what strangers send.  They hold
Python's lock while they work, they may crash, and now and then somebody finds a
way to make one do what the file says.  So they run where little of that matters:
in a process that is given neither our secrets nor our connections, that may use so
much memory and time and no more, and that ends with the one picture.  Before it
looks at the upload it gives up opening anything, a file, a connection, what /proc
says of us, and beginning other processes.  Starting it costs some fifty milliseconds.

It is still of the same user.  Who makes a decoder do what they want can delete what
we could delete, and end us; and look into our memory, where the system lets a process
do that to its parent.  What that user may do besides is up to the service's unit.
"""

import os
import subprocess
import sys
from pathlib import Path
from signal import SIGKILL, SIGXCPU
from tempfile import TemporaryFile
from threading import Timer
from typing import BinaryIO

from attrs import define, field, frozen
from twisted.logger import Logger

import teamchatd.files
from teamchatd.errors import Unavailable
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

STOPPED = (-SIGKILL, -SIGXCPU)
"""How it ends when it took too long, or the machine ran out of memory."""

CLOSED = "The server is stopping. Try again in a moment."

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

    Python and Pillow map forty megabytes.  A pixel is four bytes in memory, and at
    the worst, a lossless WebP that has to be turned, there are six of it at once.
    Where this was measured the slowest work, a PNG to be turned, did four million
    pixels in a second, an animation thirty; here it is one, for a slower machine.
    What is encoded again can be larger than it came, and a thumbnail comes with it.
    """
    processor_seconds = 5 + max_pixels // 1_000_000
    return Limits(
        memory=192 * MEGABYTE + 4 * weight + 32 * max_pixels,
        processor_seconds=processor_seconds,
        seconds=2 * processor_seconds,
        written=MEGABYTE + 4 * weight,
    )


@define(eq=False)
class Darkroom:
    """
    @ivar _at_work: the processes that there are.
    """

    _at_work: set[subprocess.Popen[bytes]] = field(init=False, factory=set)
    _closed: bool = field(init=False, default=False)

    def develop(self, image: bytes, thumbnail: bytes | None, max_pixels: int) -> Picture:
        """
        L{teamchatd.files.pictures.develop}, in a process of its own.  Blocks.

        @raise UnusablePicture: it is refused, or the process did not survive it.
        @raise OSError: there could be no process.
        @raise Unavailable: the room was closed.
        """
        given = [image] if thumbnail is None else [image, thumbnail]
        allowed = limits(sum(map(len, given)), max_pixels)
        with _sheet() as upload, _sheet() as answer, _sheet() as remark:
            upload.write(packed([b"%d" % max_pixels, *given]))
            upload.seek(0)
            code = self._run(allowed, upload, answer, remark)
            if self._closed:
                raise Unavailable(CLOSED)
            pieces = _pieces(answer, allowed.written)
            if pieces[:1] != [READY] and code not in STOPPED:
                raise ChildProcessError(f"A process for images cannot begin: {_said(remark)}")
            picture = _picture(pieces[1:])
            if picture is None:
                it = _said(remark)
                log.warn("A process for images ended with {code}: {it}", code=code, it=it)
                raise UnusablePicture(TOO_MUCH.format(what="image"))
            return picture

    def close(self) -> None:
        """
        End what is under way: the daemon stops, and cannot wait.
        """
        self._closed = True
        for process in tuple(self._at_work):
            process.kill()

    def _run(self, allowed: Limits, upload: BinaryIO, answer: BinaryIO, remark: BinaryIO) -> int:
        process = subprocess.Popen(
            _command(allowed),
            stdin=upload,
            stdout=answer,
            stderr=remark,
            env=environment(),
            cwd="/",
            start_new_session=True,  # a Ctrl-C in the terminal is for the daemon, which waits
        )
        self._at_work.add(process)
        # A wait that is given a time only looks every so often, and is up to 50 ms late.
        alarm = Timer(0 if self._closed else allowed.seconds, process.kill)
        alarm.daemon = True
        alarm.start()
        try:
            return process.wait()
        finally:
            alarm.cancel()
            self._at_work.discard(process)


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
    What the process has answered, as far as that makes sense.
    """
    answer.seek(0)
    return unpacked(answer.read(most))


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
