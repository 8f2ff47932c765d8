"""
What an image file says besides the picture, left out.

A JPEG, a PNG and a WebP are rows of labelled pieces.  Here the pieces are gone
through by label; what makes the picture, or its colours, is kept as it is, all
the rest goes: EXIF with the place, XMP, IPTC, comments, previews, what a maker
of cameras or programs has invented for itself, and whatever comes after the end.
The kept pieces are lists of what we know, so that what is invented next goes too.

Nothing is decoded.  On the way it is seen how many pixels the file claims to
have, before anything believes it.
"""

import struct
from re import compile
from struct import pack, unpack, unpack_from
from zlib import crc32

from attrs import frozen


class Broken(Exception):
    """The pieces do not add up, or the last are missing."""


@frozen
class Bare:
    """
    An image file without what it says besides.

    @ivar data: the very bytes it was made from if there was nothing to leave out.
    @ivar frames: more than one if it moves.
    @ivar orientation: of EXIF, 1 to 8: how the pixels are to be turned.
    """

    data: bytes
    width: int
    height: int
    frames: int = 1
    orientation: int = 1


def _bare(data: bytes, kept: list[bytes], size: tuple[int, int] | None, **more: int) -> Bare:
    if size is None or 0 in size:
        raise Broken
    joined = b"".join(kept)
    return Bare(data if joined == data else joined, *size, **more)


# EXIF

ORIENTATION = 0x0112
SHORT = 3


def orientation(exif: bytes) -> int:
    """
    How the pixels are to be turned; 1, not at all, if that makes no sense.
    """
    try:
        order = {b"II": "<", b"MM": ">"}[exif[:2]]
        (first,) = unpack_from(f"{order}I", exif, 4)
        (count,) = unpack_from(f"{order}H", exif, first)
        for number in range(count):
            tag, kind, _, value = unpack_from(f"{order}HHIH", exif, first + 2 + 12 * number)
            if tag == ORIENTATION:
                return value if kind == SHORT and 1 <= value <= 8 else 1
    except (KeyError, struct.error):
        pass
    return 1


# JPEG: ITU-T T.81, annex B

SOI, EOI, SOS, APP0, APP1, APP2, APP14 = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""They say how large the picture is."""
TABLES = {0xC4, 0xCC, 0xDB, 0xDC, 0xDD}
ALONE = {0x01, *range(0xD0, 0xD8)}
"""Nothing comes with them.  Between segments they mean nothing."""

MARKER = compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""The next one that ends a scan: what else begins with FF is part of it."""

MOST_SCANS = 100
"""Even careful encoders make do with 64; each may have every pixel touched again."""


def bare_jpeg(data: bytes) -> Bare:
    """
    @raise Broken: it is not whole.
    """
    kept = [data[:2]]
    size, exif, scans, at = None, b"", 0, 2
    while True:
        found = MARKER.search(data, at)
        if found is None:
            raise Broken
        start, code = found.start(), data[found.start() + 1]
        between = data[at:start]
        if scans or not between.strip(b"\xff"):  # of a scan, or the padding that T.81 allows
            kept.append(between)
        if code == EOI:
            if not scans:
                raise Broken
            kept.append(data[start : start + 2])
            return _bare(data, kept, size, orientation=orientation(exif))
        if code == SOI:
            raise Broken
        if code in ALONE:
            at = start + 2
            continue
        at = start + 2 + int.from_bytes(data[start + 2 : start + 4])
        content = data[start + 4 : at]
        if at < start + 4 or at > len(data):
            raise Broken
        if code in FRAMES:
            if size is not None or len(content) < 6:
                raise Broken
            size = (int.from_bytes(content[3:5]), int.from_bytes(content[1:3]))
        elif code == SOS:
            scans += 1
            if size is None or scans > MOST_SCANS:
                raise Broken
        elif code == APP1 and content.startswith(b"Exif\0\0"):
            exif = exif or content[6:]
        if code in FRAMES or code in TABLES or code == SOS:
            kept.append(data[start:at])
        else:
            kept.append(_colours(code, content))


def _colours(code: int, content: bytes) -> bytes:
    """
    What an application segment says about the colours and the shape of a pixel.
    """
    if code == APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        # A preview may follow, which often shows what has been cut off since.
        content = content[:14] if content[12:14] == b"\0\0" else content[:12] + b"\0\0"
    elif code == APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        content = content[:12]
    elif code != APP2 or not content.startswith(b"ICC_PROFILE\0"):
        return b""
    return pack(">BBH", 0xFF, code, len(content) + 2) + content


# PNG: https://www.w3.org/TR/png-3/

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CHUNKS = frozenset(
    b"IHDR PLTE IDAT IEND tRNS gAMA cHRM sRGB iCCP sBIT cICP mDCV cLLI bKGD pHYs".split()
)
MOVING = frozenset((b"acTL", b"fcTL", b"fdAT"))


def bare_png(data: bytes) -> Bare:
    """
    @raise Broken: it is not whole.
    """
    kept = [data[: len(SIGNATURE)]]
    size, exif, at = None, b"", len(SIGNATURE)
    promised, pictures, first_is_apart, seen_data = 0, 0, False, False
    kind = b""
    while kind != b"IEND":
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        start, at = at, at + 12 + length
        if at > len(data):
            raise Broken
        content = data[start + 8 : at - 4]
        if (kind == b"IHDR") != (size is None):
            raise Broken
        if kind == b"IHDR":
            if length != 13:
                raise Broken
            size = (int.from_bytes(content[:4]), int.from_bytes(content[4:8]))
        elif kind == b"acTL":
            if promised or seen_data or length != 8:
                raise Broken
            promised = int.from_bytes(content[:4])
        elif kind == b"fcTL":
            pictures += 1
        elif kind == b"IDAT":
            first_is_apart |= not seen_data and not pictures
            seen_data = True
        elif kind == b"eXIf":
            exif = exif or content
        # Without a number of frames the file does not move, and the rest of them is just freight.
        if kind in CHUNKS or (kind in MOVING and promised):
            # Whoever decodes does not always look, and shows a broken file half.
            if crc32(data[start + 4 : at - 4]) != int.from_bytes(data[at - 4 : at]):
                raise Broken
            kept.append(data[start:at])
    if promised and promised != pictures:
        raise Broken
    frames = promised + first_is_apart if promised else 1
    return _bare(data, kept, size, frames=frames, orientation=orientation(exif))


# WebP: RFC 9649

EXIF_AND_XMP = 0x08 | 0x04
ANIMATION = 0x02
STILL = frozenset((b"VP8X", b"ICCP", b"ALPH", b"VP8 ", b"VP8L"))
ANIMATED = frozenset((b"VP8X", b"ICCP", b"ANIM", b"ANMF"))
OF_A_FRAME = frozenset((b"ALPH", b"VP8 ", b"VP8L"))


def bare_webp(data: bytes) -> Bare:
    """
    @raise Broken: it is not whole.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise Broken
    pieces = _riff(data, 12, end)
    if not pieces:
        raise Broken
    size = _webp_size(*pieces[0])
    moves = pieces[0][0] == b"VP8X" and bool(pieces[0][1][0] & ANIMATION)
    kept, frames, exif = [], 0, b""
    for number, (kind, content) in enumerate(pieces):
        if kind == b"EXIF":
            exif = exif or content.removeprefix(b"Exif\0\0")
        if kind not in (ANIMATED if moves else STILL) or (kind == b"VP8X" and number):
            continue
        if kind == b"VP8X":
            content = bytes((content[0] & ~EXIF_AND_XMP,)) + content[1:]
        elif kind == b"ANMF":
            frames += 1
            inner = [piece for piece in _riff(content, 16, len(content)) if piece[0] in OF_A_FRAME]
            content = content[:16] + b"".join(_chunk(*piece) for piece in inner)
        kept.append(_chunk(kind, content))
    body = b"WEBP" + b"".join(kept)
    head = b"RIFF" + len(body).to_bytes(4, "little")
    turned = 1 if moves else orientation(exif)  # nobody turns an animation
    return _bare(data, [head, body], size, frames=max(1, frames), orientation=turned)


def _riff(data: bytes, at: int, end: int) -> list[tuple[bytes, bytes]]:
    pieces = []
    while at < end:
        kind, length = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        start, at = at + 8, at + 8 + length + length % 2
        if start + length > end:
            raise Broken
        pieces.append((kind, data[start : start + length]))
    return pieces


def _chunk(kind: bytes, content: bytes) -> bytes:
    return kind + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def _webp_size(kind: bytes, content: bytes) -> tuple[int, int]:
    try:
        if kind == b"VP8X":
            low_wide, high_wide, low_high, high_high = unpack("<HBHB", content[4:10])
            return (low_wide | high_wide << 16) + 1, (low_high | high_high << 16) + 1
        if kind == b"VP8 ":
            wide, high = unpack("<HH", content[6:10])
            return wide & 0x3FFF, high & 0x3FFF
        if kind == b"VP8L":
            (bits,) = unpack("<I", content[1:5])
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    except struct.error:
        pass
    raise Broken
