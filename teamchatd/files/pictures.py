"""
What becomes a picture, and what is refused.
"""

from collections.abc import Callable, Mapping
from functools import partial

from attrs import frozen

from teamchatd.errors import Invalid
from teamchatd.files import metadata
from teamchatd.files.drawing import NotDrawn, bare_drawing
from teamchatd.files.metadata import Bare, Broken

EXTENSIONS: Mapping[str, str] = {
    "jpg": "JPEG",
    "jpeg": "JPEG",
    "png": "PNG",
    "webp": "WEBP",
    "svg": "SVG",
}
"""How the name of an accepted file may end, and the format that it stands for."""

CONTENT_TYPES: Mapping[str, str] = {
    "jpg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
    "svg": "image/svg+xml",
}
"""By the extensions that we give ourselves."""

THUMBNAIL = 400
"""Pixels, in either direction, and no more."""

LONGEST_ANIMATION = 8
"""
How many of the largest images an animation may be as much work as, all frames
together: of 32 million pixels, five seconds of full HD.
"""

SMALLEST_FRAME = 128 * 128
"""Pixels that a frame counts for at least: it costs that much even if it has one."""

OTHERS: Mapping[bytes, str] = {
    b"GIF8": "a GIF",
    b"BM": "a BMP",
    b"II*\0": "a TIFF",
    b"MM\0*": "a TIFF",
    b"%PDF": "a PDF",
}
"""How those begin that people take for one of ours."""

BRANDS: Mapping[bytes, str] = {
    b"heic": "a HEIC",
    b"heix": "a HEIC",
    b"mif1": "a HEIC",
    b"avif": "an AVIF",
    b"avis": "an AVIF",
}

BROKEN = "The {what} cannot be opened: it is damaged, or not all of it has arrived."

TOO_MUCH = "The {what} is too much work to look at. Make it smaller, or save it in another way."


class UnusablePicture(Invalid):
    """Not an image of a kind that we take, or broken, or too much of it."""


@frozen
class Print:
    """
    One file, as it is kept and sent.

    @ivar extension: C{jpg}, C{png}, C{webp} or C{svg}.
    """

    data: bytes
    content_type: str
    extension: str


@frozen
class Picture:
    """
    @ivar thumbnail: none if the image is its own.
    """

    image: Print
    thumbnail: Print | None


def printed(data: bytes, extension: str) -> Print:
    return Print(data, CONTENT_TYPES[extension], extension)


def extension_of(filename: str) -> str:
    """
    How the name ends, in lower case; one of L{EXTENSIONS}.

    @raise UnusablePicture: it does not end like that.
    """
    stem, dot, extension = filename.rpartition(".")
    if not dot or extension.lower() not in EXTENSIONS:
        raise UnusablePicture(
            "The name of an image has to end in .jpg, .jpeg, .png, .webp or .svg."
        )
    return extension.lower()


def develop(image: bytes, thumbnail: bytes | None, max_pixels: int) -> Picture:
    """
    Look at an upload, and make of it what is kept.  What the daemon calls is
    L{teamchatd.files.darkroom.Darkroom.develop}.

    @param max_pixels: the most an image may have.
    @raise UnusablePicture: it is refused.
    """
    whole, small = _develop(image, "image", max_pixels)
    if thumbnail is not None:
        given, smaller = _develop(thumbnail, "thumbnail", max_pixels)
        small = smaller or given
    return Picture(whole, small)


def _develop(data: bytes, what: str, max_pixels: int) -> tuple[Print, Print | None]:
    """
    The print of one file, and a small one if it is larger than a L{THUMBNAIL}.
    """
    for begins, extension, strip in KINDS:
        if begins(data):
            return _of_pixels(_stripped(data, what, max_pixels, strip), what, extension)
    if not _looks_like_xml(data):
        raise UnusablePicture(_no_image(data, what))
    try:
        drawing = bare_drawing(data, what, partial(_inlaid, max_pixels))
    except NotDrawn as refusal:
        raise UnusablePicture(str(refusal) or _no_image(data, what)) from None
    return printed(drawing, "svg"), None


def _inlaid(max_pixels: int, data: bytes, kind: str) -> bytes | None:
    """
    An image inside an SVG, bare.  Its pixels are only looked at if they are to be turned.
    """
    for begins, extension, strip in KINDS:
        if begins(data):
            what = "image inside the SVG"
            bare = _stripped(data, what, max_pixels, strip)
            if bare.orientation == 1 or bare.frames > 1:
                return bare.data
            return _of_pixels(bare, what, extension)[0].data
    return None


def _stripped(data: bytes, what: str, max_pixels: int, strip: Callable[[bytes], Bare]) -> Bare:
    try:
        bare = strip(data)
    except Broken:
        raise UnusablePicture(BROKEN.format(what=what)) from None
    _bounded(bare, what, max_pixels)
    return bare


def _of_pixels(bare: Bare, what: str, extension: str) -> tuple[Print, Print | None]:
    from teamchatd.files import pixels  # and with it Pillow, which the daemon must not have

    try:
        whole, small = pixels.decoded(bare, EXTENSIONS[extension], THUMBNAIL)
    except MemoryError:
        raise UnusablePicture(TOO_MUCH.format(what=what)) from None
    except Exception as refusal:
        # Whatever a decoder raises, from SyntaxError to AttributeError, is about these bytes.
        raise UnusablePicture(BROKEN.format(what=what)) from refusal
    return printed(whole, extension), None if small is None else printed(small, extension)


def _bounded(bare: Bare, what: str, max_pixels: int) -> None:
    pixels = bare.width * bare.height
    if pixels > max_pixels:
        raise UnusablePicture(
            f"The {what} has {bare.width} × {bare.height} pixels."
            f" Make it smaller: at most {_in_words(max_pixels)} can be used."
        )
    if bare.frames > 1:
        if bare.frames * max(pixels, SMALLEST_FRAME) > LONGEST_ANIMATION * max_pixels:
            raise UnusablePicture(
                f"The {what} moves for too long: it has {bare.frames} frames of"
                f" {bare.width} × {bare.height} pixels. Make it shorter or smaller."
            )


def _in_words(pixels: int) -> str:
    return f"{pixels / 1e6:.3g} million" if pixels >= 1e6 else str(pixels)


KINDS: list[tuple[Callable[[bytes], bool], str, Callable[[bytes], Bare]]] = [
    (lambda data: data.startswith(b"\xff\xd8\xff"), "jpg", metadata.bare_jpeg),
    (lambda data: data.startswith(metadata.SIGNATURE), "png", metadata.bare_png),
    (
        lambda data: data.startswith(b"RIFF") and data[8:12] == b"WEBP",
        "webp",
        metadata.bare_webp,
    ),
]
"""How a file begins, what it then is, and who leaves out what is not the picture."""


def _looks_like_xml(data: bytes) -> bool:
    # "<" in UTF-8, with and without a mark before it, and in UTF-16.
    start = data[:1024].lstrip()
    return start.startswith((b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\0<"))


def _no_image(data: bytes, what: str) -> str:
    if not data:
        return f"The {what} is empty."
    guess = next((kind for begin, kind in OTHERS.items() if data.startswith(begin)), None)
    if data[4:8] == b"ftyp":
        guess = BRANDS.get(data[8:12])
    if guess is None:
        return f"The {what} is none that can be shown here: a JPEG, PNG, WebP or SVG can."
    return f"The {what} is {guess}, which cannot be shown here: a JPEG, PNG, WebP or SVG can."
