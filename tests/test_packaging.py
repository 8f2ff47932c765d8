"""
teamchat as other people get it: installed, and run far from the checkout.

The package is built from a copy, and from the archive that is made of it, and installed
into a fresh venv by C{pip install}; its dependencies, setuptools and pip are those of the
environment that runs the tests, so that nothing has to be fetched.  No file of teamchat,
and no plugin, may come from the checkout.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path
from threading import Timer
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.real

CHECKOUT = Path(__file__).parent.parent

NOT_SOURCE = shutil.ignore_patterns(
    ".*", "build", "dist", "*.egg-info", "__pycache__", "dropin.cache", "teamchat-data"
)
"""A build/ or egg-info left in the checkout would smuggle its old files into the package."""

PATIENCE = 60
"""Seconds for a thing that takes two; a busy machine is no failure."""


class Installation:
    """
    A venv with teamchat in it, and a folder to be in that is not the checkout.
    """

    def __init__(self, root: Path) -> None:
        self.prefix = root / "venv"
        self.elsewhere = root / "elsewhere"
        self.elsewhere.mkdir()
        self.python = self.prefix / "bin" / "python"
        # What is set for the checkout or for a daemon running here is not for this one.
        self.environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "TEAMCHAT_")) and name != "STATE_DIRECTORY"
        } | {"PYTHONUNBUFFERED": "1"}

        venv.create(self.prefix, symlinks=True)
        # A line in a .pth is a folder and no more: the .pth files *in* that folder, one of which
        # may name the checkout, are not followed.
        self.site = Path(self.ask("import sysconfig; print(sysconfig.get_path('purelib'))"))
        (self.site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            [self.python, *arguments],
            cwd=self.elsewhere,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=5 * PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout

    def ask(self, code: str) -> str:
        return self.run("-c", code).strip()

    @property
    def twistd(self) -> Path:
        """
        The tests' C{twistd}, to be run by this venv's Python.
        """
        return Path(sysconfig.get_path("scripts")) / "twistd"


def packed(installation: Installation, source: Path) -> Path:
    """
    What one gives to others to build it from (PEP 517).
    """
    code = "import sys; from setuptools import build_meta; build_meta.build_sdist(sys.argv[1])"
    folder = source.parent / "dist"
    folder.mkdir()
    subprocess.run(
        [installation.python, "-c", code, folder],
        cwd=source,
        env=installation.environment,
        check=True,
        capture_output=True,
    )
    [archive] = folder.iterdir()
    assert archive.name.endswith(".tar.gz")
    return archive


@pytest.fixture(scope="module", params=["checkout", "sdist"])
def installed(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Installation:
    """
    Either way pip makes a wheel of it, and installs that.
    """
    root = tmp_path_factory.mktemp("packaging")
    source = root / "source"
    shutil.copytree(CHECKOUT, source, ignore=NOT_SOURCE)
    installation = Installation(root)
    given = source if request.param == "checkout" else packed(installation, source)
    # --ignore-installed: the tests' own environment may have an editable teamchat, and pip
    # would see it through dependencies.pth.
    installation.run(
        *("-m", "pip", "install", "--no-deps", "--no-build-isolation", "--no-index"),
        *("--ignore-installed", "--disable-pip-version-check", given),
    )
    # Nothing can come from the copy when it is gone.
    shutil.rmtree(source)
    shutil.rmtree(root / "dist", ignore_errors=True)
    return installation


def files_in(folder: Path) -> set[Path]:
    return {
        path.relative_to(folder)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }


def test_every_file_is_shipped(installed: Installation) -> None:
    """
    What is in C{teamchatd/} is in the package: a schema step or a page of the
    client that C{package_data} forgot would be missed only in production.
    """
    assert files_in(installed.site / "teamchatd") == files_in(CHECKOUT / "teamchatd")


def test_twisted_is_left_alone(installed: Installation) -> None:
    """
    Of C{twisted/} the package brings the plugin and nothing that could hide
    the real one.
    """
    shipped = files_in(installed.site / "twisted") - {Path("plugins/dropin.cache")}
    assert shipped == {Path("plugins/teamchatd_plugin.py")}


def test_manual_is_shipped(installed: Installation) -> None:
    """
    The sample configuration and the units are in C{share/teamchat}.
    """
    share = installed.prefix / "share" / "teamchat"
    expected = files_in(CHECKOUT / "etc") | {
        Path("systemd") / name for name in files_in(CHECKOUT / "systemd")
    }
    assert files_in(share) == expected
    hook = share / "certbot-deploy-hook"
    assert os.access(hook, os.X_OK)


def test_version(installed: Installation) -> None:
    """
    The package and the code agree on what they are.
    """
    told = installed.ask(
        "import teamchatd; from importlib.metadata import version;"
        "print(version('teamchat'), teamchatd.__version__)"
    )
    packaged, spoken = told.split()
    assert packaged == spoken


def test_nothing_comes_from_the_checkout(installed: Installation) -> None:
    """
    Code and plugin are the installed ones.
    """
    told = installed.ask(
        "import json, sys, teamchatd, twisted.plugins.teamchatd_plugin as plugin;"
        "print(json.dumps([sys.path, teamchatd.__file__, plugin.__file__]))"
    )
    path, code, plugin = json.loads(told)
    assert str(CHECKOUT) not in path
    assert Path(code).is_relative_to(installed.site)
    assert Path(plugin).is_relative_to(installed.site)


def test_twistd_knows_it(installed: Installation) -> None:
    """
    C{twistd --help} lists teamchat, once.
    """
    help = installed.run(installed.twistd, "--help")
    assert len(re.findall(r"^ +teamchat +Team chat on your own server", help, re.M)) == 1


def test_console(installed: Installation) -> None:
    """
    The command C{teamchat} is there.
    """
    help = installed.run(installed.prefix / "bin" / "teamchat", "--help")
    assert "check" in help


@pytest.fixture
def daemon(installed: Installation, tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    daemon = subprocess.Popen(
        [
            *(installed.python, installed.twistd, "-n", "--pidfile=", "teamchat"),
            *("--port", "0", "--data-dir", tmp_path / "data"),
        ],
        cwd=installed.elsewhere,
        env=installed.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    # A daemon that says nothing must not hang the tests: reading ends when it does.
    mercy = Timer(PATIENCE, daemon.kill)
    mercy.start()
    with daemon:
        try:
            yield daemon
        finally:
            mercy.cancel()
            daemon.kill()


def test_runs(daemon: "subprocess.Popen[str]", installed: Installation, tmp_path: Path) -> None:
    """
    The installed daemon starts, says where, answers, shows its page, keeps its data where it
    was told to, and ends when it is asked to.
    """
    assert daemon.stdout is not None
    log = []
    for line in daemon.stdout:
        log.append(line)
        said = re.search(r"http://127\.0\.0\.1:[1-9]\d*", line)
        if said is not None:
            break
    else:
        pytest.fail("It never said where it listens:\n" + "".join(log))
    address = said.group()

    with urlopen(f"{address}/health", timeout=PATIENCE) as answer:
        assert answer.status == 200
        assert answer.read() == b"OK"
    with urlopen(f"{address}/openapi.json", timeout=PATIENCE) as answer:
        assert "/health" in json.load(answer)["paths"]
    with urlopen(f"{address}/", timeout=PATIENCE) as answer:
        page = answer.read().decode()
    named = re.findall('(?:src|href)="(/assets/[^"]+)"', page)
    assert any(each.endswith("/main.js") for each in named)
    for each in named:
        with urlopen(f"{address}{each}", timeout=PATIENCE) as answer:
            file = Path(installed.site, "teamchatd/client", *each.split("/")[3:])
            assert set(answer.read().splitlines()) <= set(file.read_bytes().splitlines())
    assert list((tmp_path / "data").iterdir())

    daemon.send_signal(signal.SIGTERM)
    rest = daemon.stdout.read()
    # twistd cleans up and then dies of the signal it was sent, as a shell expects.
    assert daemon.wait(PATIENCE) in (0, -signal.SIGTERM), rest
    assert "Traceback" not in "".join(log) + rest
