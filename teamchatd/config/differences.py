"""
What is not the same in two configurations.
"""

from collections.abc import Iterator
from typing import Any

from attrs import fields, has

from teamchatd.config.naming import camel, inside, title
from teamchatd.config.sections import Config


def differences(one: Config, other: Config) -> list[str]:
    """
    The keys that have another value, as the operator writes them, and no value: some are
    secret.  A section that may be there several times is one of them.
    """
    return list(_differences("", one, other))


def _differences(section: str, one: Any, other: Any) -> Iterator[str]:
    for attribute in fields(type(one)):
        mine, theirs = getattr(one, attribute.name), getattr(other, attribute.name)
        name = camel(attribute.name)
        if has(attribute.type):
            yield from _differences(inside(section, name), mine, theirs)
        elif mine != theirs:
            yield _title(section, name, attribute.metadata)


def _title(section: str, name: str, metadata: Any) -> str:
    is_key = "check" in metadata
    return f"[{section}] {name}" if is_key else title(inside(section, name), is_repeated=True)
