"""
Requests that arrive whole.

Almost every request comes in one piece, on a connection that waits for it.  Twisted
reads it line by line, as it has to read what comes in a hundred pieces, and that
costs as much as all that we do with it.  Here is what is read in one step instead.

Nothing is decided here: what is not plain (RFC 9112) in every respect is not taken,
and Twisted reads it, refuses it or waits for the rest of it, as if we were not here.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from twisted.web.http_headers import Headers

LONGEST_HEAD = 8 << 10
"""Bytes.  Half of what Twisted takes: its own refusal of a longer one stays its own."""

LARGEST_BODY = 64 << 10
"""Bytes: the most that comes in one piece.  For what is larger, somebody decides where it goes."""

HEAD = re.compile(
    rb"([A-Z]++) (/[!-~]*+) HTTP/1\.1\r\n"
    # A line that is continued in the next has no name, and is not taken.
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[^\x00-\x08\x0a-\x1f\x7f]*+\r\n){0,100}+)\r\n"
)

LENGTH = re.compile(rb"0|[1-9][0-9]{0,4}")

NOT_PLAIN = frozenset({b"Connection", b"Expect", b"Transfer-Encoding", b"Upgrade"})
"""Headers that change how a request is read, or what becomes of the connection."""


class Whole(NamedTuple):
    method: bytes
    target: bytes
    headers: Headers
    body: bytes


def read(data: bytes) -> Whole | None:
    """
    The one request that C{data} is; L{None} if it is anything else, or is any
    less plain than most are.
    """
    found = HEAD.match(data)
    if found is None or found.end() > LONGEST_HEAD:
        return None
    method, target, block = found.groups()
    lines = block.split(b"\r\n")[:-1]
    fields = {}
    for line in lines:
        name, _, value = line.partition(b":")
        fields[_canonical(name)] = [value.strip(b" \t")]
    # Of two headers of one name, others may read the one, and we the other.
    if len(fields) < len(lines) or not _is_plain(fields):
        return None
    body = data[found.end() :]
    if len(body) != _length(fields):
        return None
    headers = Headers()
    headers._rawHeaders = fields  # as it would be after a call for each
    return Whole(method, target, headers, body)


def _is_plain(fields: dict[bytes, list[bytes]]) -> bool:
    return NOT_PLAIN.isdisjoint(fields) or (
        NOT_PLAIN & fields.keys() == {b"Connection"}
        and fields[b"Connection"][0].lower() == b"keep-alive"
    )


def _length(fields: dict[bytes, list[bytes]]) -> int | None:
    """
    How long the body is; L{None} if that cannot be said, or it is too long.
    """
    if b"Content-Length" not in fields:
        return 0
    [length] = fields[b"Content-Length"]
    if LENGTH.fullmatch(length) is None or int(length) > LARGEST_BODY:
        return None
    return int(length)


@lru_cache(maxsize=1000)
def _canonical(name: bytes) -> bytes:
    """
    The name of a header, as Twisted writes it.
    """
    [(canonical, _)] = Headers({name: [b""]}).getAllRawHeaders()
    return canonical
