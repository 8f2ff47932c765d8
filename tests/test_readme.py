"""
What README.rst shows, works.
"""

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.real.daemon import RealDaemon

README = Path(__file__).parent.parent / "README.rst"

pytestmark = pytest.mark.real


def shown(after: str) -> str:
    """
    The block of code that follows the words C{after}.
    """
    text = README.read_text().partition(after)[2].partition("::\n\n")[2]
    block = re.match(r"(?:    .*\n|\n(?=    ))+", text)
    assert block, f"nothing is shown after {after!r}"
    return block[0]


def test_curl_session(as_process):
    """
    The five lines of curl, pasted: the message is answered, and heard.
    """
    session = shown("paste this into another terminal")
    assert len(session.splitlines()) == 5
    daemon = as_process(
        auth={"is_invite_required": True}, chat={"initial_user_email": "ada@example.org"}
    )
    pasted = session.replace(":3000", f":{daemon.port}")
    shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    shell.stdin.write(pasted.encode())
    shell.stdin.close()
    heard = b""
    while heard.count(b'"content":"Hello!"') < 2:
        more = os.read(shell.stdout.fileno(), 65536)
        assert more, heard
        heard += more
    daemon.stop()  # ends the stream, and with it the shell
    shell.stdout.close()
    shell.wait(30)


@pytest.mark.parametrize(
    "words",
    [
        "most common; nothing else is asked",
        "opening it does not use it up",
        "from then on by their account there",
    ],
)
def test_ways_in(words, tmp_path, monkeypatch):
    """
    Each example of how a team signs in is a configuration, and teamchat starts with it.
    """
    example = shown(words)
    for path in set(re.findall(r'"(/etc/teamchat/[^"]+)"', example)):
        secret = tmp_path / Path(path).name
        secret.write_text("a secret of the tests")
        example = example.replace(path, str(secret))
    monkeypatch.setattr("tests.real.daemon.variables", lambda sections: {})
    daemon = RealDaemon(tmp_path, toml=textwrap.dedent(example))
    try:
        assert daemon.get("/health").status == 200
        if "oauth" in example:
            providers = daemon.done(daemon.get("/auth/oauth/providers"))["providers"]
            assert [each["name"] for each in providers] == [
                *("Google", "Microsoft", "GitHub", "GitLab", "Our office")
            ]
    finally:
        daemon.stop()


def test_short():
    """
    README.rst is read in a few minutes.
    """
    assert len(README.read_text().splitlines()) < 210
