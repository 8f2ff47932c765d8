"""
C{make install} and C{make uninstall}, into a folder that stands for the whole machine.

Nothing is fetched: setuptools and Twisted are those of the environment that runs the tests.
"""

import json
import os
import subprocess
import sys
import sysconfig

import pytest

from tests.real.daemon import PATIENCE, ROOT

pytestmark = pytest.mark.real

UNITS = {
    "teamchat.service",
    "teamchat.socket",
    "teamchat-more@.service",
    "teamchat@.service",
    "teamchat@.socket",
}


@pytest.fixture
def make(tmp_path):
    """
    C{make(target, **variables)} for the machine in C{tmp_path}.  Returns what was said.
    """

    def make(target, status=0, **variables):
        given = {"DESTDIR": str(tmp_path), "PYTHON": sys.executable} | variables
        done = subprocess.run(
            ["make", "--no-print-directory", target, *(f"{n}={v}" for n, v in given.items())],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": sysconfig.get_path("purelib"),
                "PIP_NO_DEPS": "1",
                "PIP_NO_INDEX": "1",
                "PIP_NO_BUILD_ISOLATION": "0",  # which means that there is none
                "PIP_IGNORE_INSTALLED": "1",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=10 * PATIENCE,
            check=False,
        )
        assert bool(done.returncode) == bool(status), done.stdout
        return done.stdout

    return make


def files_of(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_install_and_uninstall(make, tmp_path, monkeypatch):
    """
    The program is where its units say, and whoever takes it away again has left only the
    configuration and the data, and is told where.  What speaks to PostgreSQL is installed for
    who wants it, and from then on kept up to date.
    """
    monkeypatch.setenv("PIP_REPORT", str(tmp_path / "report"))
    make("install", PREFIX="/srv/chat")
    assert asked_for(tmp_path / "report") == []
    assert not (ROOT / "build").exists()  # root leaves nothing in somebody's checkout
    prefix, system = tmp_path / "srv/chat", tmp_path / "etc/systemd/system"
    sample = (ROOT / "etc/teamchat.toml").read_text()
    configuration = tmp_path / "etc/teamchat/teamchat.toml"
    assert configuration.read_text() == sample
    assert {path.name for path in system.iterdir()} == UNITS
    for service in system.glob("*.service"):
        assert "\nExecStart=/srv/chat/bin/twistd --nodaemon" in service.read_text()
        assert "/opt/teamchat" not in service.read_text()
    # Nothing remembers where it was made.
    assert (prefix / "bin/teamchat").read_text().startswith("#!/srv/chat/bin/python")
    ours = [*(prefix / "bin").iterdir(), *prefix.glob("lib/*/site-packages/teamchatd/**/*.pyc")]
    assert len(ours) > 50
    for path in ours:
        assert path.is_symlink() or str(tmp_path).encode() not in path.read_bytes(), path

    command = tmp_path / "usr/local/bin/teamchat"
    assert str(command.readlink()) == "/srv/chat/bin/teamchat"

    configuration.write_text("# mine\n")
    (tmp_path / "var/lib/private/teamchat").mkdir(parents=True)
    enabled(system, "multi-user.target", "teamchat.service")
    enabled(system, "teamchat.service", "teamchat-more@2.service", "teamchat-more@.service")
    assert "stays as it is" in make("install", PREFIX="/srv/chat", EXTRAS="postgres")
    assert asked_for(tmp_path / "report") == ["postgres"]
    assert configuration.read_text() == "# mine\n"

    [packages] = prefix.glob("lib/*/site-packages")
    (packages / "psycopg.py").write_text("")
    command.unlink()
    command.write_text("another's program")
    assert "/usr/local/bin/teamchat is somebody else's" in make("install", PREFIX="/srv/chat")
    assert asked_for(tmp_path / "report") == ["postgres"]

    told = make("uninstall", PREFIX="/srv/chat")
    assert command.read_text() == "another's program"
    kept = {"etc/teamchat/teamchat.toml", "usr/local/bin/teamchat", "report"}
    assert files_of(tmp_path) == kept
    assert told.splitlines() == [
        "The configuration stays: /etc/teamchat",
        "The data stays: /var/lib/private/teamchat",
    ]


def asked_for(report):
    """
    The extras with which pip has installed teamchat, by what it has written down.
    """
    [ours] = json.loads(report.read_text())["install"]
    return ours.get("requested_extras", [])


def enabled(system, by, unit, file=None):
    """
    As systemctl enables it.
    """
    wants = system / f"{by}.wants"
    wants.mkdir()
    (wants / unit).symlink_to(system / (file or unit))


def test_not_ours(make, tmp_path):
    """
    What make install has not made, uninstall does not remove; nor is a folder of the system
    taken for one of teamchat.
    """
    (tmp_path / "srv/chat").mkdir(parents=True)
    (tmp_path / "srv/chat/photos").write_text("")
    assert "is left alone" in make("uninstall", status=2, PREFIX="/srv/chat")
    assert (tmp_path / "srv/chat/photos").exists()
    for wrong in ("/", "/usr", "chat"):
        assert "a folder of teamchat's own" in make("install", status=2, PREFIX=wrong)
