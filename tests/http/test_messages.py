"""
What is said in a channel: posting, reading, changing and deleting it.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

LONGEST = 16_384


@pytest.fixture
def path(daemon, ada):
    """
    Where the messages of General are.
    """
    return f"/channels/{daemon.general(ada)}/messages"


@pytest.fixture
def ducks(daemon, ada):
    """
    The id of another channel.
    """
    return daemon.done(daemon.post("/channels", ada, {"name": "Ducks"}))["channel"]["id"]


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def page(daemon, who, path, query=""):
    return daemon.done(daemon.get(path + query, who))["messages"]


def contents(daemon, who, path, query=""):
    return [message["content"] for message in page(daemon, who, path, query)]


def edit(daemon, who, message, **given):
    return daemon.put(f"/messages/{message['id']}", who, given)


def remove(daemon, who, message):
    return daemon.delete(f"/messages/{message['id']}", who)


# Saying


def test_said_read_and_heard(daemon, ada, bob, path, listen, told):
    """
    What one says everybody reads, oldest first, and hears, the one who said it
    included: the same message everywhere.
    """
    listeners = [listen(ada), listen(bob), listen(bob)]
    said = [daemon.say(ada, "hello"), daemon.say(bob, "hi")]
    assert page(daemon, bob, path) == page(daemon, ada, path) == said
    for listener in listeners:
        assert told(listener) == [("NEW_MESSAGE", message) for message in said]


@memory_only
def test_nothing_hangs_on_it(daemon, ada, path):
    """
    Most messages have no reactions, images or replies, and none are looked for: three
    questions for each page.  On one that has some, they are found.
    """
    said, asked = daemon.say(ada, "hello"), []
    daemon.database._reader.connection.set_trace_callback(asked.append)

    def questions(limit):
        asked.clear()
        [*_, read] = page(daemon, ada, path, f"?limit={limit}")
        return read, len([sql for sql in asked if " IN (" in sql])

    assert questions(50) == (said, 0)
    reaction = daemon.done(daemon.post(f"/messages/{said['id']}/reactions", ada, {"reaction": "+"}))
    assert questions(49) == (reaction["message"], 3)


@memory_only
def test_ids_come_in_order(daemon, ada):
    """
    What is said later has the greater id, so that what comes together lies together
    in every index, and a commit writes few pages; and no two are ever the same.
    """
    said = []
    for _ in range(3):
        daemon.clock.advance(1)
        said.append(sorted(daemon.say(ada, "hello")["id"] for _ in range(5)))
    flat = [message_id for at_once in said for message_id in at_once]
    assert flat == sorted(flat)
    assert len(set(flat)) == len(flat)


def test_shape(daemon, ada, bob):
    """
    A new message has all its fields, none of them changed or chosen yet.
    """
    message = daemon.say(bob, "hello")
    assert message == {
        "id": message["id"],
        "channelId": daemon.general(ada),
        "author": {"id": user_id(daemon, bob), "userName": "bob"},
        "content": "hello",
        "images": [],
        "createdAt": message["createdAt"],
        "updatedAt": None,
        "reactions": {},
    }


@memory_only
def test_on_disk_before_the_answer(daemon, ada, path):
    """
    What was answered is still there after a restart.
    """
    message = daemon.say(ada, "hello")
    daemon.restart()
    assert page(daemon, ada, path) == [message]


@memory_only
@pytest.mark.parametrize(
    "content",
    [
        "x",
        " around ",
        "\n\nlines\r\n\tand tabs\r",
        "e\u0301 \u00e9 \ufb01",
        "\u200b",
        "\u2028\u2029\u0085",
        "\x01\x1b[31m\x7f",
        "\ufeff",
        "<script>alert(1)</script> & **bold** `code`",
        "\ndata: x\n\nevent: y",
        '"\\\U0001f600\U0010ffff\uffff',
        "x" * LONGEST,
        "\U0001f600" * LONGEST,
        " " * (LONGEST - 1) + "x",
    ],
)
def test_kept_as_it_is(daemon, ada, path, listen, told, content):
    """
    Content is never trimmed, normalised or escaped, up to 16 384 code points.
    """
    listener = listen(ada)
    if content.strip():
        message = daemon.say(ada, content)
    else:  # blank, so there has to be something else
        message = daemon.say(ada, content, images=[])
    assert message["content"] == content
    assert contents(daemon, ada, path) == [content]
    assert told(listener) == [("NEW_MESSAGE", message)]


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"content": None},
        {"content": 7},
        {"content": ["hello"]},
        {"content": ""},
        {"content": " \r\n\t\u3000"},
        {"content": "x" * (LONGEST + 1)},
        {"content": "\U0001f600" * (LONGEST + 1)},
        {"content": "x" + " " * LONGEST},
        {"content": "a\0b"},
        {"images": None},
        {"images": "a.png"},
        {"images": {}},
        {"images": [7]},
        {"images": [None]},
        {"images": ["1800000000000-0123456789ab.png"]},
        {"content": "hello", "images": ["1800000000000-0123456789ab.png"]},
        {"content": "hello", "images": [""]},
        {"content": "hello", "images": None},
        {"content": "hello", "clientId": 7},
        {"content": "hello", "clientId": None},
        {"content": "hello", "clientId": ""},
        {"content": "hello", "clientId": "x" * 65},
        {"content": "hello", "clientId": "a\0b"},
        {"clientId": "x"},
        b'{"content": "\\ud83d"}',
        b'{"content": "\xff"}',
        b'["hello"]',
        b"{",
    ],
)
def test_nothing_to_say(daemon, ada, path, listen, told, given):
    """
    Neither text nor images, too much text, no text, or a file that the author
    did not upload there: refused, nobody hears of it.
    """
    listener = listen(ada)
    assert daemon.post(path, ada, given).status == 400
    assert page(daemon, ada, path) == []
    assert told(listener) == []


@memory_only
def test_longest_is_configurable(make_daemon):
    """
    How long a message may be is the operator's choice.
    """
    daemon = make_daemon(chat={"max_message_length": 5})
    ada = daemon.token("ada")
    path = f"/channels/{daemon.general(ada)}/messages"
    assert daemon.post(path, ada, {"content": "12345"}).status == 200
    assert daemon.post(path, ada, {"content": "123456"}).status == 400
    [message] = page(daemon, ada, path)
    assert edit(daemon, ada, message, content="123456").status == 400


def test_images_may_follow(daemon, ada, path, listen, told):
    """
    An empty list of images says that they will follow: then there need be no
    text, and there is "".
    """
    listener = listen(ada)
    bare = daemon.done(daemon.post(path, ada, {"images": []}))["message"]
    assert (bare["content"], bare["images"]) == ("", [])
    with_text = daemon.say(ada, "look", images=[])
    assert with_text["content"] == "look"
    assert daemon.say(ada, "", images=[])["content"] == ""
    assert [kind for kind, _ in told(listener)] == ["NEW_MESSAGE"] * 3
    assert contents(daemon, ada, path)[:3] == ["", "look", ""]


@memory_only
def test_strangers(daemon, ada, path):
    """
    Who does not say who they are neither reads nor writes, and no body is
    looked at.
    """
    message = daemon.say(ada, "hello")
    assert daemon.get(path).status == 401
    for given in ({"content": "hello"}, b"{nonsense"):
        assert daemon.post(path, given=given).status == 401
        assert daemon.put(f"/messages/{message['id']}", given=given).status == 401
        assert daemon.delete(f"/messages/{message['id']}", given=given).status == 401
    assert page(daemon, ada, path) == [message]


@memory_only
def test_fields_of_ours(daemon, ada, bob, path):
    """
    Nobody writes in another's name, or chooses id and time.
    """
    given = {"content": "x", "id": "1", "createdAt": 1, "author": {"id": user_id(daemon, ada)}}
    message = daemon.done(daemon.post(path, bob, given))["message"]
    assert message["author"]["userName"] == "bob"
    assert message["id"] != "1"
    assert message["createdAt"] == 1_800_000_000_000


# Sending again


def test_sent_again(daemon, ada, bob, ducks, path, listen, told):
    """
    With the same clientId a message that is sent again answers the first, with
    whatever it says now, and nobody is told twice.  Another user's is another's.
    """
    listener = listen(ada)
    first = daemon.say(bob, "hello", clientId="x" * 64)
    assert daemon.say(bob, "hello", clientId="x" * 64) == first
    assert daemon.say(bob, "changed my mind", clientId="x" * 64) == first
    assert daemon.say(bob, "hello", ducks, clientId="x" * 64) == first
    given = {"content": "hello", "clientId": "x" * 64}
    assert daemon.post("/channels/nowhere/messages", bob, given).status == 404
    edited = daemon.done(edit(daemon, bob, first, content="hello there"))["message"]
    assert daemon.say(bob, "hello", clientId="x" * 64) == edited
    others = daemon.say(ada, "hello", clientId="x" * 64)
    assert others["id"] != first["id"]
    kinds = [kind for kind, _ in told(listener)]
    assert kinds == ["NEW_MESSAGE", "UPDATE_MESSAGE", "NEW_MESSAGE"]
    assert daemon.read(ada, ducks) == []


@memory_only
def test_sent_again_in_private(daemon, ada, bob, listen, told):
    """
    What was said in public is no answer to those who say something in private,
    nor the other way round.
    """
    cleo = daemon.token("cleo")
    public = f"/channels/{daemon.general(bob)}/messages"
    to_ada, to_cleo = (whispering(daemon, bob, to) for to in (ada, cleo))
    for path, mark in ((public, "in public"), (to_ada, "in private")):
        daemon.done(daemon.post(path, bob, {"content": "hello", "clientId": mark}))
    listener = listen(ada)
    for path, mark in ((to_ada, "in public"), (public, "in private"), (to_cleo, "in private")):
        refused = daemon.post(path, bob, {"content": "hello", "clientId": mark})
        assert (refused.status, "clientId" in refused.error) == (400, True)
    assert told(listener) == []


def whispering(daemon, who, to):
    """
    The path of what C{who} says to C{to} alone.
    """
    target = daemon.done(daemon.get("/auth/me", to))["user"]["id"]
    opened = daemon.done(daemon.post("/conversations", who, {"targetUserId": target}))
    return f"/conversations/{opened['conversation']['id']}/messages"


@memory_only
def test_without_client_id(daemon, ada, path):
    """
    Without one, or with another one, the same text is another message.
    """
    daemon.say(ada, "hello")
    daemon.say(ada, "hello")
    for client_id in ("a", "A", "\U0001f600" * 64, " "):
        daemon.say(ada, "hello", clientId=client_id)
    assert len(page(daemon, ada, path)) == 6


@memory_only
def test_sent_again_after_a_restart(daemon, ada, path):
    """
    A client that waited for a server to come back does not say things twice.
    """
    first = daemon.say(ada, "hello", clientId="1")
    daemon.restart()
    assert daemon.say(ada, "hello", clientId="1") == first


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_sent_again_at_once(daemon, ada, path, listen, told):
    """
    The same message, twenty times at the same moment, is one message.
    """
    listener, given = listen(ada), {"content": "hello", "clientId": "1"}
    with ThreadPoolExecutor(20) as crowd:
        twins = [daemon.another() for _ in range(20)]
        sent = list(crowd.map(lambda d: d.post(path, ada, given, Connection="close"), twins))
    assert {answer.status for answer in sent} == {200}
    assert len({answer.json["message"]["id"] for answer in sent}) == 1
    assert len(told(listener)) == 1


# Reading


def test_pages(daemon, ada, path):
    """
    The newest come first as a page, and each page begins before the last; each
    page is oldest first, and none is left out.
    """
    for number in range(7):
        daemon.say(ada, str(number))
    newest = page(daemon, ada, path, "?limit=3")
    assert [message["content"] for message in newest] == ["4", "5", "6"]
    middle = page(daemon, ada, path, f"?limit=3&before={newest[0]['id']}")
    assert [message["content"] for message in middle] == ["1", "2", "3"]
    oldest = page(daemon, ada, path, f"?before={middle[0]['id']}&limit=3")
    assert [message["content"] for message in oldest] == ["0"]
    assert page(daemon, ada, path, f"?before={oldest[0]['id']}") == []


@memory_only
def test_how_many(daemon, ada, path):
    """
    50, if nobody says how many; what is empty is not said; more than 200, by
    however much, is 200.
    """
    for number in range(202):
        daemon.say(ada, str(number))
    newest = [str(number) for number in range(202)]
    assert contents(daemon, ada, path) == newest[-50:]
    assert contents(daemon, ada, path, "?limit=") == newest[-50:]
    assert contents(daemon, ada, path, "?limit=&before=") == newest[-50:]
    for limit, count in (
        (1, 1),
        (199, 199),
        (200, 200),
        (201, 200),
        (10**9, 200),
        (10**30, 200),
        (10**2000, 200),
    ):
        assert contents(daemon, ada, path, f"?limit={limit}") == newest[-count:]


@memory_only
@pytest.mark.parametrize(
    "limit",
    ["0", "-1", "-0", "x", "1.5", "1e2", "0x10", "%22%22", "%00", "%D9%A3", "-", "1,2", "%FF"]
    + ["-" + "9" * 2000],
)
def test_no_such_number(daemon, ada, path, limit):
    """
    Zero, less than nothing, and what is no integer is refused.
    """
    assert daemon.get(f"{path}?limit={limit}", ada).status == 400


@memory_only
def test_before_what(daemon, ada, path, ducks):
    """
    Before a message that is not in this channel, or no longer, is nothing: 404.
    """
    here, there = daemon.say(ada, "hello"), daemon.say(ada, "quack", ducks)
    daemon.done(remove(daemon, ada, here))
    for before in (here["id"], there["id"], "x", "%00", "0"):
        assert daemon.get(f"{path}?before={before}", ada).status == 404
    assert daemon.get(f"/channels/nowhere/messages?before={there['id']}", ada).status == 404


@memory_only
def test_order_within_a_millisecond(daemon, ada, bob, path):
    """
    Messages are ordered as they were accepted, also where the clock stands
    still, goes back, or the server is restarted in between.
    """
    said = []
    for number in range(30):
        said.append(daemon.say(ada if number % 3 else bob, f"number {number}"))
        if number == 10:
            daemon.restart()
        if number == 20:
            daemon.clock.rightNow -= 1000
    assert len({message["createdAt"] for message in said}) == 2
    assert page(daemon, ada, path) == said
    assert page(daemon, ada, path, f"?limit=5&before={said[20]['id']}") == said[15:20]


@memory_only
def test_names_of_now(daemon, ada, bob, path, listen, told):
    """
    An author is shown by their name of now, also on what they said before; of
    a removed user by the last one, though another has that name by now.
    """
    before = daemon.say(bob, "one")
    daemon.done(daemon.put("/users/me", bob, {"userName": "Bobby"}))
    listener = listen(ada)
    renamed = before | {"author": before["author"] | {"userName": "Bobby"}}
    assert page(daemon, ada, path) == [renamed]
    assert daemon.say(bob, "two")["author"]["userName"] == "Bobby"
    edited = daemon.done(edit(daemon, bob, before, content="uno"))["message"]
    assert edited["author"]["userName"] == "Bobby"
    assert [event["author"]["userName"] for _, event in told(listener)] == ["Bobby", "Bobby"]
    daemon.done(daemon.post("/users/exit", bob))
    new = daemon.token("bobby")
    daemon.done(daemon.put("/users/me", new, {"userName": "Bobby"}))
    daemon.done(daemon.put("/users/me", new, {"userName": "Robert"}))
    assert page(daemon, ada, path)[0]["author"] == {**before["author"], "userName": "Bobby"}


# Changing


def test_edit(daemon, ada, bob, path, listen, told):
    """
    The author changes what they said; when is told along with it, and the place
    among the others stays.
    """
    first, second = daemon.say(bob, "helo"), daemon.say(ada, "hi")
    listener = listen(ada)
    edited = daemon.done(edit(daemon, bob, first, content="hello"))["message"]
    assert isinstance(edited["updatedAt"], int)
    assert edited == first | {"content": "hello", "updatedAt": edited["updatedAt"]}
    assert edited["updatedAt"] >= first["createdAt"]
    assert page(daemon, ada, path) == [edited, second]
    assert told(listener) == [("UPDATE_MESSAGE", edited)]


@memory_only
def test_what_is_not_given_stays(daemon, ada, path):
    """
    Text and images are changed each for itself; with images there may be no text.
    """
    message = daemon.say(ada, "hello")
    daemon.clock.advance(1)
    edited = daemon.done(edit(daemon, ada, message, images=[]))["message"]
    assert (edited["content"], edited["images"]) == ("hello", [])
    bare = daemon.done(edit(daemon, ada, message, content="", images=[]))["message"]
    assert bare["content"] == ""
    both = daemon.done(edit(daemon, ada, message, content=" x ", images=[]))["message"]
    assert both["content"] == " x "


@memory_only
def test_edit_keeps_reactions(daemon, ada, bob, listen, told):
    """
    Reactions stay with a message that is changed, and are told with it.
    """
    message, bob_id = daemon.say(ada, "hello"), user_id(daemon, bob)
    daemon.done(daemon.post(f"/messages/{message['id']}/reactions", bob, {"reaction": "x"}))
    listener = listen(ada)
    edited = daemon.done(edit(daemon, ada, message, content="hi"))["message"]
    assert edited["reactions"] == {"x": [bob_id]}
    assert told(listener) == [("UPDATE_MESSAGE", edited)]


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"content": None},
        {"content": 7},
        {"content": ""},
        {"content": " \n"},
        {"content": "x" * (LONGEST + 1)},
        {"content": "a\0b"},
        {"images": None},
        {"images": ["1800000000000-0123456789ab.png"]},
        {"content": "x", "images": ["1800000000000-0123456789ab.png"]},
        {"content": "x", "images": [7]},
        b'{"content": "\\udfff"}',
        b"[]",
    ],
)
def test_bad_edit(daemon, ada, path, listen, told, given):
    """
    What could not be said cannot be said by changing something.
    """
    message, listener = daemon.say(ada, "hello"), listen(ada)
    assert daemon.put(f"/messages/{message['id']}", ada, given).status == 400
    assert page(daemon, ada, path) == [message]
    assert told(listener) == []


@memory_only
def test_edit_of_nothing(daemon, ada):
    """
    Who names no field is told so, and not that their message is empty.
    """
    message = daemon.say(ada, "hello")
    assert edit(daemon, ada, message).error == "Neither 'content' nor 'images' is given."


@memory_only
def test_longest_edit(daemon, ada):
    """
    Changed, a message may be as long as when it is new.
    """
    message = daemon.say(ada, "hello")
    content = "\U0001f600" * LONGEST
    assert daemon.done(edit(daemon, ada, message, content=content))["message"]["content"] == content


def test_who_may(daemon, ada, bob, path, listen, told):
    """
    Only its author changes a message, not even an administrator; its author and
    administrators delete it; nobody else does, and nobody is told.
    """
    hers, his = daemon.say(ada, "hers"), daemon.say(bob, "his")
    listener = listen(bob)
    assert edit(daemon, bob, hers, content="x").status == 403
    assert edit(daemon, ada, his, content="x").status == 403
    assert remove(daemon, bob, hers).status == 403
    assert page(daemon, bob, path)[:2] == [hers, his]
    assert told(listener) == []
    assert remove(daemon, ada, his).status == 200
    assert remove(daemon, ada, hers).status == 200


@memory_only
def test_no_such_message(daemon, ada, bob):
    """
    What is not there, or no longer, cannot be changed or deleted.
    """
    message = daemon.say(bob, "hello")
    assert daemon.done(remove(daemon, bob, message)) == {"success": True}
    for message_id in (message["id"], "x", "%00", "x" * 1000):
        for who in (ada, bob):
            assert daemon.put(f"/messages/{message_id}", who, {"content": "x"}).status == 404
            assert daemon.delete(f"/messages/{message_id}", who).status == 404


# Deleting


def test_remove(daemon, ada, bob, path, listen, told):
    """
    What is deleted is gone, and everybody is told which it was.
    """
    messages = [daemon.say(bob, text) for text in ("one", "two", "three")]
    listener = listen(ada)
    assert daemon.done(remove(daemon, bob, messages[1])) == {"success": True}
    gone = {"id": messages[1]["id"], "channelId": messages[1]["channelId"]}
    assert contents(daemon, ada, path) == ["one", "three"]
    assert told(listener) == [("DELETE_MESSAGE", gone)]


@memory_only
def test_nothing_is_left(daemon, ada, path):
    """
    The text of a deleted message, as it was and as it was changed, is gone from
    the record, from the journal, and from memory: who comes back hears only
    that it is gone.
    """
    start = daemon.listen(ada).events[0].id
    message = daemon.say(ada, "a secret")
    daemon.done(edit(daemon, ada, message, content="another secret"))
    daemon.done(daemon.post(f"/messages/{message['id']}/reactions", ada, {"reaction": "secretly"}))
    daemon.say(ada, "hello")
    daemon.done(remove(daemon, ada, message))
    for table in ("journal", "messages", "reactions"):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    for _ in ("from memory", "from the journal"):
        listener = daemon.listen(ada, start)
        assert listener.types == ["CONNECTED", "NEW_MESSAGE", "DELETE_MESSAGE"]
        assert b"secret" not in listener.body
        daemon.restart()


@memory_only
def test_sent_again_after_it_was_deleted(daemon, ada, path):
    """
    The clientId of a deleted message is free again.
    """
    first = daemon.say(ada, "hello", clientId="1")
    daemon.done(remove(daemon, ada, first))
    assert daemon.say(ada, "hello", clientId="1")["id"] != first["id"]
