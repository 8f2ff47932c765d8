"""
What happens in the darkroom.

The process that L{teamchatd.files.darkroom} starts runs L{main} and nothing else.
It reads one upload and writes one answer, each a row of pieces with their length
before them; what it writes is not trusted outside.
"""

import os
import sys
from collections.abc import Sequence
from resource import (
    RLIM_INFINITY,
    RLIMIT_AS,
    RLIMIT_CORE,
    RLIMIT_CPU,
    RLIMIT_FSIZE,
    RLIMIT_NOFILE,
    RLIMIT_NPROC,
    getrlimit,
    setrlimit,
)
from struct import pack, unpack_from

READY = b"ready"
PICTURE = b"picture"
REFUSAL = b"refusal"


def packed(pieces: Sequence[bytes]) -> bytes:
    return b"".join(part for piece in pieces for part in (pack(">I", len(piece)), piece))


def unpacked(data: bytes) -> list[bytes]:
    """
    The pieces that are whole.
    """
    pieces, at = [], 0
    while at + 4 <= len(data):
        (length,) = unpack_from(">I", data, at)
        at += 4 + length
        if at > len(data):
            break
        pieces.append(data[at - length : at])
    return pieces


def main() -> None:
    """
    The limits first: from then on nobody in here can raise them again.  And before
    the upload is looked at, all modules: from then on there is no way to any file.
    """
    memory, seconds, written = (int(figure) for figure in sys.argv[1:])
    _limit(RLIMIT_CORE, 0)  # it would have somebody's picture in it
    _limit(RLIMIT_FSIZE, written)
    _limit(RLIMIT_CPU, seconds)
    _limit(RLIMIT_AS, memory)
    os.nice(5)  # those who chat go first

    from teamchatd.files import pixels
    from teamchatd.files.drawing import expect
    from teamchatd.files.pictures import TOO_MUCH, UnusablePicture, develop

    assert pixels  # Pillow is there: what goes wrong from here on is about the upload
    _write(packed([READY]))
    max_pixels, image, *thumbnail = unpacked(sys.stdin.buffer.read())
    for data in (image, *thumbnail):
        expect(data)
    _lock()
    try:
        picture = develop(image, thumbnail[0] if thumbnail else None, int(max_pixels))
        pieces = [PICTURE]
        for sheet in (picture.image, picture.thumbnail):
            if sheet is not None:
                pieces += [sheet.extension.encode(), sheet.data]
    except UnusablePicture as refusal:
        pieces = [REFUSAL, str(refusal).encode()]
    except MemoryError:
        pieces = [REFUSAL, TOO_MUCH.format(what="image").encode()]
    _write(packed(pieces))


def _lock() -> None:
    """
    No file and no connection can be opened any more, and no process begun; only to
    root the latter means nothing.  What is open stays open, the answer for one.
    """
    _limit(RLIMIT_NOFILE, 0)
    _limit(RLIMIT_NPROC, 0)


def _limit(what: int, figure: int) -> None:
    _, most = getrlimit(what)
    if most != RLIM_INFINITY:
        figure = min(figure, most)
    setrlimit(what, (figure, figure))


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
