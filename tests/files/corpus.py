"""
Images to try things with: good ones, ones that tell too much, and bad ones.

All are bytes, the same for the same arguments.
"""

import random
import zlib
from functools import cache
from io import BytesIO
from struct import pack

from PIL import Image, ImageCms

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def drawn(size=(64, 48), mode="RGB"):
    """
    A picture that looks different from every side.
    """
    across = Image.linear_gradient("L").rotate(90).resize(size)
    down = Image.linear_gradient("L").resize(size)
    corner = Image.new("L", size)
    corner.paste(255, (0, 0, size[0] // 3, size[1] // 4))
    picture = Image.merge("RGB", (across, down, corner))
    if mode in ("LA", "RGBA"):
        picture.putalpha(across)
    if mode == "I;16":
        return picture.convert("L").convert("I").point(lambda value: value * 257).convert("I;16")
    return picture.convert(mode)


def encoded(picture, kind, **how):
    sheet = BytesIO()
    picture.save(sheet, kind, **how)
    return sheet.getvalue()


def opened(data):
    picture = Image.open(BytesIO(data))
    picture.load()
    return picture


def pixels(data):
    return opened(data).convert("RGBA").tobytes()


def exif(orientation=None, gps=False, camera="A camera"):
    said = Image.Exif()
    said[0x010F] = camera
    if orientation is not None:
        said[0x0112] = orientation
    if gps:
        said[0x8825] = {1: "N", 2: (48.0, 51.0, 29.6), 3: "E", 4: (2.0, 17.0, 40.2)}
    return said.tobytes()


@cache
def icc():
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def jpeg(size=(64, 48), mode="RGB", orientation=None, gps=False, comment=None, **how):
    if orientation is not None or gps:
        how["exif"] = exif(orientation, gps)
    if comment is not None:
        how["comment"] = comment
    return encoded(drawn(size, mode), "JPEG", quality=90, **how)


def png(size=(64, 48), mode="RGB", orientation=None, gps=False, **how):
    if orientation is not None or gps:
        how["exif"] = exif(orientation, gps)
    return encoded(drawn(size, mode), "PNG", **how)


def webp(size=(64, 48), mode="RGB", orientation=None, gps=False, **how):
    if orientation is not None or gps:
        how["exif"] = exif(orientation, gps)
    return encoded(drawn(size, mode), "WEBP", method=0, **how)


def animated_webp(frames=3, size=(64, 48), **how):
    first, *others = _frames(frames, size)
    how = {"save_all": True, "append_images": others, "duration": 40, "method": 0, **how}
    return encoded(first, "WEBP", **how)


def apng(frames=3, size=(64, 48), **how):
    first, *others = _frames(frames, size)
    how = {"save_all": True, "append_images": others, "duration": 40, **how}
    return encoded(first, "PNG", **how)


def _frames(frames, size):
    whole = drawn(size, "RGBA")
    return [whole.rotate(7 * number) for number in range(frames)]


def svg(script=False):
    inside = "<script>alert(document.cookie)</script>" if script else "<circle r='4'/>"
    return f'<svg xmlns="http://www.w3.org/2000/svg" width="8" height="8">{inside}</svg>'.encode()


def html():
    return b"<!DOCTYPE html><html><body><svg></svg><script>alert(1)</script></body></html>"


def gif(size=(64, 48)):
    return encoded(drawn(size), "GIF")


def bmp(size=(64, 48)):
    return encoded(drawn(size), "BMP")


def tiff(size=(64, 48)):
    return encoded(drawn(size), "TIFF")


def mpo(size=(64, 48)):
    """
    A JPEG with a second picture behind it.
    """
    other = drawn(size).transpose(Image.Transpose.ROTATE_180)
    return encoded(drawn(size), "MPO", save_all=True, append_images=[other])


def chunk(kind, content=b""):
    """
    A piece of a PNG.
    """
    return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))


def header(width, height, depth=8, colour=2):
    return chunk(b"IHDR", pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))


@cache
def bomb(side=20_000):
    """
    A whole and valid PNG of 400 million pixels in 49 kB, all black: one bit for
    each, and zlib makes a thousandth of that.  Smaller it cannot be and be whole.
    """
    packer = zlib.compressobj(9)
    row = bytes(1 + (side + 7) // 8)
    data = b"".join(packer.compress(row) for _ in range(side)) + packer.flush()
    return SIGNATURE + header(side, side, 1, 0) + chunk(b"IDAT", data) + chunk(b"IEND")


def claims(width, height):
    """
    A PNG of 70 bytes that says it is larger than it is.
    """
    data = zlib.compress(b"\0\0\0\0")
    return SIGNATURE + header(width, height) + chunk(b"IDAT", data) + chunk(b"IEND")


@cache
def png_of(length):
    """
    A valid PNG of noise, of exactly so many bytes, with nothing in it to remove.
    From 2000 bytes up.
    """
    width = 512 if length > 1_000_000 else 16
    row = 1 + 3 * width
    rows = (length - 300) * 1000 // (row * 1001)
    noise = random.Random(length)
    raw = b"".join(b"\0" + noise.randbytes(row - 1) for _ in range(rows))
    blocks = [_stored(raw[at : at + 65_535]) for at in range(0, len(raw), 65_535)]
    begins, ends = b"\x78\x01", b"\1\0\0\xff\xff" + pack(">I", zlib.adler32(raw))
    whole = SIGNATURE + header(width, rows) + chunk(b"IDAT") + chunk(b"IEND")
    missing = length - len(whole) - len(begins + b"".join(blocks) + ends)
    # A block of nothing has five bytes, a chunk of nothing twelve.
    chunks = next(number for number in range(5) if (missing - 12 * number) % 5 == 0)
    blocks += [_stored(b"")] * ((missing - 12 * chunks) // 5)
    data = chunk(b"IDAT", begins + b"".join(blocks) + ends)
    filling = chunk(b"IDAT") * chunks
    return SIGNATURE + header(width, rows) + data + filling + chunk(b"IEND")


def _stored(data):
    return b"\0" + pack("<HH", len(data), len(data) ^ 0xFFFF) + data


def truncated(data, part=0.5):
    return data[: int(len(data) * part)]


def with_segment(data, code, content):
    """
    A JPEG with one more segment, as the first.
    """
    return data[:2] + pack(">BBH", 0xFF, code, len(content) + 2) + content + data[2:]


def with_chunk(data, kind, content, before=b"IDAT"):
    """
    A PNG with one more chunk.
    """
    at = data.index(before) - 4
    return data[:at] + chunk(kind, content) + data[at:]


def with_piece(data, kind, content):
    """
    A WebP with one more piece, as the last.
    """
    piece = kind + pack("<I", len(content)) + content + b"\0" * (len(content) % 2)
    return b"RIFF" + pack("<I", len(data) - 8 + len(piece)) + data[8:] + piece
