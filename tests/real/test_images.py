"""
Images on real disks and sockets, and developed in real processes.
"""

import os
import resource
import signal
import socket
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from random import Random

import pytest

from teamchatd.http.reception import MOST_OF_ONE
from tests.answers import encoded
from tests.daemon import request_bytes
from tests.files import corpus
from tests.real.daemon import PATIENCE

pytestmark = pytest.mark.real

MB = 1 << 20


def upload_of(data, filename="garden.png", **more):
    return {"filename": filename, "image": b64encode(data).decode()} | more


def upload(daemon, who, place, given):
    """
    Through a connection of its own: for a thread.
    """
    line = daemon.another()
    try:
        return line.post(f"{place}/image", who, given)
    finally:
        line.hang_up()


def messages_of(daemon, who):
    return f"/channels/{daemon.general(who)}/messages"


def files(daemon):
    return {path.name for path in (daemon.data / "files").iterdir()}


def peak(daemon):
    """
    The most bytes of the daemon that ever were in memory.
    """
    status = Path(f"/proc/{daemon.process.pid}/status").read_text()
    [kilobytes] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kilobytes) * 1024


def open_files(daemon):
    return len(os.listdir(f"/proc/{daemon.process.pid}/fd"))


def test_ten_at_once(as_process):
    """
    While ten large images are looked at, two at a time, others talk as ever.
    """
    daemon = as_process()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    place, listener = messages_of(daemon, ada), daemon.listen(bob)
    photo = upload_of(corpus.jpeg((5000, 4000)), "photo.jpg")
    with ThreadPoolExecutor(10) as threads:
        uploads = [threads.submit(upload, daemon, bob, place, photo) for _ in range(10)]
        said = [daemon.say(ada, f"message {number}")["content"] for number in range(20)]
        heard = [event.payload["content"] for event in listener.await_events(21)[1:]]
        under_way = [each for each in uploads if not each.done()]
        names = {daemon.done(each.result(PATIENCE))["filename"] for each in uploads}
    assert heard == said
    assert under_way
    assert len(names) == 10
    listener.leave()
    daemon.assert_untroubled()


def test_memory_is_bounded(as_process):
    """
    However many large bodies come at once: two are in memory, the others wait in files.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    place, data = messages_of(daemon, ada), corpus.png_of(10 * MB)
    twice = upload_of(data, thumbnail=b64encode(data).decode())
    before = peak(daemon)
    with ThreadPoolExecutor(10) as threads:
        for done in threads.map(lambda _: upload(daemon, ada, place, twice), range(10)):
            daemon.done(done)
    body = 28 * MB
    # Of each of the two: the body, the texts in it, both images, and what is handed on and back.
    assert peak(daemon) - before < 2 * 4 * body < 10 * body
    daemon.assert_untroubled()


def test_slow_readers(as_process):
    """
    An image is read from the disk as fast as somebody takes it, and no faster.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    place, data = messages_of(daemon, ada), corpus.png_of(10 * MB)
    name = daemon.done(upload(daemon, ada, place, upload_of(data)))["filename"]
    daemon.restart()  # what it has used so far does not count
    ada = daemon.token("ada")
    before, sleepers = peak(daemon), []
    for _ in range(20):
        sleeper = daemon.connect()
        sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        path = f"{place}/image/{name}"
        sleeper.sendall(request_bytes("GET", path, {"authorization": f"Bearer {ada}"}, b""))
        sleeper.recv(1, socket.MSG_PEEK)
        sleepers.append(sleeper)
    assert daemon.get(f"{place}/image/{name}", ada).body == data
    assert peak(daemon) - before < 20 * MB
    busy = open_files(daemon)
    for sleeper in sleepers:
        sleeper.close()
    # The daemon hears of the closing before it hears of this: sockets are served in turn.
    while open_files(daemon) > busy - 40:
        daemon.get("/health")
    daemon.assert_untroubled()


def test_client_goes_away(as_process):
    """
    In the middle of sending, nothing is left; after it, what was begun is finished.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    place, listener = messages_of(daemon, ada), daemon.listen(ada)
    body = encoded(upload_of(corpus.jpeg((3000, 2000)), "photo.jpg"))
    headers = {"authorization": f"Bearer {ada}", "content-type": "application/json"}
    whole = request_bytes("POST", f"{place}/image", headers, body)
    before = open_files(daemon)
    for sent in (whole[:-1], whole[: len(whole) // 2]):
        with daemon.connect() as line:
            line.sendall(sent)
    while open_files(daemon) > before:
        daemon.get("/health")
    assert files(daemon) == set()
    with daemon.connect() as line:
        line.sendall(whole)
    while len(files(daemon)) < 2:  # the image and its thumbnail
        daemon.get("/health")
    listener.leave()
    daemon.assert_untroubled()


def test_killed_again_and_again(as_process):
    """
    Every image that was acknowledged is there, whole, after the power has gone.
    """
    daemon, chance = as_process(), Random(4)
    data = corpus.png((500, 400))
    kept = []
    for _ in range(6):
        ada = daemon.token("ada")
        place = messages_of(daemon, ada)
        enough = chance.randrange(1, 12)
        with ThreadPoolExecutor(3) as threads:
            for _ in range(3):
                threads.submit(upload_until_the_end, daemon, ada, place, data, kept)
            goal = len(kept) + enough
            while len(kept) < goal:
                daemon.get("/health")
            daemon.kill()
        daemon.start()
    ada = daemon.token("ada")
    for name in kept:
        assert daemon.get(f"{messages_of(daemon, ada)}/image/{name}", ada).body == data
        assert daemon.get(f"{messages_of(daemon, ada)}/image/{name}?size=thumb", ada).status == 200
    daemon.assert_untroubled()


def upload_until_the_end(daemon, who, place, data, kept):
    line, given = daemon.another(), encoded(upload_of(data))
    headers = {"authorization": f"Bearer {who}", "content-type": "application/json"}
    while True:
        try:
            answer = line.exchange("POST", f"{place}/image", headers, given)
        except (OSError, HTTPException):
            line.hang_up()
            return
        kept.append(answer.json["filename"])


@contextmanager
def no_longer_than(daemon, size):
    """
    The kernel lets the daemon make no file longer, as if the disk were full.
    """
    process = daemon.process.pid
    _, hard = resource.prlimit(process, resource.RLIMIT_FSIZE)
    resource.prlimit(process, resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.prlimit(process, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))


@pytest.mark.parametrize("size", [600_000, 4_000_000])
def test_full_disk(as_process, size):
    """
    There is no room for an image: a short one while it is put on the shelf, a long
    one while it arrives.  Nothing is left of it, and then there is room again.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    place, given = messages_of(daemon, ada), upload_of(corpus.png_of(size))
    with no_longer_than(daemon, 300_000):
        answer = upload(daemon, ada, place, given)
        assert (answer.status, answer.error.split(".")[1]) == (503, " Nothing was changed")
    assert files(daemon) == set()
    assert daemon.say(ada, "still here")["content"] == "still here"
    daemon.done(upload(daemon, ada, place, given))
    daemon.await_log("Is the disk full")


@pytest.mark.parametrize("room", [2 << 20, 3 << 20])
def test_full_disk_in_small_pieces(as_process, room):
    """
    There is room for most of it, and what is missing is noticed late, when little
    pieces are put together: the same answer, and nobody is counted for ever.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    place = messages_of(daemon, ada)
    body = encoded(upload_of(corpus.png_of(2_360_000)))
    assert 3 << 20 < len(body) < (3 << 20) + 8192
    headers = {"authorization": f"Bearer {ada}", "content-type": "application/json"}
    whole = request_bytes("POST", f"{place}/image", headers, body)
    with no_longer_than(daemon, room):
        for _ in range(MOST_OF_ONE + 1):
            with daemon.connect() as line:
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                for at in range(0, len(whole), 3000):
                    line.sendall(whole[at : at + 3000])
                assert line.recv(12) == b"HTTP/1.1 503"
    assert files(daemon) == set()
    daemon.done(upload(daemon, ada, place, body))
    daemon.assert_untroubled()


def test_stopped_meanwhile(as_process):
    """
    An image that takes longer than the stop may is given up.
    """
    daemon = as_process(server={"shutdown_seconds": 1})
    ada = daemon.token("ada")
    place = messages_of(daemon, ada)
    slow = upload_of(corpus.animated_webp(80, (1600, 1200)), "film.webp")
    with ThreadPoolExecutor(3) as threads:
        uploads = [threads.submit(upload_or_not, daemon, ada, place, slow) for _ in range(3)]
        begun = set()
        while len(begun) < 2:  # which are at work at once; and they do not get any further
            for process in set(children(daemon)) - begun:
                os.kill(int(process), signal.SIGSTOP)
                begun.add(process)
            daemon.get("/health")
        daemon.stop()
        for each in uploads:
            each.result(PATIENCE)
    assert not [process for process in begun if Path(f"/proc/{process}").exists()]
    assert files(daemon) == set()
    daemon.assert_untroubled()


def upload_or_not(daemon, who, place, given):
    with suppress(OSError, HTTPException):
        upload(daemon, who, place, given)


def children(daemon):
    """
    The processes that look at images; one that has only just been forked is none yet,
    and could not be stopped without its parent.
    """
    tasks = Path(f"/proc/{daemon.process.pid}/task").iterdir()
    found = [child for task in tasks for child in (task / "children").read_text().split()]
    return [child for child in found if b"files.inside" in command_of(child)]


def command_of(process):
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:  # it has just ended
        return b""
