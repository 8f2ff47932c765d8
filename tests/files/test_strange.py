"""
Whatever is uploaded, there is a picture or a sentence.
"""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teamchatd.files.pictures import UnusablePicture, develop
from tests.files import corpus

SHARE = 4 if "QUICK" in os.environ else 1
"""C{make quick}, which runs in workers, tries fewer."""

MOST = 40_000
"""Pixels: what claims to have more is another test's business."""

GOOD = [
    corpus.jpeg((20, 12), gps=True, orientation=6),
    corpus.jpeg((20, 12), "CMYK", progressive=True),
    corpus.jpeg((420, 12), "L", comment=b"hello"),
    corpus.png((20, 12), gps=True, orientation=3),
    corpus.png((420, 12), "P", transparency=1),
    corpus.png((20, 12), "I;16"),
    corpus.apng(2, (20, 12)),
    corpus.apng(2, (20, 12), default_image=True),
    corpus.webp((20, 12), gps=True, orientation=8),
    corpus.webp((420, 12), "RGBA", lossless=True),
    corpus.animated_webp(2, (20, 12), icc_profile=b"none"),
    corpus.svg(script=True),
    b"<!DOCTYPE svg [<!ENTITY x 'y'>]><svg>&x;</svg>",
    corpus.mpo((20, 12)),
    corpus.html(),
    corpus.gif((20, 12)),
]

STARTS = [
    b"",
    b"\xff\xd8\xff",
    corpus.SIGNATURE,
    b"RIFF\x40\0\0\0WEBPVP8X",
    b"<svg",
    b"\xff\xfe<\0",
]


def often(times):
    return settings(
        max_examples=times // SHARE,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )


def is_decent(image, thumbnail=None):
    """
    C{image} is a picture that can be shown, or refused with a sentence.
    """
    try:
        picture = develop(image, thumbnail, MOST)
    except UnusablePicture as refusal:
        sentence = str(refusal)
    else:
        sentence = ""
    if sentence:
        assert sentence.startswith(("The image ", "The thumbnail "))
        assert sentence.endswith(".")
        return
    for sheet in filter(None, (picture.image, picture.thumbnail)):
        if sheet.extension != "svg":
            again = corpus.opened(sheet.data)
            assert again.size[0] * again.size[1] <= MOST
            assert not again.getexif()
        # What was looked at once is not changed when it is looked at again.
        assert develop(sheet.data, None, MOST).image == sheet


@st.composite
def damaged(draw):
    """
    Good files with bytes changed, cut out, put in, and parts of others.
    """
    data = bytearray(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(["change", "cut", "insert", "repeat", "splice", "end"]))
        if how == "change" and at < len(data):
            data[at] = draw(st.one_of(st.integers(0, 255), st.sampled_from([0, 1, 127, 128, 255])))
        elif how == "cut":
            del data[at : at + draw(st.integers(1, 40))]
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif how == "repeat":
            data[at:at] = data[at : at + draw(st.integers(1, 200))]
        elif how == "splice":
            other = draw(st.sampled_from(GOOD))
            data[at:] = other[draw(st.integers(0, len(other))) :]
        elif how == "end":
            del data[at:]
    return bytes(data)


@often(300)
@given(damaged())
def test_damaged(data):
    is_decent(data)


@often(60)
@given(damaged(), damaged())
def test_damaged_both(image, thumbnail):
    is_decent(image, thumbnail)


@often(200)
@given(st.sampled_from(STARTS), st.binary(max_size=300))
def test_any_bytes(start, data):
    is_decent(start + data)


def chunks():
    kinds = b"IHDR PLTE IDAT IEND tRNS acTL fcTL fdAT iCCP eXIf gAMA cHRM bKGD pHYs".split()
    content = st.one_of(
        st.binary(max_size=30),
        st.just(corpus.header(4, 4)[8:-4]),
        st.just(b"\0\0\0\2\0\0\0\0"),
        st.just(b"\x78\x9c\x63\x60\xa0\x3d\0\0\x30\0\1"),
    )
    return st.lists(st.builds(corpus.chunk, st.sampled_from(kinds), content), max_size=8)


@often(150)
@given(chunks())
def test_any_chunks(pieces):
    """
    The sums are right, so that it goes further into the decoder.
    """
    is_decent(corpus.SIGNATURE + corpus.header(4, 4) + b"".join(pieces) + corpus.chunk(b"IEND"))
