"""
Replying to what is said in a channel.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from teamchatd.store import threads

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

LONGEST = 16_384


@pytest.fixture
def message(daemon, ada):
    """
    What is replied to.
    """
    return daemon.say(ada, "hello")


@pytest.fixture
def path(message):
    """
    Where its replies are.
    """
    return thread_of(message)


@pytest.fixture(params=["/messages/{0}/thread/{1}", "/messages/{1}"])
def way(request):
    """
    Both ways to a reply: through its thread, and as the message that it is.
    """
    return lambda reply: request.param.format(reply["threadId"], reply["id"])


@pytest.fixture
def ducks(daemon, ada):
    """
    The id of another channel.
    """
    return daemon.done(daemon.post("/channels", ada, {"name": "Ducks"}))["channel"]["id"]


def thread_of(message):
    return f"/messages/{message['id']}/thread"


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def answered(daemon, who, path, content, **more):
    """
    A reply, and what its thread has come to with it.
    """
    answer = daemon.done(daemon.post(path, who, {"content": content, **more}))
    return answer["reply"], answer["threadMeta"]


def reply(daemon, who, path, content, **more):
    return answered(daemon, who, path, content, **more)[0]


def replies(daemon, who, path, query=""):
    return daemon.done(daemon.get(path + query, who))["replies"]


def contents(daemon, who, path, query=""):
    return [reply["content"] for reply in replies(daemon, who, path, query)]


def page(daemon, who, channel=None):
    """
    The messages of a channel.
    """
    channel = channel or daemon.general(who)
    return daemon.done(daemon.get(f"/channels/{channel}/messages", who))["messages"]


def counted(replies):
    """
    What C{replies}, oldest first, add up to; None if there are none.
    """
    if not replies:
        return None
    return {
        "replyCount": len(replies),
        "lastReplyAt": replies[-1]["createdAt"],
        "lastReplyBy": replies[-1]["author"],
        "participants": list(dict.fromkeys(reply["author"]["id"] for reply in replies)),
    }


# Replying


def test_reply(daemon, ada, bob, message, path, listen, told):
    """
    What is replied everybody reads below the message, and hears; the message
    tells of it, and the channel does not show it among its messages.
    """
    listeners = [listen(ada), listen(bob)]
    said, meta = answered(daemon, bob, path, "hi")
    again, more = answered(daemon, ada, path, "how are you?")
    assert replies(daemon, bob, path) == replies(daemon, ada, path) == [said, again]
    assert (meta, more) == (counted([said]), counted([said, again]))
    assert page(daemon, bob) == [message | {"threadMeta": more}]
    about = {"parentMessageId": message["id"], "channelId": message["channelId"]}
    for listener in listeners:
        assert told(listener) == [
            ("NEW_THREAD_REPLY", about | {"reply": said, "threadMeta": meta}),
            ("NEW_THREAD_REPLY", about | {"reply": again, "threadMeta": more}),
        ]


@memory_only
def test_shape(daemon, bob, message, path):
    """
    A reply is a message that names what it answers, and has no replies itself.
    """
    said = reply(daemon, bob, path, "hi")
    assert said == {
        "id": said["id"],
        "channelId": message["channelId"],
        "author": {"id": user_id(daemon, bob), "userName": "bob"},
        "content": "hi",
        "images": [],
        "createdAt": 1_800_000_000_000,
        "updatedAt": None,
        "reactions": {},
        "threadId": message["id"],
    }


@memory_only
def test_without_replies(daemon, ada, message, path):
    """
    A message that nobody answered has an empty thread, and tells of none.
    """
    assert replies(daemon, ada, path) == []
    assert "threadMeta" not in message
    assert page(daemon, ada) == [message]


@memory_only
def test_each_its_own(daemon, ada, bob, message, path, ducks):
    """
    Each message has its own thread, in whichever channel.
    """
    quack = daemon.say(ada, "quack", ducks)
    here, there = reply(daemon, bob, path, "here"), reply(daemon, ada, thread_of(quack), "there")
    assert (here["channelId"], there["channelId"]) == (message["channelId"], ducks)
    assert replies(daemon, ada, path) == [here]
    assert replies(daemon, ada, thread_of(quack)) == [there]
    assert page(daemon, ada, ducks) == [quack | {"threadMeta": counted([there])}]


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"content": None},
        {"content": 7},
        {"content": ""},
        {"content": " \n\u3000"},
        {"content": "\U0001f600" * (LONGEST + 1)},
        {"content": "a\0b"},
        {"images": None},
        {"images": "a.png"},
        {"content": "x", "images": ["1800000000000-0123456789ab.png"]},
        {"content": "x", "clientId": ""},
        {"content": "x", "clientId": "x" * 65},
        b'{"content": "\\ud83d"}',
        b"[]",
        b"{",
    ],
)
def test_nothing_to_say(daemon, ada, message, path, listen, told, given):
    """
    What could not be said in a channel cannot be said in a thread.
    """
    listener = listen(ada)
    assert daemon.post(path, ada, given).status == 400
    assert page(daemon, ada) == [message]
    assert told(listener) == []


@memory_only
def test_kept_as_it_is(daemon, ada, path):
    """
    Content is never trimmed, and as long as in a channel; images may follow.
    """
    for content in (" around \r\n", "e\u0301", "\U0001f600" * LONGEST):
        assert reply(daemon, ada, path, content)["content"] == content
    bare = daemon.done(daemon.post(path, ada, {"images": []}))["reply"]
    assert (bare["content"], bare["images"]) == ("", [])


@memory_only
def test_strangers(daemon, ada, message, path, way):
    """
    Who does not say who they are neither reads nor replies, and no body is
    looked at.
    """
    said = reply(daemon, ada, path, "hi")
    assert daemon.get(path).status == 401
    for given in ({"content": "hi"}, b"{nonsense"):
        assert daemon.post(path, given=given).status == 401
        assert daemon.put(way(said), given=given).status == 401
        assert daemon.delete(way(said), given=given).status == 401
    assert replies(daemon, ada, path) == [said]


# Where there is no thread


@memory_only
def test_of_a_reply(daemon, ada, path, listen, told):
    """
    A reply cannot be replied to, and has no thread to read.
    """
    said, listener = reply(daemon, ada, path, "hi"), listen(ada)
    refused = daemon.post(thread_of(said), ada, {"content": "hi"})
    assert (refused.status, "reply" in refused.error) == (400, True)
    assert daemon.get(thread_of(said), ada).status == 400
    assert daemon.get(f"{thread_of(said)}?before={said['id']}", ada).status == 400
    assert replies(daemon, ada, path) == [said]
    assert told(listener) == []


@memory_only
def test_of_nothing(daemon, ada, message, path):
    """
    What is not there, or no longer, has no thread.
    """
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    for each in (path, "/messages/x/thread", "/messages/%00/thread"):
        assert daemon.get(each, ada).status == 404
        assert daemon.post(each, ada, {"content": "hi"}).status == 404
        assert daemon.put(f"{each}/x", ada, {"content": "hi"}).status == 404
        assert daemon.delete(f"{each}/x", ada).status == 404


@memory_only
def test_of_direct_messages(daemon, ada, bob):
    """
    A direct message has no thread: so the two of them are told.  To everybody
    else, administrators included, there is no such message.
    """
    carol = daemon.token("carol")
    target = {"targetUserId": user_id(daemon, carol)}
    opened = daemon.done(daemon.post("/conversations", bob, target))["conversation"]
    said = daemon.post(f"/conversations/{opened['id']}/messages", bob, {"content": "psst"})
    path = thread_of(daemon.done(said)["message"])
    for who, status in ((bob, 400), (carol, 400), (ada, 404), (daemon.token("dave"), 404)):
        assert daemon.get(path, who).status == status
        assert daemon.post(path, who, {"content": "hi"}).status == status
    for ask in (daemon.get, daemon.post):
        given = () if ask == daemon.get else ({"content": "hi"},)
        assert ask(path, ada, *given).body == ask("/messages/x/thread", ada, *given).body


# Reading


def test_pages(daemon, ada, path):
    """
    The newest come first as a page, and each page begins before the last; each
    page is oldest first, and none is left out.
    """
    for number in range(7):
        reply(daemon, ada, path, str(number))
        daemon.say(ada, "in between")
    newest = replies(daemon, ada, path, "?limit=3")
    assert [reply["content"] for reply in newest] == ["4", "5", "6"]
    middle = replies(daemon, ada, path, f"?limit=3&before={newest[0]['id']}")
    assert [reply["content"] for reply in middle] == ["1", "2", "3"]
    oldest = replies(daemon, ada, path, f"?before={middle[0]['id']}&limit=3")
    assert [reply["content"] for reply in oldest] == ["0"]
    assert replies(daemon, ada, path, f"?before={oldest[0]['id']}") == []


@memory_only
def test_how_many(daemon, ada, path):
    """
    50, if nobody says how many; what is empty is not said; more than 200, by
    however much, is 200.
    """
    newest = [str(number) for number in range(202)]
    for content in newest:
        reply(daemon, ada, path, content)
    for query in ("", "?limit=", "?limit=&before="):
        assert contents(daemon, ada, path, query) == newest[-50:]
    for limit, count in ((1, 1), (200, 200), (201, 200), (10**30, 200)):
        assert contents(daemon, ada, path, f"?limit={limit}") == newest[-count:]
    assert page(daemon, ada)[0]["threadMeta"]["replyCount"] == 202


@memory_only
@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "1e2", "%00", "%D9%A3", "%FF"])
def test_no_such_number(daemon, ada, path, limit):
    """
    Zero, less than nothing, and what is no integer is refused.
    """
    assert daemon.get(f"{path}?limit={limit}", ada).status == 400


@memory_only
def test_before_what(daemon, ada, message, path):
    """
    Before a message that is no reply of this thread, or no longer, is nothing.
    """
    other = daemon.say(ada, "another")
    elsewhere, gone = reply(daemon, ada, thread_of(other), "x"), reply(daemon, ada, path, "x")
    daemon.done(daemon.delete(f"/messages/{gone['id']}", ada))
    for before in (message["id"], other["id"], elsewhere["id"], gone["id"], "x", "%00", "0"):
        assert daemon.get(f"{path}?before={before}", ada).status == 404


@memory_only
def test_before_in_the_channel(daemon, ada, message, path):
    """
    A reply has no place among the messages of the channel: before it is nothing.
    """
    said = reply(daemon, ada, path, "hi")
    messages = f"/channels/{message['channelId']}/messages"
    assert daemon.get(f"{messages}?before={said['id']}", ada).status == 404


@memory_only
def test_not_in_the_page(daemon, ada, message, path):
    """
    However many replies there are, a page of the channel is full.
    """
    later = [daemon.say(ada, f"{number}") for number in range(3)]
    for number in range(60):
        reply(daemon, ada, path, f"{number}")
    messages = f"/channels/{message['channelId']}/messages"
    assert page(daemon, ada)[1:] == later
    newest = daemon.done(daemon.get(f"{messages}?limit=2", ada))["messages"]
    assert newest == later[1:]
    before = daemon.done(daemon.get(f"{messages}?limit=2&before={later[1]['id']}", ada))["messages"]
    assert [each["id"] for each in before] == [message["id"], later[0]["id"]]


@memory_only
def test_order_within_a_millisecond(daemon, ada, bob, path):
    """
    Replies are ordered as they were accepted, also where the clock stands
    still, goes back, or the server is restarted in between; the last is the one
    that came last.
    """
    said = []
    for number in range(12):
        said.append(reply(daemon, ada if number % 3 else bob, path, f"number {number}"))
        if number == 4:
            daemon.restart()
        if number == 8:
            daemon.clock.rightNow -= 1000
    assert len({each["createdAt"] for each in said}) == 2
    assert replies(daemon, ada, path) == said
    assert page(daemon, ada)[0]["threadMeta"] == counted(said)


# Sending again


def test_sent_again(daemon, ada, bob, message, path, listen, told):
    """
    With the same clientId a reply that is sent again answers the first, with
    whatever it and its thread are now, and nobody is told twice.
    """
    listener = listen(ada)
    first = reply(daemon, bob, path, "hi", clientId="1")
    second = reply(daemon, ada, path, "hi", clientId="1")
    assert answered(daemon, bob, path, "changed", clientId="1") == (first, counted([first, second]))
    edited = daemon.done(daemon.put(f"/messages/{first['id']}", bob, {"content": "hi there"}))
    assert reply(daemon, bob, path, "hi", clientId="1") == edited["message"]
    assert replies(daemon, bob, path) == [edited["message"], second]
    kinds = [kind for kind, _ in told(listener)]
    assert kinds == ["NEW_THREAD_REPLY", "NEW_THREAD_REPLY", "UPDATE_THREAD_REPLY"]


@memory_only
def test_sent_again_elsewhere(daemon, ada, bob, message, path, listen, told):
    """
    What has the clientId of something else one said makes no second: a reply in
    another thread is answered; what is said in a channel is no reply, and no reply
    is said in a channel, so that is refused.
    """
    other = daemon.say(ada, "another")
    first = reply(daemon, bob, path, "hi", clientId="reply")
    said = daemon.say(bob, "hi", clientId="message")
    listener = listen(ada)
    assert answered(daemon, bob, thread_of(other), "hi", clientId="reply") == (
        first,
        counted([first]),
    )
    messages = f"/channels/{message['channelId']}/messages"
    for each, client_id in ((path, "message"), (messages, "reply")):
        refused = daemon.post(each, bob, {"content": "hi", "clientId": client_id})
        assert (refused.status, "clientId" in refused.error) == (400, True)
    assert replies(daemon, bob, path) == [first]
    assert [each["id"] for each in page(daemon, bob)] == [message["id"], other["id"], said["id"]]
    assert told(listener) == []


@memory_only
def test_sent_again_after_it_was_deleted(daemon, ada, path):
    """
    The clientId of a deleted reply is free again, also of one that went with
    what it answered.
    """
    first = reply(daemon, ada, path, "hi", clientId="1")
    daemon.done(daemon.delete(f"/messages/{first['id']}", ada))
    second = reply(daemon, ada, path, "hi", clientId="1")
    assert second["id"] != first["id"]
    daemon.done(daemon.delete(f"/messages/{second['threadId']}", ada))
    assert daemon.say(ada, "hi", clientId="1")["id"] != second["id"]


# Changing


def test_edit(daemon, ada, bob, message, path, way, listen, told):
    """
    The author changes a reply, on both ways; its place and its thread stay as
    they are.
    """
    first, second = reply(daemon, bob, path, "helo"), reply(daemon, ada, path, "hi")
    listener = listen(ada)
    edited = daemon.done(daemon.put(way(first), bob, {"content": "hello"}))["message"]
    assert isinstance(edited["updatedAt"], int)
    assert edited == first | {"content": "hello", "updatedAt": edited["updatedAt"]}
    assert replies(daemon, ada, path) == [edited, second]
    assert page(daemon, ada) == [message | {"threadMeta": counted([first, second])}]
    assert told(listener) == [("UPDATE_THREAD_REPLY", edited)]


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"content": None},
        {"content": ""},
        {"content": "x" * (LONGEST + 1)},
        {"images": None},
        {"images": ["1800000000000-0123456789ab.png"]},
        b"[]",
    ],
)
def test_bad_edit(daemon, ada, path, way, listen, told, given):
    """
    What could not be said cannot be said by changing something.
    """
    said, listener = reply(daemon, ada, path, "hi"), listen(ada)
    assert daemon.put(way(said), ada, given).status == 400
    assert replies(daemon, ada, path) == [said]
    assert told(listener) == []


@memory_only
def test_who_may(daemon, ada, bob, path, way, listen, told):
    """
    Only its author changes a reply, not even an administrator; its author and
    administrators delete it; nobody else does, and nobody is told.  Who said
    what is replied to counts for nothing.
    """
    parent = daemon.say(bob, "hello")
    hers, his = [reply(daemon, who, thread_of(parent), "hi") for who in (ada, bob)]
    listener = listen(bob)
    assert daemon.put(way(hers), bob, {"content": "x"}).status == 403
    assert daemon.put(way(his), ada, {"content": "x"}).status == 403
    assert daemon.delete(way(hers), bob).status == 403
    assert told(listener) == []
    assert replies(daemon, bob, thread_of(parent)) == [hers, his]
    assert daemon.delete(way(his), ada).status == 200
    assert daemon.delete(way(hers), ada).status == 200
    assert replies(daemon, bob, thread_of(parent)) == []


@memory_only
def test_of_another_thread(daemon, ada, message, path, listen, told):
    """
    A reply is found in its own thread and in no other; a message that is no
    reply is in none, not even in its own.
    """
    other = daemon.say(ada, "another")
    said, theirs = reply(daemon, ada, path, "hi"), reply(daemon, ada, thread_of(other), "x")
    listener = listen(ada)
    for each in (theirs["id"], other["id"], message["id"], "x", "%00"):
        assert daemon.put(f"{path}/{each}", ada, {"content": "x"}).status == 404
        assert daemon.delete(f"{path}/{each}", ada).status == 404
    for each in (said["id"], "x", "%00"):  # nor below what is a reply itself, or nothing
        below = f"/messages/{each}/thread/{said['id']}"
        assert daemon.put(below, ada, {"content": "x"}).status == 404
        assert daemon.delete(below, ada).status == 404
    assert replies(daemon, ada, path) == [said]
    assert told(listener) == []


# Deleting


def test_remove(daemon, ada, bob, message, path, way, listen, told):
    """
    What is deleted is gone, on both ways, and everybody is told which it was,
    and what its thread is now: null once nobody is left in it.
    """
    first, second = reply(daemon, bob, path, "one"), reply(daemon, ada, path, "two")
    listener = listen(ada)
    assert daemon.done(daemon.delete(way(second), ada)) == {"success": True}
    assert replies(daemon, ada, path) == [first]
    assert page(daemon, ada) == [message | {"threadMeta": counted([first])}]
    assert daemon.done(daemon.delete(way(first), ada)) == {"success": True}
    assert replies(daemon, ada, path) == []
    assert page(daemon, ada) == [message]
    about = {"threadId": message["id"], "channelId": message["channelId"]}
    assert told(listener) == [
        ("DELETE_THREAD_REPLY", {"id": second["id"], "threadMeta": counted([first]), **about}),
        ("DELETE_THREAD_REPLY", {"id": first["id"], "threadMeta": None, **about}),
    ]
    for ask, given in ((daemon.put, {"content": "x"}), (daemon.delete, None)):
        assert ask(way(first), ada, given).status == 404


@memory_only
def test_nothing_is_left(daemon, ada, path, way):
    """
    The text of a deleted reply, as it was and as it was changed, is gone from
    the record, from the journal, and from memory; the others keep theirs.
    """
    start = daemon.listen(ada).events[0].id
    said = reply(daemon, ada, path, "a secret")
    daemon.done(daemon.put(way(said), ada, {"content": "another secret"}))
    daemon.done(daemon.post(f"/messages/{said['id']}/reactions", ada, {"reaction": "secretly"}))
    reply(daemon, ada, path, "hello")
    daemon.done(daemon.delete(way(said), ada))
    for table in ("journal", "messages", "reactions"):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    for _ in ("from memory", "from the journal"):
        listener = daemon.listen(ada, start)
        assert listener.types == ["CONNECTED", "NEW_THREAD_REPLY", "DELETE_THREAD_REPLY"]
        assert b"secret" not in listener.body
        daemon.restart()


def test_remove_what_was_answered(daemon, ada, bob, message, path, listen, told):
    """
    A message takes its replies along, and tells only of itself.
    """
    said = [reply(daemon, who, path, "hi") for who in (bob, ada, bob)]
    other = daemon.say(ada, "another")
    kept = reply(daemon, bob, thread_of(other), "hi")
    listener = listen(bob)
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    gone = {"id": message["id"], "channelId": message["channelId"]}
    assert told(listener) == [("DELETE_MESSAGE", gone)]
    assert daemon.get(path, bob).status == 404
    for each in said:
        for way in (f"{path}/{each['id']}", f"/messages/{each['id']}"):
            assert daemon.put(way, bob, {"content": "x"}).status == 404
            assert daemon.delete(way, ada).status == 404
        given = {"reaction": "x"}
        assert daemon.post(f"/messages/{each['id']}/reactions", bob, given).status == 404
    assert replies(daemon, bob, thread_of(other)) == [kept]


def in_thread(daemon, who, message):
    """
    Whatever can be told in a thread, all of it secret.
    """
    for text in ("a secret", "a second secret"):
        said = reply(daemon, who, thread_of(message), text)
        daemon.done(daemon.put(f"/messages/{said['id']}", who, {"content": f"{text} more"}))
        given = {"reaction": "secretly"}
        daemon.done(daemon.post(f"/messages/{said['id']}/reactions", who, given))


@memory_only
def test_nothing_is_left_of_the_thread(daemon, ada, message):
    """
    With what was answered, all that was told in its thread is forgotten.
    """
    start = daemon.listen(ada).events[0].id
    in_thread(daemon, ada, message)
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    for table in ("journal", "messages", "reactions"):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    assert daemon.rows("SELECT * FROM reactions") == daemon.rows("SELECT * FROM messages") == []
    for _ in ("from memory", "from the journal"):
        assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_MESSAGE"]
        daemon.restart()


@memory_only
def test_nothing_is_left_of_the_channel(daemon, ada, ducks, listen, told):
    """
    The same with a channel, which tells only of itself.
    """
    quack = daemon.say(ada, "quack", ducks)
    listener = listen(ada)
    start = listener.events[0].id
    in_thread(daemon, ada, quack)
    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    assert [kind for kind, _ in told(listener)][-1] == "DELETE_CHANNEL"
    assert daemon.get(thread_of(quack), ada).status == 404
    daemon.clock.advance(10)
    for table in ("journal", "messages", "reactions"):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    assert daemon.rows("SELECT * FROM reactions") == []
    for _ in ("from memory", "from the journal"):
        assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_CHANNEL", "NEW_MESSAGE"]
        daemon.restart()


# What a thread has come to


@memory_only
def test_participants(daemon, ada, bob, path):
    """
    Those who replied are named in the order of the first reply that each has
    in the thread now; the last one is whose reply is the newest.
    """
    carol = daemon.token("carol")
    said = []
    for who in (bob, carol, bob, ada, carol):
        daemon.clock.advance(1)
        answer, meta = answered(daemon, who, path, "hi")
        said.append(answer)
        assert meta == counted(said) == page(daemon, ada)[0]["threadMeta"]
    assert meta["participants"] == [user_id(daemon, who) for who in (bob, carol, ada)]
    for number in (0, 3, 0, 0, 0):  # bob's first, carol's last, carol's first, …
        gone = said.pop(number)
        daemon.done(daemon.delete(f"{path}/{gone['id']}", ada))
        assert page(daemon, ada)[0].get("threadMeta") == counted(said)
    assert said == []


@memory_only
def test_names_of_now(daemon, ada, bob, message, path, listen, told):
    """
    Who replied last is shown by their name of now, as in the reply itself; of a
    removed user by the last one.
    """
    said = reply(daemon, bob, path, "hi")
    daemon.done(daemon.put("/users/me", bob, {"userName": "Bobby"}))
    renamed = said | {"author": said["author"] | {"userName": "Bobby"}}
    assert replies(daemon, ada, path) == [renamed]
    assert page(daemon, ada)[0]["threadMeta"] == counted([renamed])
    daemon.done(daemon.post("/users/exit", bob))
    assert replies(daemon, ada, path) == [renamed]
    assert page(daemon, ada)[0]["threadMeta"] == counted([renamed])
    listener = listen(ada)
    hers, meta = answered(daemon, ada, path, "bye")
    assert meta == counted([renamed, hers])
    daemon.done(daemon.delete(f"{path}/{hers['id']}", ada))
    assert [payload["threadMeta"] for _, payload in told(listener)] == [
        counted([renamed, hers]),
        counted([renamed]),
    ]


@memory_only
def test_kept_with_the_message(daemon, ada, bob, listen, told):
    """
    Whatever becomes of a message that was replied to, and wherever it is shown,
    it tells of its thread.
    """
    first = daemon.say(ada, "hello", clientId="1")
    meta = counted([reply(daemon, bob, thread_of(first), "hi")])
    listener, where = listen(bob), f"/messages/{first['id']}"
    edited = daemon.done(daemon.put(where, ada, {"content": "x"}))["message"]
    assert edited["threadMeta"] == meta
    for ask in (daemon.post, daemon.delete, daemon.delete):
        reacted = daemon.done(ask(f"{where}/reactions", bob, {"reaction": "x"}))["message"]
        assert reacted["threadMeta"] == meta
    assert daemon.say(ada, "hello", clientId="1")["threadMeta"] == meta
    assert told(listener)[0] == ("UPDATE_MESSAGE", edited)
    daemon.restart()
    assert page(daemon, bob)[0] == edited


def test_reactions(daemon, ada, bob, message, path, way, listen, told):
    """
    A reply is reacted to as any message: everybody is told, it shows who chose
    what, and the thread does not count as changed.
    """
    said, bob_id = reply(daemon, ada, path, "hi"), user_id(daemon, bob)
    listener, where = listen(ada), f"/messages/{said['id']}/reactions"
    chosen = daemon.done(daemon.post(where, bob, {"reaction": "x"}))["message"]
    assert chosen == said | {"reactions": {"x": [bob_id]}}
    assert replies(daemon, ada, path) == [chosen]
    edited = daemon.done(daemon.put(way(said), ada, {"content": "ho"}))["message"]
    assert edited["reactions"] == {"x": [bob_id]}
    taken = daemon.done(daemon.delete(where, bob, {"reaction": "x"}))["message"]
    assert taken == edited | {"reactions": {}}
    assert page(daemon, ada) == [message | {"threadMeta": counted([said])}]
    told_of = {"messageId": said["id"], "userId": bob_id, "reaction": "x"}
    assert told(listener) == [
        ("NEW_REACTION", told_of),
        ("UPDATE_THREAD_REPLY", edited),
        ("DELETE_REACTION", told_of),
    ]


# All at once


class Thread:
    """
    A thread as somebody knows it who only listens.
    """

    def __init__(self):
        self.replies = []
        self.removed = set()

    def hear(self, kind, payload):
        """
        What is told of the thread is what a count gives at this point.
        """
        if kind == "NEW_THREAD_REPLY":
            self.replies.append(payload["reply"])
        elif kind == "DELETE_THREAD_REPLY":
            self.removed.add(payload["id"])
            self.replies = [each for each in self.replies if each["id"] != payload["id"]]
        assert payload["threadMeta"] == counted(self.replies)


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_all_at_once(daemon, ada, message, path, listen, told):
    """
    While five users reply and delete at the same moment, every event tells of
    the thread as it is just then, and so does every answer.
    """
    users = [daemon.token(name) for name in ("bob", "carol", "dave", "eve", "frank")]
    listener = listen(ada)

    def busy(number):
        """
        Five replies of one user, of which three are deleted, on both ways.
        """
        who, mine = users[number % len(users)], daemon.another()
        said = []
        for nth in range(5):
            said.append(answered(mine, who, path, f"{number} {nth}"))
            if nth in (1, 3):
                way = path if nth == 1 else "/messages"
                mine.done(mine.delete(f"{way}/{said[nth - 1][0]['id']}", who))
        mine.done(mine.delete(f"{path}/{said[1][0]['id']}", ada))
        mine.hang_up()
        return said

    with ThreadPoolExecutor(10) as crowd:
        said = [each for some in crowd.map(busy, range(10)) for each in some]

    thread, heard = Thread(), told(listener)
    for kind, payload in heard:
        thread.hear(kind, payload)
    assert [kind for kind, _ in heard].count("NEW_THREAD_REPLY") == len(said) == 50
    assert len(thread.removed) == 30
    metas = {p["reply"]["id"]: p["threadMeta"] for k, p in heard if k == "NEW_THREAD_REPLY"}
    assert metas == {reply["id"]: meta for reply, meta in said}
    assert replies(daemon, ada, path) == thread.replies
    assert page(daemon, ada)[0]["threadMeta"] == counted(thread.replies)


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_gone_meanwhile(daemon, ada, bob, message, path, listen, told):
    """
    Of ten who reply while the message is deleted, each was in time or is told
    that there is no such message; nothing is told of the thread after its end.
    """
    listener = listen(ada)

    def do(number):
        mine = daemon.another()
        if number == 5:
            return mine.delete(f"/messages/{message['id']}", ada, Connection="close").status
        return mine.post(path, bob, {"content": "hi"}, Connection="close").status

    with ThreadPoolExecutor(11) as crowd:
        statuses = list(crowd.map(do, range(11)))
    assert statuses.pop(5) == 200
    assert set(statuses) <= {200, 404}
    kinds = [kind for kind, _ in told(listener)]
    assert kinds == ["NEW_THREAD_REPLY"] * statuses.count(200) + ["DELETE_MESSAGE"]
    assert daemon.get(path, ada).status == 404
    daemon.assert_untroubled()


def test_counted_once(in_memory, monkeypatch):
    """
    Whatever is done to a message or a reply, its thread is counted once at the
    most: also to find out whether it may be done.
    """
    daemon = in_memory()
    ada, counted, metas = daemon.token("ada"), [], threads.metas

    def and_counted(cursor, message_ids):
        counted.extend(message_ids)
        return metas(cursor, message_ids)

    monkeypatch.setattr(threads, "metas", and_counted)

    def times(ask, *args):
        counted.clear()
        daemon.done(ask(*args))
        return counted.count(message["id"])

    message = daemon.say(ada, "hello")
    path, where = f"/messages/{message['id']}/thread", f"/messages/{message['id']}"
    first = reply(daemon, ada, path, "one")
    assert times(daemon.post, path, ada, {"content": "two", "clientId": "2"}) == 1
    assert times(daemon.post, path, ada, {"content": "two", "clientId": "2"}) == 1
    assert times(daemon.put, f"{path}/{first['id']}", ada, {"content": "1"}) == 0
    assert times(daemon.delete, f"{path}/{first['id']}", ada) == 1
    assert times(daemon.get, path, ada) == 0
    assert times(daemon.put, where, ada, {"content": "hello!"}) == 1
    for reaction in ("x", "x"):
        assert times(daemon.post, f"{where}/reactions", ada, {"reaction": reaction}) == 1
    for reaction in ("x", "x"):
        assert times(daemon.delete, f"{where}/reactions", ada, {"reaction": reaction}) == 1
    assert times(daemon.delete, where, ada) == 0
