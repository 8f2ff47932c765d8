"""
What Pillow does for us.

Only imported in the darkroom (L{teamchatd.files.inside}), and in tests.  What comes
here has been through L{teamchatd.files.metadata}: of no more pixels than allowed,
and without what Pillow would parse besides.
"""

import warnings
from io import BytesIO

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from teamchatd.files.metadata import Bare

# How many pixels there may be has been decided.  Pillow's own mind about it is a warning at one
# number and an error at twice that, and would override the operator's.
Image.MAX_IMAGE_PIXELS = None

# Else Pillow would do it when it saves for the first time, and by then no file can be opened.
Image.preinit()

# These classes and no Image.open: it would also try what we do not take, and see an MPO, the JPEG
# of some cameras with a second picture behind it.
DECODERS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
}

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By the orientation of EXIF."""


def decoded(bare: Bare, file_format: str, thumbnail: int) -> tuple[bytes, bytes | None]:
    """
    The file to keep, with its pixels turned as they are meant to be, and a small
    one of at most C{thumbnail} pixels in both directions if it is larger.

    Every pixel is decoded, to see whether it can be.

    @raise Exception: it cannot, in any way that Pillow has to say so.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it decodes or it does not
        opened = DECODERS[file_format](BytesIO(bare.data))
        if (opened.size, _frames(opened)) != ((bare.width, bare.height), bare.frames):
            raise ValueError("it is not what was looked at")  # and may be more than is allowed
        turned = bare.orientation in TURNS and bare.frames == 1
        if not turned and isinstance(opened, JpegImageFile):
            # Every bit is still read, but only an eighth of the pixels, or what it takes, is made.
            opened.draft(None, (thumbnail, thumbnail))
        image = _all_of(opened)
        data = bare.data
        if turned:
            image = image.transpose(TURNS[bare.orientation])
            del opened  # decoder and all, as much memory again as to encode
            data = _whole(image, file_format, b"VP8L" in bare.data[:64])
        if max(bare.width, bare.height) <= thumbnail:
            return data, None
        return data, _small(image, file_format, thumbnail)


def _all_of(opened: ImageFile) -> Image.Image:
    """
    The first frame, after all of them have been decoded.
    """
    opened.load()
    if _frames(opened) == 1:
        return opened
    first = opened.copy()
    for number in range(1, _frames(opened)):
        opened.seek(number)
        opened.load()
    return first


def _frames(opened: ImageFile) -> int:
    return getattr(opened, "n_frames", 1)


def _whole(image: Image.Image, file_format: str, lossless: bool) -> bytes:
    """
    All pixels again, in the same format, for no reason that shows.
    """
    if file_format == "JPEG":
        return _encoded(image, "JPEG", quality=92)
    if file_format == "WEBP" and lossless:
        return _encoded(image, "WEBP", lossless=True, method=0)  # the others: twice the memory
    if file_format == "WEBP":
        return _encoded(image, "WEBP", quality=92)
    return _encoded(image, "PNG")


def _small(image: Image.Image, file_format: str, thumbnail: int) -> bytes:
    image = _plain(image, file_format)
    image.thumbnail((thumbnail, thumbnail), Image.Resampling.LANCZOS, reducing_gap=3.0)
    if file_format == "PNG":
        return _encoded(image, "PNG")
    return _encoded(image, file_format, quality=82)


def _plain(image: Image.Image, file_format: str) -> Image.Image:
    """
    In a mode in which colours can be mixed, and which the format knows.
    """
    if file_format == "JPEG" and image.mode == "CMYK":
        image = image.convert("RGB")
        image.info.pop("icc_profile", None)  # it is about inks
    elif image.mode == "I;16":
        # Pillow would cut off at 255, and make all but the darkest white.
        image = image.point(lambda value: value / 256).convert("L")
    elif image.mode in ("1", "L"):
        image = image.convert("LA" if image.has_transparency_data else "L")
    elif image.mode != "LA" and image.has_transparency_data:
        image = image.convert("RGBA")
    elif image.mode == "P":
        image = image.convert("RGB")
    image.info.pop("transparency", None)  # it was about the numbers of the old mode
    return image


def _encoded(image: Image.Image, file_format: str, **how: object) -> bytes:
    sheet = BytesIO()
    # The profile says what the numbers of the pixels look like; nothing else is taken along.
    image.save(sheet, file_format, icc_profile=image.info.get("icc_profile"), **how)
    return sheet.getvalue()
