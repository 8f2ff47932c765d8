"""
The package for Debian: made, installed, run, upgraded, removed and purged.

All of it happens in a L{sandbox<tests.real.sandbox>}: on this machine nothing is installed.
"""

import re
import signal
import subprocess
from threading import Timer
from urllib.request import urlopen

import pytest

from tests.real.daemon import PATIENCE, ROOT
from tests.real.sandbox import Sandbox

pytestmark = pytest.mark.real

CONFIGURATION = "/etc/teamchat/teamchat.toml"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deb")
    subprocess.run([ROOT / ".ci" / "deb", folder], cwd=ROOT, check=True, capture_output=True)
    [package] = folder.glob("*.deb")
    return package


def install(sandbox, package):
    return sandbox.run("dpkg", "--force-unsafe-io", "--install", str(package))


def named_teamchat(sandbox):
    """
    What is there under our name, but for what dpkg and its helpers write down.
    """
    found = sandbox.run(
        "find", "/etc", "/opt", "/usr", "/var", "-name", "*teamchat*", "-not", "-path",
        "/opt/teamchat/*", "-not", "-path", "/var/lib/dpkg/*",
    )  # fmt: skip
    return set(found.splitlines())


class Machine:
    """
    One where it is installed.

    @ivar before: what was there before.
    @ivar said: by the installation.
    """

    def __init__(self, package):
        self.sandbox = Sandbox()
        self.run, self.package = self.sandbox.run, package
        self.before = named_teamchat(self.sandbox)
        self.said = install(self.sandbox, package)


@pytest.fixture(scope="module")
def machine(package):
    machine = Machine(package)
    yield machine
    machine.sandbox.close()


@pytest.fixture
def another(package):
    """
    A machine of one's own.
    """
    machine = Machine(package)
    yield machine
    machine.sandbox.close()


def test_control(package):
    """
    It fits the Python that it was made with, and says so.
    """
    told = subprocess.run(
        ["dpkg-deb", "--field", package], check=True, capture_output=True, text=True
    ).stdout
    assert re.search(r"^Depends: python3\.\d+, libc6 \(>= 2\.\d+\)$", told, re.M)
    assert re.search(r"^Version: \d+\.\d+\.\d+$", told, re.M)


def test_installed(machine):
    """
    What belongs to it is there, and it will be started with the machine.
    """
    assert "journalctl -u teamchat" in machine.said
    assert named_teamchat(machine.sandbox) - machine.before >= {
        "/opt/teamchat",
        "/usr/bin/teamchat",
        "/etc/teamchat",
        CONFIGURATION,
        "/usr/lib/systemd/system/teamchat.service",
        "/etc/systemd/system/multi-user.target.wants/teamchat.service",
    }
    assert "check" in machine.run("teamchat", "--help")


def test_nobody_has_to_write(machine):
    """
    C{/opt/teamchat} is complete: who runs it, even as root, changes nothing in it.
    """
    machine.run("/opt/teamchat/bin/twistd", "teamchat", "--help")
    machine.run("teamchat", "--help")
    assert machine.run("dpkg", "--verify", "teamchat") == ""
    listed = set(machine.run("dpkg", "--listfiles", "teamchat").splitlines())
    assert set(machine.run("find", "/opt/teamchat").splitlines()) <= listed
    assert "/opt/teamchat/lib/python3" in "".join(
        each for each in listed if each.endswith("/twisted/plugins/dropin.cache")
    )


def test_made_for_its_place(machine):
    """
    Nothing in it names the folder in which it was made.
    """
    assert machine.run("grep", "-rlF", "/tmp/", "/opt/teamchat/bin", status=1) == ""
    assert (
        machine.run("sed", "-n", "1p", "/opt/teamchat/bin/twistd") == "#!/opt/teamchat/bin/python\n"
    )


def test_runs(machine, tmp_path):
    """
    With the command of the unit and the configuration of the package it starts, answers and
    ends.
    """
    unit = machine.run("cat", "/usr/lib/systemd/system/teamchat.service")
    command = re.search(r"^ExecStart=(.+)$", unit, re.M)[1].split()
    assert command[0] == "/opt/teamchat/bin/twistd"
    assert command[-2:] == ["--config", CONFIGURATION]
    daemon = subprocess.Popen(
        machine.sandbox.command(*command, "--port", "0", "--data-dir", str(tmp_path / "data")),
        env={"PATH": "/usr/bin:/bin", "PYTHONUNBUFFERED": "1"},
        cwd="/",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    mercy = Timer(PATIENCE, daemon.kill)  # reading ends when it does
    mercy.start()
    with daemon:
        try:
            lines = iter(daemon.stdout.readline, "")
            said = next(filter(None, (re.search(r"http://127\.0\.0\.1:\d+", x) for x in lines)))
            with urlopen(f"{said[0]}/health", timeout=PATIENCE) as answer:
                assert answer.read() == b"OK"
            with urlopen(f"{said[0]}/", timeout=PATIENCE) as answer:
                assert b"/main.js" in answer.read()
            daemon.send_signal(signal.SIGTERM)
            assert daemon.wait(PATIENCE) in (0, -signal.SIGTERM)
        finally:
            mercy.cancel()
            daemon.kill()


def test_upgrade(another):
    """
    Who has changed the configuration keeps it.
    """
    another.run("sed", "-i", "s/^#port = 3000/port = 3456/", CONFIGURATION)
    install(another.sandbox, another.package)
    assert "\nport = 3456\n" in another.run("cat", CONFIGURATION)
    assert another.run("dpkg-query", "--show", "--showformat=${Status}", "teamchat") == (
        "install ok installed"
    )


def asked_of_systemd(machine):
    """
    From now on, what the package asks of a systemd that has a third daemon of this team: as a
    function that says it.
    """
    fake = "/usr/bin/systemctl"
    script = (
        '#!/bin/sh\\necho "$@" >>/run/asked\\n'
        '[ "$1" != list-units ] || echo teamchat-more@3.service loaded\\n'
    )
    machine.run("mkdir", "-p", "/run/systemd/system")
    machine.run("rm", "-f", "/usr/sbin/policy-rc.d")  # containers have one, and start nothing
    machine.run("sh", "-c", f"rm -f {fake}; printf '{script}' >{fake}; chmod 755 {fake}")
    return lambda: machine.run("cat", "/run/asked").splitlines()


def test_several_teams(another):
    """
    The services of teams of their own go on with the new version after an upgrade, and end when
    their program goes.
    """
    asked = asked_of_systemd(another)
    install(another.sandbox, another.package)
    assert "try-restart teamchat@*.service" in asked()
    another.run("dpkg", "--remove", "teamchat")
    assert "stop teamchat-more@*.service teamchat@*.socket teamchat@*.service" in asked()


def test_several_daemons(another):
    """
    In an upgrade, no daemon of the old version works beside one of the new.
    """
    asked = asked_of_systemd(another)
    install(another.sandbox, another.package)
    said = asked()
    [restarted] = [each for each in said if each.endswith("restart teamchat.service")]
    assert said.index("stop teamchat-more@3.service") < said.index(restarted)
    assert said.index(restarted) < said.index("start teamchat-more@3.service")


def test_removed_and_purged(another):
    """
    Removed, it leaves configuration and data; purged, nothing, and it says that all that was
    said there is deleted.
    """
    data = "/var/lib/private/teamchat"
    another.run("mkdir", "-p", data)
    another.run("ln", "-s", "private/teamchat", "/var/lib/teamchat")
    another.run("touch", "/opt/teamchat/written-later", f"{data}/teamchat.sqlite")
    wants = "/etc/systemd/system/teamchat.service.wants"
    another.run("mkdir", wants)
    another.run("ln", "-s", "../teamchat-more@.service", f"{wants}/teamchat-more@2.service")
    another.run("dpkg", "--remove", "teamchat")
    left = named_teamchat(another.sandbox) - another.before
    assert {CONFIGURATION, data, f"{data}/teamchat.sqlite"} <= left
    assert not {"/opt/teamchat", "/usr/bin/teamchat"} & left
    assert f"All that was said on this teamchat is deleted: {data}" in another.run(
        "dpkg", "--purge", "teamchat"
    )
    assert named_teamchat(another.sandbox) == another.before


def test_what_is_not_ours(another):
    """
    What somebody else has put beside it stays, and is named.
    """
    secret, certificates = "/etc/credstore/teamchat.jwt-secret", "/var/lib/teamchat-certs"
    another.run("mkdir", "-p", "/etc/credstore", certificates)
    another.run("touch", secret, "/etc/teamchat/google-secret")
    said = another.run("dpkg", "--purge", "teamchat")
    for kept in ("/etc/teamchat", secret, certificates):
        assert f"stays: {kept}" in said
    assert named_teamchat(another.sandbox) - another.before == {
        "/etc/teamchat",
        secret,
        certificates,
    }
