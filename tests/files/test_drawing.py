"""
What is an SVG, by L{teamchatd.files.drawing}.
"""

import pytest

from teamchatd.files.drawing import DEEPEST, LONGEST_ENTITY, NotDrawn, look_at
from teamchatd.files.pictures import UnusablePicture, develop
from tests.files import corpus

SVG = "http://www.w3.org/2000/svg"

ILLUSTRATOR = f"""<?xml version="1.0" encoding="utf-8"?>
<!-- Generator: a drawing program -->
<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd" [
  <!ENTITY ns_svg "{SVG}">
  <!ENTITY ns_xlink "http://www.w3.org/1999/xlink">
]>
<svg xmlns="&ns_svg;" xmlns:xlink="&ns_xlink;" width="8" height="8"/>"""


@pytest.mark.parametrize(
    "data",
    [
        corpus.svg(),
        corpus.svg(script=True),
        b"<svg/>",
        b"  \n<svg></svg>",
        f'<s:svg xmlns:s="{SVG}"><s:g/></s:svg>'.encode(),
        b'<?xml version="1.0"?><svg/>\n<!-- the end -->\n',
        b"\xef\xbb\xbf<svg/>",
        '<?xml version="1.0" encoding="utf-16"?><svg/>'.encode("utf-16"),
        "<svg/>".encode("utf-16"),
        '<?xml version="1.0" encoding="iso-8859-1"?><svg>ä</svg>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252"?><svg>€</svg>'.encode("cp1252"),
        ILLUSTRATOR.encode(),
        b"<svg>" + b"<g>" * (DEEPEST - 1) + b"</g>" * (DEEPEST - 1) + b"</svg>",
    ],
)
def test_svg(data):
    """
    An SVG stays what it is, script and all: where it is shown, nothing can run.
    """
    picture = develop(data, None, 1)
    assert picture.image.data is data
    assert picture.image.extension == "svg"
    assert picture.thumbnail is None


@pytest.mark.parametrize(
    "data",
    [
        corpus.html(),
        b"<html xmlns='http://www.w3.org/1999/xhtml'><svg xmlns='http://www.w3.org/2000/svg'/></html>",
        b"<svg xmlns='http://www.w3.org/1999/xhtml'><script/></svg>",
        b"<SVG/>",
        b"<svgz/>",
        b"<!-- <svg> -->",
        b"<",
        b"<?xml version='1.0'?>",
        b"<?xml version='1.0' encoding='klingon'?><svg/>",
        b"<?php system('id') ?><svg",
        b"\xff\xfe<\0",
        b"\0<",
        b"\xef\xbb\xbf",
    ],
)
def test_not_meant_as_one(data):
    """
    What is no SVG at all is told which kinds can be shown.
    """
    with pytest.raises(UnusablePicture) as caught:
        develop(data, None, 1)
    assert str(caught.value) == (
        "The image is none that can be shown here: a JPEG, PNG, WebP or SVG can."
    )


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"<svg>", 1),
        (b"<svg>\n<g></svg>", 2),
        (b"<svg>\n\n&nbsp;</svg>", 3),
        (b"<svg/><script/>", 1),
        (b"<svg/>\0", 1),
        (b"<svg>\xff</svg>", 1),
        (b"<svg><x:g/></svg>", 1),
        (corpus.svg()[:-3], 1),
    ],
)
def test_mistakes(data, line):
    """
    An SVG with a mistake is told where it is.
    """
    with pytest.raises(NotDrawn) as caught:
        look_at(data, "image")
    assert str(caught.value) == (
        f"The image is an SVG with a mistake in line {line}, and cannot be opened."
    )


LAUGHS = "<!DOCTYPE svg [<!ENTITY a 'ha'>{}]><svg>&j;</svg>".format(
    "".join(
        f"<!ENTITY {name} '{f'&{before};' * 10}'>"
        for before, name in zip("abcdefghi", "bcdefghij", strict=True)
    )
)


@pytest.mark.parametrize(
    "data",
    [
        LAUGHS,
        "<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><svg>&x;</svg>",
        "<!DOCTYPE svg [<!ENTITY x PUBLIC 'x' 'http://example.org/'>]><svg>&x;</svg>",
        "<!DOCTYPE svg [<!ENTITY % x SYSTEM 'http://example.org/'> %x;]><svg/>",
        "<!DOCTYPE svg [<!ENTITY % x 'y'>]><svg/>",
        f"<!DOCTYPE svg [<!ENTITY x '{'y' * (LONGEST_ENTITY + 1)}'>]><svg>&x;</svg>",
        "<!DOCTYPE svg [<!ENTITY x '&#38;x;'>]><svg>&x;</svg>",
    ],
    ids=["laughs", "file", "public", "parameter from elsewhere", "parameter", "long", "itself"],
)
def test_entities(data):
    """
    What grows, or comes from elsewhere, when it is read is refused unread.
    """
    with pytest.raises(NotDrawn) as caught:
        look_at(data.encode(), "image")
    assert str(caught.value) == (
        "The image is an SVG that is put together from entities. Save it as a plain SVG."
    )


def test_many_short_entities():
    """
    Those that are allowed cannot make much of a file.
    """
    value = "y" * LONGEST_ENTITY
    look_at(f"<!DOCTYPE svg [<!ENTITY x '{value}'>]><svg>{'&x;' * 10_000}</svg>".encode(), "image")


def test_deep():
    """
    A depth at which browsers fall over is refused on the way down.
    """
    with pytest.raises(NotDrawn, match="too many elements inside each other"):
        look_at(b"<svg>" * (DEEPEST + 1), "image")
