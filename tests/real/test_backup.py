"""
Backups of a daemon that is at work, served by another.
"""

import sqlite3
import subprocess
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from teamchatd.config import Config
from teamchatd.console import backup
from teamchatd.console.place import Place
from teamchatd.console.terminal import CannotDo, Progress
from tests.daemon import NOON
from tests.files import corpus
from tests.real.command import teamchat
from tests.real.daemon import PATIENCE
from tests.real.test_disk import may_mount
from tests.real.test_kill import POSTERS, Acknowledged, Poster

pytestmark = pytest.mark.real


def rows(data, sql):
    with closing(sqlite3.connect(data / "teamchat.sqlite")) as connection:
        return connection.execute(sql).fetchall()


MESSAGES = "SELECT * FROM messages ORDER BY position"
JOURNAL = "SELECT * FROM journal ORDER BY number"


def test_under_load(as_process, tmp_path):
    """
    Four people write while the backup is made.  What was acknowledged before it began is in
    it, row by row, in order, without a gap; and another daemon serves it.
    """
    daemon, other = as_process(), as_process()
    ada, *tokens = [daemon.token(name) for name in ("ada", *POSTERS)]
    channel = daemon.general(ada)
    image = corpus.png((500, 500))
    given = {"filename": "garden.png", "image": b64encode(image).decode()}
    path = f"/channels/{channel}/messages"
    name = daemon.done(daemon.post(f"{path}/image", ada, given))["filename"]
    daemon.say(ada, "look", images=[name])
    posters = [Poster(who, token, channel) for who, token in zip(POSTERS, tokens, strict=True)]
    tally, backups = Acknowledged(), tmp_path / "backups"
    with ThreadPoolExecutor(len(posters)) as threads:
        working = [threads.submit(each.post_until_the_end, daemon, tally) for each in posters]
        tally.await_count(40)
        before = {message["id"] for each in posters for message in each.acknowledged}
        status, said, complaint = teamchat(daemon, "backup", backups)
        assert (status, complaint) == (0, "")
        tally.await_count(len(before) + 20)
        daemon.kill()
        for one in working:
            one.result(PATIENCE)
    [made] = backups.iterdir()
    assert said.startswith(f"{made}: ")

    refused = (1, "", f"teamchat: another teamchat is running on {other.data}\n")
    assert teamchat(other, "restore", made, "--replace") == refused
    other.stop()
    status, said, complaint = teamchat(other, "restore", made, "--replace")
    assert (status, complaint) == (0, "")
    assert f"What was there before is in {other.data}/before-restore-" in said
    restored, all_rows = rows(other.data, MESSAGES), rows(daemon.data, MESSAGES)
    assert restored == all_rows[: len(restored)]
    assert before <= {row[0] for row in restored}
    assert len(restored) < len(all_rows)
    told = rows(other.data, JOURNAL)
    assert told == rows(daemon.data, JOURNAL)[: len(told)]
    assert [(told[-1][0],)] == rows(other.data, "SELECT number FROM head")

    other.start()
    page = other.done(other.get(f"{path}?limit=200", ada))["messages"]
    assert [each["id"] for each in page] == [row[0] for row in restored[-200:]]
    assert other.get(f"{path}/image/{name}", ada).body == image
    [(era,)] = rows(daemon.data, "SELECT era FROM head")
    listener = other.listen(ada, f"{era}.{told[-1][0]}")
    assert [event.type for event in listener.await_events(2)] == ["CONNECTED", "RESET"]
    other.say(ada, "it goes on")
    assert listener.await_events(3)[2].payload["content"] == "it goes on"
    daemon.assert_untroubled()
    other.assert_untroubled()


def test_finished_by_the_daemon(as_process, tmp_path):
    """
    A restore that was cut off after it counted: the next start moves in what is left, and
    the log says where the old one is.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    daemon.say(ada, "new")
    assert teamchat(daemon, "backup", tmp_path / "backups")[0] == 0
    [made] = (tmp_path / "backups").iterdir()
    daemon.say(ada, "old")
    daemon.stop()
    half = daemon.data / ".restored-x"
    half.mkdir(mode=0o700)
    for name in ("teamchat.sqlite", "jwt-secret", "files"):
        (made / name).rename(half / name)
    daemon.start()
    daemon.await_log(rf"What was there before it is in {daemon.data}/before-restore-x\n")
    assert daemon.read(ada) == ["new"]
    daemon.assert_untroubled()


def test_small_disk(in_memory, tmp_path, request):
    """
    On a disk that is too small nothing is begun, and it is said how much there is.
    """
    daemon = in_memory()
    small, progress = tmp_path / "small", Progress("Copying")
    small.mkdir()
    place = Place(Config(), daemon.directory)
    if not may_mount(tmp_path):
        request.node.user_properties.append(("disk", "may not mount: a file is in the way"))
        (small / "file").write_text("not a backup")
        with pytest.raises(CannotDo):
            backup.back_up(place, small, lambda: NOON, progress)
        return
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "small", small], check=True)
    try:
        with pytest.raises(
            CannotDo, match=r"The backup takes \d+\.\d kB, and in \S+ 4\.2 MB are free\."
        ):
            backup.back_up(place, small, lambda: NOON, progress)
        assert list(small.iterdir()) == []
    finally:
        subprocess.run(["umount", small], check=True)
