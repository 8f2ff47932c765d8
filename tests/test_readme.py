"""
What README.rst shows, works.
"""

import json
import os
import re
import subprocess
import textwrap
from base64 import b64encode
from pathlib import Path

import pytest

from tests.files import corpus
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
    ada = daemon.token("ada")
    daemon.done(daemon.post("/channels", ada, {"name": "garden"}))  # and still it is General
    pasted = session.replace(":3000", f":{daemon.port}")
    shell = subprocess.Popen(["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    shell.stdin.write(pasted.encode())
    shell.stdin.close()
    heard = b""
    while heard.count(b'"content":"Hello!"') < 2:
        more = os.read(shell.stdout.fileno(), 65536)
        assert more, heard
        heard += more
    [said] = daemon.done(daemon.get(f"/channels/{daemon.general(ada)}/messages", ada))["messages"]
    assert said["content"] == "Hello!"
    daemon.stop()  # ends the stream, and with it the shell
    shell.stdout.close()
    shell.wait(30)


@pytest.mark.parametrize("mode", ["password", "dev", "magic-link"])
def test_first_command(as_process, mode):
    """
    What the log of an empty server says, pasted, makes an administrator.  The link
    beside it leads to where we listen, although nobody has said where that is.
    """
    mail = {"host": "127.0.0.1", "from": "chat@example.org"} if mode == "magic-link" else {}
    daemon = as_process(auth={"auth_mode": mode, "is_invite_required": True}, email=mail)
    token = daemon.setup_token
    log = daemon.log.read_text()
    assert re.findall(r"The first to open this will:\n\s*(\S+)\n", log) == [
        f"http://127.0.0.1:{daemon.port}?token={token}"
    ]
    [command] = re.findall(r"the first to send this:\n\s*(curl .+)\n", log)
    pasted = command.replace("YOU@", "ada@").replace("AT LEAST 8", "correct horse")
    said = subprocess.run(["bash", "-c", pasted], capture_output=True, check=True).stdout
    given = json.loads(said)
    ada = given.get("accessToken") or given["token"]
    assert daemon.done(daemon.get("/auth/me", ada))["user"]["isAdmin"]
    assert f"The first administrator came with the link: {user_id(daemon, ada)}" in (
        daemon.log.read_text()
    )


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def test_backup(as_process, tmp_path):
    """
    A copy made while the daemon runs is a data directory, images included.
    """
    command = re.search(r"``(umask 077 [^`]+)``", README.read_text())[1].replace("\n", " ")
    daemon = as_process()
    ada = daemon.token("ada")
    path, data = f"/channels/{daemon.general(ada)}/messages", corpus.png((500, 500))
    given = {"filename": "garden.png", "image": b64encode(data).decode()}
    name = daemon.done(daemon.post(f"{path}/image", ada, given))["filename"]
    daemon.say(ada, "kept", images=[name])
    copy = tmp_path / "copy"
    place = command.replace("DIR", str(daemon.data)).replace("COPY", str(copy))
    subprocess.run(["bash", "-c", place], check=True)
    daemon.stop()
    daemon.data = copy
    daemon.start()
    [said] = daemon.done(daemon.get(path, ada))["messages"]
    assert (said["content"], said["images"]) == ("kept", [name])
    assert daemon.get(f"{path}/image/{name}", ada).body == data


def test_webhook(as_process):
    """
    The two commands of curl, pasted: the webhook is made, and posts.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    words = {"chat": f"http://127.0.0.1:{daemon.port}", "token": ada}
    words["general"] = daemon.general(ada)
    made = pasted(shown("sees its token this once"), words)["webhook"]
    words |= {"id": made["id"], "secret": made["token"]}
    said = pasted(shown("a program needs nothing else"), words)["message"]
    assert said["author"] == {
        "id": f"webhook:{made['id']}",
        "userName": "Builds",
        "isBot": True,
    }
    assert daemon.read(ada) == ["All is green."]


def pasted(command, words):
    """
    What a command of curl is answered.
    """
    ran = subprocess.run(
        ["bash", "-c", command], env=os.environ | words, capture_output=True, check=True
    )
    return json.loads(ran.stdout)


def test_lost_password(as_process):
    """
    Dev mode gives an administrator a new password.
    """
    first = {"email": "ada@example.org", "password": "correct horse"}
    daemon = as_process(auth={"auth_mode": "password", "is_invite_required": True})
    given = first | {"token": daemon.setup_token}
    daemon.done(daemon.post("/auth/setup-password", given=given))
    daemon.stop()
    daemon._environ["TEAMCHAT_AUTH_AUTH_MODE"] = "dev"
    daemon.start()
    ada = daemon.token("ada")
    again = {"password": "battery staple"}
    daemon.done(daemon.post(f"/users/{user_id(daemon, ada)}/reset-password", ada, again))
    daemon.stop()
    daemon._environ["TEAMCHAT_AUTH_AUTH_MODE"] = "password"
    daemon.start()
    assert daemon.post("/auth/password-login", given=first).status == 401
    assert daemon.post("/auth/password-login", given=first | again).status == 200


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


def measured(what):
    """
    The figure of ours in the report, as C{make bench-report} wrote it.
    """
    report = (README.parent / "tests" / "bench" / "REPORT.rst").read_text()
    wanted = r" +≤\s\S+" * 2
    [row] = re.findall(rf"^{re.escape(what)}{wanted} +(\S+)", report, re.MULTILINE)
    return float(row)


def test_figures():
    """
    No figure is typed in: they are those of the report, rounded.
    """
    text = README.read_text()
    kilobytes = measured("10 000 streams: memory of each, kB")
    assert f"idle listeners cost {10 * kilobytes:.0f} MB" in text.replace("\n  ", " ")
    others = measured("10 000 streams: other requests meanwhile, p99, ms")
    assert f"other requests wait for {others:.0f} ms at the most (99 in 100" in text


def test_short():
    """
    README.rst is read in a few minutes.
    """
    assert len(README.read_text().splitlines()) < 200
