"""
Whether a file is an SVG, and what it says besides the picture, left out.

It is served so that nothing in it can run, so scripts may stay.  What goes is what
the picture is the same without: C{metadata}, comments, instructions to programs, and
whatever is in a namespace of a drawing program's own, where the name of a file on
somebody's disk may be.  C{title} and C{desc} stay, for those who cannot see it.  The
images in it are each looked at as if they were alone; see L{teamchatd.files.inlaid}.

expat says where in the file things are, and these bytes are cut out; all others stay
as they were.  The result is looked at once more, and nothing may be left to cut.
"""

import codecs
from contextlib import suppress
from re import IGNORECASE, Match, Pattern, compile
from typing import Any
from xml.parsers.expat import ExpatError, ParserCreate, XMLParserType

from attrs import define, field

from teamchatd.files.inlaid import Strip, Unshowable, without_telling

SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"

KNOWN = frozenset(
    (
        SVG,
        XHTML,  # in foreignObject, and for most programs that draw charts the text
        "http://www.w3.org/1998/Math/MathML",
        "http://www.w3.org/1999/xlink",
        "http://www.w3.org/2001/xml-events",
        "http://www.w3.org/XML/1998/namespace",
    )
)
"""Namespaces that make a picture.  A list of what we know, so that the next program's goes too."""

ROOTS = frozenset(("svg", f"{SVG} svg"))

TELLING = frozenset(("metadata", f"{SVG} metadata", f"{XHTML} meta"))

STYLES = frozenset(("style", f"{SVG} style", f"{XHTML} style"))

SOURCE = "content"
"""An attribute that no SVG has, except from a program that keeps its own document in it."""

DEEPEST = 1000
"""Elements in each other; browsers stop at a few thousand."""

DRAWINGS_DEEP = 3
"""SVG inside SVG."""

LONGEST_ENTITY = 128
"""
Characters.  Drawing programs shorten the names of their namespaces with entities.
One this long, and no other inside it, makes of a file at most forty times itself.
"""

NOT_IN_ENTITIES = frozenset("&%<")

ENTITIES = "The {what} is an SVG that is put together from entities. Save it as a plain SVG."
UNUSUAL = "The {what} is an SVG that is written in an unusual way. Save it as a plain SVG."

INLAID = (
    "The {what} is an SVG with another image in it that is damaged, or of a kind that"
    " cannot be shown here: a JPEG, PNG, WebP or SVG can."
)

# expat has seen that the file is in order, so that these need not.  They are about bytes: what they
# look for is the same byte in every encoding that comes here.
TAG = compile(rb"<[^ \t\r\n/>]+")
ATTRIBUTE = compile(rb"[ \t\r\n]+([^ \t\r\n=]+)[ \t\r\n]*=[ \t\r\n]*(\"[^\"]*\"|'[^']*')")
TAG_END = compile(rb"[ \t\r\n]*/?>")
SPACE = compile(rb"[ \t\r\n]*")
ENCODING = compile(rb"<\?xml[^>]*encoding[ \t\r\n]*=[ \t\r\n]*[\"']([A-Za-z][A-Za-z0-9._-]*)")

LINKS = frozenset(("href", "src"))

ON_DISK = compile(r"\s*(file:|[a-z]:[\\/]|\\\\)", IGNORECASE)
"""Begins what leads to a file of the one who drew it, and nowhere for anybody else."""


class NotDrawn(Exception):
    """Why it is no SVG that we take; empty if it is not even meant as one."""


Cut = tuple[int, int, bytes]
"""From where to where, and what comes there instead."""


def bare_drawing(data: bytes, what: str, strip: Strip) -> bytes:
    """
    The SVG without what it says besides; C{data} itself if it says nothing.

    @param strip: does the same for an image in it that is none.
    @raise NotDrawn: it is no SVG, or one that we do not take.
    """
    bare = _bare(data, what, strip, 1)
    if bare == data:
        return data
    with suppress(NotDrawn):
        if _bare(bare, what, strip, 1) == bare:
            return bare
    raise NotDrawn(UNUSUAL.format(what=what))


def expect(data: bytes) -> None:
    """
    Import what is needed to read the encoding that an SVG says it has.
    """
    declared = ENCODING.search(data[:200])
    if declared is not None:
        with suppress(LookupError):
            codecs.lookup(declared[1].decode())


def _bare(data: bytes, what: str, strip: Strip, deep: int) -> bytes:
    wide = _wide(data)
    if wide is None:
        return _cut(data, _look(data, None, what, strip, deep))
    # Byte for byte the same in the end: from and to UTF-16 there is one way.
    decode, encode = wide
    try:
        narrow = decode(data, "strict", True)[0].encode()
    except UnicodeError:
        raise NotDrawn from None
    bare = encode(_cut(narrow, _look(narrow, "utf-8", what, strip, deep)).decode())[0]
    _check(bare, what)
    return bare


def _wide(data: bytes) -> Any:
    """
    How to read and write UTF-16, if that is what expat will take it for.
    """
    if data.startswith(codecs.BOM_UTF16_BE) or data[:1] == b"\0":
        return codecs.utf_16_be_decode, codecs.utf_16_be_encode
    if data.startswith(codecs.BOM_UTF16_LE) or data[1:2] == b"\0":
        return codecs.utf_16_le_decode, codecs.utf_16_le_encode
    return None


def _check(data: bytes, what: str) -> None:
    """
    Whether expat reads it as it is, the encoding that it says it has included.
    """
    try:
        ParserCreate().Parse(data, True)
    except (ExpatError, ValueError, LookupError):
        raise NotDrawn(UNUSUAL.format(what=what)) from None


def _look(data: bytes, encoding: str | None, what: str, strip: Strip, deep: int) -> list[Cut]:
    eyes = _Eyes(data, what, strip, deep)
    try:
        eyes.look(encoding)
    except Unshowable:
        raise NotDrawn(INLAID.format(what=what)) from None
    except (ExpatError, ValueError, LookupError) as error:  # the last two for its encoding
        if not eyes.began:
            raise NotDrawn from None
        line = f" in line {error.lineno}" if isinstance(error, ExpatError) else ""
        raise NotDrawn(
            f"The {what} is an SVG with a mistake{line}, and cannot be opened."
        ) from None
    return eyes.cuts


def _cut(data: bytes, cuts: list[Cut]) -> bytes:
    pieces, at = [], 0
    for start, end, instead in cuts:
        pieces += [data[at:start], instead]
        at = end
    return b"".join((*pieces, data[at:]))


def _past(pattern: Pattern[bytes], data: bytes, at: int) -> int:
    found = pattern.match(data, at)
    return at if found is None else found.end()


def _escaped(value: str) -> bytes:
    for sign in "&<>\"'\t\r\n":
        value = value.replace(sign, f"&#{ord(sign)};")
    return b'"' + value.encode("ascii", "xmlcharrefreplace") + b'"'


@define
class _Eyes:
    """
    What expat tells of a file.

    @ivar _deep: 1, or more inside another SVG.
    @ivar _home: the namespace of the root; it may have none.
    @ivar _declared: the namespaces that the next tag declares, one by one.
    @ivar _left: where an element begins that is being cut, how deep it is, and where
        its tag ends if it is nothing but that.
    @ivar _styles: style sheets that we are in.
    @ivar _text: where text in one began.
    """

    _data: bytes
    _what: str
    _strip: Strip
    _deep: int
    began: bool = False
    cuts: list[Cut] = field(factory=list)
    _home: str = ""
    _depth: int = 0
    _declared: list[str | None] = field(factory=list)
    _left: tuple[int, int, int] | None = None
    _styles: int = 0
    _text: int | None = None
    _parser: XMLParserType = field(init=False)

    def look(self, encoding: str | None) -> None:
        """
        @raise ExpatError: it is not well-formed.
        """
        self._parser = parser = ParserCreate(encoding, namespace_separator=" ")
        # As they stand in the tag, one by one, and only those that stand there.
        parser.ordered_attributes = parser.specified_attributes = True
        parser.StartNamespaceDeclHandler = lambda prefix, uri: self._declared.append(uri)
        parser.StartElementHandler = self._element_begins
        parser.EndElementHandler = self._element_ends
        parser.CharacterDataHandler = self._text_begins
        parser.CommentHandler = lambda text: self._aside(b"-->")
        parser.ProcessingInstructionHandler = lambda target, text: self._aside(b"?>")
        parser.EntityDeclHandler = self._entity
        parser.AttlistDeclHandler = self._attribute_of_all
        parser.Parse(self._data, True)

    # Elements

    def _element_begins(self, name: str, attributes: list[str]) -> None:
        namespace = name.rpartition(" ")[0]
        if not self.began:
            if name not in ROOTS:
                raise NotDrawn
            self.began, self._home = True, namespace
        self._descend()
        if self._left is None:
            if name in TELLING or (namespace not in KNOWN and namespace != self._home):
                _, end = self._tag()
                is_all = self._data[end - 2] == ord("/")
                self._left = (self._parser.CurrentByteIndex, self._depth, end if is_all else 0)
            else:
                self._text_ends()
                self._styles += name in STYLES
                if attributes or self._declared:
                    self._look_at_attributes(name, attributes)
        self._declared.clear()

    def _descend(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotDrawn(
                f"The {self._what} is an SVG with too many elements inside each other."
                " Flatten it, or save it as a PNG."
            )

    def _element_ends(self, name: str) -> None:
        self._depth -= 1
        if self._left is None:
            self._text_ends()
            self._styles -= name in STYLES
        elif self._depth < self._left[1]:
            start, _, end = self._left
            end = end or self._data.index(b">", self._parser.CurrentByteIndex) + 1
            self._left = None
            self._cut(start, end)

    # Attributes

    def _tag(self) -> tuple[list[Match[bytes]], int]:
        """
        The attributes of the tag that begins here, and where it ends.
        """
        found: list[Match[bytes]] = []
        at = _past(TAG, self._data, self._parser.CurrentByteIndex)
        while attribute := ATTRIBUTE.match(self._data, at):
            found.append(attribute)
            at = attribute.end()
        return found, _past(TAG_END, self._data, at)

    def _look_at_attributes(self, element: str, attributes: list[str]) -> None:
        declared, told = iter(self._declared), zip(attributes[::2], attributes[1::2], strict=True)
        for attribute in self._tag()[0]:
            if attribute[1].partition(b":")[0] != b"xmlns":
                self._attribute(element, attribute, *next(told))
            elif next(declared) not in (None, self._home, *KNOWN):
                self._cut(*attribute.span())

    def _attribute(self, element: str, attribute: Match[bytes], name: str, value: str) -> None:
        namespace, _, local = name.rpartition(" ")
        is_link = local in LINKS and ON_DISK.match(value)
        is_source = name == SOURCE and element in ROOTS
        if is_link or is_source or (namespace and namespace not in KNOWN):
            self._cut(*attribute.span())
            return
        bare = without_telling(value, self._inlaid)
        if bare != value:
            self._cut(*attribute.span(2), _escaped(bare))

    def _inlaid(self, data: bytes, kind: str) -> bytes | None:
        if "svg" not in kind:
            return self._strip(data, kind)
        if self._deep == DRAWINGS_DEEP:
            raise Unshowable
        try:
            return _bare(data, "image inside the SVG", self._strip, self._deep + 1)
        except NotDrawn:
            raise Unshowable from None

    # Text

    def _text_begins(self, text: str) -> None:
        if self._styles and self._text is None and self._left is None:
            self._text = self._parser.CurrentByteIndex

    def _text_ends(self) -> None:
        start, self._text = self._text, None
        if start is not None:
            end = self._parser.CurrentByteIndex
            text = self._data[start:end].decode("latin-1")
            bare = without_telling(text, self._inlaid)
            if bare != text:
                self._cut(start, end, bare.encode("latin-1"))

    # What stands between

    def _aside(self, ends: bytes) -> None:
        """
        A comment, or an instruction to some program.
        """
        if self._left is not None:
            return
        self._text_ends()
        start = self._parser.CurrentByteIndex
        end = self._data.index(ends, start) + len(ends)
        if not self._depth:
            end = _past(SPACE, self._data, end)  # or the file would begin with its line
        self._cut(start, end)

    def _cut(self, start: int, end: int, instead: bytes = b"") -> None:
        self.cuts.append((start, end, instead))

    # The document type

    def _entity(
        self, name: str, is_parameter: bool, value: str | None, *elsewhere: str | None
    ) -> None:
        # Entities made of entities grow without bound, and those elsewhere would be fetched.
        # Of a tag in one it could not be said where it is.
        if (
            is_parameter
            or value is None
            or len(value) > LONGEST_ENTITY
            or not NOT_IN_ENTITIES.isdisjoint(value)
        ):
            raise NotDrawn(ENTITIES.format(what=self._what))

    def _attribute_of_all(
        self, element: str, name: str, kind: str, value: str | None, is_required: bool
    ) -> None:
        # What every element has without saying so cannot be cut out of one.
        if value is not None and name.partition(":")[0] != "xmlns":
            raise NotDrawn(UNUSUAL.format(what=self._what))
