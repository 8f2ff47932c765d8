"""
Images inside an SVG, written out as C{data:} URLs.

Each comes with all that its camera has said, like one that is sent alone, and is
bared like one.  What is no image, a font for example, is left alone; an image of a
kind that is not taken alone, a GIF or an AVIF, is not taken inside either, because
nobody here could say what else is in it.
"""

from binascii import Error, a2b_base64, b2a_base64
from collections.abc import Callable
from re import DOTALL, IGNORECASE, Match, compile

Strip = Callable[[bytes, str], bytes | None]
"""
Given a file and what its URL says it is, the one to keep, which is the same if there
is nothing to leave out; nothing if it is no image that we know.
"""

URL = compile(
    r"^\s*(data:.*)$"  # all there is, however it is broken into lines
    r"|\"\s*(data:[^\"]*)\"|'\s*(data:[^']*)'|\b(data:[^\"'<>()&]*)",  # in the midst of CSS
    DOTALL | IGNORECASE,
)

ANY = compile("data:", IGNORECASE)

PERCENT = compile(rb"%([0-9A-Fa-f]{2})")


class Unshowable(Exception):
    """An image in it is damaged, or of a kind that we do not take."""


def without_telling(text: str, strip: Strip) -> str:
    """
    C{text}, the value of an attribute or a style sheet, with its images bare.

    @raise Unshowable: one of them is none.
    """
    if not ANY.search(text):
        return text
    return URL.sub(lambda found: _bare(found, strip), text)


def _bare(found: Match[str], strip: Strip) -> str:
    number = found.lastindex or 0
    head, _, payload = found[number].partition(",")
    kind = head[len("data:") :].strip().lower()
    data = _content(payload, kind.endswith("base64"))
    bare = strip(data, kind) if data else data
    if bare is None and kind.startswith("image/"):
        raise Unshowable
    if bare is None or bare == data:
        return found[0]
    kind = kind.partition(";")[0].strip()
    url = f"data:{kind};base64,{b2a_base64(bare, newline=False).decode()}"
    start, end = (place - found.start() for place in found.span(number))
    return found[0][:start] + url + found[0][end:]


def _content(payload: str, is_base64: bool) -> bytes:
    content = PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), payload.encode())
    if not is_base64:
        return content
    try:
        return a2b_base64(content + b"==")
    except Error:
        return b"?"  # nothing, but not empty
