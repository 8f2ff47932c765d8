"""
The units, as systemd itself sees them.
"""

import http.client
import os
import re
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from teamchatd.config import Config
from tests.real.daemon import IN_FRONT, PATIENCE, ROOT, free_port
from tests.real.units.tools import ACTIVATE, ANALYZE

pytestmark = pytest.mark.real

UNITS = ROOT / "systemd"

SERVICES = ["teamchat.service", "teamchat@red.service", "teamchat-more@2.service"]

SOCKETS = ["teamchat.socket", "teamchat@red.socket"]

FILES = ["teamchat.service", "teamchat@.service", "teamchat-more@.service"]

NOT_KNOWN_YET = re.compile(r".*Unknown key.* 'Restart(Steps|MaxDelaySec)' .*ignoring")
"""What an earlier systemd says of keys that it does not know, and does without."""


@pytest.fixture
def units(tmp_path):
    """
    The folder of the units, with a program that is there, one team, and one more daemon.
    """
    for unit in UNITS.iterdir():
        name = unit.name.replace("more@.", "more@2.").replace("@.", "@red.")
        text = unit.read_text().replace("/opt/teamchat/bin/twistd", sys.executable)
        (tmp_path / name).write_text(text)
    return tmp_path


def analyze(*arguments, where):
    done = subprocess.run(
        [ANALYZE, *arguments],
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{where}:"},
        timeout=PATIENCE,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("unit", [*SERVICES, *SOCKETS])
def test_verify(units, unit):
    """
    systemd finds nothing wrong, but that an earlier one does not know two keys.
    """
    code, said = analyze("verify", "--man=no", f"./{unit}", where=units)
    ours = [line for line in said.splitlines() if "teamchat" in line]
    assert [line for line in ours if not NOT_KNOWN_YET.match(line)] == []
    assert code == 0


def test_verify_sees(units):
    """
    It would find something wrong.
    """
    unit = units / "teamchat.service"
    unit.write_text(unit.read_text().replace("Type=notify", "Type=notice\nTypo=yes"))
    _, said = analyze("verify", "--man=no", "./teamchat.service", where=units)
    ours = [line for line in said.splitlines() if "teamchat" in line]
    assert len([line for line in ours if not NOT_KNOWN_YET.match(line)]) == 2


@pytest.mark.parametrize("unit", SERVICES)
def test_exposure(units, unit):
    """
    Of ten, where none is best, it is exposed by less than two.
    """
    rating = ("security", "--offline=true", "--no-pager", f"./{unit}")
    code, said = analyze(*rating, "--threshold=20", where=units)
    assert code == 0, said
    code, said = analyze(*rating, "--threshold=5", where=units)
    assert code != 0, "nothing was rated"


@pytest.mark.parametrize("unit", FILES)
def test_nothing_that_breaks_it(unit):
    """
    What was seen to break it, under a systemd that ran it, is not in the units: the first
    keeps Python from TLS, and so from mail; the second keeps images out.
    """
    settings = (UNITS / unit).read_text()
    assert "\nMemoryDenyWriteExecute=" not in settings
    assert "@resources" not in "".join(re.findall("^SystemCallFilter=.*$", settings, re.M))


@pytest.mark.parametrize("unit", FILES)
def test_patience(unit):
    """
    systemd waits for longer than the daemon takes to end.
    """
    [seconds] = re.findall(r"^TimeoutStopSec=(\d+)$", (UNITS / unit).read_text(), re.M)
    assert int(seconds) > Config().server.shutdown_seconds


def test_teams_are_like_one():
    """
    Several teams get what one gets, under other names.
    """
    one = settings_of("teamchat.service") - {"User=teamchat", "Description=Team chat"}
    team = settings_of("teamchat@.service") - {"Description=Team chat of %i"}
    assert {each.replace("teamchat-%i", "%i").replace("%i", "teamchat") for each in team} == one


def test_more_are_like_one():
    """
    More daemons of one team get what the first gets, from where it gets it, and nothing that
    would be taken from it when they end, as the folder of a service is.
    """
    one, more = settings_of("teamchat.service"), settings_of("teamchat-more@.service")
    assert one - more == {
        "Description=Team chat",
        "RuntimeDirectory=teamchat",
        "WantedBy=multi-user.target",
    }
    assert more - one == {
        "Description=Team chat, daemon %i",
        "After=teamchat.service",
        "ReloadPropagatedFrom=teamchat.service",
        "BindReadOnlyPaths=-/run/credentials/%n:/run/credentials/teamchat.service",
        "WantedBy=teamchat.service",
    }


def settings_of(unit):
    lines = (UNITS / unit).read_text().splitlines()
    return {line for line in lines if line and not line.startswith(("#", "["))}


def test_activated(tmp_path):
    """
    systemd's own tool starts the daemon for the first who connects, who is answered.
    """
    port = free_port()
    twistd = Path(sys.executable).with_name("twistd")
    command = [ACTIVATE, f"--listen=127.0.0.1:{port}", "--fdname=teamchat", "-E", "PYTHONPATH"]
    given = ["--data-dir", str(tmp_path / "data")]
    with subprocess.Popen(
        [*command, twistd, *IN_FRONT, "teamchat", *given],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            assert "Listening on" in process.stdout.readline()
            with closing(http.client.HTTPConnection("127.0.0.1", port, PATIENCE)) as line:
                line.request("GET", "/health")
                assert line.getresponse().read() == b"OK"
            process.send_signal(signal.SIGTERM)
            assert f"listens at http://127.0.0.1:{port}\n" in process.stdout.read()
        finally:
            process.kill()
