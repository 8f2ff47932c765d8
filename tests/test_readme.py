"""
What README.rst shows, works.
"""

import json
import os
import re
import sqlite3
import subprocess
import sys
import textwrap
from base64 import b64encode
from contextlib import closing

import pytest

from teamchatd.store import schema
from teamchatd.store.sqlite import found
from tests.files import corpus
from tests.real.daemon import ROOT, RealDaemon

README = ROOT / "README.rst"

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


class Machine:
    """
    Where what README.rst says under "Run it for real" has been done, and its next lines are typed.
    """

    def __init__(self, daemon, folder, monkeypatch):
        """
        @param folder: where backups go, and programs.
        """
        self.daemon, self.backups = daemon, folder / "backups"
        bin_ = folder / "bin"
        bin_.mkdir()
        command = bin_ / "teamchat"
        command.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path[:0] = [{str(ROOT)!r}]\n"
            "from teamchatd.console import main\nmain()\n"
        )
        command.chmod(0o755)
        monkeypatch.setenv("PATH", f"{bin_}:{os.environ['PATH']}")
        for name, value in daemon._environ.items():
            monkeypatch.setenv(name, value)  # the unit would read them from the file
        monkeypatch.chdir(folder)  # nothing counts from the folder one is in

    def here(self, text):
        """
        C{text} with the places of this machine in it.
        """
        for theirs, ours in {
            "/etc/teamchat/teamchat.toml": self.daemon.directory / "teamchat.toml",
            "/var/lib/teamchat": self.daemon.data,
            "/var/backups/teamchat": self.backups,
        }.items():
            text = text.replace(theirs, str(ours))
        return text

    def typed(self, *lines):
        """
        One line after the other; those that begin with C{here=} hold for all.

        @return: what was said.
        """
        said = ""
        before = [line for line in lines if line.startswith("here=")]
        for line in lines:
            if line.startswith("systemctl "):
                assert line.split()[2:] == ["teamchat.socket", "teamchat.service"]
                {"stop": self.daemon.stop, "start": self.daemon.start}[line.split()[1]]()
            else:
                script = self.here("\n".join([*before, line]))
                said += subprocess.run(
                    ["bash", "-ec", script], check=True, capture_output=True, text=True
                ).stdout
        return said


@pytest.fixture
def machine(as_process, tmp_path_factory, monkeypatch):
    """
    Makes one on which a daemon runs.
    """

    def machine(**auth):
        daemon = as_process(auth=auth) if auth else as_process()
        daemon.stay()
        return Machine(daemon, tmp_path_factory.mktemp("machine"), monkeypatch)

    return machine


def lines_of(block):
    return textwrap.dedent(block).splitlines()


def looking_after():
    """
    The lines of the block, and where they are.
    """
    where, *commands = lines_of(shown("**Look after it**"))
    return where, {line.split(" $here")[0].split()[1]: line for line in commands}


def test_check(machine, monkeypatch):
    """
    What is wrong, and what to do about it.
    """
    there = machine()
    there.daemon.token("ada")
    where, commands = looking_after()
    monkeypatch.setenv("TEAMCHAT_AUTH_APP_URL", f"http://127.0.0.1:{there.daemon.port}")
    assert there.typed(where, commands["check"]).endswith("Nothing is wrong, 0 to be noted.\n")
    there.daemon.data.chmod(0o755)
    with pytest.raises(subprocess.CalledProcessError) as failed:
        there.typed(where, commands["check"])
    assert f"chmod -R go= {there.daemon.data}" in failed.value.stdout


def test_backup(machine):
    """
    A backup that is made while the daemon runs, put back as it says: all of it, images
    included, and what was there is beside it.
    """
    there = machine()
    daemon, (where, commands) = there.daemon, looking_after()
    ada = daemon.token("ada")
    path, data = f"/channels/{daemon.general(ada)}/messages", corpus.png((500, 500))
    given = {"filename": "garden.png", "image": b64encode(data).decode()}
    name = daemon.done(daemon.post(f"{path}/image", ada, given))["filename"]
    daemon.say(ada, "kept", images=[name])
    there.typed(where, commands["backup"])
    [made] = there.backups.iterdir()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d{6}Z", made.name)
    daemon.say(ada, "said since")
    back = shown("To put one back")
    [shape] = re.findall(r"teamchat/(\d{4}-\S+Z) --replace", back)
    said = there.typed(*lines_of(back.replace(shape, made.name)))
    assert "What was there before is in" in said
    [kept] = daemon.done(daemon.get(path, ada))["messages"]
    assert (kept["content"], kept["images"]) == ("kept", [name])
    assert daemon.get(f"{path}/image/{name}", ada).body == data


def test_older_backups(machine):
    """
    As many are kept as it says.
    """
    there = machine()
    where, commands = looking_after()
    [keep] = re.findall(r"--keep (\d+)", commands["backup"])
    few = commands["backup"].replace(f"--keep {keep}", "--keep 2")
    assert few != commands["backup"]
    for _ in range(3):
        there.typed(where, few)
    assert len(list(there.backups.iterdir())) == 2


def test_lost_password(machine):
    """
    The only administrator is given a new one.
    """
    first = {"email": "ada@example.org", "password": "correct horse"}
    there = machine(auth_mode="password", is_invite_required=True)
    daemon, (where, commands) = there.daemon, looking_after()
    token = {"token": daemon.setup_token}
    daemon.done(daemon.post("/auth/setup-password", given=first | token))
    said = there.typed(where, commands["user"])
    link = re.search(r"\?token=([\w-]+)", said)
    again = first | {"password": "battery staple", "token": link[1]}
    daemon.done(daemon.post("/auth/setup-password", given=again))
    del again["token"]
    assert daemon.post("/auth/password-login", given=first).status == 401
    assert daemon.post("/auth/password-login", given=again).status == 200


def test_way_back(machine):
    """
    An upgrade lays a copy beside the database, and that is put back in the same way.
    """
    there = machine()
    daemon, data = there.daemon, there.daemon.data
    daemon.stop()
    database = data / "teamchat.sqlite"
    for each in data.glob("teamchat.sqlite*"):
        each.unlink()
    steps = schema.steps()[:-1]
    with closing(sqlite3.connect(database)) as connection:
        connection.isolation_level = None
        with pytest.MonkeyPatch.context() as before:
            before.setattr(schema, "steps", lambda: steps)
            found(connection)
    daemon.start()
    [named] = re.findall(r"``(teamchat\.sqlite\.before-)\.\.\.``", README.read_text())
    [copy] = data.glob(f"{named}*")
    assert version(database) == len(steps) + 1
    stop, restore, _ = lines_of(shown("To put one back"))
    there.typed(stop, re.sub(r"/var/backups/\S+", str(copy), restore))
    assert version(database) == len(steps)


def version(database):
    """
    Of the schema.
    """
    with closing(sqlite3.connect(database)) as connection:
        return schema.applied(connection)


def secrets_in(example):
    """
    The names of those that systemd hands to the service.
    """
    return re.findall(r'"/run/credentials/teamchat\.service/([^"]+)"', example)


def started(tmp_path, monkeypatch, example):
    """
    A daemon with that configuration, and secrets as systemd would bring them.
    """
    for name in secrets_in(example):
        (tmp_path / name).write_text("a secret of the tests")
    monkeypatch.setattr("tests.real.daemon.variables", lambda sections: {})
    toml = example.replace("/run/credentials/teamchat.service", str(tmp_path))
    return RealDaemon(tmp_path, toml=textwrap.dedent(toml))


@pytest.mark.parametrize("mode", ["password", "magic-link"])
def test_ways_in(mode, tmp_path, monkeypatch):
    """
    The example is a configuration, also with the other way in.
    """
    example = shown("most common; nothing else is asked")
    assert f'``authMode = "{mode}"``' in README.read_text() or f'authMode = "{mode}"' in example
    example, count = re.subn('authMode = "password"', f'authMode = "{mode}"', example)
    assert count == 1
    daemon = started(tmp_path, monkeypatch, example)
    try:
        assert daemon.get("/health").status == 200
    finally:
        daemon.stop()


PRESETS = ("google", "microsoft", "github", "gitlab")


def test_through_others(tmp_path, monkeypatch):
    """
    The example is a configuration, and the other presets are written in the same way.
    """
    assert [f"``{each}``" in README.read_text() for each in PRESETS] == [True] * 4
    google, custom = re.split(r"(?=^    \[\[)", shown("by their account there"), flags=re.MULTILINE)
    assert google.count("google") == 4  # in the section, and all that follows from it
    presets = [google.replace("google", each) for each in PRESETS]
    daemon = started(tmp_path, monkeypatch, "".join([*presets, custom]))
    try:
        providers = daemon.done(daemon.get("/auth/oauth/providers"))["providers"]
        assert [each["name"] for each in providers] == [
            *("Google", "Microsoft", "GitHub", "GitLab", "Our office")
        ]
    finally:
        daemon.stop()


def test_secrets():
    """
    Each secret of an example, and of the other presets, is one that the service is handed.
    """
    examples = shown("nothing else is asked") + shown("by their account there")
    unit = (ROOT / "systemd" / "teamchat.service").read_text()
    assert len(secrets_in(examples)) == 3
    for name in {*secrets_in(examples), *(f"{each}-secret" for each in PRESETS)}:
        assert f"\nLoadCredential={name}:teamchat.{name}\n" in unit


@pytest.mark.parametrize(
    ("words", "name", "there"),
    [
        (
            "teamchat.socket",
            "systemd/teamchat.socket",
            "enable --now teamchat.socket teamchat.service",
        ),
        ("/etc/teamchat/red.toml", "systemd/teamchat@.service", "--config /etc/teamchat/%i.toml"),
        (
            "/run/teamchat-red.sock",
            "systemd/teamchat@.socket",
            "ListenStream=/run/teamchat-%i.sock",
        ),
        (
            "teamchat-more@2.service",
            "systemd/teamchat-more@.service",
            "systemctl enable teamchat-more@2.service",
        ),
        ("EXTRAS=postgres", ".ci/install", 'EXTRAS   "postgres"'),
        ("/etc/credstore", "systemd/teamchat.service", "/etc/credstore/teamchat.mail-password"),
        ("systemctl reload teamchat", "systemd/teamchat.service", "ExecReload=/bin/kill -HUP"),
        ("into /opt/teamchat", ".ci/install", "PREFIX=${PREFIX:-/opt/teamchat}"),
        (
            "tls:/var/lib/teamchat-certs:port=443",
            "etc/certbot-deploy-hook",
            "tls:/var/lib/teamchat-certs:port=443",
        ),
        ("Debian's 768", "etc/nginx.conf", "worker_connections 32768;"),
        ("trustedProxies", "etc/Caddyfile", 'trustedProxies = ["127.0.0.1"]'),
    ],
)
def test_said_there_too(words, name, there):
    """
    What it only names is told where it leads to.
    """
    assert words in README.read_text()
    assert there in (ROOT / name).read_text()


def targets(text):
    """
    What links lead to, in this repository.
    """
    return re.findall(r"<([\w./@-]+)>`_|image:: (\S+)", text)


def test_links():
    """
    What it leads to is there; nothing is promised that make cannot do.
    """
    text = README.read_text()
    links = ["".join(each) for each in targets(text)]
    assert len(links) > 8
    assert [each for each in links if not (ROOT / each).exists()] == []
    make = (ROOT / "Makefile").read_text()
    wanted = set(re.findall(r"(?:``|sudo |    )make ([a-z-]+)", text))
    assert wanted >= {"run", "test", "install", "uninstall", "deb", "screens", "try-units"}
    assert [each for each in wanted if f"\n{each}: " not in make] == []


def measured(what):
    """
    The figure of ours in the report, as C{make bench-report} wrote it; where it was measured
    a second time, for longer, the first.
    """
    report = (ROOT / "tests" / "bench" / "REPORT.rst").read_text()
    row = re.search(
        rf"^{re.escape(what)}(?: +≤\s\S+){{0,2}} +(\S+(?:\s\d{{3}})*)", report, re.MULTILINE
    )
    return float("".join(row[1].split()))


def test_figures():
    """
    No figure is typed in: they are those of the report, rounded.
    """
    text = README.read_text()
    kilobytes = measured("10 000 streams: memory of each, kB")
    assert f"idle listeners cost {10 * kilobytes:.0f} MB" in text.replace("\n  ", " ")
    others = measured("10 000 streams: other requests meanwhile, p99, ms")
    assert f"other requests wait for {others:.0f} ms at the most (99 in 100" in text
    one, two, three = (
        measured(f"{daemons}:…  each, in all daemons, µs") / 1000
        for daemons in ("1 daemon", "2 daemons", "3 daemons")
    )
    costs = f"{one:.2g} ms of processor with one daemon, {two:.2g} with two, {three:.2g} with three"
    assert costs in text


def test_short():
    """
    README.rst is read in a few minutes.
    """
    assert len(README.read_text().splitlines()) < 200
