"""
Images: uploading them, showing them, and what becomes of them.
"""

import re
from base64 import b64encode

import pytest
from twisted.logger import LogLevel, formatEvent, globalLogPublisher

from teamchatd.http.connection import CLOSING_SECONDS
from teamchatd.http.reception import MOST_OF_ONE
from teamchatd.http.request import LONGEST_SENDING
from teamchatd.http.sending import LONGEST_PAUSE
from teamchatd.http.uploads import SLICE
from teamchatd.recurring import PAUSE
from teamchatd.store import images
from tests.daemon import request_bytes
from tests.files import corpus

NAME = re.compile(r"\d{13}-[0-9a-f]{12,}\.(jpg|jpeg|png|webp|svg)")

DAY = 24 * 60 * 60

in_memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)
"""Of many cases, those that come to the same place in both kinds of daemon."""


def base64(data):
    return b64encode(data).decode()


def upload(daemon, who, place, data=None, filename="garden.png", **more):
    given = {"filename": filename, "image": base64(corpus.png() if data is None else data)}
    return daemon.post(f"{place}/image", who, given | more)


def uploaded(daemon, who, place, data=None, filename="garden.png", **more):
    """
    @return: the name of the file.
    """
    return daemon.done(upload(daemon, who, place, data, filename, **more))["filename"]


def fetch(daemon, who, place, name, query="", **headers):
    return daemon.get(f"{place}/image/{name}{query}", who, **headers)


def shelf(daemon):
    """
    The names of all files, of a daemon in memory.
    """
    return {path.name for path in (daemon.directory / "files").iterdir()}


@pytest.fixture
def place(daemon, ada):
    """
    General, as part of a path.
    """
    return f"/channels/{daemon.general(ada)}/messages"


@pytest.fixture
def ducks(daemon, ada):
    """
    Another channel.
    """
    channel = daemon.done(daemon.post("/channels", ada, {"name": "ducks"}))["channel"]
    return f"/channels/{channel['id']}/messages"


@pytest.fixture
def talk(daemon, ada, bob):
    """
    What ada and bob say to each other, as part of a path.
    """
    target = daemon.done(daemon.get("/auth/me", bob))["user"]["id"]
    given = {"targetUserId": target}
    made = daemon.done(daemon.post("/conversations", ada, given))["conversation"]
    return f"/conversations/{made['id']}/messages"


@pytest.fixture
def eve(daemon, bob):
    """
    The token of one who takes no part.
    """
    return daemon.token("eve")


# Uploading


@pytest.mark.parametrize(
    ("data", "filename", "extension", "content_type"),
    [
        (corpus.jpeg(), "garden.jpg", "jpg", "image/jpeg"),
        (corpus.jpeg(), "Our Garden.JPEG", "jpeg", "image/jpeg"),
        (corpus.png(), "garden.png", "png", "image/png"),
        (corpus.webp(), "garden.webp", "webp", "image/webp"),
        (corpus.animated_webp(), "../../garden.WebP", "webp", "image/webp"),
        (corpus.svg(), "garden.svg", "svg", "image/svg+xml"),
        (corpus.png(), "garden.jpg", "png", "image/png"),
        (corpus.jpeg(), "garden.svg", "jpg", "image/jpeg"),
    ],
)
def test_upload(daemon, ada, bob, place, data, filename, extension, content_type):
    """
    What nothing has to be removed from is kept byte for byte, as what it is; its
    name is ours, and ends like the one it came with unless that was wrong.
    """
    name = uploaded(daemon, ada, place, data, filename)
    assert NAME.fullmatch(name)
    assert name.endswith(f".{extension}")
    answer = fetch(daemon, bob, place, name)
    assert (answer.status, answer.body) == (200, data)
    assert answer.headers["content-type"] == content_type
    assert answer.headers["content-length"] == str(len(data))


def test_name_tells_when(in_memory):
    """
    A file is named for the moment when it was uploaded.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    name = uploaded(daemon, ada, f"/channels/{daemon.general(ada)}/messages")
    assert name.startswith(f"{int(daemon.clock.seconds() * 1000)}-")


@in_memory_only
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"filename": "garden.gif"}, "has to end in"),
        ({"filename": "garden"}, "has to end in"),
        ({"filename": "png"}, "has to end in"),
        ({"filename": ""}, "has to end in"),
        ({"image": base64(corpus.gif())}, "GIF"),
        ({"image": base64(corpus.html())}, ""),
        ({"image": base64(corpus.truncated(corpus.png()))}, ""),
        ({"image": base64(corpus.bomb())}, "pixels"),
        ({"image": base64(b"no image")}, ""),
        ({"image": ""}, "'image' is empty."),
        ({"image": "????"}, "base64"),
        ({"image": base64(corpus.png()) + "="}, "base64"),
        ({"image": base64(corpus.png())[:-1]}, "base64"),
        ({"image": " " + base64(corpus.png())}, "base64"),
        ({"image": "data:image/png;base64," + base64(corpus.png())}, "without 'data:"),
        ({"image": base64(corpus.png()).replace("/", "_").replace("+", "-")}, "base64"),
        ({"image": "ü" * 40}, "base64"),
        ({"image": base64(corpus.png()) + "====" + base64(corpus.png())}, "base64"),
        ({"image": "A" * (SLICE - 4) + "AA==" + "AAAA"}, "base64"),
        ({"image": None}, "'image' has to be a string."),
        ({"thumbnail": None}, "'thumbnail' has to be a string."),
        ({"thumbnail": ""}, "'thumbnail' is empty."),
        ({"thumbnail": base64(b"no image")}, "thumbnail"),
        ({"thumbnail": base64(corpus.bomb())}, "thumbnail"),
    ],
)
def test_refused(daemon, ada, place, given, sentence):
    """
    Whatever is no image of ours is refused in a sentence, and leaves nothing.
    """
    whole = {"filename": "garden.png", "image": base64(corpus.png())}
    answer = daemon.post(f"{place}/image", ada, whole | given)
    assert answer.status == 400
    assert sentence in answer.error
    assert answer.error.endswith(".")


@in_memory_only
@pytest.mark.parametrize("missing", ["filename", "image"])
def test_missing(daemon, ada, place, missing):
    given = {"filename": "garden.png", "image": base64(corpus.png())}
    del given[missing]
    answer = daemon.post(f"{place}/image", ada, given)
    assert (answer.status, answer.error) == (400, f"'{missing}' is missing.")


def test_refused_leaves_nothing(in_memory):
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    before = daemon.rows("SELECT count(*) FROM images")
    for data in (b"no image", corpus.bomb(), corpus.truncated(corpus.jpeg())):
        assert upload(daemon, ada, place, data).status == 400
    assert upload(daemon, ada, "/channels/nowhere/messages").status == 404
    assert (daemon.rows("SELECT count(*) FROM images"), shelf(daemon)) == (before, set())


@pytest.mark.parametrize("name", ["image", "thumbnail"])
def test_too_large(make_daemon, name):
    """
    To the byte, whatever base64 makes of it.
    """
    daemon = make_daemon(images={"max_bytes": 50_000})
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    given = {"filename": "garden.png", "image": base64(corpus.png())}
    for size in (49_999, 50_000):
        fits = given | {name: base64(corpus.png_of(size))}
        daemon.done(daemon.post(f"{place}/image", ada, fits))
    for size in (50_001, 50_002, 50_003, 80_000):
        answer = daemon.post(f"{place}/image", ada, given | {name: base64(corpus.png_of(size))})
        assert (answer.status, answer.error) == (413, f"'{name}' is larger than 50000 bytes.")


def test_ten_mebibytes(daemon, ada, bob, place):
    """
    By default an image may have just as many, and a thumbnail besides.
    """
    data = corpus.png_of(10 << 20)
    name = uploaded(daemon, ada, place, data)
    assert fetch(daemon, bob, place, name).body == data
    assert upload(daemon, ada, place, corpus.png_of((10 << 20) + 1)).status == 413


def test_too_large_a_body(daemon, ada, place):
    """
    Three times an image is more than two of them take in base64: that is read.
    More is not, on these calls as on others.
    """
    padding = {"nothing": "x" * (28 << 20)}
    assert upload(daemon, ada, place, **padding).status == 200
    padding = {"nothing": "x" * (30 << 20)}
    answer = upload(daemon, ada, place, **padding)
    assert (answer.status, "31457280 bytes" in answer.error) == (413, True)
    answer = daemon.post(place, ada, {"content": "x", "nothing": "x" * (1 << 20)})
    assert (answer.status, "1048576 bytes" in answer.error) == (413, True)


def test_other_type(daemon, ada, place):
    answer = daemon.post(f"{place}/image", ada, corpus.png(), content_type="image/png")
    assert answer.status == 415
    assert daemon.post(f"{place}/image", ada, b"{", content_type="application/json").status == 400


def test_who_is_asked_first(daemon, place):
    """
    Nobody's image is even looked at.
    """
    assert daemon.post(f"{place}/image", None, b"{").status == 401


@pytest.mark.parametrize("who", [None, "nobody", "e30.e30."])
def test_stranger_sends_nothing_large(daemon, place, wire, who):
    """
    They are told before they have sent it, also when they do not say how much it is:
    or whoever comes could fill our disk.
    """
    given = {"filename": "garden.png", "image": base64(corpus.png_of(2 << 20))}
    assert daemon.post(f"{place}/image", who, given).status == 401
    head = [f"POST {place}/image HTTP/1.1", "host: chat.example", "content-type: application/json"]
    for length in ("content-length: 5000000", "transfer-encoding: chunked"):
        line = wire(daemon)
        line.send("\r\n".join([*head, length, "", ""]).encode())
        assert line.answer("POST", f"{place}/image").status == 401


def begun(wire, daemon, who, place, target=""):
    """
    A connection on which an upload of 2 MB has begun, and its first byte was sent.
    """
    headers = {"authorization": f"Bearer {who}", "content-type": "application/json"}
    head = request_bytes("POST", f"{target}{place}/image", headers, b"")
    line = wire(daemon)
    line.send(head.replace(b"\r\n\r\n", b"\r\ncontent-length: 2000000\r\n\r\n") + b"{")
    return line


def test_many_at_once(in_memory, wire):
    """
    One user sends so many large bodies at once, and no more; what has arrived, or
    never will, is not counted.
    """
    daemon = in_memory()
    ada, bob = daemon.token("ada"), daemon.token("bob")
    place = f"/channels/{daemon.general(ada)}/messages"
    lines = [begun(wire, daemon, ada, place) for _ in range(MOST_OF_ONE)]
    refused = begun(wire, daemon, ada, place).answer("POST", f"{place}/image")
    assert (refused.status, refused.headers["retry-after"]) == (429, "5")
    assert upload(daemon, ada, place).status == 200  # which is small
    assert begun(wire, daemon, bob, place).connection.value() == b""
    lines[0].leave()
    lines[1].send(b" " * 1_999_998 + b"}")
    assert lines[1].answer("POST", f"{place}/image").status == 400
    for _ in range(2):
        assert begun(wire, daemon, ada, place).connection.value() == b""
    assert begun(wire, daemon, ada, place).answer("POST", f"{place}/image").status == 429


def test_strangers_are_counted(in_memory, wire):
    """
    As on every other call.
    """
    daemon = in_memory(rate_limit={"enabled": True, "requests_per_minute": 10})
    place = "/channels/any/messages"
    said = [begun(wire, daemon, "me", place).answer("POST", f"{place}/image") for _ in range(12)]
    assert [answer.status for answer in said] == [401] * 10 + [429] * 2
    assert said[-1].headers["retry-after"]


def test_never_ends(in_memory, wire):
    """
    A byte now and then does not keep a large body open for ever.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    line = begun(wire, daemon, ada, f"/channels/{daemon.general(ada)}/messages")
    for _ in range(int(LONGEST_SENDING) // 50):
        assert not line.closed
        line.send(b" ")
        daemon.clock.advance(50)
    assert line.closed


def test_absolute_target(in_memory, wire):
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    line = begun(wire, daemon, ada, place, "http://chat.example")
    assert line.connection.value() == b""


def test_nothing_private_left(daemon, ada, place):
    """
    Where a photo was taken is nobody's business; which way up, it is.
    """
    photo = corpus.jpeg((64, 48), gps=True, orientation=6, comment=b"at home")
    kept = fetch(daemon, ada, place, uploaded(daemon, ada, place, photo, "photo.jpg")).body
    assert b"Exif" not in kept
    assert b"at home" not in kept
    assert corpus.opened(kept).size == (48, 64)


# Thumbnails


def thumbnail(daemon, who, place, name):
    return fetch(daemon, who, place, name, "?size=thumb")


def test_thumbnail_is_made(daemon, ada, place):
    name = uploaded(daemon, ada, place, corpus.jpeg((1000, 500)), "wide.jpg")
    assert corpus.opened(thumbnail(daemon, ada, place, name).body).size == (400, 200)
    assert corpus.opened(fetch(daemon, ada, place, name).body).size == (1000, 500)


@pytest.mark.parametrize(
    ("data", "filename"), [(corpus.png((400, 400)), "small.png"), (corpus.svg(), "any.svg")]
)
def test_its_own_thumbnail(daemon, ada, place, data, filename):
    """
    An image that small is its own, and so is one that has no size.
    """
    name = uploaded(daemon, ada, place, data, filename)
    answer, whole = thumbnail(daemon, ada, place, name), fetch(daemon, ada, place, name)
    assert (answer.body, answer.headers["etag"]) == (data, whole.headers["etag"])


def test_given_thumbnail(daemon, ada, place):
    """
    It need not be of the same kind; what it tells too much is removed as well.
    """
    small = corpus.jpeg((40, 30), gps=True)
    name = uploaded(daemon, ada, place, corpus.png((500, 400)), thumbnail=base64(small))
    answer = thumbnail(daemon, ada, place, name)
    assert answer.headers["content-type"] == "image/jpeg"
    assert corpus.opened(answer.body).size == (40, 30)
    assert b"Exif" not in answer.body


@in_memory_only
def test_other_size(daemon, ada, place):
    name = uploaded(daemon, ada, place)
    assert fetch(daemon, ada, place, name, "?size=").status == 200
    answer = fetch(daemon, ada, place, name, "?size=huge")
    assert (answer.status, answer.error) == (400, "'size' can be thumb.")


# Showing


def test_headers(daemon, ada, place):
    """
    Nothing in it can run, and only the browser of the one who asked keeps it.
    """
    name = uploaded(daemon, ada, place, corpus.svg(script=True), "evil.svg")
    headers = fetch(daemon, ada, place, name).headers
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "private, no-cache"


def test_not_modified(daemon, ada, place):
    """
    Who has it already is not sent it again.
    """
    name = uploaded(daemon, ada, place)
    etag = fetch(daemon, ada, place, name).headers["etag"]
    for known in (etag, f'"other", {etag}', f"W/{etag}", "*"):
        answer = fetch(daemon, ada, place, name, if_none_match=known)
        assert (answer.status, answer.body) == (304, b"")
        assert answer.headers["etag"] == etag
    for other in ('"other"', etag[:-1], etag.strip('"'), ""):
        assert fetch(daemon, ada, place, name, if_none_match=other).status == 200


@pytest.mark.parametrize(
    ("wanted", "part"),
    [
        ("bytes=0-9", (0, 10)),
        ("bytes=5-5", (5, 6)),
        ("bytes=1990-", (1990, 2000)),
        ("bytes=-10", (1990, 2000)),
        ("bytes=-9000", (0, 2000)),
        ("bytes=40-9000", (40, 2000)),
        ("bytes=0-", (0, 2000)),
    ],
)
def test_part(daemon, ada, place, wanted, part):
    data = corpus.png_of(2000)
    name = uploaded(daemon, ada, place, data)
    answer = fetch(daemon, ada, place, name, range=wanted)
    start, end = part
    assert (answer.status, answer.body) == (206, data[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/2000"


@in_memory_only
@pytest.mark.parametrize("wanted", ["bytes=2000-", "bytes=2000-2001", "bytes=-0"])
def test_no_such_part(daemon, ada, place, wanted):
    name = uploaded(daemon, ada, place, corpus.png_of(2000))
    answer = fetch(daemon, ada, place, name, range=wanted)
    assert (answer.status, answer.headers["content-range"]) == (416, "bytes */2000")


@in_memory_only
@pytest.mark.parametrize(
    "wanted",
    ["bytes=0-1,5-6", "lines=0-1", "bytes=-", "bytes=9-5", "bytes=x-", f"bytes={'9' * 50}-"],
)
def test_no_part_of_ours(daemon, ada, place, wanted):
    """
    What is no single range is ignored.
    """
    data = corpus.png_of(2000)
    name = uploaded(daemon, ada, place, data)
    answer = fetch(daemon, ada, place, name, range=wanted)
    assert (answer.status, answer.body) == (200, data)


def test_part_of_the_same(daemon, ada, place):
    """
    C{If-Range}: a part, if it is still the same file.
    """
    name = uploaded(daemon, ada, place, corpus.png_of(2000))
    etag = fetch(daemon, ada, place, name).headers["etag"]
    same = fetch(daemon, ada, place, name, range="bytes=0-9", if_range=etag)
    other = fetch(daemon, ada, place, name, range="bytes=0-9", if_range='"other"')
    assert (same.status, other.status) == (206, 200)


def test_head(daemon, ada, place):
    """
    How large it is, and nothing of it, also if a part is asked for.
    """
    name = uploaded(daemon, ada, place, corpus.png_of(2000))
    for more in ({}, {"range": "bytes=0-9"}):
        answer = daemon.ask("HEAD", f"{place}/image/{name}", ada, **more)
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-length"] == "2000"


def test_who_takes_nothing(in_memory):
    """
    A client that asks for an image and takes nothing of it does not keep it open.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    name = uploaded(daemon, ada, place, corpus.png_of(300_000))
    slow, gone = (daemon.connect() for _ in range(2))
    for line in (slow, gone):
        write = line.write
        line.write = lambda data, line=line, write=write: (
            write(data),
            line.producer and line.producer.pauseProducing(),
        )
        headers = {"authorization": f"Bearer {ada}"}
        line.dataReceived(request_bytes("GET", f"{place}/image/{name}", headers, b""))
    for _ in range(3):
        daemon.clock.advance(LONGEST_PAUSE - 1)
        slow.producer.resumeProducing()
    assert (slow.disconnecting, gone.disconnecting, gone.aborted) == (False, True, True)
    for line in (slow, gone):
        line.leave()


def test_who_does_not_read_the_end(in_memory):
    """
    Nor does one that wants the connection closed, and does not read what comes before.
    """
    daemon = in_memory()
    line = daemon.connect()
    line.loseConnection = lambda: None  # as long as something is to be written
    line.dataReceived(request_bytes("GET", "/health", {"connection": "close"}, b""))
    assert line.value().endswith(b"OK")
    daemon.clock.advance(CLOSING_SECONDS - 1)
    assert not line.aborted
    daemon.clock.advance(1)
    assert line.aborted


# To whom


def test_file_of_another_place(daemon, ada, place, ducks, talk):
    """
    A file is where it was uploaded, and nowhere else, whoever knows its name.
    """
    places = (place, ducks, talk)
    for mine in places:
        name = uploaded(daemon, ada, mine)
        found = [fetch(daemon, ada, each, name).status for each in places]
        assert found == [200 if each == mine else 404 for each in places]


def test_file_of_a_thread(daemon, ada, bob, place, ducks):
    """
    It belongs to the channel.
    """
    parent = daemon.say(ada, "hello")["id"]
    name = uploaded(daemon, bob, f"/messages/{parent}/thread")
    assert fetch(daemon, ada, place, name).status == 200
    assert fetch(daemon, ada, ducks, name).status == 404


def test_file_of_a_conversation(daemon, ada, bob, eve, talk):
    name = uploaded(daemon, bob, talk)
    assert fetch(daemon, ada, talk, name).status == 200
    assert fetch(daemon, eve, talk, name).status == 403
    assert upload(daemon, eve, talk).status == 403


@in_memory_only
@pytest.mark.parametrize(
    "name",
    [
        "1800000000000-0123456789ab.png",
        "..",
        "..%2f..%2fteamchat.sqlite",
        "%2e%2e%2fjwt-secret",
        "jwt-secret",
        "%00.png",
    ],
)
def test_no_such_file(daemon, ada, place, name):
    assert fetch(daemon, ada, place, name).status == 404


def test_thumbnail_is_no_file_of_its_own(daemon, ada, place):
    name = uploaded(daemon, ada, place, corpus.png((500, 500)))
    assert fetch(daemon, ada, place, name.replace(".png", ".thumb.png")).status == 404


def test_where_there_is_no_thread(daemon, ada, bob, eve, talk):
    """
    None on a reply, none in a conversation, none on what is not there.
    """
    parent = daemon.say(ada, "hello")["id"]
    reply = daemon.done(daemon.post(f"/messages/{parent}/thread", ada, {"content": "yes"}))
    direct = daemon.done(daemon.post(talk, ada, {"content": "psst"}))["message"]["id"]
    assert upload(daemon, ada, f"/messages/{reply['reply']['id']}/thread").status == 400
    assert upload(daemon, ada, f"/messages/{direct}/thread").status == 400
    assert upload(daemon, eve, f"/messages/{direct}/thread").status == 404
    assert upload(daemon, ada, "/messages/nowhere/thread").status == 404
    assert upload(daemon, ada, "/conversations/nowhere/messages").status == 404


# In messages


def test_in_a_message(daemon, ada, place, listen, told):
    """
    In the order in which they are named, each once; then there need be no text.
    """
    listener = listen(ada)
    first, second = uploaded(daemon, ada, place), uploaded(daemon, ada, place)
    given = {"images": [second, first, second]}
    message = daemon.done(daemon.post(place, ada, given))["message"]
    assert (message["content"], message["images"]) == ("", [second, first])
    assert daemon.done(daemon.get(place, ada))["messages"] == [message]
    assert told(listener) == [("NEW_MESSAGE", message)]


def test_upload_afterwards(daemon, ada, place, listen, told):
    """
    A message may be there before its images.
    """
    message = daemon.done(daemon.post(place, ada, {"images": []}))["message"]
    listener, name = listen(ada), uploaded(daemon, ada, place)
    given = {"images": [name]}
    edited = daemon.done(daemon.put(f"/messages/{message['id']}", ada, given))["message"]
    assert edited["images"] == [name]
    assert edited["updatedAt"] is not None
    assert told(listener) == [("UPDATE_MESSAGE", edited)]


def test_file_of_another_author(daemon, ada, bob, place):
    name = uploaded(daemon, bob, place)
    answer = daemon.post(place, ada, {"content": "mine", "images": [name]})
    assert (answer.status, answer.error) == (
        400,
        "'images' names a file that you have not uploaded here.",
    )
    mine = daemon.say(ada, "mine")["id"]
    assert daemon.put(f"/messages/{mine}", ada, {"images": [name]}).status == 400
    assert daemon.read(ada) == ["mine"]


def test_only_of_this_very_place(daemon, ada, place, ducks, talk):
    """
    Neither of another channel or conversation, nor of a thread here, nor the
    other way round.
    """
    parent = daemon.say(ada, "hello")["id"]
    other = daemon.say(ada, "hello again")["id"]
    thread, strange = f"/messages/{parent}/thread", f"/messages/{other}/thread"
    places = (place, ducks, talk, thread, strange)
    for mine in places:
        name = uploaded(daemon, ada, mine)
        said = [daemon.post(each, ada, {"images": [name]}).status for each in places]
        assert said == [200 if each == mine else 400 for each in places]


@in_memory_only
def test_too_many(daemon, ada, place):
    names = ["1800000000000-0123456789ab.png"] * 101
    answer = daemon.post(place, ada, {"images": names})
    assert (answer.status, answer.error) == (400, "A message shows 100 images at the most.")


def test_without_text(daemon, ada, place):
    """
    With images there need be no text, also when it is taken away later.
    """
    name = uploaded(daemon, ada, place)
    message = daemon.say(ada, "look", images=[name])
    path = f"/messages/{message['id']}"
    bare = daemon.done(daemon.put(path, ada, {"content": ""}))["message"]
    assert (bare["content"], bare["images"]) == ("", [name])


def test_in_replies_and_direct_messages(daemon, ada, bob, place, talk, listen, told):
    parent, listener = daemon.say(ada, "hello")["id"], listen(bob)
    thread = f"/messages/{parent}/thread"
    in_reply, directly = uploaded(daemon, ada, thread), uploaded(daemon, ada, talk)
    reply = daemon.done(daemon.post(thread, ada, {"images": [in_reply]}))["reply"]
    direct = daemon.done(daemon.post(talk, ada, {"images": [directly]}))["message"]
    assert (reply["images"], direct["images"]) == ([in_reply], [directly])
    heard = dict(told(listener))
    assert heard["NEW_THREAD_REPLY"]["reply"] == reply
    assert heard["NEW_DM_MESSAGE"]["images"] == [directly]
    assert daemon.done(daemon.get(thread, bob))["replies"] == [reply]
    assert daemon.done(daemon.get(talk, bob))["messages"] == [direct]


# What becomes of them


def test_no_longer_listed(daemon, ada, place):
    """
    What a message shows no more is gone, unless another shows it.
    """
    first, second, both = (uploaded(daemon, ada, place) for _ in range(3))
    message = daemon.say(ada, "look", images=[first, second, both])
    daemon.say(ada, "again", images=[both])
    given = {"images": [second]}
    daemon.done(daemon.put(f"/messages/{message['id']}", ada, given))
    found = [fetch(daemon, ada, place, name).status for name in (first, second, both)]
    assert found == [404, 200, 200]


def test_go_with_their_message(daemon, ada, bob, place):
    """
    And with the message that is replied to, used or not.
    """
    parent = daemon.say(ada, "hello", images=[uploaded(daemon, ada, place)])
    thread = f"/messages/{parent['id']}/thread"
    shown, unused = uploaded(daemon, bob, thread), uploaded(daemon, bob, thread)
    daemon.done(daemon.post(thread, bob, {"images": [shown]}))
    daemon.done(daemon.delete(f"/messages/{parent['id']}", ada))
    for name in (*parent["images"], shown, unused):
        assert fetch(daemon, ada, place, name).status == 404


def test_go_with_their_channel(in_memory):
    daemon = in_memory()
    ada = daemon.token("ada")
    channel = daemon.done(daemon.post("/channels", ada, {"name": "ducks"}))["channel"]["id"]
    place = f"/channels/{channel}/messages"
    daemon.done(daemon.post(place, ada, {"images": [uploaded(daemon, ada, place)]}))
    uploaded(daemon, ada, place)
    daemon.done(daemon.delete(f"/channels/{channel}", ada))
    pass_by(daemon, 0)
    assert daemon.rows("SELECT count(*) FROM images") == [(0,)]
    pass_by(daemon, 2 * 60 * 60)
    assert shelf(daemon) == set()
    assert daemon.rows("SELECT count(*) FROM leftovers") == [(0,)]


def pass_by(daemon, seconds):
    """
    Let time pass, and what is done regularly be done.
    """
    daemon.clock.advance(seconds)
    daemon.clock.advance(60)
    daemon.clock.pump([PAUSE] * 10)


def test_files_stay_for_an_hour(in_memory):
    """
    A backup copies the database first and the files then: what the copy knows of
    has to be there for a while.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    name = uploaded(daemon, ada, place, corpus.png((500, 500)))
    message = daemon.say(ada, "look", images=[name])
    assert len(shelf(daemon)) == 2
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    pass_by(daemon, 59 * 60 - 60)
    assert len(shelf(daemon)) == 2
    pass_by(daemon, 60)
    assert shelf(daemon) == set()


@pytest.fixture
def errors():
    """
    What is logged as an error.
    """
    found = []

    def hear(event):
        if event["log_level"] is LogLevel.error:
            found.append(formatEvent(event))

    globalLogPublisher.addObserver(hear)
    yield found
    globalLogPublisher.removeObserver(hear)


def test_stuck(in_memory, monkeypatch, errors):
    """
    Files that cannot be removed do not keep the others: it is said once in an
    hour, and they go when they can.
    """
    monkeypatch.setattr(images, "AT_ONCE", 2)
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    names = [uploaded(daemon, ada, place) for _ in range(7)]
    for name in names[:3]:
        path = daemon.directory / "files" / name
        path.unlink()
        path.mkdir()
    message = daemon.say(ada, "look", images=names)
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    pass_by(daemon, 61 * 60)
    assert shelf(daemon) == set(names[:3])
    assert daemon.rows("SELECT count(*) FROM leftovers") == [(3,)]
    assert "cannot be removed" in errors[0]
    assert str(daemon.directory / "files") in errors[0]
    said = len(errors)
    pass_by(daemon, 30 * 60)
    assert len(errors) == said
    for name in names[:3]:
        (daemon.directory / "files" / name).rmdir()
    pass_by(daemon, 60 * 60)
    assert daemon.rows("SELECT count(*) FROM leftovers") == [(0,)]
    assert len(errors) == said


def test_unused_for_a_day(in_memory):
    """
    An upload that no message uses is removed after a day, and its files an hour
    later; one that is used stays.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    used, unused = uploaded(daemon, ada, place), uploaded(daemon, ada, place)
    daemon.say(ada, "look", images=[used])
    pass_by(daemon, DAY - 120)
    ada = daemon.token("ada")
    assert fetch(daemon, ada, place, unused).status == 200
    pass_by(daemon, 120)
    ada = daemon.token("ada")
    assert fetch(daemon, ada, place, unused).status == 404
    assert daemon.post(place, ada, {"images": [unused]}).status == 400
    pass_by(daemon, 60 * 60)
    assert shelf(daemon) == {used}
    assert fetch(daemon, ada, place, used).status == 200


def test_strays(in_memory):
    """
    A file that no row knows of, left by a crash between the two, is removed when
    it is a day old; what was put there by others stays.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    used = uploaded(daemon, ada, place, corpus.png((500, 500)))
    daemon.say(ada, "look", images=[used])
    known, now = shelf(daemon), int(daemon.clock.seconds() * 1000)
    for name in (f"{now}-0123456789ab.png", f"{now}-0123456789ab.thumb.jpg", "notes.txt"):
        (daemon.directory / "files" / name).write_bytes(b"")
    pass_by(daemon, DAY)
    assert len(shelf(daemon)) == len(known) + 3
    pass_by(daemon, DAY)
    assert shelf(daemon) == known | {"notes.txt"}


def test_unreadable_file(in_memory):
    """
    What is there and cannot be read is our trouble.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    name = uploaded(daemon, ada, place)
    path = daemon.directory / "files" / name
    path.unlink()
    path.mkdir()
    answer = fetch(daemon, ada, place, name)
    assert (answer.status, answer.error) == (
        503,
        "The server cannot read this image right now. Try again later.",
    )


def test_missing_file(in_memory):
    """
    A file that somebody took away is a 404, and not the end of anything.
    """
    daemon = in_memory()
    ada = daemon.token("ada")
    place = f"/channels/{daemon.general(ada)}/messages"
    name = uploaded(daemon, ada, place)
    (daemon.directory / "files" / name).unlink()
    answer = fetch(daemon, ada, place, name)
    assert (answer.status, answer.error) == (404, "There is no such image.")
