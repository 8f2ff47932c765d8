"""
Whatever is uploaded, there is a picture or a sentence.
"""

import os
from base64 import b64encode
from xml.parsers.expat import ParserCreate

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from teamchatd.files.pictures import UnusablePicture, develop
from tests.files import corpus

SHARE = 4 if "QUICK" in os.environ else 1
"""C{make quick}, which runs in workers, tries fewer."""

MOST = 40_000
"""Pixels: what claims to have more is another test's business."""

KNOWN = ("http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink")

TELLING = (
    "<!-- a --><svg xmlns='http://www.w3.org/2000/svg' xmlns:x='urn:x' x:a='ä'"
    " xmlns:l='http://www.w3.org/1999/xlink'><metadata><x:b>c</x:b></metadata><g x:d=\"e\"/>"
    f"<image l:href='data:;base64,{b64encode(corpus.png((4, 4), gps=True)).decode()}'/>"
    "<?y z?><style>a <![CDATA[ > ]]> b</style><x:f/></svg><!-- g -->"
)

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
    b"<!DOCTYPE svg [<!ENTITY x 'y'><!-- z -->]><svg>&x;</svg>",
    TELLING.encode(),
    f'<?xml version="1.0" encoding="utf-16"?>{TELLING}'.encode("utf-16"),
    f'<?xml version="1.0" encoding="windows-1252"?>{TELLING}'.encode("cp1252"),
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
        else:
            tells_nothing(sheet.data)
        # What was looked at once is not changed when it is looked at again.
        assert develop(sheet.data, None, MOST).image == sheet


def tells_nothing(data):
    """
    C{data} is XML without anything in it that is not the picture.
    """

    def begins(name, attributes):
        root.append(name.rpartition(" ")[0])
        for namespace, space, _ in (name.rpartition(" ") for name in (name, *attributes)):
            assert namespace in KNOWN or not space
        assert name.rpartition(" ")[2] != "metadata"
        assert name.rpartition(" ")[0] in (root[0], *KNOWN)

    root, asides = [], []
    parser = ParserCreate(namespace_separator=" ")
    parser.StartElementHandler = begins
    parser.CommentHandler = asides.append
    parser.ProcessingInstructionHandler = lambda *aside: asides.append(aside)
    parser.Parse(data, True)
    assert root
    assert not asides


PIECES = [
    *("<svg>", "</svg>", "<g>", "</g>", "<g/>", "<metadata>", "</metadata>", "<metadata/>"),
    *("<x:a>", "</x:a>", "<x:a/>", "<svg:metadata>", "</svg:metadata>", "<b>", "<a>", "]]>"),
    *("<style>", "</style>", "<!--", "-->", "<!--", "<?a", "?>", "&e;"),
    "<svg xmlns='http://www.w3.org/2000/svg'>",
    "<svg xmlns='http://www.w3.org/2000/svg' xmlns:x='urn:x' x:y='&lt;'>",
    "<g xmlns:x='http://www.w3.org/2000/svg' x:z = '>'>",
    "<b xmlns='urn:x' c='/>'>",
    "<b xmlns=''/>",
    "<x:g xmlns:x='urn:x' xmlns:svg='http://www.w3.org/2000/svg'>",
    "</x:g>",
    "</b>",
    "<![CDATA[",
    "words",
    " ",
    "<!DOCTYPE svg [<!ENTITY e 'f'>",
    "<!ATTLIST svg xmlns:x CDATA 'urn:x'>",
    "]>",
    "<?xml version='1.0'?>",
    "url(data:image/png,x)",
]


@often(600)
@given(
    st.lists(st.sampled_from(PIECES), max_size=12).map("".join),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le"]),
)
def test_any_pieces(text, encoding):
    is_decent(text.encode(encoding))


@st.composite
def trees(draw):
    """
    What is XML, of SVG and all sorts of other things.
    """
    names = st.sampled_from(["g", "metadata", "s:g", "s:metadata", "x:g", "style"])
    more = st.sampled_from(
        ["", " a='>'", " x:a='/>'", " xmlns='urn:x'", " xmlns:x='http://www.w3.org/2000/svg'"]
    )
    words = st.sampled_from(
        ["", "a", "ä&amp;", "<!-- > -->", "<?a > ?>", "<![CDATA[<g>]]>", "<g/>"]
    )

    def wrapped(inside):
        return st.builds("<{0}{1}>{2}</{0} >".format, names, more, inside) | st.builds(
            "{}{}{}".format, inside, words, inside
        )

    inside = draw(st.recursive(words, wrapped))
    spaces = (
        "xmlns='http://www.w3.org/2000/svg' xmlns:s='http://www.w3.org/2000/svg' xmlns:x='urn:x'"
    )
    return f"<!-- a -->\n<svg {spaces}>{inside}</svg><?b?>"


@often(400)
@given(trees(), st.sampled_from(["utf-8", "utf-16"]))
def test_any_tree(text, encoding):
    is_decent(text.encode(encoding))
    develop(text.encode(encoding), None, MOST)


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
