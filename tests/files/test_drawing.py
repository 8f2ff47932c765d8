"""
What is an SVG, and what it says besides, by L{teamchatd.files.drawing}.
"""

from base64 import b64encode
from urllib.parse import quote

import pytest

from teamchatd.files.drawing import DEEPEST, DRAWINGS_DEEP, LONGEST_ENTITY, NotDrawn, bare_drawing
from teamchatd.files.pictures import UnusablePicture, develop
from tests.files import corpus


def bare(data):
    return bare_drawing(data, "image", lambda inside, kind: None)


XHTML = "http://www.w3.org/1999/xhtml"
SVG = "http://www.w3.org/2000/svg"

ILLUSTRATOR = f"""<?xml version="1.0" encoding="utf-8"?>
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
        b'<?xml version="1.0"?><svg/>\n',
        b"\xef\xbb\xbf<svg/>",
        '<?xml version="1.0" encoding="utf-16"?><svg/>'.encode("utf-16"),
        "<svg/>".encode("utf-16"),
        '<?xml version="1.0" encoding="iso-8859-1"?><svg>ä</svg>'.encode("latin-1"),
        '<?xml version="1.0" encoding="windows-1252"?><svg>€</svg>'.encode("cp1252"),
        ILLUSTRATOR.encode(),
        b"<svg xmlns:x='http://www.w3.org/1999/xlink'><a x:href='/x' xml:space='default'/></svg>",
        b"<svg xmlns:xml='http://www.w3.org/XML/1998/namespace'><g xmlns=''/></svg>",
        b"<svg><title>A house</title><desc>With a tree.</desc></svg>",
        f'<svg xmlns="{SVG}"><p xmlns="{XHTML}">words</p></svg>'.encode(),
        b"<!DOCTYPE svg [<!ATTLIST svg xmlns:a CDATA #FIXED 'urn:a' id ID #IMPLIED>]><svg/>",
        b"<svg><style><![CDATA[ a > b { fill: url(#c) } ]]></style></svg>",
        b"<svg><style>@font-face { src: url(data:font/woff;base64,d09GRg==) }</style></svg>",
        b"<svg><image href='data:image/png;base64,'/><image href='data:,'/></svg>",
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
        bare(data)
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
        bare(data.encode())
    assert str(caught.value) == (
        "The image is an SVG that is put together from entities. Save it as a plain SVG."
    )


def test_many_short_entities():
    """
    Those that are allowed cannot make much of a file.
    """
    value = "y" * LONGEST_ENTITY
    bare(f"<!DOCTYPE svg [<!ENTITY x '{value}'>]><svg>{'&x;' * 10_000}</svg>".encode())


def test_deep():
    """
    A depth at which browsers fall over is refused on the way down.
    """
    with pytest.raises(NotDrawn, match="too many elements inside each other"):
        bare(b"<svg>" * (DEEPEST + 1))


# What it says besides

SECRET = "/home/bob/secret"


def clean(head="", attributes="", inside="", end=""):
    """
    A drawing, to which is added what is given.
    """
    tag = f'<svg xmlns="{SVG}" xmlns:l="http://www.w3.org/1999/xlink"  width=\'8\'{attributes}>'
    content = "<g id='ä' \n>a &amp; é</g ><use l:href = '#ä'/>"
    return f'<?xml version="1.0"?>\n{head}{tag}{inside}{content}</svg >\n{end}'


FOREIGN = f'xmlns:ink="urn:{SECRET}"'

TELLING = {
    "comment": {"inside": f"<!-- {SECRET} -->"},
    "first": {"head": f"<!-- {SECRET} -->\n \n"},
    "last": {"end": f"<!-- {SECRET} -->\n<?php {SECRET}?>\n"},
    "instruction": {"inside": f"<?program {SECRET}?>"},
    "sheet from elsewhere": {"head": f"<?xml-stylesheet href='{SECRET}'?>\n"},
    "metadata": {"inside": f"<metadata id='m'>{SECRET}<g>{SECRET}</g></metadata>"},
    "metadata inside itself": {"inside": f"<metadata><metadata/>{SECRET}<metadata/></metadata >"},
    "empty metadata": {"inside": f"<metadata id='{SECRET}' />"},
    "prefixed": {"inside": f"<s:metadata xmlns:s='{SVG}' id='{SECRET}'></s:metadata>"},
    "foreign element": {"inside": f"<x xmlns='urn:x'><y>{SECRET}</y><!-- --><?x?></x\n>"},
    "drawing in it": {"inside": f"<x xmlns='urn:x'><g xmlns='{SVG}'>{SECRET}</g></x>"},
    "of no namespace": {"inside": f"<x xmlns=''>{SECRET}</x>"},
    "foreign attribute": {"attributes": f'\n {FOREIGN}\n ink:file = "{SECRET}>" ink:no=\'"/>\''},
    "declared later": {"attributes": f" ink:file='{SECRET}' {FOREIGN}"},
    "rdf": {
        "attributes": " xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'",
        "inside": f"<rdf:RDF><dc:creator xmlns:dc='urn:dc'>{SECRET}</dc:creator></rdf:RDF>",
    },
    "its source": {"attributes": f" content='&lt;mxfile host=&quot;{SECRET}'"},
    "of XHTML": {"inside": f"<meta xmlns='{XHTML}' name='author' content='{SECRET}'/>"},
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be", "iso-8859-1"])
@pytest.mark.parametrize("name", TELLING)
def test_telling(name, encoding):
    """
    What tells of something else goes, and every other byte stays.
    """
    said = f'encoding="{encoding[:6]}"' if encoding[:6] == "utf-16" else 'encoding="iso-8859-1"'
    said = "" if encoding.startswith("utf-8") else said
    expected, telling = (
        text.replace("?>", f" {said}?>", 1).encode(encoding)
        for text in (clean(), clean(**TELLING[name]))
    )
    assert SECRET.encode(encoding.removesuffix("-sig"))[2:] in telling
    assert bare(telling) == expected
    assert bare(expected) is expected


@pytest.mark.parametrize("link", ["file:///home/bob/x.png", "C:\\Users\\bob", "\\\\disk\\bob"])
def test_links_to_a_disk(link):
    """
    A file of the one who drew it nobody else can open, but its name tells.
    """
    assert b"bob" not in bare(f"<svg><image href='{link}'/></svg>".encode())


def test_document_type():
    """
    What a document type has to say stays, without the remarks.
    """
    before, after = "<!DOCTYPE svg [<!ENTITY a 'b'>", "]><svg>&a;</svg>"
    telling = f"{before}<!-- {SECRET} --><?x {SECRET}?>{after}"
    assert bare(telling.encode()) == (before + after).encode()


@pytest.mark.parametrize(
    "data",
    [
        f"<!DOCTYPE svg [<!ATTLIST svg x CDATA '{SECRET}'>]><svg/>",
        "<svg>]]<!-- -->></svg>",
        "<svg><style>url(data:image/p<!-- -->ng;base64,Z)</style></svg>",
    ],
    ids=["in the document type", "falls together", "comes together"],
)
def test_unusual(data):
    """
    What cannot be cut out, or leaves something else behind, is refused.
    """
    with pytest.raises(NotDrawn) as caught:
        bare(data.encode())
    assert str(caught.value) == (
        "The image is an SVG that is written in an unusual way. Save it as a plain SVG."
    )


def test_tags_in_entities():
    """
    Where they are in the file, nobody could say.
    """
    with pytest.raises(NotDrawn, match="put together from entities"):
        bare(f"<!DOCTYPE svg [<!ENTITY x '<!-- {SECRET} -->'>]><svg>&x;</svg>".encode())


# Images in it


def url(data, kind="image/png"):
    return f"data:{kind};base64,{b64encode(data).decode()}"


def linked(link):
    return f'<svg><image href="{link}"/></svg>'


TOLD = corpus.jpeg(gps=True, comment=b"hello"), corpus.jpeg()

PAIRS = {
    "jpeg": (*TOLD, "image/jpeg"),
    "not what it says": (*TOLD, "image/png"),
    "not said": (*TOLD, ""),
    "png": (corpus.png(gps=True), corpus.png(), "image/png"),
    "webp": (corpus.animated_webp() + b"freight", corpus.animated_webp(), "image/webp"),
    "svg": (f"<svg><!-- {SECRET} --></svg>".encode(), b"<svg></svg>", "image/svg+xml"),
    "svg with another": (
        linked(url(corpus.jpeg(gps=True))).encode(),
        linked(url(corpus.jpeg())).encode(),
        "image/svg+xml",
    ),
}

PLACES = {
    "link": linked("URL"),
    "older link": '<svg xmlns:x="http://www.w3.org/1999/xlink"><image x:href="URL"/></svg>',
    "style": '<svg style="fill: url(URL), url(#a)"/>',
    "quoted": '<svg style="fill: url(&#39;URL&#39;), url(&#34;URL&#34;)"/>',
    "sheet": "<svg><style>ä { x: url(URL) }</style></svg>",
    "cdata": "<svg><style> <![CDATA[ a > b { x: url('URL') } ]]> </style></svg>",
    "html": f'<svg><style xmlns="{XHTML}"/><img xmlns="{XHTML}" src="URL"/></svg>',
}


def inlaid(data):
    return develop(data.encode(), None, 10_000).image.data.decode()


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("place", PLACES)
def test_inlaid(place, pair):
    """
    An image inside is bared like one that comes alone, and nothing else is touched.
    """
    telling, expected, kind = PAIRS[pair]
    before, after = (PLACES[place].replace("URL", url(it, kind)) for it in (telling, expected))
    assert inlaid(before) == after
    assert inlaid(after) == after


WAYS = {
    "in lines": lambda link: f"{link[:90]}\n {link[90:]}",
    "in lines of XML": lambda link: f"{link[:90]}&#10;{link[90:500]}&#xa;{link[500:]}",
    "in percent": lambda link: link[:22] + quote(link[22:], safe=""),
    "all in percent": lambda link: f"data:image/png,{quote(corpus.jpeg(gps=True))}",
    "loudly": lambda link: f" DATA:IMAGE/PNG ; BASE64,{link[22:]} ",
    "without an end": lambda link: link.rstrip("="),
    "from afar": lambda link: link.replace("A", "&#65;"),
}


@pytest.mark.parametrize("way", WAYS)
def test_written_in_other_ways(way):
    """
    However it is written, it is the same image.
    """
    written = linked(WAYS[way](url(corpus.jpeg(gps=True))))
    assert inlaid(written).replace('" data', '"data') == linked(url(corpus.jpeg()))
    bare = linked(WAYS[way](url(corpus.jpeg()))) if way != "all in percent" else linked("#a")
    assert inlaid(bare) == bare


def test_turned():
    """
    What lies on its side by what its camera said is turned, as it would be alone.
    """
    lying = corpus.png(orientation=6)
    assert inlaid(linked(url(lying))) == linked(url(develop(lying, None, 10_000).image.data))


def in_each_other(times):
    data = b"<svg/>"
    for _ in range(times):
        data = linked(url(data, "image/svg+xml")).encode()
    return data.decode()


def test_in_each_other():
    """
    Drawings in drawings have an end.
    """
    assert inlaid(in_each_other(DRAWINGS_DEEP - 1))
    with pytest.raises(UnusablePicture, match="another image in it"):
        inlaid(in_each_other(DRAWINGS_DEEP))


@pytest.mark.parametrize(
    ("link", "sentence"),
    [
        (url(corpus.gif(), "image/gif"), "is an SVG with another image in it that is damaged, or"),
        (url(b"<svg>", "image/svg+xml"), "is an SVG with another image in it that is damaged, or"),
        ("data:image/png;base64,A", "is an SVG with another image in it that is damaged, or"),
        (url(corpus.jpeg()[:-9]), "inside the SVG cannot be opened: it is damaged, or"),
        (url(corpus.bomb()), "inside the SVG has 20000 × 20000 pixels. Make it smaller"),
    ],
    ids=["gif", "svg", "base64", "half", "bomb"],
)
def test_unusable_inside(link, sentence):
    """
    What would be refused alone is refused inside too.
    """
    with pytest.raises(UnusablePicture) as caught:
        inlaid(linked(link))
    assert str(caught.value).startswith(f"The image {sentence}")
