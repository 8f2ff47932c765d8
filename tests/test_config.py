"""
Tests for L{teamchatd.config}.
"""

import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import get_args

import pytest
from attrs import fields, has

from teamchatd.config import (
    BadConfig,
    Config,
    CustomProvider,
    Email,
    InitialUser,
    Registration,
    Storage,
    read,
)

SAMPLE = Path(__file__).parent.parent / "etc" / "teamchat.toml"
GOOD_SECRET = "b7Qx2mZ9rT4vK8wL1nP6sD3fG5hJ0cYu"
SETTING = re.compile(r"^#(\w+ = )", re.MULTILINE)
EXAMPLE = re.compile(r"^#(\[\[[\w.]+\]\]\n)(.*?)(?=^\[)", re.MULTILINE | re.DOTALL)


@pytest.fixture
def load(tmp_path, monkeypatch):
    """
    Reads C{teamchat.toml}, with this in it, from the current directory.
    """
    monkeypatch.chdir(tmp_path)

    def load(text="", environ=None, **options):
        Path("teamchat.toml").write_text(text)
        given = {name.replace("_", "-"): value for name, value in options.items()}
        return read(Path("teamchat.toml"), environ or {}, given)

    return load


@pytest.fixture
def refusal(load):
    """
    What the daemon says when it will not start.
    """

    def refusal(text="", environ=None, **options):
        with pytest.raises(BadConfig) as refused:
            load(text, environ, **options)
        assert len(str(refused.value).splitlines()) == 1
        return str(refused.value)

    return refusal


# The sample is the manual of the configuration.


def everything(section="", made=Config):
    for attribute in fields(made):
        name = re.sub("_(.)", lambda letter: letter[1].upper(), attribute.name.rstrip("_"))
        several = [kind for kind in get_args(attribute.type) if has(kind)]
        if has(attribute.type) or several:
            inner = several[0] if several else attribute.type
            yield from everything(f"{section}.{name}".lstrip("."), inner)
        else:
            yield f"[{section}] {name}"
            if not attribute.repr:
                yield f"[{section}] {name}File"


def in_sample(section, table):
    for name, value in table.items():
        inner = f"{section}.{name}".lstrip(".")
        if isinstance(value, dict):
            yield from in_sample(inner, value)
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from in_sample(inner, value[0])
        else:
            yield f"[{section}] {name}"


def uncommented(sample):
    """
    Every line, and the header of what may be there several times.
    """
    return SETTING.sub(r"\1", EXAMPLE.sub(r"\1\2", sample))


def test_sample_is_true(load):
    """
    Uncommenting every line of the sample changes nothing, but where it is an example.
    """
    assert load(SETTING.sub(r"\1", EXAMPLE.sub("", SAMPLE.read_text()))) == Config()


def test_sample_is_complete():
    """
    The sample has every key, in the order of the classes, and no other.
    """
    written = tomllib.loads(uncommented(SAMPLE.read_text()))
    assert list(in_sample("", written)) == list(everything())


def test_example_works(load):
    """
    Uncommenting the example of a provider makes that provider.
    """
    assert load(uncommented(SAMPLE.read_text())).oauth.custom == (
        CustomProvider(
            "example",
            "Example",
            "https://login.example.org",
            client_id="teamchat",
            client_secret="what the provider gave you",
            redirect_uri="https://chat.example.org/auth/oauth/example/callback",
        ),
    )


def test_sample_as_it_is(load):
    """
    The sample can be used as it is, and is the same as no file.
    """
    assert load(SAMPLE.read_text()) == read(None) == Config()


def test_sample_explains():
    """
    Exactly one line of explanation stands above every key.
    """
    lines = SAMPLE.read_text().splitlines()
    for number, line in enumerate(lines):
        if SETTING.match(line):
            assert lines[number - 1].startswith("# "), line
            assert lines[number - 2] == "", line


# The options win over the environment, and that over the file.


def test_precedence(load):
    """
    Each source overrides the one before it, key by key.
    """
    file = "[server]\nport = 1\nhost = '::1'\n[storage]\ndataDirectory = '/file'\n"
    environ = {"TEAMCHAT_SERVER_PORT": "2", "TEAMCHAT_STORAGE_DATA_DIRECTORY": "/environment"}
    assert load().server.port == 3000
    assert load(file).server.port == 1
    assert load(file, environ).server.port == 2
    assert load(file, environ, port="3").server.port == 3
    assert load(file, environ, port="3").server.host == "::1"
    assert load(file, environ, port="3").storage.data_directory == "/environment"
    assert load(file, environ, data_dir="/option").storage.data_directory == "/option"
    assert load(auth_mode="dev").auth.auth_mode == "dev"


def test_state_directory(load):
    """
    What systemd set aside is the default, the first if there are several.
    """
    systemd = {"STATE_DIRECTORY": "/var/lib/teamchat:/var/lib/other"}
    assert load("", systemd).storage == Storage("/var/lib/teamchat")
    assert load("", {"STATE_DIRECTORY": ""}).storage == Storage("./teamchat-data")
    assert load("[storage]\ndataDirectory = '/srv'\n", systemd).storage == Storage("/srv")


def test_environment_kinds(load):
    """
    Text from the environment becomes what its key asks for.
    """
    config = load(
        "",
        {
            "TEAMCHAT_SERVER_ALLOWED_ORIGINS": "https://a.example, https://b.example:8443",
            "TEAMCHAT_SERVER_TRUSTED_PROXIES": '["10.0.0.0/8", "::1"]',
            "TEAMCHAT_SERVER_LISTEN": "['tcp:80:interface=127.0.0.1', 'unix:/a,b']",
            "TEAMCHAT_AUTH_IS_INVITE_REQUIRED": "Off",
            "TEAMCHAT_CHAT_SERVER_NAME": " 42 ",
            "TEAMCHAT_CHAT_INITIAL_USER_EMAIL": "ada@example.org",
            "TEAMCHAT_CHAT_INITIAL_USER_USER_NAME": "Ada",
            "TEAMCHAT_CHAT_INITIAL_USER_PASSWORD": "correct horse",
            "TEAMCHAT_RATE_LIMIT_REQUESTS_PER_MINUTE": "60",
        },
    )
    assert config.server.allowed_origins == ("https://a.example", "https://b.example:8443")
    assert config.server.trusted_proxies == (ip_network("10.0.0.0/8"), ip_network("::1"))
    assert config.server.listen == ("tcp:80:interface=127.0.0.1", "unix:/a,b")
    assert config.auth.is_invite_required is False
    assert config.chat.server_name == "42"
    assert config.chat.initial_user == InitialUser("Ada", "ada@example.org", "correct horse")
    assert config.rate_limit.requests_per_minute == 60
    assert load("[server]\nlisten = ['tcp:80']", {"TEAMCHAT_SERVER_LISTEN": ""}).server.listen == ()


@pytest.mark.parametrize(
    ("word", "meaning"),
    [("true", True), ("1", True), ("yes", True), ("on", True)]
    + [("false", False), ("0", False), ("no", False), ("off", False)],
)
def test_environment_yes_and_no(load, word, meaning):
    """
    There are four ways to say yes, and four to say no.
    """
    assert load("", {"TEAMCHAT_RATE_LIMIT_ENABLED": word}).rate_limit.enabled is meaning


def test_environment_of_others(load):
    """
    What belongs to other programs, or to the tests, is not looked at.
    """
    others = {"PORT": "no", "TEAMCHATTER": "1", "TEAMCHAT_TEST_X": "1", "TEAMCHAT_BENCH_Y": "1"}
    assert load("", others) == Config()


# A mistake is named in one line.


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[sever]\n", "[sever]: there is no such section; did you mean [server]?"),
        ("[tables]\n", "[tables]: there is no such section"),
        (
            "[chat.initialuser]\n",
            "[chat.initialuser]: there is no such section; did you mean [chat.initialUser]?",
        ),
        ("server = 3\n", "[server]: has to be a section"),
        ("[[auth]]\n", "[auth]: has to be a section"),
        ("[chat]\ninitialUser = 'ada'\n", "[chat.initialUser]: has to be a section"),
        (
            "[server]\nprot = 1\n",
            "[server] prot: there is no such key; did you mean [server] port?",
        ),
        (
            "[auth]\njwt_secret = 'x'\n",
            "[auth] jwt_secret: there is no such key; did you mean [auth] jwtSecret?",
        ),
        (
            "[server]\njwtSecret = 'x'\n",
            "[server] jwtSecret: there is no such key; did you mean [auth] jwtSecret?",
        ),
        ("port = 1\n", "port: there is no such key; did you mean [server] port?"),
        (
            "[auth]\nlinkExpirySeconds = 1\n",
            "[auth] linkExpirySeconds: there is no such key;"
            " did you mean [auth] magicLinkExpirySeconds?",
        ),
        (
            "[email]\nprot = 25\n",
            "[email] prot: there is no such key; did you mean [email] port?",
        ),
        ('[events]\n"z\\n\\u001bz" = 1\n', "[events] z??z: there is no such key"),
    ],
)
def test_unknown_in_file(refusal, text, line):
    """
    What the file has and nobody knows is refused, with the nearest thing that exists.
    """
    assert refusal(text) == f"teamchat.toml: {line}"


def test_not_toml(refusal):
    """
    What is no TOML is refused with the place where it stops being it, and not what stands there.
    """
    line = refusal(f"[auth]\njwtSecret = {GOOD_SECRET}\n")
    assert line == "teamchat.toml: is not TOML: Invalid value (at line 2, column 13)"


@pytest.mark.parametrize(
    ("variable", "line"),
    [
        ("TEAMCHAT_SERVER_PROT", "there is no such variable; did you mean TEAMCHAT_SERVER_PORT?"),
        (
            "TEAMCHAT_AUTH_JWTSECRET",
            "there is no such variable; did you mean TEAMCHAT_AUTH_JWT_SECRET?",
        ),
        ("TEAMCHAT_X", "there is no such variable"),
    ],
)
def test_unknown_in_environment(refusal, variable, line):
    """
    A variable that begins like ours has to be one of ours.
    """
    assert refusal("", {variable: GOOD_SECRET}) == f"{variable}: {line}"


def test_unknown_option(refusal):
    """
    An option that is nearly one of ours is recognised.
    """
    assert refusal(prot="1") == "--prot: there is no such option; did you mean --port?"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("[server]\nport = true\n", "[server] port: has to be a whole number, not true or false"),
        ("[server]\nport = '80'\n", '[server] port: has to be a whole number, not "80"'),
        ("[server]\nport = 80.0\n", "[server] port: has to be a whole number, not a fraction"),
        ("[server.port]\n", "[server] port: has to be a whole number, not a section"),
        ("[server]\nhost = 1\n", "[server] host: has to be a string, not a whole number"),
        (
            "[server]\nhost = 1999-12-31\n",
            "[server] host: has to be a string, not a date or a time",
        ),
        ("[server]\nlisten = 'x'\n", '[server] listen: has to be a list of strings, not "x"'),
        (
            "[server]\nlisten = [1]\n",
            "[server] listen: has to be a list of strings, not a list of other things",
        ),
        (
            "[rateLimit]\nenabled = 1\n",
            "[rateLimit] enabled: has to be true or false, not a whole number",
        ),
        ("[auth]\njwtSecret = 12345\n", "[auth] jwtSecret: has to be a string, not a whole number"),
    ],
)
def test_wrong_kind_in_file(refusal, text, line):
    """
    A value is what its key asks for, and not something like it.
    """
    assert refusal(text) == f"teamchat.toml: {line}"


@pytest.mark.parametrize(
    ("variable", "text", "line"),
    [
        ("SERVER_PORT", "8o80", '[server] port): has to be a whole number, not "8o80"'),
        ("SERVER_PORT", "80.5", '[server] port): has to be a whole number, not "80.5"'),
        ("SERVER_PORT", "", '[server] port): has to be a whole number, not ""'),
        (
            "RATE_LIMIT_ENABLED",
            "maybe",
            '[rateLimit] enabled): has to be true or false, not "maybe"',
        ),
        (
            "SERVER_LISTEN",
            "['tcp",
            '''[server] listen): has to be a list of strings, not "['tcp"''',
        ),
        ("CHAT_SERVER_NAME", "\udcff", "[chat] serverName): is not UTF-8"),
        (
            "AUTH_JWT_SECRET",
            "short",
            "[auth] jwtSecret): is shorter than 32 bytes; without one, a good one is made",
        ),
    ],
)
def test_wrong_in_environment(refusal, variable, text, line):
    """
    A mistake in the environment names the variable, and the key it stands for.
    """
    variable = f"TEAMCHAT_{variable}"
    assert refusal("", {variable: text}) == f"{variable} ({line}"


def test_wrong_option(refusal):
    """
    A mistake in an option names the option, and the key it stands for.
    """
    assert refusal(port="x") == '--port ([server] port): has to be a whole number, not "x"'
    assert refusal(port="70000") == "--port ([server] port): 70000 is not between 0 and 65535"
    assert refusal(data_dir="") == "--data-dir ([storage] dataDirectory): is empty"


def test_overridden_mistake(refusal):
    """
    A mistake is one even where something else overrides it.
    """
    assert refusal("[server]\nport = -1\n", port="80") == (
        "teamchat.toml: [server] port: -1 is not between 0 and 65535"
    )


def test_unreadable(tmp_path):
    """
    A file that is not there, or is no text, is refused by its name.
    """
    (tmp_path / "latin.toml").write_bytes(b"# caf\xe9\n")
    for path, line in [
        (tmp_path / "absent.toml", "cannot be read: No such file or directory"),
        (tmp_path, "cannot be read: Is a directory"),
        (tmp_path / "latin.toml", "is not UTF-8"),
    ]:
        with pytest.raises(BadConfig) as refused:
            read(path)
        assert str(refused.value) == f"{path}: {line}"


# Impossible values.


@pytest.mark.parametrize(
    ("section", "setting", "line"),
    [
        ("server", "port = 65536", "port: 65536 is not between 0 and 65535"),
        ("server", "host = ''", 'host: "" is not a host name or an address'),
        (
            "server",
            "host = '127.0.0.1:80'",
            'host: "127.0.0.1:80" is not a host name or an address',
        ),
        ("server", "listen = ['']", "listen: is empty"),
        (
            "server",
            "trustedProxies = ['10.0.0.1/8']",
            "trustedProxies: 10.0.0.1/8 has host bits set",
        ),
        (
            "server",
            "trustedProxies = ['nginx']",
            "trustedProxies: 'nginx' does not appear to be an IPv4 or IPv6 network",
        ),
        (
            "server",
            "allowedOrigins = ['https://a.example/']",
            'allowedOrigins: "https://a.example/" is not an origin,'
            ' like "https://chat.example.org", or "*"',
        ),
        (
            "server",
            "allowedOrigins = ['a.example']",
            'allowedOrigins: "a.example" is not an origin, like "https://chat.example.org", or "*"',
        ),
        ("server", "shutdownSeconds = 0", "shutdownSeconds: 0 is not between 1 and 3600"),
        (
            "auth",
            "authMode = 'pasword'",
            'authMode: "pasword" is not "dev", "password" or "magic-link";'
            ' did you mean "password"?',
        ),
        (
            "auth",
            "authMode = 'magic-link'",
            'authMode: "magic-link" sends letters: set [email] host, the mail server',
        ),
        (
            "auth",
            "appUrl = 'chat.example.org'",
            'appUrl: "chat.example.org" is not a web address, like "https://chat.example.org"',
        ),
        (
            "auth",
            "appUrl = 'https://a.example/#/in'",
            'appUrl: "https://a.example/#/in" is not a web address, like "https://chat.example.org"',
        ),
        ("auth", "jwtExpirySeconds = 0", "jwtExpirySeconds: 0 is not between 1 and 2592000"),
        (
            "auth",
            "refreshTokenExpirySeconds = -1",
            "refreshTokenExpirySeconds: -1 is not between 1 and 31622400",
        ),
        (
            "auth",
            "magicLinkExpirySeconds = 0",
            "magicLinkExpirySeconds: 0 is not between 1 and 2592000",
        ),
        ("auth", "maxActiveSessions = 0", "maxActiveSessions: 0 is not between 1 and 1000"),
        (
            "chat",
            "serverName = '  '",
            'serverName: "  " is not 1 to 64 characters without control characters',
        ),
        (
            "chat",
            'serverName = "a\\tb"',
            'serverName: "a?b" is not 1 to 64 characters without control characters',
        ),
        (
            "chat",
            "maxMessageLength = 1000001",
            "maxMessageLength: 1000001 is not between 1 and 1000000",
        ),
        ("chat.initialUser", "email = 'ada'", 'email: "ada" is not an e-mail address'),
        ("chat.initialUser", "userName = 'Ada'", "userName: needs an email beside it"),
        ("chat.initialUser", "password = 'correct horse'", "password: needs an email beside it"),
        (
            "chat.initialUser",
            "email = 'ada@example.org'",
            'email: needs a password beside it, as authMode is "password"',
        ),
        ("chat.initialUser", "password = 'correct'", "password: has to be 8 to 256 characters"),
        (
            "email",
            "host = 'mail.example.org:25'",
            'host: "mail.example.org:25" is not a host name or an address',
        ),
        (
            "email",
            "host = 'mail.example.org'",
            "host: needs a from beside it, the address that letters come from",
        ),
        ("email", "port = 0", "port: 0 is not between 1 and 65535"),
        (
            "redis",
            "url = 'redis://cache.example.org'",
            "url: is for several daemons, which need a [storage] database, too",
        ),
        ("email", "user = 'ada'", "user: needs a password beside it"),
        ("email", 'user = "a\\nb"', 'user: "a?b" is not one line of text'),
        ("email", "password = 'correct'", "password: needs a user beside it"),
        (
            "email",
            "from = 'chat'",
            'from: "chat" is not an e-mail address, or "Name <address>"',
        ),
        (
            "email",
            "from = 'Chat chat@example.org'",
            'from: "Chat chat@example.org" is not an e-mail address, or "Name <address>"',
        ),
        (
            "email",
            'from = "Chat\\nBcc: <chat@example.org>"',
            'from: "Chat?Bcc: <chat@example.org>" is not an e-mail address, or "Name <address>"',
        ),
        ("email", "maxRetries = -1", "maxRetries: -1 is not between 0 and 100"),
        ("email", "timeoutSeconds = 0", "timeoutSeconds: 0 is not between 1 and 600"),
        ("storage", "dataDirectory = ''", "dataDirectory: is empty"),
        ("events", "keepDays = 0", "keepDays: 0 is not between 1 and 3650"),
        ("events", "heartbeatSeconds = 0", "heartbeatSeconds: 0 is not between 1 and 3600"),
        ("events", "streamsPerUser = 0", "streamsPerUser: 0 is not between 1 and 10000"),
        ("rateLimit", "requestsPerMinute = 0", "requestsPerMinute: 0 is not between 1 and 1000000"),
        (
            "rateLimit",
            "failedSignInsPerMinute = 0",
            "failedSignInsPerMinute: 0 is not between 1 and 1000000",
        ),
    ],
)
def test_impossible(refusal, section, setting, line):
    """
    A value that cannot work is refused before the daemon is up.
    """
    assert refusal(f"[{section}]\n{setting}\n") == f"teamchat.toml: [{section}] {line}"


def test_possible(load):
    """
    Values at the edge of what can work are taken.
    """
    name = "\N{FAMILY}" * 64
    config = load(f"""
        [server]
        host = "fe80::1%eth0"
        port = 0
        allowedOrigins = ["*", "HTTPS://Chat.Example.org:443", "tauri://localhost"]
        [auth]
        appUrl = "https://example.org:8443/chat/"
        jwtSecret = "{GOOD_SECRET}"
        [chat]
        serverName = " {name} "
        maxMessageLength = 1
        [chat.initialUser]
        email = " ada@localhost "
        password = "{"x" * 256}"
    """)
    assert config.server.port == 0
    assert config.server.allowed_origins == ("*", "https://chat.example.org", "tauri://localhost")
    assert config.auth.app_url == "https://example.org:8443/chat/"
    assert config.chat.server_name == name
    assert config.chat.initial_user.email == "ada@localhost"


MAIL = """
    [email]
    host = "smtp.example.org"
    from = " {} "
"""


@pytest.mark.parametrize(
    "sender",
    ["chat@example.org", "Chät, we <chat+in@bücher.example>", "<chat@localhost>", "'C' <c@d>"],
)
def test_mail(load, sender):
    """
    Letters need a mail server and an address that they come from, and no more.
    """
    config = load(MAIL.format(sender), auth_mode="magic-link")
    assert config.email == Email("smtp.example.org", from_=sender)
    assert config.auth.auth_mode == "magic-link"


def test_mail_from_environment(load):
    """
    What is called C{from} in the file is so in the environment.
    """
    given = {"HOST": "smtp.example.org", "FROM": "chat@example.org", "SECURE": "no"}
    config = load("", {f"TEAMCHAT_EMAIL_{name}": text for name, text in given.items()})
    assert config.email == Email("smtp.example.org", secure=False, from_="chat@example.org")


# "dev" lets anybody sign in as anybody.


@pytest.mark.parametrize(
    "server",
    [
        "host = '127.8.8.8'",
        "host = '::1'",
        "host = 'localhost'",
        "listen = ['unix:/run/teamchat/http.sock']",
        "listen = ['tcp:3000:interface=127.0.0.1', 'tcp6:3000:interface=\\:\\:1']",
        "listen = ['tls:/certificates:3443:interface=127.0.0.1']",
        "host = '0.0.0.0'\nlisten = ['tcp:3000:interface=localhost']",
        "host = '0.0.0.0'\n[auth]\nallowRemoteDevLogin = true",
    ],
)
def test_dev_at_home(load, server):
    """
    That is fine where only this machine can reach the server, or somebody asked for it.
    """
    assert load(f"[server]\n{server}\n", auth_mode="dev").auth.auth_mode == "dev"


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("host = '0.0.0.0'", "0.0.0.0"),
        ("host = '::'", "::"),
        ("host = 'chat.example.org'", "chat.example.org"),
        ("listen = ['tcp:3000']", "tcp:3000"),
        ("listen = ['tls:/certificates']", "tls:/certificates"),
        ("listen = ['unix:/x', 'tcp:3000:interface=10.0.0.1']", "tcp:3000:interface=10.0.0.1"),
        ("listen = ['systemd:domain=INET:index=0']", "systemd:domain=INET:index=0"),
    ],
)
def test_dev_in_the_open(refusal, load, server, address):
    """
    Where others can reach the server, it is refused; a password is not.
    """
    assert refusal(f"[server]\n{server}\n[auth]\nauthMode = 'dev'\n") == (
        'teamchat.toml: [auth] authMode: "dev" lets anybody sign in as anybody, and'
        f' "{address}" is open to other machines; listen on 127.0.0.1 only,'
        " or set [auth] allowRemoteDevLogin"
    )
    assert load(f"[server]\n{server}\n").auth.auth_mode == "password"


def test_dev_needs_no_password(load):
    """
    An initial user of "dev" has no use for a password.
    """
    user = "[chat.initialUser]\nemail = 'ada@example.org'\n"
    assert load(user, auth_mode="dev").chat.initial_user == InitialUser("", "ada@example.org")


# Secrets stay secret.


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("a" * 64, "is easy to guess"),
        ("0123456789abcdef" * 4, "is easy to guess"),
        ("Tr0ub4dor&3-" * 3, "is easy to guess"),
        ("secret", "is shorter than 32 bytes"),
        ("changeme", "is shorter than 32 bytes"),
        ("your-secret-key-change-in-production", "is easy to guess"),
        ("a-string-secret-at-least-256-bits-long", "is easy to guess"),
        ("super-secret-jwt-token-with-at-least-32-characters-long", "is easy to guess"),
        ("this is a very long secret, believe me", "is easy to guess"),
        (GOOD_SECRET[1:], "is shorter than 32 bytes"),
    ],
)
def test_bad_jwt_secret(refusal, secret, why):
    """
    A secret that others know, or can find, is none; the refusal does not repeat it.
    """
    assert refusal(f"[auth]\njwtSecret = '{secret}'\n") == (
        f"teamchat.toml: [auth] jwtSecret: {why}; without one, a good one is made"
    )


def test_secret_file(load):
    """
    A secret may be in a file of its own, with a line end after it.
    """
    Path("jwt").write_text(f"{GOOD_SECRET}\n")
    Path("password").write_text("\tcorrect horse\r\n")
    config = load(
        "[auth]\njwtSecretFile = 'jwt'\n[chat.initialUser]\nemail = 'ada@example.org'\n",
        {"TEAMCHAT_CHAT_INITIAL_USER_PASSWORD_FILE": "password"},
    )
    assert config.auth.jwt_secret == GOOD_SECRET
    assert config.chat.initial_user.password == "correct horse"


def test_secret_twice(refusal):
    """
    One source gives a secret once.
    """
    assert refusal(f"[auth]\njwtSecretFile = 'jwt'\njwtSecret = '{GOOD_SECRET}'\n") == (
        "teamchat.toml: [auth] jwtSecret: is given beside jwtSecretFile; one is enough"
    )
    environ = {
        "TEAMCHAT_AUTH_JWT_SECRET": GOOD_SECRET,
        "TEAMCHAT_AUTH_JWT_SECRET_FILE": "jwt",
    }
    assert refusal("", environ) == (
        "TEAMCHAT_AUTH_JWT_SECRET_FILE ([auth] jwtSecretFile):"
        " is given beside jwtSecret; one is enough"
    )


def test_secret_precedence(load):
    """
    The environment wins over the file, whichever of the two has a file of its own.
    """
    Path("jwt").write_text(GOOD_SECRET)
    other = GOOD_SECRET[::-1]
    written, named = f"[auth]\njwtSecret = '{other}'\n", "[auth]\njwtSecretFile = 'absent'\n"
    assert load(written, {"TEAMCHAT_AUTH_JWT_SECRET_FILE": "jwt"}).auth.jwt_secret == GOOD_SECRET
    assert load(named, {"TEAMCHAT_AUTH_JWT_SECRET": GOOD_SECRET}).auth.jwt_secret == GOOD_SECRET
    assert load(written, {"TEAMCHAT_AUTH_JWT_SECRET": ""}).auth.jwt_secret == other


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (None, "cannot be read: No such file or directory"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not UTF-8"),
        (b"hunter2", "is shorter than 32 bytes; without one, a good one is made"),
    ],
)
def test_bad_secret_file(refusal, content, line):
    """
    A secret's file that will not do is named; what it says is not.
    """
    if content is not None:
        Path("jwt").write_bytes(content)
    assert refusal("[auth]\njwtSecretFile = 'jwt'\n") == (
        f'teamchat.toml: [auth] jwtSecretFile: "jwt": {line}'
    )


def test_secret_from_systemd(refusal):
    """
    Who asks while the service does not run is told why a secret is away.
    """
    path = "/run/credentials/no-such.service/mail-password"
    assert refusal(f"[email]\npasswordFile = '{path}'\n") == (
        f'teamchat.toml: [email] passwordFile: "{path}": cannot be read: No such file or'
        " directory; systemd puts it there, from /etc/credstore and while the service runs"
    )


def test_secrets_are_not_shown(load):
    """
    No secret is in what a log would show of the configuration.
    """
    config = load(
        f"[auth]\njwtSecret = '{GOOD_SECRET}'\n"
        "[chat.initialUser]\nemail = 'ada@example.org'\npassword = 'correct horse'\n"
        "[email]\nuser = 'ada'\npassword = 'battery staple'\n"
    )
    assert config.auth.jwt_secret == GOOD_SECRET
    assert GOOD_SECRET not in repr(config)
    assert "correct horse" not in repr(config)
    assert "battery staple" not in repr(config)


# Providers that others sign in with.

BACK = "http://localhost:3000/auth/oauth/x/callback"

REGISTERED = f"clientId = 'us'\nclientSecret = 'hush'\nredirectUri = '{BACK}'\n"

ADDRESSES = "".join(
    f"{name} = 'https://x.example/{name}'\n"
    for name in ("authorizationUrl", "tokenUrl", "userInfoUrl")
)


def custom(*lines, registered=REGISTERED):
    return "[[oauth.custom]]\n" + registered + "".join(f"{line}\n" for line in lines)


def test_preset(load):
    """
    A preset comes from the file or from the environment, its secret from a file of its own.
    """
    Path("secret").write_text("hush\n")
    variables = {
        "TEAMCHAT_OAUTH_PRESETS_GITLAB_CLIENT_ID": "us",
        "TEAMCHAT_OAUTH_PRESETS_GITLAB_CLIENT_SECRET_FILE": "secret",
        "TEAMCHAT_OAUTH_PRESETS_GITLAB_REDIRECT_URI": BACK,
    }
    oauth = load(f"[oauth.presets.google]\n{REGISTERED}", variables).oauth
    assert oauth.presets.google == oauth.presets.gitlab == Registration("us", "hush", BACK)
    assert oauth.presets.github == Registration()
    assert "hush" not in repr(oauth)


def test_custom(load):
    """
    There may be several more, in the order in which they are written.
    """
    Path("secret").write_text("hush\n")
    file = custom("id = 'b'", "issuer = 'https://b.example/realm'", "scopes = ['openid']")
    file += custom(
        "id = 'a'",
        "clientId = 'us'",
        "clientSecretFile = 'secret'",
        f"redirectUri = '{BACK}'",
        registered=ADDRESSES,
    )
    b, a = load(file).oauth.custom
    assert (b.id, b.issuer, b.scopes) == ("b", "https://b.example/realm", ("openid",))
    assert (a.id, a.client_secret, a.token_url) == ("a", "hush", "https://x.example/tokenUrl")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (
            "[oauth.presets.google]\nclientId = 'us'\n",
            "[oauth.presets.google] clientId: needs clientSecret and redirectUri beside it",
        ),
        (
            f"[oauth.presets.github]\nclientSecret = 'hush'\nredirectUri = '{BACK}'\n",
            "[oauth.presets.github] clientSecret: needs clientId beside it",
        ),
        (
            "[oauth.presets.gogle]\n",
            "[oauth.presets.gogle]: there is no such section; did you mean [oauth.presets.google]?",
        ),
        (
            "[oauth.presets.google]\nredirectUri = '/auth'\n",
            '[oauth.presets.google] redirectUri: "/auth" is not a web address,'
            ' like "https://chat.example.org/auth/oauth/google/callback"',
        ),
        ("[oauth]\nmaxAttempts = 0\n", "[oauth] maxAttempts: 0 is not between 1 and 1000000"),
        ("[oauth]\nwindowSeconds = 0\n", "[oauth] windowSeconds: 0 is not between 1 and 86400"),
        (
            "[oauth.custom]\nid = 'x'\n",
            "[[oauth.custom]]: has to be a section, written [[oauth.custom]]",
        ),
        (
            "[oauth]\ncustom = 3\n",
            "[[oauth.custom]]: has to be a section, written [[oauth.custom]]",
        ),
        ("[[oauth.custom]]\n", "[[oauth.custom]] 1: needs an id"),
        (custom("id = 'x'", ADDRESSES) + custom(), "[[oauth.custom]] 2: needs an id"),
        (
            custom("id = 'x'", "isuer = 'https://x.example'"),
            "[[oauth.custom]] 1 isuer: there is no such key; did you mean [[oauth.custom]] issuer?",
        ),
        (
            custom("id = 'x'"),
            "[[oauth.custom]] 1 id: needs authorizationUrl and tokenUrl and userInfoUrl"
            " beside it (an issuer knows the addresses)",
        ),
        (
            custom("id = 'x'", "issuer = 'https://x.example'", registered=""),
            "[[oauth.custom]] 1 id: needs clientId and clientSecret and redirectUri beside it",
        ),
        (
            custom("id = 'x'", ADDRESSES) + custom("id = 'x'", ADDRESSES),
            '[[oauth.custom]] 2 id: "x" is the id of another provider, too',
        ),
        (
            f"[oauth.presets.google]\n{REGISTERED}" + custom("id = 'google'", ADDRESSES),
            '[[oauth.custom]] 1 id: "google" is the id of another provider, too',
        ),
        *(
            (
                custom(f"id = '{wrong}'"),
                f'[[oauth.custom]] 1 id: "{wrong}" is not 1 to 64 letters, digits, "-" and "_",'
                ' other than "providers"',
            )
            for wrong in ["", "a/b", "a b", "é", "providers", "x" * 65]
        ),
        *(
            (
                custom("id = 'x'", f"issuer = '{wrong}'"),
                f'[[oauth.custom]] 1 issuer: "{wrong}" is not an "https://" address;'
                ' "http://" will do on this machine only',
            )
            for wrong in [
                "http://x.example",
                "http://127.0.0.1.x.example",
                "http://localhost@x.example",
                "http://10.0.0.1",
                "ftp://x.example",
                "https://x.example/#a",
                "https://x.example/a b",
            ]
        ),
        (
            custom("id = 'x'", "scopes = 'a'"),
            '[[oauth.custom]] 1 scopes: has to be a list of strings, not "a"',
        ),
    ],
)
def test_impossible_provider(refusal, text, line):
    """
    A provider that nobody could sign in with is refused before the daemon is up.
    """
    assert refusal(text) == f"teamchat.toml: {line}"


def test_custom_is_for_the_file(refusal):
    """
    The environment has no name for one of several.
    """
    line = refusal("", {"TEAMCHAT_OAUTH_CUSTOM_ID": "x"})
    assert line.startswith("TEAMCHAT_OAUTH_CUSTOM_ID: there is no such variable")


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1", "[::1]:1"])
def test_provider_on_this_machine(load, host):
    """
    Plain http will do where nobody can listen.
    """
    file = custom("id = 'x'", f"issuer = 'http://{host}/realm?x=1'")
    assert load(file).oauth.custom[0].issuer == f"http://{host}/realm?x=1"


# Sockets that systemd hands over


LENT = ["systemd:domain=INET:index=0"]


def test_lent_sockets(tmp_path):
    """
    They are what listen is where nobody has said; whoever says it wins, anywhere.
    """
    file = tmp_path / "teamchat.toml"
    file.write_text("[server]\nport = 4444\n")
    assert read(file, {}, {}, LENT).server.listen == tuple(LENT)
    assert read(file, {"TEAMCHAT_SERVER_LISTEN": "tcp:1"}, {}, LENT).server.listen == ("tcp:1",)
    file.write_text('[server]\nlisten = ["tcp:2"]\n')
    assert read(file, {}, {}, LENT).server.listen == ("tcp:2",)


def test_lent_sockets_are_for_no_developer():
    """
    Nobody sees from here who can reach them.
    """
    with pytest.raises(BadConfig, match="open to other machines"):
        read(None, {}, {"auth-mode": "dev"}, LENT)
