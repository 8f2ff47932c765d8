"""
What can be configured.
"""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any

from attrs import Factory, field, frozen

from teamchatd.config import checks
from teamchatd.config.checks import Check, between, each, filled, or_empty

Network = IPv4Network | IPv6Network

DAY = 24 * 60 * 60


def _key(default: Any, check: Check = lambda value: value, is_secret: bool = False) -> Any:
    known = {"check": check, "is_secret": is_secret}
    return field(default=default, repr=not is_secret, metadata=known)


@frozen
class Server:
    host: str = _key("127.0.0.1", checks.host)
    port: int = _key(3000, between(0, 65535))
    listen: tuple[str, ...] = _key((), each(filled))
    allowed_origins: tuple[str, ...] = _key((), each(checks.origin))
    trusted_proxies: tuple[Network, ...] = _key((), each(ip_network))
    shutdown_seconds: int = _key(10, between(1, 3600))


@frozen
class Auth:
    auth_mode: str = _key("password", checks.mode)
    is_invite_required: bool = _key(True)
    app_url: str = _key("http://localhost:3000", checks.url)
    jwt_secret: str = _key("", or_empty(checks.jwt_secret), is_secret=True)
    jwt_expiry_seconds: int = _key(900, between(1, 30 * DAY))
    refresh_token_expiry_seconds: int = _key(7 * DAY, between(1, 366 * DAY))
    magic_link_expiry_seconds: int = _key(900, between(1, 30 * DAY))
    max_active_sessions: int = _key(3, between(1, 1000))
    allow_remote_dev_login: bool = _key(False)


@frozen
class InitialUser:
    """
    The first admin; with an empty C{email}, there is none.
    """

    user_name: str = _key("", or_empty(checks.name))
    email: str = _key("", or_empty(checks.email))
    password: str = _key("", or_empty(checks.password), is_secret=True)


@frozen
class Chat:
    server_name: str = _key("teamchat", checks.name)
    message_retention_days: int = _key(0, between(0, 36_500))
    max_message_length: int = _key(16384, between(1, 1_000_000))
    initial_user: InitialUser = Factory(InitialUser)


@frozen
class Email:
    """
    The mail server that takes our letters; with an empty C{host}, there is none.
    """

    host: str = _key("", or_empty(checks.host))
    port: int = _key(465, between(1, 65535))
    secure: bool = _key(True)
    user: str = _key("", checks.line)
    password: str = _key("", is_secret=True)
    from_: str = _key("", or_empty(checks.sender))
    max_retries: int = _key(2, between(0, 100))
    timeout_seconds: int = _key(10, between(1, 600))


@frozen
class Registration:
    """
    What a provider and this server have agreed on.  With an empty C{client_id},
    nothing yet.
    """

    client_id: str = _key("", or_empty(filled))
    client_secret: str = _key("", or_empty(filled), is_secret=True)
    redirect_uri: str = _key("", or_empty(checks.return_url))


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

    id: str = _key("", checks.provider_id)
    name: str = _key("", or_empty(checks.name))
    issuer: str = _key("", or_empty(checks.provider_url))
    authorization_url: str = _key("", or_empty(checks.provider_url))
    token_url: str = _key("", or_empty(checks.provider_url))
    user_info_url: str = _key("", or_empty(checks.provider_url))
    client_id: str = _key("", filled)
    client_secret: str = _key("", filled, is_secret=True)
    redirect_uri: str = _key("", checks.return_url)
    scopes: tuple[str, ...] = _key((), each(filled))


@frozen
class OAuth:
    max_attempts: int = _key(30, between(1, 1_000_000))
    window_seconds: int = _key(900, between(1, DAY))
    presets: Presets = Factory(Presets)
    custom: tuple[CustomProvider, ...] = ()


@frozen
class Storage:
    """
    @ivar database: with a password in it, so it is a secret; empty, for SQLite in the
        data directory.
    """

    data_directory: str = _key("./teamchat-data", filled)
    database: str = _key("", or_empty(checks.postgres_url), is_secret=True)


@frozen
class Redis:
    """
    What several daemons share besides the database; with an empty C{url}, nothing.
    """

    url: str = _key("", or_empty(checks.redis_url), is_secret=True)


@frozen
class Events:
    keep_days: int = _key(7, between(1, 3650))
    heartbeat_seconds: int = _key(25, between(1, 3600))
    streams_per_user: int = _key(32, between(1, 10_000))


@frozen
class Images:
    """
    What may be uploaded.
    """

    max_bytes: int = _key(10 << 20, between(1024, 256 << 20))
    max_pixels: int = _key(50_000_000, between(10_000, 500_000_000))


@frozen
class RateLimit:
    enabled: bool = _key(True)
    requests_per_minute: int = _key(600, between(1, 1_000_000))
    failed_sign_ins_per_minute: int = _key(10, between(1, 1_000_000))


@frozen
class Log:
    """
    How the log is written.
    """

    format: str = _key("text", checks.one_of("text", "json"))
    level: str = _key("info", checks.one_of("debug", "info", "warn"))


@frozen
class Metrics:
    """
    Figures for Prometheus; with an empty C{listen}, there are none.
    """

    listen: str = _key("", or_empty(filled))


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
    redis: Redis = Factory(Redis)
    events: Events = Factory(Events)
    images: Images = Factory(Images)
    rate_limit: RateLimit = Factory(RateLimit)
    log: Log = Factory(Log)
    metrics: Metrics = Factory(Metrics)
