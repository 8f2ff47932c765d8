"""
What the tests of a daemon on sockets share: mail servers, and a provider that others sign
in through.
"""

import time

import pytest

from tests.mail.post_office import PostOffice
from tests.provider import SECRET, US, Served
from tests.real.daemon import RealDaemon, free_port

TOML = """
[[oauth.custom]]
id = "x"
name = "X"
issuer = "{issuer}"
clientId = "{client_id}"
clientSecret = "{secret}"
redirectUri = "{base}/auth/oauth/x/callback"

[[oauth.custom]]
id = "plain"
authorizationUrl = "{issuer}/authorize"
tokenUrl = "{issuer}/token"
userInfoUrl = "{issuer}/userinfo"
clientId = "{client_id}"
clientSecretFile = "secret"
redirectUri = "{base}/auth/oauth/plain/callback"
"""


@pytest.fixture
def office():
    """
    Makes a mail server: C{office(password="…")}.
    """
    made = []

    def make(*arguments, kind=PostOffice, **more):
        made.append(kind(*arguments, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def served():
    server = Served(time.time)
    yield server
    server.stop()


@pytest.fixture
def make_house(served, tmp_path):
    made = []

    def make(**auth):
        port = free_port()
        base = f"http://127.0.0.1:{port}"
        (tmp_path / "secret").write_text(f"{SECRET}\n")
        toml = TOML.format(issuer=served.provider.issuer, client_id=US, secret=SECRET, base=base)
        auth = {"app_url": base} | auth
        made.append(RealDaemon(tmp_path, port=port, toml=toml, auth=auth))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()
