"""
What README.rst shows, works.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.rst"

pytestmark = pytest.mark.real


def shown(after: str) -> str:
    """
    The block of code that follows the words C{after}.
    """
    text = README.read_text().partition(after)[2].partition("::\n\n")[2]
    block = re.match(r"(?:    .*\n)+", text)
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


def test_short():
    """
    README.rst is read in a few minutes.
    """
    assert len(README.read_text().splitlines()) < 150
