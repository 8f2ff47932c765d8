"""
C{teamchat.toml}, the environment and the command line: read once, checked once, and never
looked at again.

The classes in the middle are the list of what can be configured: a class is a section, an
attribute is a key, with its default and the check a value has to pass.  All else follows:
C{Auth.jwt_secret} is C{jwtSecret} (or C{jwtSecretFile}) of C{[auth]} in the file, and
C{TEAMCHAT_AUTH_JWT_SECRET} in the environment.  A tuple of such classes is a section that may
stand in the file several times, C{[[oauth.custom]]}; the environment has no name for those.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from itertools import accumulate, count, takewhile
from pathlib import Path
from typing import Any, get_args

from attrs import Factory, evolve, field, fields, frozen, has

Network = IPv4Network | IPv6Network
Check = Callable[[Any], Any]

DAY = 24 * 60 * 60
MODES = {mode: f'"{mode}"' for mode in ("dev", "password", "magic-link")}
NOT_OURS = ("TEAMCHAT_TEST_", "TEAMCHAT_BENCH_")  # these steer the tests, not the daemon

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


# What a check lets pass it returns, tidied; all else is a ValueError that says why.


def _must(fit: Check, otherwise: str, tidy: Check = lambda value: value) -> Check:
    def check(value: Any) -> Any:
        if not fit(value):
            raise ValueError(otherwise.format(value))
        return tidy(value)

    return check


def _between(least: int, most: int) -> Check:
    return _must(lambda number: least <= number <= most, f"{{}} is not between {least} and {most}")


def _like(pattern: str, what: str, tidy: Check = str) -> Check:
    return _must(re.compile(pattern).fullmatch, f'"{{}}" is not {what}', tidy)


def _each(check: Check) -> Check:
    return lambda items: tuple(check(item) for item in items)


def _or_empty(check: Check) -> Check:
    return lambda text: text and check(text)


def _mode(text: str) -> str:
    if text not in MODES:
        raise ValueError(f'"{text}" is not "dev", "password" or "magic-link"{_near(text, MODES)}')
    return text


def _jwt_secret(secret: str) -> str:
    if len(secret.encode()) < 32:
        raise ValueError("is shorter than 32 bytes; without one, a good one is made")
    known = FAMILIAR.match(re.sub("[^a-z0-9]", "", secret.lower()))
    if known or len(set(secret)) < 8 or secret in (secret + secret)[1:-1]:
        raise ValueError("is easy to guess; without one, a good one is made")
    return secret


def _without_usual_port(origin: str) -> str:
    return re.sub(r"^(http:.*):80$|^(https:.*):443$", r"\1\2", origin.lower())


_filled = _must(str.strip, "is empty")
_host = _like(
    r"[A-Za-z0-9._-]+|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.]*(%\w+)?", "a host name or an address"
)
_origin = _like(
    r"(?i)\*|[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?",
    'an origin, like "https://chat.example.org", or "*"',
    _without_usual_port,
)
_url = _like(  # which links continue with "?token=...": no room for another "?", or a "#"
    r"(?i)https?://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[^\s?#]*)?",
    'a web address, like "https://chat.example.org"',
)
_provider_url = _like(  # what is sent there and comes back is secret, so nobody may listen
    r"(?i)(https://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])"
    r"|http://(localhost|127\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}|\[::1\]))"
    r"(:[0-9]{1,5})?(/[!$-;=?-Z_a-z~]*)?",
    'an "https://" address; "http://" will do on this machine only',
)
_return_url = _like(
    r"(?i)https?://([^\s/?#@:\[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?(/[!$-;=?-Z_a-z~]*)?",
    'a web address, like "https://chat.example.org/auth/oauth/google/callback"',
)
_provider_id = _must(
    lambda text: re.fullmatch("[A-Za-z0-9_-]{1,64}", text) and text != "providers",
    '"{}" is not 1 to 64 letters, digits, "-" and "_", other than "providers"',
)
_name = _like(
    r"\s*(?=\S)[^\x00-\x1f\x7f-\x9f\u2028\u2029]{1,64}(?<=\S)\s*",
    "1 to 64 characters without control characters",
    str.strip,
)
_email = _like(
    r"\s*(?=\S{3,254}\s*$)[^@\s]+@[^@\s.]+(\.[^@\s.]+)*\s*", "an e-mail address", str.strip
)
_sender = _like(
    r"\s*(?=.{3,320}$)([^<>\x00-\x1f\x7f-\x9f]*<{0}>|{0})\s*".replace(
        "{0}", r"[!#-'*+./0-9=?A-Z^-~-]+@[^@\s.<>]+(\.[^@\s.<>]+)*"
    ),
    'an e-mail address, or "Name <address>"',
    str.strip,
)
_line = _like(r"[^\x00-\x1f\x7f]*", "one line of text")
_password = _must(lambda secret: 8 <= len(secret) <= 256, "has to be 8 to 256 characters")


def _key(default: Any, check: Check = lambda value: value, is_secret: bool = False) -> Any:
    known = {"check": check, "is_secret": is_secret}
    return field(default=default, repr=not is_secret, metadata=known)


@frozen
class Server:
    host: str = _key("127.0.0.1", _host)
    port: int = _key(3000, _between(0, 65535))
    listen: tuple[str, ...] = _key((), _each(_filled))
    allowed_origins: tuple[str, ...] = _key((), _each(_origin))
    trusted_proxies: tuple[Network, ...] = _key((), _each(ip_network))
    shutdown_seconds: int = _key(10, _between(1, 3600))


@frozen
class Auth:
    auth_mode: str = _key("password", _mode)
    is_invite_required: bool = _key(True)
    app_url: str = _key("http://localhost:3000", _url)
    jwt_secret: str = _key("", _or_empty(_jwt_secret), is_secret=True)
    jwt_expiry_seconds: int = _key(900, _between(1, 30 * DAY))
    refresh_token_expiry_seconds: int = _key(7 * DAY, _between(1, 366 * DAY))
    magic_link_expiry_seconds: int = _key(900, _between(1, 30 * DAY))
    max_active_sessions: int = _key(3, _between(1, 1000))
    allow_remote_dev_login: bool = _key(False)


@frozen
class InitialUser:
    """
    The first admin; with an empty C{email}, there is none.
    """

    user_name: str = _key("", _or_empty(_name))
    email: str = _key("", _or_empty(_email))
    password: str = _key("", _or_empty(_password), is_secret=True)


@frozen
class Chat:
    server_name: str = _key("teamchat", _name)
    max_message_length: int = _key(16384, _between(1, 1_000_000))
    initial_user: InitialUser = Factory(InitialUser)


@frozen
class Email:
    """
    The mail server that takes our letters; with an empty C{host}, there is none.
    """

    host: str = _key("", _or_empty(_host))
    port: int = _key(465, _between(1, 65535))
    secure: bool = _key(True)
    user: str = _key("", _line)
    password: str = _key("", is_secret=True)
    from_: str = _key("", _or_empty(_sender))
    max_retries: int = _key(2, _between(0, 100))
    timeout_seconds: int = _key(10, _between(1, 600))


@frozen
class Registration:
    """
    What a provider and this server have agreed on.  With an empty C{client_id},
    nothing yet.
    """

    client_id: str = _key("", _or_empty(_filled))
    client_secret: str = _key("", _or_empty(_filled), is_secret=True)
    redirect_uri: str = _key("", _or_empty(_return_url))


@frozen
class Presets:
    google: Registration = Factory(Registration)
    microsoft: Registration = Factory(Registration)
    github: Registration = Factory(Registration)
    gitlab: Registration = Factory(Registration)


@frozen
class CustomProvider:
    """
    @ivar issuer: where it describes itself, if it speaks OpenID; then it needs
        none of the three addresses.
    """

    id: str = _key("", _provider_id)
    name: str = _key("", _or_empty(_name))
    issuer: str = _key("", _or_empty(_provider_url))
    authorization_url: str = _key("", _or_empty(_provider_url))
    token_url: str = _key("", _or_empty(_provider_url))
    user_info_url: str = _key("", _or_empty(_provider_url))
    client_id: str = _key("", _filled)
    client_secret: str = _key("", _filled, is_secret=True)
    redirect_uri: str = _key("", _return_url)
    scopes: tuple[str, ...] = _key((), _each(_filled))


@frozen
class OAuth:
    max_attempts: int = _key(30, _between(1, 1_000_000))
    window_seconds: int = _key(900, _between(1, DAY))
    presets: Presets = Factory(Presets)
    custom: tuple[CustomProvider, ...] = ()


@frozen
class Storage:
    data_directory: str = _key("./teamchat-data", _filled)


@frozen
class Events:
    keep_days: int = _key(7, _between(1, 3650))
    heartbeat_seconds: int = _key(25, _between(1, 3600))
    streams_per_user: int = _key(32, _between(1, 10_000))


@frozen
class RateLimit:
    enabled: bool = _key(True)
    requests_per_minute: int = _key(600, _between(1, 1_000_000))
    failed_sign_ins_per_minute: int = _key(10, _between(1, 1_000_000))


@frozen
class Config:
    """
    One attribute per section; one attribute of it per key.
    """

    server: Server = Factory(Server)
    auth: Auth = Factory(Auth)
    chat: Chat = Factory(Chat)
    email: Email = Factory(Email)
    oauth: OAuth = Factory(OAuth)
    storage: Storage = Factory(Storage)
    events: Events = Factory(Events)
    rate_limit: RateLimit = Factory(RateLimit)


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
        return f"{_title(self.section, self.is_repeated)} {self.name}"

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
        return _numbered(self.key.section, self.number), self.key.fills


def _camel(snake: str) -> str:
    """
    An underscore at the end is for Python: C{from_} is C{from} for everybody else.
    """
    return re.sub("_(.)", lambda letter: letter[1].upper(), snake.rstrip("_"))


def _inside(section: str, name: str) -> str:
    return f"{section}.{name}" if section else name


def _title(section: str, is_repeated: bool) -> str:
    return f"[[{section}]]" if is_repeated else f"[{section}]"


def _numbered(section: str, number: int) -> str:
    return f"{section} {number}" if number else section


def _repeated(kind: Any) -> Any:
    """
    What there may be several of, if C{kind} is a tuple of sections.
    """
    inner = get_args(kind)
    return inner[0] if inner and has(inner[0]) else None


def _keys(section: str, made: Any, is_repeated: bool = False) -> Iterator[Key]:
    for attribute in fields(made):
        name, kind = _camel(attribute.name), attribute.type
        if has(kind):
            yield from _keys(_inside(section, name), kind)
            continue
        if _repeated(kind):
            yield from _keys(_inside(section, name), _repeated(kind), is_repeated=True)
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
    inner: _title(inner, inner in REPEATED)
    for section, _ in KEYS
    for inner in accumulate(section.split("."), _inside)  # [oauth.presets] has no keys of its own
}
HOME = {"STATE_DIRECTORY": KEYS["storage", "dataDirectory"]}
VARIABLES = {key.variable: key for key in KEYS.values() if not key.is_repeated}
OPTIONS = {
    "--port": KEYS["server", "port"],
    "--data-dir": KEYS["storage", "dataDirectory"],
    "--auth-mode": KEYS["auth", "authMode"],
}


def read(
    path: Path | None, environ: Mapping[str, str] = {}, options: Mapping[str, str] = {}
) -> Config:
    """
    The options win over the environment, and that over the file.

    @raise BadConfig: for the first mistake anywhere, even where something else overrides it.
    """
    home = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    ours = {name: environ[name] for name in sorted(environ) if name.startswith("TEAMCHAT_")}
    sources = [
        _texts("variable", HOME, {"STATE_DIRECTORY": home} if home else {}),
        _tables(path) if path else [],
        _texts("variable", VARIABLES, {n: ours[n] for n in ours if not n.startswith(NOT_OURS)}),
        _texts("option", OPTIONS, {f"--{name}": text for name, text in options.items()}),
    ]
    given: dict[tuple[str, str], Given] = {}
    for source in sources:
        given |= _one_each(source)
    config: Config = _filled_in("", Config, {slot: _opened(one) for slot, one in given.items()})
    for section, name, sentence in _contradictions(config):
        raise BadConfig(given[section, name].where, sentence)
    return config


def _tables(path: Path) -> Iterator[Given]:
    try:
        tables = tomllib.loads(_content(str(path), path))
    except (ValueError, RecursionError) as wrong:
        raise BadConfig(str(path), f"is not TOML: {wrong}") from None
    yield from _table(path, "", tables)


def _table(path: Path, section: str, table: Mapping[str, Any], number: int = 0) -> Iterator[Given]:
    here = f"{path}: {_numbered(SECTIONS[section], number)} " if section else f"{path}: "
    for name, value in table.items():
        inner = _inside(section, name)
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
                f"{path}: [{inner}]", "there is no such section" + _near(inner, SECTIONS)
            )
        else:
            ours = {key.name: str(key) for key in KEYS.values() if key.section == section}
            raise BadConfig(
                f"{here}{name}",
                "there is no such key" + (_near(name, ours) or _near(name, NAMES)),
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
            raise BadConfig(f"{path}: {_numbered(title, number)}", "needs an id")
        yield from _table(path, section, table, number)


def _texts(what: str, known: Mapping[str, Key], given: Mapping[str, str]) -> Iterator[Given]:
    for name, text in given.items():
        if name not in known:
            near = _near(name, {candidate: candidate for candidate in known})
            raise BadConfig(name, f"there is no such {what}{near}")
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


def _near(word: str, known: Mapping[str, str]) -> str:
    plain = {_plain(name): shown for name, shown in known.items()}
    near = get_close_matches(_plain(word), plain, n=1, cutoff=0.7)
    return f"; did you mean {plain[near[0]]}?" if near else ""


def _plain(name: str) -> str:
    return re.sub("^TEAMCHAT_|[^A-Za-z0-9]", "", name).lower()


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


def _content(where: str, path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadConfig(where, "is not UTF-8") from None
    except (OSError, ValueError) as wrong:
        raise BadConfig(where, f"cannot be read: {getattr(wrong, 'strerror', wrong)}") from None


def _filled_in(section: str, made: Any, values: Mapping[tuple[str, str], Any]) -> Any:
    chosen = {}
    for attribute in fields(made):
        name = _camel(attribute.name)
        inner = _inside(section, name)
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


def _contradictions(config: Config) -> Iterator[tuple[str, str, str]]:
    user, auth, email = config.chat.initial_user, config.auth, config.email
    if user.user_name and not user.email:
        yield "chat.initialUser", "userName", "needs an email beside it"
    if user.password and not user.email:
        yield "chat.initialUser", "password", "needs an email beside it"
    if user.email and not user.password and auth.auth_mode == "password":
        yield "chat.initialUser", "email", 'needs a password beside it, as authMode is "password"'
    if email.host and not email.from_:
        yield "email", "host", "needs a from beside it, the address that letters come from"
    if email.user and not email.password:
        yield "email", "user", "needs a password beside it"
    if email.password and not email.user:
        yield "email", "password", "needs a user beside it"
    if auth.auth_mode == "magic-link" and not email.host:
        yield "auth", "authMode", '"magic-link" sends letters: set [email] host, the mail server'
    yield from _incomplete_providers(config.oauth)
    if auth.auth_mode == "dev" and not auth.allow_remote_dev_login:
        for address in _reachable(config.server):
            yield (
                *("auth", "authMode"),
                f'"dev" lets anybody sign in as anybody, and "{address}" is open to other machines;'
                " listen on 127.0.0.1 only, or set [auth] allowRemoteDevLogin",
            )


def _incomplete_providers(oauth: OAuth) -> Iterator[tuple[str, str, str]]:
    registered = ["clientId", "clientSecret", "redirectUri"]
    taken = set()
    for preset in fields(Presets):
        section, given, lacking = (
            f"oauth.presets.{preset.name}",
            *_told_apart(getattr(oauth.presets, preset.name), registered),
        )
        if given and lacking:
            yield section, given[0], f"needs {' and '.join(lacking)} beside it"
        if given:
            taken.add(preset.name)
    for number, provider in enumerate(oauth.custom, 1):
        section = _numbered("oauth.custom", number)
        addresses = [] if provider.issuer else ["authorizationUrl", "tokenUrl", "userInfoUrl"]
        _, lacking = _told_apart(provider, [*registered, *addresses])
        if lacking:
            instead = " (an issuer knows the addresses)" if set(lacking) & set(addresses) else ""
            yield section, "id", f"needs {' and '.join(lacking)} beside it{instead}"
        if provider.id in taken:
            yield section, "id", f'"{provider.id}" is the id of another provider, too'
        taken.add(provider.id)


def _told_apart(made: Any, names: list[str]) -> tuple[list[str], list[str]]:
    """
    Which of C{names} have a value, and which have none.
    """
    values = {_camel(each.name): getattr(made, each.name) for each in fields(type(made))}
    return [name for name in names if values[name]], [name for name in names if not values[name]]


def _reachable(server: Server) -> list[str]:
    if server.listen:
        return [endpoint for endpoint in server.listen if not _stays_here(endpoint)]
    return [] if _is_loopback(server.host) else [server.host]


def _stays_here(endpoint: str) -> bool:
    """
    Where that cannot be seen from the string (C{systemd:}), it does not.
    """
    kind, *rest = re.split(r"(?<!\\):", endpoint)
    interfaces = [part.partition("=")[2] for part in rest if part.startswith("interface=")]
    named = "".join(interfaces[-1:]).replace("\\", "")
    return kind == "unix" or (kind in ("tcp", "tcp6", "ssl") and _is_loopback(named))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
