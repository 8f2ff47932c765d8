"""
Reading the images that clients send, as base64 in JSON.

Such a body is up to thirty times as large as any other.  It is kept in a file
while it arrives, and read in a thread, where no more than a few are at once:
neither memory nor anybody else's request depends on how many are sent.
"""

from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from io import BytesIO
from typing import IO

from attrs import define

from teamchatd.chat.images import Load, Upload
from teamchatd.errors import TooLarge
from teamchatd.http.fields import BadField, optional_text, parse_json, text
from teamchatd.http.request import Request

SLICE = 256 << 10
"""
Characters of base64 that are decoded in one go: whole groups of four.  More would
keep Python's lock from the reactor for longer than anybody should notice.
"""


@define
class Uploads:
    """
    @ivar max_bytes: of one image.
    """

    max_bytes: int

    @contextmanager
    def of(self, request: Request) -> Iterator[Load]:
        """
        What reads the upload in C{request}, in another thread, whatever becomes of
        the client meanwhile.
        """
        # Twisted closes the body of a request whose client goes away.
        body, request.content = request.content, BytesIO()
        with body:
            yield partial(self._read, body, request.getHeader("content-type"))

    def _read(self, body: IO[bytes], content_type: str | None) -> Upload:
        fields = parse_json(body.read(), content_type)
        thumbnail = optional_text(fields, "thumbnail")
        return Upload(
            text(fields, "filename"),
            self._decoded("image", text(fields, "image")),
            None if thumbnail is None else self._decoded("thumbnail", thumbnail),
        )

    def _decoded(self, name: str, encoded: str) -> bytes:
        """
        @raise TooLarge: the image is.
        """
        if len(encoded) * 3 // 4 > self.max_bytes + 2:  # the padding, at most, is no byte
            raise self._too_large(name)
        if encoded.startswith("data:"):
            raise BadField(f"'{name}' is the base64 alone, without 'data:…;base64,' before it.")
        if "=" in encoded[:-2]:  # which a slice could end with
            raise self._not_base64(name)
        try:
            slices = range(0, len(encoded), SLICE)
            decoded = b"".join(
                a2b_base64(encoded[start : start + SLICE], strict_mode=True) for start in slices
            )
        except (NotBase64, ValueError) as error:
            raise self._not_base64(name) from error
        if len(decoded) > self.max_bytes:
            raise self._too_large(name)
        if not decoded:
            raise BadField(f"'{name}' is empty.")
        return decoded

    def _not_base64(self, name: str) -> BadField:
        return BadField(f"'{name}' is not base64 (RFC 4648, section 4).")

    def _too_large(self, name: str) -> TooLarge:
        return TooLarge(f"'{name}' is larger than {self.max_bytes} bytes.")
