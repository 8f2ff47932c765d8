"""
What is right by itself, and not together.
"""

import re
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any

from attrs import fields

from teamchatd.config.naming import camel, numbered
from teamchatd.config.sections import Config, OAuth, Presets, Server


def contradictions(config: Config) -> Iterator[tuple[str, str, str]]:
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
    if config.redis.url and not config.storage.database:
        yield "redis", "url", "is for several daemons, which need a [storage] database, too"
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
        section = numbered("oauth.custom", number)
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
    values = {camel(each.name): getattr(made, each.name) for each in fields(type(made))}
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
    return kind == "unix" or (kind in ("tcp", "tcp6", "ssl", "tls") and _is_loopback(named))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
