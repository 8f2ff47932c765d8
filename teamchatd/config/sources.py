"""
Where the values come from: the file, the environment, the options.
"""

import re
import tomllib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, count, takewhile
from pathlib import Path
from typing import Any, get_args

from attrs import evolve, fields, frozen, has

from teamchatd.config.checks import BadConfig, Check, near
from teamchatd.config.contradictions import contradictions
from teamchatd.config.naming import camel, inside, numbered, title
from teamchatd.config.sections import Config

UNREAD = "(not read)"

NOT_OURS = ("TEAMCHAT_TEST_", "TEAMCHAT_BENCH_")  # these steer the tests, not the daemon

CREDENTIALS = "/run/credentials"
"""Below it is what systemd gives to each service (systemd.exec(5), C{LoadCredential=})."""


@frozen
class Key:
    """
    One line of the file: C{passwordFile} of C{chat.initialUser}, which fills C{password}.

    @ivar is_repeated: whether its section may stand in the file several times.
    """

    section: str
    name: str
    fills: str
    kind: Any
    check: Check
    is_secret: bool
    is_repeated: bool = False

    def __str__(self) -> str:
        return f"{title(self.section, self.is_repeated)} {self.name}"

    @property
    def variable(self) -> str:
        snake = re.sub("([A-Z])", r"_\1", f"{self.section}_{self.name}".replace(".", "_"))
        return f"TEAMCHAT_{snake.upper()}"


@frozen
class Given:
    """
    A value, and where it was found.

    @ivar number: of a section that may stand there several times, which: from 1.
    """

    where: str
    key: Key
    value: Any
    number: int = 0

    @property
    def slot(self) -> tuple[str, str]:
        return numbered(self.key.section, self.number), self.key.fills


def _repeated(kind: Any) -> Any:
    """
    What there may be several of, if C{kind} is a tuple of sections.
    """
    inner = get_args(kind)
    return inner[0] if inner and has(inner[0]) else None


def _keys(section: str, made: Any, is_repeated: bool = False) -> Iterator[Key]:
    for attribute in fields(made):
        name, kind = camel(attribute.name), attribute.type
        if has(kind):
            yield from _keys(inside(section, name), kind)
            continue
        if _repeated(kind):
            yield from _keys(inside(section, name), _repeated(kind), is_repeated=True)
            continue
        kind = kind if kind in KINDS else list
        key = Key(section, name, name, kind, **attribute.metadata, is_repeated=is_repeated)
        yield key
        if key.is_secret:
            yield evolve(key, name=f"{name}File", check=str)


KINDS = {bool: "true or false", int: "a whole number", str: "a string", list: "a list of strings"}
OTHERS = {**KINDS, list: "a list of other things", float: "a fraction", dict: "a section"}
WORDS = {"1": True, "yes": True, "on": True, "true": True}
WORDS |= {"0": False, "no": False, "off": False, "false": False}
KEYS = {(key.section, key.name): key for key in _keys("", Config)}
NAMES = {key.name: str(key) for key in reversed(KEYS.values())}  # of two, the first counts
REPEATED = {key.section for key in KEYS.values() if key.is_repeated}
SECTIONS = {
    inner: title(inner, inner in REPEATED)
    for section, _ in KEYS
    for inner in accumulate(section.split("."), inside)  # [oauth.presets] has no keys of its own
}
LISTEN = KEYS["server", "listen"]
HOME = {"STATE_DIRECTORY": KEYS["storage", "dataDirectory"]}
VARIABLES = {key.variable: key for key in KEYS.values() if not key.is_repeated}
OPTIONS = {
    "--port": KEYS["server", "port"],
    "--data-dir": KEYS["storage", "dataDirectory"],
    "--auth-mode": KEYS["auth", "authMode"],
}


def read(
    path: Path | None,
    environ: Mapping[str, str] = {},
    options: Mapping[str, str] = {},
    handed_over: Sequence[str] = (),
    opens_secrets: bool | Collection[str] = True,
) -> Config:
    """
    The options win over the environment, and that over the file.

    @param handed_over: the sockets that systemd has for us: what C{[server] listen} is where
        nobody has said.
    @param opens_secrets: whether files with secrets are opened, or in which sections.  Where
        not, L{UNREAD} stands for what is in each of them.
    @raise BadConfig: for the first mistake anywhere, even where something else overrides it.
    """
    home = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    ours = {name: environ[name] for name in sorted(environ) if name.startswith("TEAMCHAT_")}
    sources = [
        _texts("variable", HOME, {"STATE_DIRECTORY": home} if home else {}),
        [Given("a socket of systemd", LISTEN, list(handed_over))] if handed_over else [],
        _tables(path) if path else [],
        _texts("variable", VARIABLES, {n: ours[n] for n in ours if not n.startswith(NOT_OURS)}),
        _texts("option", OPTIONS, {f"--{name}": text for name, text in options.items()}),
    ]
    given: dict[tuple[str, str], Given] = {}
    for source in sources:
        given |= _one_each(source)
    opens = {section for section, _ in KEYS} if opens_secrets is True else opens_secrets or ()
    found = {
        slot: _opened(one) if one.key.section in opens else _not_opened(one)
        for slot, one in given.items()
    }
    config: Config = _filled_in("", Config, found)
    for section, name, sentence in contradictions(config):
        raise BadConfig(given[section, name].where, sentence)
    return config


def _tables(path: Path) -> Iterator[Given]:
    try:
        tables = tomllib.loads(_content(str(path), path))
    except (ValueError, RecursionError) as wrong:
        raise BadConfig(str(path), f"is not TOML: {wrong}") from None
    yield from _table(path, "", tables)


def _table(path: Path, section: str, table: Mapping[str, Any], number: int = 0) -> Iterator[Given]:
    here = f"{path}: {numbered(SECTIONS[section], number)} " if section else f"{path}: "
    for name, value in table.items():
        inner = inside(section, name)
        if inner in REPEATED:
            yield from _tables_of(path, inner, value)
        elif inner in SECTIONS and isinstance(value, dict):
            yield from _table(path, inner, value)
        elif inner in SECTIONS:
            raise BadConfig(f"{path}: [{inner}]", "has to be a section")
        elif (section, name) in KEYS:
            yield Given(f"{here}{name}", KEYS[section, name], value, number)
        elif isinstance(value, dict):
            raise BadConfig(
                f"{path}: [{inner}]", "there is no such section" + near(inner, SECTIONS)
            )
        else:
            ours = {key.name: str(key) for key in KEYS.values() if key.section == section}
            raise BadConfig(
                f"{here}{name}",
                "there is no such key" + (near(name, ours) or near(name, NAMES)),
            )


def _tables_of(path: Path, section: str, tables: Any) -> Iterator[Given]:
    """
    What stands in a section that may be there several times.
    """
    title = SECTIONS[section]
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise BadConfig(f"{path}: {title}", f"has to be a section, written {title}")
    for number, table in enumerate(tables, 1):
        if "id" not in table:  # nor could it be seen later that an empty one was there
            raise BadConfig(f"{path}: {numbered(title, number)}", "needs an id")
        yield from _table(path, section, table, number)


def _texts(what: str, known: Mapping[str, Key], given: Mapping[str, str]) -> Iterator[Given]:
    for name, text in given.items():
        if name not in known:
            meant = near(name, {candidate: candidate for candidate in known})
            raise BadConfig(name, f"there is no such {what}{meant}")
        if not text.isascii() and re.search("[\ud800-\udfff]", text):
            raise BadConfig(f"{name} ({known[name]})", "is not UTF-8")
        yield Given(f"{name} ({known[name]})", known[name], _parsed(known[name].kind, text))


def _parsed(kind: Any, text: str) -> Any:
    """
    What cannot be read as its kind stays a string, for L{_checked} to complain of.
    """
    if kind is str:
        return text
    if kind is bool:
        return WORDS.get(text.strip().lower(), text)
    if kind is int:
        return int(text) if re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text) else text
    if not text.strip().startswith("["):
        return [item.strip() for item in text.split(",") if item.strip()]
    try:
        return tomllib.loads(f"items = {text.strip()}")["items"]
    except (ValueError, RecursionError):
        return text


def _one_each(source: Iterable[Given]) -> dict[tuple[str, str], Given]:
    chosen: dict[tuple[str, str], Given] = {}
    for one in map(_checked, source):
        slot = one.slot
        if one.key.is_secret and not one.value:
            continue  # an empty secret is none, and overrides none
        if slot in chosen:
            raise BadConfig(one.where, f"is given beside {chosen[slot].key.name}; one is enough")
        chosen[slot] = one
    return chosen


def _checked(one: Given) -> Given:
    kind, found = one.key.kind, type(one.value)
    if found is not kind or (found is list and any(type(item) is not str for item in one.value)):
        but = f'"{one.value}"' if found is str else OTHERS.get(found, "a date or a time")
        raise BadConfig(one.where, f"has to be {KINDS[kind]}, not {but}")
    try:
        return evolve(one, value=one.key.check(one.value))
    except ValueError as wrong:
        raise BadConfig(one.where, str(wrong)) from None


def _opened(one: Given) -> Any:
    """
    The value, or what is in the file it names: opened only if nothing overrides it.
    """
    if one.key.name == one.key.fills:
        return one.value
    where = f'{one.where}: "{one.value}"'
    content = _content(where, Path(one.value)).strip()
    if not content:
        raise BadConfig(where, "is empty")
    return _checked(Given(where, KEYS[one.key.section, one.key.fills], content)).value


def _not_opened(one: Given) -> Any:
    return one.value if one.key.name == one.key.fills else UNREAD


def _content(where: str, path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadConfig(where, "is not UTF-8") from None
    except (OSError, ValueError) as wrong:
        why = f"cannot be read: {getattr(wrong, 'strerror', wrong)}"
        if path.is_relative_to(CREDENTIALS):
            why += "; systemd puts it there, from /etc/credstore and while the service runs"
        raise BadConfig(where, why) from None


def _filled_in(section: str, made: Any, values: Mapping[tuple[str, str], Any]) -> Any:
    chosen = {}
    for attribute in fields(made):
        name = camel(attribute.name)
        inner = inside(section, name)
        if has(attribute.type):
            chosen[attribute.name] = _filled_in(inner, attribute.type, values)
        elif inner in REPEATED:
            several = takewhile(
                lambda one: (one, "id") in values, (f"{inner} {number}" for number in count(1))
            )
            made_of = _repeated(attribute.type)
            chosen[attribute.name] = tuple(_filled_in(one, made_of, values) for one in several)
        elif (section, name) in values:
            chosen[attribute.name] = values[section, name]
    return made(**chosen)
