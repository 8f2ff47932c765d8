"""
What a file says besides the picture is gone, and nothing else, by
L{teamchatd.files.metadata}.
"""

from struct import pack

import pytest

from teamchatd.files.metadata import Broken, bare_jpeg, bare_png, bare_webp, orientation
from tests.files import corpus

SECRET = b"48 degrees 51 minutes"

STRIP = {"jpeg": bare_jpeg, "png": bare_png, "webp": bare_webp}

CLEAN = {
    "jpeg": ("jpeg", corpus.jpeg()),
    "progressive": ("jpeg", corpus.jpeg(progressive=True)),
    "restarting": ("jpeg", corpus.jpeg(restart_marker_blocks=2)),
    "grey jpeg": ("jpeg", corpus.jpeg(mode="L")),
    "cmyk": ("jpeg", corpus.jpeg(mode="CMYK")),
    "profiled jpeg": ("jpeg", corpus.jpeg(icc_profile=corpus.icc() * 100)),
    "jpeg of some density": ("jpeg", corpus.jpeg(dpi=(300, 300))),
    "padded jpeg": ("jpeg", corpus.jpeg()[:-2] + b"\xff\xff\xff\xff\xd9"),
    "png": ("png", corpus.png()),
    "palette": ("png", corpus.png(mode="P", transparency=3)),
    "bits": ("png", corpus.png(mode="1")),
    "profiled png": ("png", corpus.png(icc_profile=corpus.icc(), dpi=(300, 300))),
    "apng": ("png", corpus.apng()),
    "apng apart": ("png", corpus.apng(default_image=True)),
    "webp": ("webp", corpus.webp()),
    "lossless webp": ("webp", corpus.webp(lossless=True)),
    "webp with alpha": ("webp", corpus.webp(mode="RGBA")),
    "profiled webp": ("webp", corpus.webp(icc_profile=corpus.icc())),
    "moving webp": ("webp", corpus.animated_webp()),
}

GPS = corpus.exif(gps=True).removeprefix(b"Exif\0\0")

TELLING = {
    "exif": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xE1, b"Exif\0\0" + GPS + SECRET)),
    "xmp": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xE1, b"http://ns.adobe.com" + SECRET)),
    "iptc": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xED, b"Photoshop 3.0\0" + SECRET)),
    "comment": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xFE, SECRET)),
    "preview": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xE0, b"JFXX\0\x10" + SECRET)),
    "maker": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xEF, SECRET)),
    "no profile": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xE2, b"FPXR\0" + SECRET)),
    "unknown segment": ("jpeg", lambda jpeg: corpus.with_segment(jpeg, 0xF0, SECRET)),
    "between segments": ("jpeg", lambda jpeg: jpeg[:2] + SECRET + jpeg[2:]),
    "lonely marker": ("jpeg", lambda jpeg: jpeg[:2] + b"\xff\x01" + SECRET + jpeg[2:]),
    "jpeg and zip": ("jpeg", lambda jpeg: jpeg + b"PK\3\4" + SECRET),
    "text": ("png", lambda png: corpus.with_chunk(png, b"tEXt", b"GPS\0" + SECRET)),
    "packed text": ("png", lambda png: corpus.with_chunk(png, b"zTXt", b"GPS\0\0" + SECRET)),
    "utf-8": ("png", lambda png: corpus.with_chunk(png, b"iTXt", b"GPS\0\0\0\0\0" + SECRET)),
    "png exif": ("png", lambda png: corpus.with_chunk(png, b"eXIf", GPS + SECRET)),
    "time": ("png", lambda png: corpus.with_chunk(png, b"tIME", b"\7\xe8\1\2\3\4\5")),
    "private": ("png", lambda png: corpus.with_chunk(png, b"caBX", SECRET)),
    "late text": ("png", lambda png: corpus.with_chunk(png, b"tEXt", SECRET, before=b"IEND")),
    "png and html": ("png", lambda png: png + corpus.html() + SECRET),
    "webp exif": ("webp", lambda webp: corpus.with_piece(webp, b"EXIF", GPS + SECRET)),
    "webp xmp": ("webp", lambda webp: corpus.with_piece(webp, b"XMP ", SECRET)),
    "unknown piece": ("webp", lambda webp: corpus.with_piece(webp, b"ABCD", SECRET)),
    "beyond riff": ("webp", lambda webp: webp + SECRET),
}


@pytest.mark.parametrize("name", CLEAN)
def test_clean(name):
    """
    A file that says nothing besides stays as it was, byte for byte.
    """
    kind, data = CLEAN[name]
    assert STRIP[kind](data).data is data


@pytest.mark.parametrize("name", TELLING)
def test_telling(name):
    """
    What is added to a clean file goes again, and with it nothing else.
    """
    kind, tell = TELLING[name]
    for clean_kind, clean in CLEAN.values():
        if clean_kind == kind:
            telling = tell(clean)
            assert telling != clean
            bare = STRIP[kind](telling).data
            assert SECRET not in bare
            assert bare == clean


@pytest.mark.parametrize("kind", [b"fcTL", b"fdAT"])
def test_frames_of_a_picture_that_does_not_move(kind):
    """
    Nobody ever sees them, so they are freight.
    """
    assert bare_png(corpus.with_chunk(corpus.png(), kind, SECRET)).data == corpus.png()


def test_preview_in_the_header():
    """
    A JFIF header may have a preview in it; what it says about density stays.
    """
    clean = corpus.jpeg(dpi=(300, 300))
    assert clean[2:4] == b"\xff\xe0"
    head = clean[6:18] + b"\1\2" + bytes(6)
    telling = corpus.with_segment(clean[:2] + clean[20:], 0xE0, head)
    assert bare_jpeg(telling).data == clean


def test_long_adobe():
    """
    Behind what Adobe's segment says about colours, nothing stays.
    """
    clean = corpus.jpeg(mode="CMYK")
    at = clean.index(b"Adobe")
    long = clean[: at - 2] + pack(">H", 14 + len(SECRET)) + clean[at : at + 12] + SECRET
    assert bare_jpeg(long + clean[at + 12 :]).data == clean


def test_real_exif():
    """
    Files as cameras write them come out as if the camera had not said a word.
    """
    assert bare_jpeg(corpus.jpeg(gps=True, orientation=1, comment=SECRET)).data == corpus.jpeg()
    assert bare_png(corpus.png(gps=True)).data == corpus.png()
    bare = bare_webp(corpus.webp(gps=True)).data
    assert b"EXIF" not in bare
    assert bare[20] & 0x0C == 0
    assert corpus.pixels(bare) == corpus.pixels(corpus.webp())


def test_flags_without_pieces():
    """
    A WebP that promises EXIF and has none no longer promises it.
    """
    clean = corpus.webp(mode="RGBA")
    promising = clean[:20] + bytes((clean[20] | 0x0C,)) + clean[21:]
    assert bare_webp(promising).data == clean


def test_inside_a_frame():
    """
    A frame of an animation may have unknown pieces of its own.
    """
    clean = corpus.animated_webp()
    at = clean.index(b"ANMF")
    length = int.from_bytes(clean[at + 4 : at + 8], "little")
    frame = clean[at + 8 : at + 8 + length] + b"ABCD" + pack("<I", 4) + b"here"
    telling = clean[:at] + b"ANMF" + pack("<I", len(frame)) + frame + clean[at + 8 + length :]
    telling = b"RIFF" + pack("<I", len(telling) - 8) + telling[8:]
    assert bare_webp(telling).data == clean


def test_mpo():
    """
    Of a camera's two pictures in one file the first stays, an ordinary JPEG.
    """
    bare = bare_jpeg(corpus.mpo()).data
    assert b"MPF" not in bare
    assert bare.count(b"\xff\xd8\xff") == 1
    assert corpus.opened(bare).format == "JPEG"
    assert corpus.pixels(bare) == corpus.pixels(corpus.mpo())


@pytest.mark.parametrize("name", CLEAN)
def test_size(name):
    kind, data = CLEAN[name]
    bare = STRIP[kind](data)
    assert (bare.width, bare.height) == (64, 48)
    moves = {"apng": 3, "apng apart": 3, "moving webp": 3}
    assert bare.frames == moves.get(name, 1)


@pytest.mark.parametrize("name", CLEAN)
def test_cut_off(name):
    """
    A file that ends anywhere before its end is broken.
    """
    kind, data = CLEAN[name]
    for end in {*range(3, len(data), len(data) // 50), len(data) - 1}:
        with pytest.raises(Broken):
            STRIP[kind](data[:end])


SOF = b"\xff\xc0\x00\x0b\x08\x00\x30\x00\x40\x01\x01\x11\x00"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8\xff\xd9",  # nothing in between
        corpus.jpeg()[:2] + corpus.jpeg(),  # begins twice
        corpus.jpeg()[:2] + SOF + corpus.jpeg()[2:],  # has two sizes
        corpus.jpeg()[:2] + b"\xff\xc0\x00\x04\x08\x00" + corpus.jpeg()[2:],  # half a size
        corpus.jpeg()[:2] + b"\xff\xfe\x00\x01" + corpus.jpeg()[2:],  # a length below none
        b"\xff\xd8" + SOF + b"\xff\xda\x00\x02" * 101 + b"\xff\xd9",  # scans without end
        b"\xff\xd8" + SOF[:5] + b"\0\0" + SOF[7:] + b"\xff\xda\x00\x02\xff\xd9",  # no height
    ],
)
def test_broken_jpeg(data):
    with pytest.raises(Broken):
        bare_jpeg(data)


@pytest.mark.parametrize(
    "data",
    [
        corpus.SIGNATURE + corpus.chunk(b"IEND"),
        corpus.SIGNATURE + corpus.chunk(b"IDAT") + corpus.png()[8:],
        corpus.SIGNATURE + corpus.header(64, 48) + corpus.png()[8:],
        corpus.SIGNATURE + corpus.chunk(b"IHDR", b"\0" * 12) + corpus.chunk(b"IEND"),
        corpus.claims(0, 48),
        corpus.with_chunk(corpus.png(), b"acTL", pack(">II", 2, 0)),  # promises frames
        corpus.with_chunk(corpus.apng(), b"acTL", pack(">II", 3, 0)),  # and again
        corpus.with_chunk(corpus.png(), b"acTL", pack(">II", 1, 0), before=b"IEND"),  # too late
        corpus.with_chunk(corpus.png(), b"acTL", b"\0\0\0\1"),
        corpus.png()[:-16] + b"x" + corpus.png()[-15:],  # the sum of IDAT is wrong
    ],
)
def test_broken_png(data):
    with pytest.raises(Broken):
        bare_png(data)


@pytest.mark.parametrize(
    "data",
    [
        b"RIFF\4\0\0\0WEBP",
        b"RIFF\x0c\0\0\0WEBPVP8 \0\0\0\0",
        b"RIFF\x0c\0\0\0WEBPVP8L\0\0\0\0",
        b"RIFF\x0c\0\0\0WEBPVP8X\0\0\0\0",
        b"RIFF\x0c\0\0\0WEBPICCP\0\0\0\0",
        b"RIFF\x0c\0\0\0WEBPVP8 \1\0\0\0",
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    ],
)
def test_broken_webp(data):
    with pytest.raises(Broken):
        bare_webp(data)


@pytest.mark.parametrize("turned", range(1, 9))
def test_orientation(turned):
    """
    How a picture is to be turned is read, wherever it stands.
    """
    assert bare_jpeg(corpus.jpeg(orientation=turned, gps=True)).orientation == turned
    assert bare_png(corpus.png(orientation=turned)).orientation == turned
    assert bare_webp(corpus.webp(orientation=turned)).orientation == turned


def test_orientation_either_way_round():
    """
    EXIF comes with either end of a number first.
    """
    for order, mark in ((">", b"MM"), ("<", b"II")):
        entry = pack(f"{order}HHIHH", 0x0112, 3, 1, 6, 0)
        tiff = mark + pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)
        assert orientation(tiff) == 6


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"MM",
        b"XX\0*\0\0\0\x08",
        b"MM\0*\xff\xff\xff\xff",
        b"MM\0*\0\0\0\x08\xff\xff",
        b"MM\0*\0\0\0\x08\0\1" + pack(">HHIHH", 0x0112, 3, 1, 9, 0),
        b"MM\0*\0\0\0\x08\0\1" + pack(">HHIHH", 0x0112, 3, 1, 0, 0),
        b"MM\0*\0\0\0\x08\0\1" + pack(">HHII", 0x0112, 4, 1, 6),
    ],
)
def test_senseless_orientation(exif):
    """
    EXIF that makes no sense turns nothing.
    """
    assert orientation(exif) == 1
    assert bare_png(corpus.with_chunk(corpus.png(), b"eXIf", exif)).orientation == 1


def test_pixels_are_never_touched():
    """
    What makes the pixels goes through as it is.
    """
    telling = corpus.png(gps=True)
    start, end = telling.index(b"IDAT"), telling.index(b"IEND")
    assert telling[start:end] in bare_png(telling).data
    telling = corpus.jpeg(gps=True, comment=SECRET)
    assert telling[telling.index(b"\xff\xda") :] in bare_jpeg(telling).data
