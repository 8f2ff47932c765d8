"""
What becomes of an upload, by L{teamchatd.files.pictures}.
"""

import re
import warnings

import pytest
from PIL import Image, ImageFile

from teamchatd.errors import Invalid
from teamchatd.files import pictures, pixels
from teamchatd.files.pictures import (
    CONTENT_TYPES,
    EXTENSIONS,
    UnusablePicture,
    develop,
    extension_of,
)
from tests.files import corpus

ENOUGH = 1_000_000
"""Pixels."""

NONE = "is none that can be shown here: a JPEG, PNG, WebP or SVG can."
BROKEN = "The image cannot be opened: it is damaged, or not all of it has arrived."


def developed(image, thumbnail=None, max_pixels=ENOUGH):
    return develop(image, thumbnail, max_pixels)


def refusal(image, thumbnail=None, max_pixels=ENOUGH):
    """
    The sentence that whoever uploads this reads.
    """
    with pytest.raises(UnusablePicture) as caught:
        develop(image, thumbnail, max_pixels)
    assert isinstance(caught.value, Invalid)
    return str(caught.value)


@pytest.fixture
def decoded_nothing(monkeypatch):
    """
    Fails a test in which a single pixel is made.
    """

    def load(self):
        raise AssertionError("decoded")

    for kind in (ImageFile.ImageFile, *pixels.DECODERS.values()):
        monkeypatch.setattr(kind, "load", load)
        monkeypatch.setattr(kind, "_open", load)
    with pytest.raises(UnusablePicture) as caught:
        develop(corpus.png(), None, ENOUGH)
    assert isinstance(caught.value.__cause__, AssertionError)


# The name


@pytest.mark.parametrize(
    ("filename", "extension"),
    [
        ("photo.jpg", "jpg"),
        ("photo.JPEG", "jpeg"),
        ("a.b.c.PnG", "png"),
        ("weird name …/..\\.webp", "webp"),
        (".svg", "svg"),
    ],
)
def test_extension(filename, extension):
    assert extension_of(filename) == extension
    assert extension in EXTENSIONS


@pytest.mark.parametrize(
    "filename",
    ["", "png", "photo", "photo.gif", "photo.png.exe", "photo.png.", "photo.pn\0g", "a.png ", "."],
)
def test_wrong_extension(filename):
    with pytest.raises(UnusablePicture) as caught:
        extension_of(filename)
    assert str(caught.value) == (
        "The name of an image has to end in .jpg, .jpeg, .png, .webp or .svg."
    )


def test_extensions_and_types():
    """
    Each extension we give has a type, and is one that we take.
    """
    assert set(CONTENT_TYPES) <= set(EXTENSIONS)
    assert {EXTENSIONS[extension] for extension in CONTENT_TYPES} == set(EXTENSIONS.values())


# The kinds


@pytest.mark.parametrize(
    ("data", "extension", "content_type"),
    [
        (corpus.jpeg(), "jpg", "image/jpeg"),
        (corpus.mpo(), "jpg", "image/jpeg"),
        (corpus.png(), "png", "image/png"),
        (corpus.apng(), "png", "image/png"),
        (corpus.webp(), "webp", "image/webp"),
        (corpus.animated_webp(), "webp", "image/webp"),
        (corpus.svg(), "svg", "image/svg+xml"),
    ],
)
def test_kinds(data, extension, content_type):
    """
    What a file is, its content says.
    """
    image = developed(data).image
    assert (image.extension, image.content_type) == (extension, content_type)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "The image is empty."),
        (corpus.html(), f"The image {NONE}"),
        (
            b"GIF89a",
            "The image is a GIF, which cannot be shown here: a JPEG, PNG, WebP or SVG can.",
        ),
        (corpus.gif(), "The image is a GIF, which cannot be shown here:"),
        (corpus.bmp(), "The image is a BMP, which cannot be shown here:"),
        (corpus.tiff(), "The image is a TIFF, which cannot be shown here:"),
        (b"%PDF-1.7", "The image is a PDF, which cannot be shown here:"),
        (b"\0\0\0\x18ftypheic", "The image is a HEIC, which cannot be shown here:"),
        (b"\0\0\0\x18ftypavif", "The image is an AVIF, which cannot be shown here:"),
        (b"\0\0\0\x18ftypmp42", f"The image {NONE}"),
        (b"hello", f"The image {NONE}"),
        (b"RIFF\x24\0\0\0WAVEfmt ", f"The image {NONE}"),
        (bytes(1000), f"The image {NONE}"),
    ],
)
@pytest.mark.usefixtures("decoded_nothing")
def test_other_kinds(data, sentence):
    """
    What is none of ours is refused by its first bytes, and no decoder sees it.
    """
    assert refusal(data).startswith(sentence)


@pytest.mark.parametrize(
    "data",
    [corpus.jpeg(), corpus.png(), corpus.webp(), corpus.animated_webp(), corpus.apng()],
    ids=["jpeg", "png", "webp", "moving webp", "apng"],
)
def test_truncated(data):
    """
    A file that has not wholly arrived is refused, wherever it ends.
    """
    for end in range(12, len(data), len(data) // 20):
        assert refusal(data[:end]) == BROKEN
    assert refusal(data[:-1]) == BROKEN


def test_truncated_inside():
    """
    A file with an end, and a hole before it, is refused too.
    """
    data = corpus.png((300, 300))
    at = data.index(b"IDAT") + 4
    length = int.from_bytes(data[at - 8 : at - 4])
    half = corpus.chunk(b"IDAT", data[at : at + length // 2])
    assert refusal(data[: at - 8] + half + corpus.chunk(b"IEND")) == BROKEN
    data = corpus.jpeg((300, 300))
    assert refusal(data[: data.index(b"\xff\xda")] + b"\xff\xd9") == BROKEN


def test_last_frame_broken():
    """
    Of an animation every frame is looked at, not only the first.
    """
    data = corpus.animated_webp(4, lossless=True)
    at = data.rindex(b"VP8L") + 13
    broken = data[:at] + b"\xff" * (len(data) - at)
    assert refusal(broken) == BROKEN


@pytest.mark.parametrize("kind", ["png", "jpg", "webp"])
def test_two_sizes(monkeypatch, kind):
    """
    Where the decoder sees another picture than the one that was looked at, it
    does not begin.
    """
    data = {"png": corpus.png(), "jpg": corpus.jpeg(), "webp": corpus.webp()}[kind]
    monkeypatch.setattr(pixels, "_frames", lambda opened: 1000)
    assert refusal(data) == BROKEN


# How much of it


@pytest.mark.usefixtures("decoded_nothing")
def test_bomb():
    """
    400 million pixels in a small file are refused before one of them is made.
    """
    assert len(corpus.bomb()) < 50_000
    assert refusal(corpus.bomb(), max_pixels=32_000_000) == (
        "The image has 20000 × 20000 pixels. Make it smaller: at most 32 million can be used."
    )
    assert "at most 999 can be used" in refusal(corpus.claims(1000, 1), max_pixels=999)
    assert "2147483647 × 2147483647" in refusal(corpus.claims(2**31 - 1, 2**31 - 1))


def test_as_many_as_allowed():
    """
    The most pixels allowed are allowed, and one row more is not.
    """
    assert developed(corpus.png((50, 20)), max_pixels=1000).image.data == corpus.png((50, 20))
    assert "50 × 21" in refusal(corpus.png((50, 21)), max_pixels=1000)


@pytest.mark.parametrize("size", [(50, 21), (1000, 1)])
@pytest.mark.parametrize("kind", [corpus.jpeg, corpus.png, corpus.webp])
def test_too_many_pixels(kind, size):
    wide, high = size
    assert f"{wide} × {high}" in refusal(kind(size), max_pixels=999)
    assert "The thumbnail has" in refusal(corpus.png((10, 10)), kind(size), max_pixels=999)


def test_what_pillow_thinks_of_it(monkeypatch):
    """
    Pillow's own idea of too many pixels is not asked, and warns nobody.
    """
    assert Image.MAX_IMAGE_PIXELS is None
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        developed(corpus.png())


@pytest.mark.parametrize("moving", [corpus.apng, corpus.animated_webp])
def test_animation(moving):
    """
    An animation stays one, byte for byte, if it is not too long.
    """
    data = moving(5, (200, 100))
    image = developed(data, max_pixels=20_000).image
    assert image.data is data
    assert corpus.opened(image.data).n_frames == 5


@pytest.mark.parametrize("moving", [corpus.apng, corpus.animated_webp])
@pytest.mark.usefixtures("decoded_nothing")
def test_long_animation(moving):
    """
    All frames together are bounded, before the first is decoded.
    """
    assert refusal(moving(9, (200, 100)), max_pixels=20_000) == (
        "The image moves for too long: it has 9 frames of 200 × 100 pixels."
        " Make it shorter or smaller."
    )


@pytest.mark.usefixtures("decoded_nothing")
def test_many_small_frames():
    """
    A frame costs something even if there is nothing on it.
    """
    assert "moves for too long" in refusal(corpus.animated_webp(20, (16, 16)), max_pixels=16_384)


# What it says besides


@pytest.mark.parametrize("kind", [corpus.jpeg, corpus.png, corpus.webp])
def test_place(kind):
    """
    Where a picture was taken is gone, and its pixels are the same.
    """
    telling = kind(gps=True, orientation=1, icc_profile=corpus.icc())
    assert corpus.opened(telling).getexif().get_ifd(0x8825)
    image = developed(telling).image.data
    assert b"A camera" in telling
    assert b"A camera" not in image
    assert not corpus.opened(image).getexif()
    assert corpus.pixels(image) == corpus.pixels(telling)
    assert corpus.opened(image).info["icc_profile"] == corpus.icc()


def test_clean():
    """
    10 MiB with nothing in them to remove stay as they are.
    """
    data = corpus.png_of(10 * 1024 * 1024)
    assert len(data) == 10 * 1024 * 1024
    picture = developed(data, max_pixels=32_000_000)
    assert picture.image.data is data
    assert len(picture.thumbnail.data) < 1024 * 1024


def test_polyglots():
    """
    What is two things at once is afterwards only a picture.
    """
    for data, other in (
        (corpus.jpeg(), b"PK\3\4 a zip"),
        (corpus.png(), corpus.html()),
        (corpus.webp(), b"%PDF-1.7"),
    ):
        assert developed(data + other).image.data == data


# Which way up


def upright(size, orientation, mode="RGB"):
    """
    What somebody sees of L{corpus.drawn} who turns it as EXIF says (TIFF 6.0, tag 274).
    """
    seen = {
        1: lambda x, y, w, h: (x, y),
        2: lambda x, y, w, h: (w - 1 - x, y),
        3: lambda x, y, w, h: (w - 1 - x, h - 1 - y),
        4: lambda x, y, w, h: (x, h - 1 - y),
        5: lambda x, y, w, h: (y, x),
        6: lambda x, y, w, h: (y, h - 1 - x),
        7: lambda x, y, w, h: (w - 1 - y, h - 1 - x),
        8: lambda x, y, w, h: (w - 1 - y, x),
    }[orientation]
    drawn = corpus.drawn(size, mode)
    picture = Image.new(mode, size if orientation < 5 else size[::-1])
    for x in range(picture.width):
        for y in range(picture.height):
            picture.putpixel((x, y), drawn.getpixel(seen(x, y, *size)))
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(orientation):
    """
    A picture is stored the way up that it is meant to be seen.
    """
    expected = upright((30, 20), orientation)
    image = developed(corpus.png((30, 20), orientation=orientation)).image.data
    assert corpus.opened(image).size == expected.size
    assert corpus.opened(image).tobytes() == expected.tobytes()
    assert not corpus.opened(image).getexif()
    image = developed(corpus.webp((30, 20), orientation=orientation, lossless=True)).image.data
    assert corpus.opened(image).convert("RGB").tobytes() == expected.tobytes()
    assert b"VP8L" in image


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", [corpus.jpeg, corpus.webp])
def test_orientation_of_what_loses(kind, orientation):
    """
    Where something is lost each time that it is encoded, it is not much.
    """
    expected = upright((48, 32), orientation)
    image = corpus.opened(developed(kind((48, 32), orientation=orientation)).image.data)
    assert image.size == expected.size
    assert not image.getexif()
    far = [abs(a - b) for a, b in zip(image.tobytes(), expected.tobytes(), strict=True)]
    assert sum(far) / len(far) < 8


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "I;16", "RGB", "RGBA"])
def test_orientation_of_png(mode):
    """
    A PNG is turned in the mode that it has, profile and all.
    """
    data = corpus.png((30, 20), mode, orientation=3, icc_profile=corpus.icc())
    image = corpus.opened(developed(data).image.data)
    assert image.mode == mode
    expected = corpus.opened(data).transpose(Image.Transpose.ROTATE_180)
    assert image.convert("RGBA").tobytes() == expected.convert("RGBA").tobytes()
    assert image.info["icc_profile"] == corpus.icc()


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_orientation_of_jpeg(mode):
    data = corpus.jpeg((30, 20), mode, orientation=6, icc_profile=corpus.icc())
    image = corpus.opened(developed(data).image.data)
    assert (image.mode, image.size) == (mode, (20, 30))
    assert image.info["icc_profile"] == corpus.icc()


def test_transparent_palette():
    """
    What was transparent still is when the picture has been turned.
    """
    data = corpus.png((30, 20), "P", orientation=3, transparency=7)
    image = corpus.opened(developed(data).image.data)
    expected = corpus.opened(data).convert("RGBA").transpose(Image.Transpose.ROTATE_180)
    assert image.convert("RGBA").tobytes() == expected.tobytes()


@pytest.mark.parametrize("moving", [corpus.apng, corpus.animated_webp])
def test_orientation_of_an_animation(moving):
    """
    Nobody turns an animation: it stays as it lies, and says nothing besides.
    """
    image = developed(moving(exif=corpus.exif(orientation=6, gps=True))).image.data
    assert corpus.opened(image).n_frames == 3
    assert corpus.opened(image).size == (64, 48)
    assert not corpus.opened(image).getexif()
    assert corpus.pixels(image) == corpus.pixels(moving())


# The small one


@pytest.mark.parametrize(
    ("size", "small"),
    [
        ((800, 600), (400, 300)),
        ((600, 800), (300, 400)),
        ((401, 10), (400, 10)),
        ((3000, 2), (400, 1)),
        ((2, 3000), (1, 400)),
        ((1000, 999), (400, 400)),
    ],
)
@pytest.mark.parametrize("kind", [corpus.jpeg, corpus.png, corpus.webp])
def test_thumbnail(kind, size, small):
    """
    A large image gets a small one of its own kind and its own shape.
    """
    picture = developed(kind(size))
    thumbnail = corpus.opened(picture.thumbnail.data)
    assert thumbnail.size == small
    assert picture.thumbnail.extension == picture.image.extension
    assert picture.thumbnail.content_type == picture.image.content_type


@pytest.mark.parametrize("size", [(400, 400), (400, 1), (1, 1)])
@pytest.mark.parametrize("kind", [corpus.jpeg, corpus.png, corpus.webp])
def test_small_enough(kind, size):
    """
    A small image is its own thumbnail; so is an SVG, whose size means nothing.
    """
    assert developed(kind(size)).thumbnail is None
    assert developed(corpus.svg()).thumbnail is None


@pytest.mark.parametrize(
    ("kind", "mode", "becomes"),
    [
        (corpus.jpeg, "L", "L"),
        (corpus.jpeg, "RGB", "RGB"),
        (corpus.jpeg, "CMYK", "RGB"),
        (corpus.png, "1", "L"),
        (corpus.png, "L", "L"),
        (corpus.png, "LA", "LA"),
        (corpus.png, "P", "RGB"),
        (corpus.png, "I;16", "L"),
        (corpus.png, "RGB", "RGB"),
        (corpus.png, "RGBA", "RGBA"),
        (corpus.webp, "RGB", "RGB"),
        (corpus.webp, "RGBA", "RGBA"),
    ],
)
def test_thumbnail_of_mode(kind, mode, becomes):
    """
    However an image keeps its colours, the small one looks like it.
    """
    data = kind((800, 600), mode)
    thumbnail = corpus.opened(developed(data).thumbnail.data)
    assert thumbnail.mode == becomes
    if mode == "I;16":
        expected = corpus.drawn((800, 600), "L")
    else:
        expected = corpus.opened(data)
    expected = expected.convert(becomes).resize((400, 300), Image.Resampling.BOX)
    far = [abs(a - b) for a, b in zip(thumbnail.tobytes(), expected.tobytes(), strict=True)]
    assert sum(far) / len(far) < (20 if mode == "1" else 6)  # whose dots are hard to average


@pytest.mark.parametrize(
    ("mode", "clear", "becomes"),
    [
        ("P", 0, "RGBA"),
        ("L", 0, "LA"),
        ("1", 0, "LA"),
        ("RGB", (0, 0, 0), "RGBA"),
        ("I;16", 0, "L"),
    ],
)
def test_thumbnail_of_transparent(mode, clear, becomes):
    """
    One colour that is transparent, too, becomes transparency that can be mixed.
    """
    data = corpus.png((800, 600), mode, transparency=clear)
    thumbnail = corpus.opened(developed(data).thumbnail.data)
    assert thumbnail.mode == becomes
    assert thumbnail.info.get("transparency") is None
    if "A" in becomes:
        assert thumbnail.getchannel("A").getextrema()[1] == 255


def test_thumbnail_of_turned():
    """
    The small one is the same way up as the large one.
    """
    picture = developed(corpus.jpeg((800, 600), orientation=6))
    assert corpus.opened(picture.image.data).size == (600, 800)
    assert corpus.opened(picture.thumbnail.data).size == (300, 400)


def test_thumbnail_has_the_profile():
    """
    Colours look the same small, and inks that no longer are any have no profile.
    """
    for kind in (corpus.jpeg, corpus.png, corpus.webp):
        picture = developed(kind((800, 600), icc_profile=corpus.icc(), gps=True))
        small = corpus.opened(picture.thumbnail.data)
        assert small.info["icc_profile"] == corpus.icc()
        assert not small.getexif()
    picture = developed(corpus.jpeg((800, 600), "CMYK", icc_profile=corpus.icc()))
    assert "icc_profile" not in corpus.opened(picture.thumbnail.data).info


@pytest.mark.parametrize("moving", [corpus.apng, corpus.animated_webp])
def test_thumbnail_of_moving(moving):
    """
    The small one of an animation is its first frame, and does not move.
    """
    data = moving(3, (500, 300))
    picture = developed(data)
    assert corpus.opened(picture.image.data).n_frames == 3
    small = corpus.opened(picture.thumbnail.data)
    assert getattr(small, "n_frames", 1) == 1
    expected = corpus.opened(data).convert("RGBA").resize(small.size, Image.Resampling.BOX)
    small = small.convert("RGBA")
    far = [abs(a - b) for a, b in zip(small.tobytes(), expected.tobytes(), strict=True)]
    assert sum(far) / len(far) < 8


@pytest.mark.parametrize(
    "given",
    [corpus.jpeg(), corpus.png(), corpus.webp(), corpus.svg(), corpus.animated_webp()],
    ids=["jpeg", "png", "webp", "svg", "moving"],
)
def test_given_thumbnail(given):
    """
    A thumbnail that comes with the image is used, whatever kind it is.
    """
    assert developed(corpus.png((800, 600)), given).thumbnail.data is given
    assert developed(corpus.png(), given).thumbnail.data is given
    assert developed(corpus.svg(), given).thumbnail.data is given


def test_given_thumbnail_tells():
    """
    It is looked at like an image: it says nothing besides, and is the right way up.
    """
    given = corpus.jpeg((40, 30), orientation=6, gps=True)
    thumbnail = corpus.opened(developed(corpus.png(), given).thumbnail.data)
    assert thumbnail.size == (30, 40)
    assert not thumbnail.getexif()


def test_given_thumbnail_too_large():
    """
    One that is too large is made as small as ours.
    """
    picture = developed(corpus.png((800, 600)), corpus.webp((700, 350)))
    assert corpus.opened(picture.thumbnail.data).size == (400, 200)
    assert picture.thumbnail.extension == "webp"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (b"", "The thumbnail is empty."),
        (b"hello", f"The thumbnail {NONE}"),
        (corpus.gif(), "The thumbnail is a GIF, which cannot be shown here:"),
        (
            corpus.truncated(corpus.png()),
            "The thumbnail cannot be opened: it is damaged, or not all of it has arrived.",
        ),
        (corpus.svg()[:-1], "The thumbnail is an SVG with a mistake in line 1"),
    ],
)
def test_wrong_thumbnail(given, sentence):
    """
    The sentence says which of the two it is about.
    """
    assert refusal(corpus.png(), given).startswith(sentence)


# When it goes wrong


def test_no_memory(monkeypatch):
    """
    Memory that runs out is not the file's fault, but its size.
    """

    def decoded(*args):
        raise MemoryError

    monkeypatch.setattr(pixels, "decoded", decoded)
    assert refusal(corpus.png()) == (
        "The image is too much work to look at. Make it smaller, or save it in another way."
    )


@pytest.mark.parametrize("error", [AttributeError, SyntaxError, EOFError, OSError, ValueError])
def test_whatever_decoders_raise(monkeypatch, error):
    """
    Whatever a decoder has to say, the uploader hears a sentence.
    """

    def decoded(*args):
        raise error("bad JPEG marker 0xd7 in IFD of tile descriptor")

    monkeypatch.setattr(pixels, "decoded", decoded)
    assert refusal(corpus.png()) == BROKEN


def test_sentences():
    """
    Every sentence in the module is one.
    """
    for sentence in (pictures.TOO_MUCH, BROKEN):
        assert re.fullmatch(r"[A-Z].*\.", sentence)
