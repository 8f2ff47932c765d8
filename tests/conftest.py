"""
The daemons that the tests talk to.
"""

import pytest

from tests.daemon import Daemon
from tests.oauth import House
from tests.real.daemon import RealDaemon


@pytest.fixture
def in_memory(tmp_path):
    """
    Makes a daemon in memory: C{in_memory(section={"key": value})}.
    """
    made = []

    def make(**sections):
        made.append(Daemon(tmp_path / f"memory-{len(made)}", **sections))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


@pytest.fixture
def as_process(tmp_path):
    """
    Makes a daemon as it runs: C{as_process(section={"key": value})}.
    """
    made = []

    def make(**sections):
        directory = tmp_path / f"real-{len(made)}"
        directory.mkdir()
        made.append(RealDaemon(directory, **sections))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()


@pytest.fixture(params=["memory", pytest.param("twistd", marks=pytest.mark.real)])
def make_daemon(request):
    """
    The same tests on the fake and on the real thing.
    """
    return request.getfixturevalue("in_memory" if request.param == "memory" else "as_process")


@pytest.fixture
def daemon(make_daemon):
    """
    A daemon on which everybody may sign in as whom they like.
    """
    return make_daemon()


@pytest.fixture
def ada(daemon):
    """
    The administrator's token.
    """
    return daemon.token("ada")


@pytest.fixture
def bob(daemon, ada):
    """
    A member's token.
    """
    return daemon.token("bob")


# Signing in through others


@pytest.fixture
def make_house(in_memory):
    return lambda **chosen: House(in_memory, **chosen)


@pytest.fixture
def house(make_house):
    """
    One that lets everybody in whom the provider knows.
    """
    return make_house()


@pytest.fixture
def private(make_house):
    """
    One that lets in who was invited: ada, who is its admin.
    """
    house = make_house(auth={"auth_mode": "dev", "is_invite_required": True})
    given = {"email": "ada@example.org", "token": house.daemon.setup_token}
    house.ada = house.daemon.done(house.daemon.post("/auth/dev-login", given=given))["token"]
    return house
