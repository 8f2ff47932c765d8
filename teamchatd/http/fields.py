"""
Reading what a client sends: JSON in the body, text in the query.
"""

import sys
from typing import Any

import orjson

from teamchatd.errors import Invalid, NotJSON
from teamchatd.http.request import Request

LONGEST_NUMBER = 1000
"""Digits."""


class BadField(Invalid):
    """A field is missing, of the wrong type, or no text that can be kept."""


def read_json(request: Request) -> dict[str, Any]:
    """
    The object in the body of C{request}; see L{parse_json}.
    """
    return parse_json(request.content.read(), request.getHeader("content-type"))


def parse_json(body: bytes, content_type: str | None) -> dict[str, Any]:
    """
    The object in C{body}; an empty body is an empty object.

    @raise NotJSON: by its type it is something else.
    @raise Invalid: it is not what its type says, or no object.
    """
    if not body:
        return {}
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise NotJSON("The body has to be JSON, with the Content-Type application/json.")
    try:
        decoded = orjson.loads(body)
    except (orjson.JSONDecodeError, RecursionError) as error:
        raise Invalid("The body is not valid JSON in UTF-8.") from error
    if not isinstance(decoded, dict):
        raise Invalid("The body has to be a JSON object.")
    return decoded


def text(fields: dict[str, Any], name: str) -> str:
    """
    @raise BadField: it is missing, or no text.
    """
    if name not in fields:
        raise BadField(f"'{name}' is missing.")
    return _text(fields[name], name)


def optional_text(fields: dict[str, Any], name: str) -> str | None:
    return text(fields, name) if name in fields else None


def optional_texts(fields: dict[str, Any], name: str) -> list[str] | None:
    if name not in fields:
        return None
    value = fields[name]
    if not isinstance(value, list):
        raise BadField(f"'{name}' has to be a list of strings.")
    return [_text(item, name) for item in value]


def flag(fields: dict[str, Any], name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise BadField(f"'{name}' has to be true or false.")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str):
        raise BadField(f"'{name}' has to be a string.")
    if "\0" in value:
        raise BadField(f"'{name}' holds a NUL character, which no text may.")
    return value


def in_query(request: Request, name: str) -> str | None:
    """
    The last value of C{name} in the query; an empty one counts as none.
    """
    values: list[bytes] = (request.args or {}).get(name.encode(), [])
    if not values or not values[-1]:
        return None
    try:
        return values[-1].decode()
    except UnicodeDecodeError as error:
        raise BadField(f"'{name}' is not UTF-8.") from error


def choice_in_query(request: Request, name: str, *choices: str) -> str | None:
    """
    One of C{choices}, or none.
    """
    value = in_query(request, name)
    if value is not None and value not in choices:
        raise BadField(f"'{name}' can be {' or '.join(choices)}.")
    return value


def number_in_query(request: Request, name: str, otherwise: int) -> int:
    value = in_query(request, name)
    if value is None:
        return otherwise
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()):
        raise BadField(f"'{name}' has to be an integer.")
    if len(digits) > LONGEST_NUMBER:  # Python reads no more, and nobody counts that far
        return -sys.maxsize if value.startswith("-") else sys.maxsize
    return int(value)
