"""
The daemons that the tests talk to.
"""

import gc
import importlib.metadata
import os
from functools import cache
from pathlib import Path

import pytest

from tests.answers import CONTRACT
from tests.daemon import Daemon
from tests.oauth import House
from tests.real.daemon import RealDaemon
from tests.real.page.chromium import CHROMIUM
from tests.real.proxies import CADDY, NGINX
from tests.real.sandbox import Possible
from tests.real.units.tools import ACTIVATE, ANALYZE
from tests.wire import Wire

# pytest asks before each test which Twisted there is, and each time that takes 2 ms.
importlib.metadata.version = cache(importlib.metadata.version)

LAST = "test_coverage_of_contract.py"
"""Asks what all the other tests have seen: never with them, and after all of them."""

VENV = next(Path("/usr/lib").glob("python3.*/ensurepip"), Path("/usr/lib/python3/ensurepip"))
"""Of Debian's Python, which need not be the one that runs the tests."""

DPKG = [Path("/usr/bin/dpkg-deb"), Path("/usr/bin/python3"), VENV]

HERE = Path(__file__).parent

REAL = HERE / "real"

LEFT_OUT = {
    REAL / "page": ("The page was", "chromium", [CHROMIUM]),
    REAL / "units": ("The units were", "systemd", [ANALYZE, ACTIVATE]),
    REAL / "test_deb.py": ("The package for Debian was", "python3-venv", [*DPKG, Possible()]),
    REAL / "test_proxies.py": ("Proxies were", "nginx caddy", [NGINX, CADDY]),
}
"""What is left out without programs: how one says so, the packages that have them, and they."""


def pytest_addoption(parser):
    parser.addoption("--write-seen", type=Path, help="where to write what of the contract was seen")
    parser.addoption("--postgres", action="store_true", help="what is in memory uses PostgreSQL")
    parser.addoption("--seen", type=Path, help="where that was written; for what comes last")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    if config.option.seen is None:
        last = [item for item in items if item.path.name == LAST]
        items[:] = [item for item in items if item not in last]
        config.hook.pytest_deselected(items=last)
    items.sort(key=lambda item: -len(item.path.relative_to(HERE).parts) if _is_slow(item) else 0)


def _is_slow(item):
    """
    These come first: of several processes, none is left alone with them in the end.
    """
    return item.path.is_relative_to(REAL)


def pytest_collection_finish():
    """
    What is there by now stays: nobody needs to look again and again whether it is garbage.
    """
    gc.collect()
    gc.freeze()


def pytest_ignore_collect(collection_path):
    """
    Without a browser there is nothing to see the page with, without systemd nobody who knows
    what a unit is, and without a proxy nothing to be behind.
    """
    return True if _missing(collection_path) else None


def _missing(path):
    _, _, programs = LEFT_OUT.get(path, ("", "", ()))
    return [str(program) for program in programs if not program.exists()]


def pytest_terminal_summary(terminalreporter, config):
    """
    Nobody shall believe that something was tested when it was not.
    """
    asked_for_all = config.args_source == pytest.Config.ArgsSource.TESTPATHS
    if not asked_for_all or "not real" in config.option.markexpr:
        return
    for path, (what, packages, _) in LEFT_OUT.items():
        if missing := _missing(path):
            terminalreporter.line("")
            terminalreporter.line(
                f"{what} NOT tested: there is no {' and no '.join(missing)}."
                f" To have that tested: as root, on Debian, apt-get install {packages}.",
                yellow=True,
            )


def pytest_sessionfinish(session):
    """
    Each process that ran tests writes what it has seen.
    """
    folder = session.config.option.write_seen
    if folder is not None and (CONTRACT.seen or CONTRACT.seen_events):
        folder.mkdir(parents=True, exist_ok=True)
        CONTRACT.write_seen(folder / f"{os.getpid()}.json")


@pytest.fixture
def in_memory(tmp_path, request):
    """
    Makes a daemon in memory: C{in_memory(section={"key": value})}.
    """
    made = []
    take, give_back = _engines(request.config)

    def make(**sections):
        made.append(Daemon(tmp_path / f"memory-{len(made)}", engine=take(), **sections))
        return made[-1]

    yield make
    for daemon in made:
        daemon.stop()
        give_back(daemon.engine)


def _engines(config):
    """
    Where daemons in memory have their record from, and where it goes after that.
    """
    if not config.option.postgres:
        return lambda: None, lambda engine: None
    from tests.postgres import STOCK

    return STOCK.take, STOCK.give_back


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
    for daemon in made:
        daemon.assert_discreet()


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


@pytest.fixture
def listen(daemon):
    """
    Opens an event stream, which the test need not close: C{listen(who)}.
    """
    opened = []

    def listen(*args, **more):
        opened.append(daemon.listen(*args, **more))
        return opened[-1]

    yield listen
    for listener in opened:
        listener.leave()


@pytest.fixture
def told(daemon, ada):
    """
    All that somebody who listens was told since C{CONNECTED}, as pairs of type and
    payload: C{told(listener)}.  What comes after it comes too late to be missed.
    """

    def told(listener):
        end = daemon.say(ada, "that was all")["id"]
        count = 1
        while listener.await_events(count)[-1].payload.get("id") != end:
            count += 1
        return [
            (event.type, event.payload)
            for event in listener.await_events(count)[1:]
            if event.payload.get("content") != "that was all"
        ]

    return told


@pytest.fixture
def wire():
    """
    Opens a connection: C{wire(daemon)}.
    """
    opened = []

    def connect(daemon):
        opened.append(Wire(daemon))
        return opened[-1]

    yield connect
    for each in opened:
        each.leave()


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
