"""
The disk is full, and then it is not.
"""

import os
import resource
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.real.daemon import RealDaemon

pytestmark = pytest.mark.real

ROOM = 200_000
"""Bytes that are left: some changes still find room."""

LONG = "x" * 10_000


class Limited:
    """
    A disk that is full for one process: the kernel lets it make no file longer.
    """

    def __init__(self, directory):
        self.daemon = RealDaemon(directory)

    def fill(self):
        # The write-ahead log is the longest of its files, and every change makes it longer.
        longest = self.daemon.data / "teamchat.sqlite-wal"
        self._limit(longest.stat().st_size + ROOM)

    def free(self):
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size):
        process = self.daemon.process.pid
        _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))

    def remove(self):
        self.daemon.stop()


class Mounted:
    """
    A small file system, and a file in it that takes all the room.

    @raise subprocess.CalledProcessError: we may not mount any.
    """

    def __init__(self, directory):
        self._place = directory / "data"
        self._place.mkdir()
        options = ["-t", "tmpfs", "-o", "size=8m,mode=0700", "teamchat-test"]
        subprocess.run(["mount", *options, self._place], check=True, capture_output=True)
        self._ballast = self._place / "ballast"
        self.daemon = RealDaemon(directory)

    def fill(self):
        space = os.statvfs(self._place)
        self._ballast.write_bytes(bytes(space.f_bavail * space.f_frsize - ROOM))

    def free(self):
        self._ballast.unlink()

    def remove(self):
        self.daemon.stop()
        subprocess.run(["umount", self._place], check=True)


@pytest.fixture(params=[Limited, Mounted])
def disk(request, tmp_path):
    """
    A daemon's disk that can be filled up.  Where mounting is not permitted, the
    limit stands in for the small file system, and the report says so.
    """
    directory = tmp_path / "disk"
    directory.mkdir()
    kind = request.param
    if kind is Mounted and not may_mount(tmp_path):
        request.node.user_properties.append(("disk", "may not mount: limited instead"))
        kind = Limited
    made = kind(directory)
    yield made
    made.remove()


def may_mount(directory):
    place = directory / "trial"
    place.mkdir()
    tried = subprocess.run(["mount", "-t", "tmpfs", "trial", place], capture_output=True)
    if tried.returncode == 0:
        subprocess.run(["umount", place], check=True)
    return tried.returncode == 0


@pytest.fixture
def daemon(disk):
    return disk.daemon


def use_up(daemon, who):
    """
    Make the shortest change there is, until it finds no room: then none does.

    @return: what was told of those that did.
    """
    told = []
    for number in range(100):
        answer = daemon.put("/server/settings", who, {"name": f"n{number}"})
        if answer.status != 200:
            assert answer.status == 503
            return told
        told.append(answer.json)
    raise AssertionError("the disk does not get full")


def refuse_many(daemon, who):
    """
    Changes of many kinds, some at once and some one after another: all are refused.
    """
    path = f"/channels/{daemon.general(who)}/messages"

    def try_all(number):
        mine = daemon.another()
        asked = [
            mine.post(path, who, {"content": f"lost {LONG}"}),
            mine.post("/channels", who, {"name": f"lost {number} {'x' * 40}"}),
            mine.put("/server/settings", who, {"name": f"lost {number} {'x' * 40}"}),
        ]
        mine.hang_up()
        return asked

    with ThreadPoolExecutor(4) as threads:
        for answers in threads.map(try_all, range(8)):
            for answer in answers:
                assert answer.status == 503
                assert answer.error.startswith("The server cannot store this right now.")


def payloads(events):
    return [event.payload for event in events]


def numbers(events):
    return [int(event.id.partition(".")[2]) for event in events]


def test_full_and_free_again(daemon, disk):
    """
    While the disk is full, changes are refused and nothing of them is kept or
    told; what is there can be read.  When there is room again, all goes on, with
    the very next number.
    """
    ada, bob = daemon.token("ada"), daemon.token("bob")
    before = [daemon.say(who, f"before {LONG}") for who in (ada, bob) * 10]
    bobs = daemon.listen(bob)
    [connected] = bobs.await_events(1)

    disk.fill()
    told = [*use_up(daemon, ada)]
    refuse_many(daemon, ada)
    twice = {"content": f"sent twice {LONG}", "clientId": "twice"}
    path = f"/channels/{daemon.general(bob)}/messages"
    assert daemon.post(path, bob, twice).status == 503

    assert daemon.done(daemon.get(f"{path}?limit=200", bob))["messages"] == before
    assert len(daemon.done(daemon.get("/channels", bob))["channels"]) == 1
    assert daemon.done(daemon.get("/server/settings", bob)) == told[-1]
    assert daemon.get("/health").status == 200

    disk.free()
    for _ in range(2):
        answer = daemon.done(daemon.post(path, bob, twice))
    told += [answer["message"], daemon.say(ada, "all is well")]
    heard = bobs.await_events(1 + len(told))
    assert payloads(heard[1:]) == told
    assert numbers(heard) == list(range(numbers(heard)[0], numbers(heard)[0] + len(heard)))

    late = daemon.listen(ada, connected.id)
    assert late.await_events(len(heard))[1:] == heard[1:]
    daemon.assert_untroubled()


def test_record_is_whole(daemon, disk):
    """
    What a full disk leaves behind is a sound database without a gap in its
    journal, and the next start finds everything.
    """
    ada = daemon.token("ada")
    listener = daemon.listen(ada)
    said = [daemon.say(ada, LONG) for _ in range(20)]
    disk.fill()
    renamings = use_up(daemon, ada)
    refuse_many(daemon, ada)
    disk.free()
    said.append(daemon.say(ada, "after"))
    heard = listener.await_events(1 + len(said) + len(renamings))

    daemon.restart()
    page = daemon.done(daemon.get(f"/channels/{daemon.general(ada)}/messages?limit=200", ada))
    assert page["messages"] == said
    assert daemon.listen(ada, heard[0].id).await_events(len(heard))[1:] == heard[1:]

    daemon.stop()
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as record:
        assert record.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        [(head,)] = record.execute("SELECT number FROM head")
        journal = record.execute("SELECT number FROM journal ORDER BY number").fetchall()
        assert journal == [(number,) for number in range(1, head + 1)]


def test_one_line_each(daemon, disk):
    """
    The log says once that the disk does not take it, and once that it does
    again, however many changes were refused; and so the next time.
    """
    ada = daemon.token("ada")
    daemon.say(ada, LONG)
    for times in (1, 2):
        disk.fill()
        use_up(daemon, ada)
        refuse_many(daemon, ada)
        assert daemon.log.read_text().count("cannot be written:") == times
        assert daemon.log.read_text().count("can be written again\n") == times - 1
        disk.free()
        daemon.say(ada, "thanks")
        assert daemon.log.read_text().count("can be written again\n") == times
    daemon.assert_untroubled()
