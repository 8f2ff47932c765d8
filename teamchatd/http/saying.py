"""
What all calls have in common that say something, or read what was said.
"""

from teamchatd.chat.messages import Wording
from teamchatd.http.fields import (
    choice_in_query,
    in_query,
    number_in_query,
    optional_text,
    optional_texts,
)
from teamchatd.http.request import Request

PAGE = 50
"""Messages, for those who do not say how many."""


def paging(request: Request) -> tuple[int, str | None]:
    """
    How many messages somebody wants to read, and before which.
    """
    return number_in_query(request, "limit", PAGE), in_query(request, "before")


def wording(request: Request) -> Wording:
    fields = request.fields
    return Wording(
        optional_text(fields, "content"),
        optional_texts(fields, "images"),
        optional_text(fields, "clientId"),
    )


def new_wording(request: Request) -> Wording:
    """
    For what was said already, and has its C{clientId}.
    """
    fields = request.fields
    return Wording(optional_text(fields, "content"), optional_texts(fields, "images"))


def wants_thumbnail(request: Request) -> bool:
    return choice_in_query(request, "size", "thumb") is not None
