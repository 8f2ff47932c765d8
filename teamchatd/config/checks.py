"""
What a value has to be.

What a check lets pass it returns, tidied; all else is a ValueError that says why.
"""

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

Check = Callable[[Any], Any]

MODES = {mode: f'"{mode}"' for mode in ("dev", "password", "magic-link")}

# How secrets begin that are copied from manuals; one rolled by chance does not.
FAMILIAR = re.compile(
    r"(an?|the|my|our|your|this|is|jwt|very|long|super|some|random|default|example|please)*"
    r"(secret|change|password|replace|insert|placeholder|stringsecret|256bit|teamchat|0?123456789)"
)


class BadConfig(Exception):
    """
    Says in one line what is wrong, and where; never the value of a secret.
    """

    def __init__(self, where: str, sentence: str) -> None:
        super().__init__("".join(c if c.isprintable() else "?" for c in f"{where}: {sentence}"))


def near(word: str, known: Mapping[str, str]) -> str:
    plain = {_plain(name): shown for name, shown in known.items()}
    near = get_close_matches(_plain(word), plain, n=1, cutoff=0.7)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _plain(name: str) -> str:
    return re.sub("^TEAMCHAT_|[^A-Za-z0-9]", "", name).lower()


def must(fit: Check, otherwise: str, tidy: Check = lambda value: value) -> Check:
    def check(value: Any) -> Any:
        if not fit(value):
            raise ValueError(otherwise.format(value))
        return tidy(value)

    return check


def between(least: int, most: int) -> Check:
    return must(lambda number: least <= number <= most, f"{{}} is not between {least} and {most}")


def like(pattern: str, what: str, tidy: Check = str) -> Check:
    return must(re.compile(pattern).fullmatch, f'"{{}}" is not {what}', tidy)


def each(check: Check) -> Check:
    return lambda items: tuple(check(item) for item in items)


def or_empty(check: Check) -> Check:
    return lambda text: text and check(text)


def mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f'"{text}" is not "dev", "password" or "magic-link"{near(text, MODES)}')
    return text


def one_of(*words: str) -> Check:
    known = {word: f'"{word}"' for word in words}
    *first, last = known.values()

    def check(text: str) -> str:
        if text not in known:
            meant = near(text, known)
            raise ValueError(f'"{text}" is not {", ".join(first)} or {last}{meant}')
        return text

    return check


def jwt_secret(secret: str) -> str:
    if len(secret.encode()) < 32:
        raise ValueError("is shorter than 32 bytes; without one, a good one is made")
    known = FAMILIAR.match(re.sub("[^a-z0-9]", "", secret.lower()))
    if known or len(set(secret)) < 8 or secret in (secret + secret)[1:-1]:
        raise ValueError("is easy to guess; without one, a good one is made")
    return secret


def without_usual_port(origin: str) -> str:
    return re.sub(r"^(http:.*):80$|^(https:.*):443$", r"\1\2", origin.lower())


filled = must(str.strip, "is empty")
host = like(
    r"[A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.]*(%\w+)?", "a host name or an address"
)
origin = like(
    r"(?i)\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?",
    'an origin, like "https://chat.example.org", or "*"',
    without_usual_port,
)
url = like(  # which links continue with "?token=...": no room for another "?", or a "#"
    r"(?i)https?://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[^\s?#]*)?",
    'a web address, like "https://chat.example.org"',
)
provider_url = like(  # what is sent there and comes back is secret, so nobody may listen
    r"(?i)(https://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])"
    r"|http://(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\]))"
    r"(:[0-9]{1,5})?(/[!$-;=?-Z_a-z~]*)?",
    'an "https://" address; "http://" will do on this machine only',
)
return_url = like(
    r"(?i)https?://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[!$-;=?-Z_a-z~]*)?",
    'a web address, like "https://chat.example.org/auth/oauth/google/callback"',
)
provider_id = must(
    lambda text: re.fullmatch("[A-Za-z0-9_-]{1,64}", text) and text != "providers",
    '"{}" is not 1 to 64 letters, digits, "-" and "_", other than "providers"',
)
name = like(
    r"\s*(?=\S)[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}(?<=\S)\s*",
    "1 to 64 characters without control characters",
    str.strip,
)
email = like(
    r"\s*(?=\S{3,254}\s*$)[^@\s]+@[^@\s.]+(\.[^@\s.]+)*\s*", "an e-mail address", str.strip
)
sender = like(
    r"\s*(?=.{3,320}$)([^<>\x00-\x1f\x7f-\x9f]*<{0}>|{0})\s*".replace(
        "{0}", r"[!#-'*+./0-9=?A-Z^-~-]+@[^@\s.<>]+(\.[^@\s.<>]+)*"
    ),
    'an e-mail address, or "Name <address>"',
    str.strip,
)
postgres_url = must(
    re.compile(r"postgres(ql)?://[^\s]*/[^\s/]+").fullmatch,
    'is not an address like "postgresql://teamchat:PASSWORD@db.example.org/teamchat"',
)
redis_url = must(
    re.compile(r"redis://([^\s/?#@]*@)?[^\s/?#@]+(/[0-9]+)?").fullmatch,
    'is not an address like "redis://:PASSWORD@cache.example.org:6379/0"',
)
line = like(r"[^\x00-\x1f\x7f]*", "one line of text")
password = must(lambda secret: 8 <= len(secret) <= 256, "has to be 8 to 256 characters")
