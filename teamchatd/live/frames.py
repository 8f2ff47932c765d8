"""
What a server-sent event looks like on the wire (WHATWG HTML, section 9.2).
"""

from collections.abc import Sequence

from attrs import frozen


@frozen
class Frame:
    """
    Bytes for every listener, made once.

    @ivar plain: for HTTP/1.0, where the end of the connection ends the body.
    @ivar chunk: the same as one chunk of HTTP/1.1 (RFC 9112, section 7.1).
    """

    plain: bytes
    chunk: bytes


def frame(plain: bytes) -> Frame:
    return Frame(plain, b"%x\r\n%b\r\n" % (len(plain), plain))


def event(event_id: str, text: str) -> Frame:
    """
    One event.  JSON holds no raw line break, so one C{data} line does.
    """
    return frame(f"id: {event_id}\ndata: {text}\n\n".encode())


def joined(frames: Sequence[Frame]) -> Frame:
    """
    The same bytes in one frame.
    """
    if len(frames) == 1:
        return frames[0]
    return Frame(b"".join(each.plain for each in frames), b"".join(each.chunk for each in frames))


HEARTBEAT = frame(b":\n\n")
"""A comment: proxies see traffic, clients see nothing."""

END = Frame(b"", b"0\r\n\r\n")
"""The end of the body; in HTTP/1.0 that is the end of the connection."""

REPLACED = frame(b'retry: 60000\ndata: {"type":"REPLACED","payload":{}}\n\n')
"""
To a stream that gives way to a newer one of the same user.  Without C{retry} a
browser would come back after three seconds and drive out the next.
"""
