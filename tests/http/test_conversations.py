"""
What two users say to each other, and nobody else reads.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

LONGEST = 16_384

NOWHERE = "dm:000000000000000000000000000000"


@pytest.fixture
def carol(daemon, ada):
    """
    With whom bob talks; ada, who administrates the server, is told nothing of it.
    """
    return daemon.token("carol")


@pytest.fixture
def between(daemon, bob, carol):
    """
    The conversation of bob and carol.
    """
    return opened(daemon, bob, carol)[0]


@pytest.fixture
def path(between):
    """
    Where its messages are.
    """
    return f"/conversations/{between['id']}/messages"


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def open_with(daemon, who, target):
    return daemon.post("/conversations", who, {"targetUserId": target})


def opened(daemon, who, target):
    """
    The conversation of the two, and whether it is new.
    """
    answer = daemon.done(open_with(daemon, who, user_id(daemon, target)))
    return answer["conversation"], answer["isNew"]


def conversations(daemon, who):
    return daemon.done(daemon.get("/conversations", who))["conversations"]


def write(daemon, who, path, content, **more):
    return daemon.done(daemon.post(path, who, {"content": content, **more}))["message"]


def page(daemon, who, path, query=""):
    return daemon.done(daemon.get(path + query, who))["messages"]


def contents(daemon, who, path, query=""):
    return [message["content"] for message in page(daemon, who, path, query)]


# Opening


def test_open(daemon, ada, bob, carol, listen, told):
    """
    Two users have one conversation, whoever of them asks, and however often;
    each sees the other in it, and both are told of it once.
    """
    b, c = user_id(daemon, bob), user_id(daemon, carol)
    listeners = [listen(bob), listen(carol)]
    outsider = listen(ada)
    made, is_new = opened(daemon, bob, carol)
    assert is_new is True
    assert made == {
        "id": made["id"],
        "participants": sorted([b, c]),
        "createdAt": made["createdAt"],
        "otherUser": {"id": c, "userName": "carol"},
    }
    assert made["id"].startswith("dm:")
    theirs = made | {"otherUser": {"id": b, "userName": "bob"}}
    assert opened(daemon, bob, carol) == (made, False)
    assert opened(daemon, carol, bob) == (theirs, False)
    assert conversations(daemon, bob) == [made]
    assert conversations(daemon, carol) == [theirs]
    assert conversations(daemon, ada) == []
    event = {key: made[key] for key in ("id", "participants", "createdAt")}
    for listener in listeners:
        assert told(listener) == [("NEW_CONVERSATION", event)]
    assert told(outsider) == []


@memory_only
def test_each_pair_its_own(daemon, ada, bob, carol, between):
    """
    Another pair has another conversation.
    """
    others = opened(daemon, ada, bob)[0], opened(daemon, ada, carol)[0]
    assert len({between["id"], *(other["id"] for other in others)}) == 3
    assert {each["id"] for each in conversations(daemon, bob)} == {between["id"], others[0]["id"]}


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"targetUserId": None},
        {"targetUserId": 7},
        {"targetUserId": ["x"]},
        {"targetUserId": "a\0b"},
        b'{"targetUserId": "\\ud83d"}',
        b"[]",
        b"{",
    ],
)
def test_with_nobody(daemon, bob, given):
    """
    Who names no user is refused.
    """
    assert daemon.post("/conversations", bob, given).status == 400
    assert conversations(daemon, bob) == []


@memory_only
def test_with_oneself(daemon, bob, listen, told):
    """
    A conversation takes two.
    """
    listener = listen(bob)
    refused = open_with(daemon, bob, user_id(daemon, bob))
    assert (refused.status, "yourself" in refused.error) == (400, True)
    assert conversations(daemon, bob) == []
    assert told(listener) == []


@memory_only
def test_with_a_stranger(daemon, ada, bob, carol, between):
    """
    With who is not there, or no longer, nobody talks: not even where they did.
    """
    dave = daemon.token("dave")
    gone = [user_id(daemon, dave), user_id(daemon, carol)]
    daemon.done(daemon.post("/users/exit", dave))
    daemon.done(daemon.delete(f"/users/{gone[1]}", ada))
    for target in (*gone, "x", "", "%00", between["id"]):
        assert open_with(daemon, bob, target).status == 404
    assert [each["id"] for each in conversations(daemon, bob)] == [between["id"]]


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_opened_at_once(daemon, bob, carol, listen, told):
    """
    Both ask for it twenty times at the same moment: one of them made it, all
    have it, and both are told once.
    """
    listeners = [listen(bob), listen(carol)]
    sides = [(bob, user_id(daemon, carol)), (carol, user_id(daemon, bob))] * 20

    def ask(side):
        who, target = side
        given = {"targetUserId": target}
        return daemon.another().post("/conversations", who, given, Connection="close")

    with ThreadPoolExecutor(40) as crowd:
        answers = [daemon.done(answer) for answer in crowd.map(ask, sides)]
    assert len({answer["conversation"]["id"] for answer in answers}) == 1
    assert [answer["isNew"] for answer in answers].count(True) == 1
    for listener in listeners:
        assert [kind for kind, _ in told(listener)] == ["NEW_CONVERSATION"]
    daemon.assert_untroubled()


# Saying


def test_said_read_and_heard(daemon, bob, carol, between, path, listen, told):
    """
    What one of them says both read, oldest first, and hear, with the names of
    both: the same message everywhere.
    """
    listeners = [listen(bob), listen(carol), listen(carol)]
    said = [write(daemon, bob, path, "psst"), write(daemon, carol, path, "yes?")]
    assert page(daemon, bob, path) == page(daemon, carol, path) == said
    heard = [("NEW_DM_MESSAGE", each | {"participants": between["participants"]}) for each in said]
    for listener in listeners:
        assert told(listener) == heard


@memory_only
def test_shape(daemon, bob, between, path):
    """
    A direct message is a message, whose channel is the conversation.
    """
    said = write(daemon, bob, path, "psst")
    assert said == {
        "id": said["id"],
        "channelId": between["id"],
        "author": {"id": user_id(daemon, bob), "userName": "bob"},
        "content": "psst",
        "images": [],
        "createdAt": 1_800_000_000_000,
        "updatedAt": None,
        "reactions": {},
    }


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
        b'{"content": "\\ud83d"}',
        b"[]",
        b"{",
    ],
)
def test_nothing_to_say(daemon, bob, path, listen, told, given):
    """
    What could not be said in a channel, or instead of what was said, cannot be
    said here.
    """
    said, listener = write(daemon, bob, path, "psst"), listen(bob)
    assert daemon.post(path, bob, given).status == 400
    assert daemon.put(f"{path}/{said['id']}", bob, given).status == 400
    assert page(daemon, bob, path) == [said]
    assert told(listener) == []


@memory_only
def test_kept_as_it_is(daemon, bob, path):
    """
    Content is never trimmed, and as long as in a channel; images may follow.
    """
    for content in (" around \r\n", "e\u0301", "\U0001f600" * LONGEST):
        assert write(daemon, bob, path, content)["content"] == content
    bare = daemon.done(daemon.post(path, bob, {"images": []}))["message"]
    assert (bare["content"], bare["images"]) == ("", [])


@memory_only
def test_sent_again(daemon, bob, carol, path, listen, told):
    """
    With the same clientId a message that is sent again answers the first; the
    other's is another's.
    """
    listener = listen(carol)
    first = write(daemon, bob, path, "psst", clientId="1")
    assert write(daemon, bob, path, "changed", clientId="1") == first
    second = write(daemon, carol, path, "yes?", clientId="1")
    assert page(daemon, bob, path) == [first, second]
    assert [payload["id"] for _, payload in told(listener)] == [first["id"], second["id"]]
    daemon.done(daemon.delete(f"{path}/{first['id']}", bob))
    assert write(daemon, bob, path, "psst", clientId="1")["id"] != first["id"]


@memory_only
def test_sent_again_elsewhere(daemon, ada, bob, carol, path, listen, told):
    """
    Under the clientId of something else one said nothing is said here, and under
    that of a direct message nothing anywhere else: neither answers for the other.
    """
    here, public = write(daemon, bob, path, "psst", clientId="here"), daemon.say(bob, "hello")
    channel, thread = (
        f"/channels/{public['channelId']}/messages",
        f"/messages/{public['id']}/thread",
    )
    daemon.done(daemon.post(thread, bob, {"content": "hi", "clientId": "reply"}))
    daemon.say(bob, "hello", clientId="message")
    listener = listen(carol)
    for each, client_id in (
        (channel, "here"),
        (thread, "here"),
        (path, "reply"),
        (path, "message"),
    ):
        refused = daemon.post(each, bob, {"content": "x", "clientId": client_id})
        assert (refused.status, "clientId" in refused.error) == (400, True)
    assert page(daemon, bob, path) == [here]
    assert told(listener) == []


# Reading


def test_pages(daemon, bob, carol, path):
    """
    As in a channel: the newest as a page, each page before the last, each
    oldest first.
    """
    for number in range(7):
        write(daemon, bob if number % 2 else carol, path, str(number))
        daemon.say(bob, "in between")
    newest = page(daemon, carol, path, "?limit=3")
    assert [message["content"] for message in newest] == ["4", "5", "6"]
    middle = page(daemon, carol, path, f"?limit=3&before={newest[0]['id']}")
    assert [message["content"] for message in middle] == ["1", "2", "3"]
    oldest = page(daemon, carol, path, f"?before={middle[0]['id']}&limit=3")
    assert [message["content"] for message in oldest] == ["0"]
    assert page(daemon, carol, path, f"?before={oldest[0]['id']}") == []


@memory_only
def test_how_many(daemon, bob, path):
    """
    50, if nobody says how many; more than 200 is 200; what is no such number is
    refused.
    """
    newest = [str(number) for number in range(202)]
    for content in newest:
        write(daemon, bob, path, content)
    for query in ("", "?limit=", "?limit=&before="):
        assert contents(daemon, bob, path, query) == newest[-50:]
    for limit, count in ((1, 1), (200, 200), (201, 200), (10**30, 200)):
        assert contents(daemon, bob, path, f"?limit={limit}") == newest[-count:]
    for limit in ("0", "-1", "x", "1.5", "%00", "%FF"):
        assert daemon.get(f"{path}?limit={limit}", bob).status == 400


@memory_only
def test_before_what(daemon, ada, bob, carol, path):
    """
    Before a message of another conversation, of a channel, of a thread, or no
    longer there, is nothing; and before one of here, in a channel.
    """
    here = write(daemon, bob, path, "psst")
    other, _ = opened(daemon, bob, ada)
    there = write(daemon, bob, f"/conversations/{other['id']}/messages", "psst")
    said = daemon.say(bob, "hello")
    below = daemon.done(daemon.post(f"/messages/{said['id']}/thread", bob, {"content": "hi"}))
    gone = write(daemon, bob, path, "psst")
    daemon.done(daemon.delete(f"{path}/{gone['id']}", bob))
    for before in (there, said, below["reply"], gone):
        assert daemon.get(f"{path}?before={before['id']}", bob).status == 404
    channel, thread = f"/channels/{said['channelId']}/messages", f"/messages/{said['id']}/thread"
    for each in (channel, thread):
        assert daemon.get(f"{each}?before={here['id']}", bob).status == 404


# The list


def test_latest_first(daemon, ada, bob, carol):
    """
    The conversation in which something was said last comes first, or which was
    opened last; what is deleted does not count, wherever it was.
    """
    dave = daemon.token("dave")
    paths = {}
    for name, target in (("ada", ada), ("carol", carol), ("dave", dave)):
        paths[name] = f"/conversations/{opened(daemon, bob, target)[0]['id']}/messages"

    def order():
        return [each["otherUser"]["userName"] for each in conversations(daemon, bob)]

    assert order() == ["dave", "carol", "ada"]
    first = write(daemon, ada, paths["ada"], "hello")
    assert order() == ["ada", "dave", "carol"]
    second = write(daemon, bob, paths["carol"], "hello")
    assert order() == ["carol", "ada", "dave"]
    daemon.done(daemon.put(f"{paths['ada']}/{first['id']}", ada, {"content": "hi"}))
    assert order() == ["carol", "ada", "dave"]
    daemon.done(daemon.delete(f"{paths['carol']}/{second['id']}", bob))
    assert order() == ["ada", "dave", "carol"]
    daemon.done(daemon.delete(f"{paths['ada']}/{first['id']}", ada))
    assert order() == ["dave", "carol", "ada"]


@memory_only
def test_last_message_at(daemon, bob, carol, between, path):
    """
    When the newest message was said that there still is: editing changes
    nothing, and without one nothing is told.
    """
    said = []
    for who in (bob, carol, bob):
        daemon.clock.advance(1)
        said.append(write(daemon, who, path, "psst"))
        for each in (bob, carol):
            assert conversations(daemon, each)[0]["lastMessageAt"] == said[-1]["createdAt"]
    assert opened(daemon, bob, carol)[0] == between | {"lastMessageAt": said[-1]["createdAt"]}
    daemon.clock.advance(1)
    daemon.done(daemon.put(f"{path}/{said[0]['id']}", bob, {"content": "psst!"}))
    assert conversations(daemon, bob)[0]["lastMessageAt"] == said[-1]["createdAt"]
    for gone, who, left in ((1, carol, 2), (2, bob, 0), (0, bob, None)):
        daemon.done(daemon.delete(f"{path}/{said[gone]['id']}", who))
        last = None if left is None else said[left]["createdAt"]
        assert conversations(daemon, bob)[0].get("lastMessageAt") == last
    assert conversations(daemon, bob) == [between]


@memory_only
def test_names_of_now(daemon, bob, carol, between, path):
    """
    The other one is shown by their name of now.
    """
    write(daemon, carol, path, "psst")
    daemon.done(daemon.put("/users/me", carol, {"userName": "Caroline"}))
    [seen] = conversations(daemon, bob)
    assert seen["otherUser"] == between["otherUser"] | {"userName": "Caroline"}
    assert page(daemon, bob, path)[0]["author"] == seen["otherUser"]


@memory_only
@pytest.mark.parametrize("way", ["removed", "left"])
def test_other_user_who_is_gone(daemon, ada, bob, carol, between, path, way):
    """
    Once the other one is gone there is no other user; what was said stays, with
    the name that they had.  Who comes back with their address is somebody else.
    """
    said = write(daemon, carol, path, "psst")
    listener = daemon.listen(carol)
    if way == "removed":
        daemon.done(daemon.delete(f"/users/{user_id(daemon, carol)}", ada))
    else:
        daemon.done(daemon.post("/users/exit", carol))
    assert listener.closed
    gone = between | {"otherUser": None, "lastMessageAt": said["createdAt"]}
    assert conversations(daemon, bob) == [gone]
    assert page(daemon, bob, path) == [said]
    assert daemon.get(path, carol).status == 401
    back, given = daemon.token("carol"), {"content": "x"}
    assert daemon.get(path, back).status == daemon.post(path, back, given).status == 403
    assert daemon.put(f"/messages/{said['id']}", back, given).status == 404
    assert conversations(daemon, back) == []
    assert conversations(daemon, bob) == [gone]
    anew, is_new = opened(daemon, bob, back)
    assert (is_new, conversations(daemon, bob)) == (True, [anew, gone])
    assert page(daemon, bob, path) == [said]


# Who is told nothing


def outside(daemon, who, path, message):
    """
    Whatever one can try by the name of a conversation.
    """
    given = {"content": "x"}
    yield daemon.get(path, who)
    yield daemon.get(f"{path}?before={message['id']}", who)
    yield daemon.post(path, who, given)
    yield daemon.put(f"{path}/{message['id']}", who, given)
    yield daemon.delete(f"{path}/{message['id']}", who)
    yield daemon.get(f"{path}/image/1800000000000-0123456789ab.png", who)


def by_message(daemon, who, message_id):
    """
    Whatever one can try by the name of a message.
    """
    where, given = f"/messages/{message_id}", {"content": "x"}
    yield daemon.put(where, who, given)
    yield daemon.put(where, who, {})
    yield daemon.delete(where, who)
    for ask in (daemon.post, daemon.delete):
        yield ask(f"{where}/reactions", who, {"reaction": "x"})
    yield daemon.get(f"{where}/thread", who)
    yield daemon.post(f"{where}/thread", who, given)
    yield daemon.put(f"{where}/thread/{message_id}", who, given)
    yield daemon.delete(f"{where}/thread/{message_id}", who)


def test_participants_only(daemon, ada, bob, carol, path, listen, told):
    """
    Who takes no part, administrators included, may not read, write, change or
    delete; what is not there is not there; and without a token nobody is anybody.
    """
    said, listeners = write(daemon, bob, path, "psst"), [listen(bob), listen(ada)]
    dave = daemon.token("dave")
    for who in (ada, dave):
        assert {each.status for each in outside(daemon, who, path, said)} == {403}
    nowhere = f"/conversations/{NOWHERE}/messages"
    for who in (ada, bob):
        assert {each.status for each in outside(daemon, who, nowhere, said)} == {404}
    assert {each.status for each in outside(daemon, None, path, said)} == {401}
    assert page(daemon, carol, path) == [said]
    for listener in listeners:
        assert [kind for kind, _ in told(listener)] == ["NEW_USER"]


def test_nothing_of_it_by_message(daemon, ada, bob, carol, path):
    """
    By the name of a message, whoever takes no part finds nothing: the very
    answer that they get for what was never there.
    """
    said = write(daemon, bob, path, "psst")
    for who in (ada, daemon.token("dave")):
        theirs = [(each.status, each.body) for each in by_message(daemon, who, said["id"])]
        nothing = [(each.status, each.body) for each in by_message(daemon, who, "x")]
        assert theirs == nothing
        assert {status for status, _ in theirs} == {404}
    assert page(daemon, carol, path) == [said]


@memory_only
def test_no_channel(daemon, ada, bob, carol, between, path):
    """
    A conversation is no channel, not even to its participants; nor is a channel
    a conversation.
    """
    write(daemon, bob, path, "psst")
    for who in (ada, bob):
        for name in (between["id"], between["id"].replace(":", "%3A")):
            channel = f"/channels/{name}"
            assert daemon.get(f"{channel}/messages", who).status == 404
            assert daemon.post(f"{channel}/messages", who, {"content": "x"}).status == 404
            assert daemon.get(f"{channel}/messages/image/x.png", who).status == 404
    given = {"name": "x", "channelId": between["id"]}
    assert daemon.post("/webhooks", ada, given).status == 404
    assert daemon.put(f"/channels/{between['id']}", ada, {"name": "x"}).status == 404
    assert daemon.delete(f"/channels/{between['id']}", ada).status == 404
    general = f"/conversations/{daemon.general(bob)}/messages"
    assert daemon.get(general, bob).status == 404
    assert daemon.post(general, bob, {"content": "x"}).status == 404
    assert contents(daemon, carol, path) == ["psst"]


def everything(daemon, bob, carol, path):
    """
    Whatever can be told of a conversation, all of it secret.
    """
    said = write(daemon, bob, path, "a secret")
    where = f"/messages/{said['id']}"
    daemon.done(daemon.put(where, bob, {"content": "another secret"}))
    daemon.done(daemon.post(f"{where}/reactions", carol, {"reaction": "secretly"}))
    daemon.done(daemon.delete(f"{where}/reactions", carol, {"reaction": "secretly"}))
    daemon.done(daemon.put(f"{path}/{said['id']}", bob, {"content": "a third secret"}))
    return said


def test_told_to_the_two(daemon, ada, bob, carol, listen, told):
    """
    Of all that happens in a conversation its two hear, on every stream, and
    nobody else: not while it happens, nor when they come back.
    """
    insiders = [listen(bob), listen(carol), listen(carol)]
    outsiders = {who: listen(who) for who in (ada, daemon.token("dave"))}
    starts = {who: listener.await_events(1)[0].id for who, listener in outsiders.items()}
    between, _ = opened(daemon, bob, carol)
    path = f"/conversations/{between['id']}/messages"
    said = everything(daemon, bob, carol, path)
    daemon.done(daemon.delete(f"{path}/{said['id']}", bob))
    kinds = [
        "NEW_CONVERSATION",
        "NEW_DM_MESSAGE",
        "UPDATE_DM_MESSAGE",
        "NEW_REACTION",
        "DELETE_REACTION",
        "UPDATE_DM_MESSAGE",
        "DELETE_DM_MESSAGE",
    ]
    for listener in insiders:
        assert [kind for kind, _ in told(listener) if kind != "NEW_USER"] == kinds
    for who, start in starts.items():
        assert told(outsiders[who]) == []
        assert told(listen(who, start)) == []
    daemon.restart()
    for who, start in starts.items():
        assert told(listen(who, start)) == []


def test_told_to_who_comes_back(daemon, bob, carol, between, path, listen, told):
    """
    The two hear what they missed, each of them.
    """
    starts = {who: listen(who).await_events(1)[0].id for who in (bob, carol)}
    everything(daemon, bob, carol, path)
    kinds = ["NEW_DM_MESSAGE", "UPDATE_DM_MESSAGE", "NEW_REACTION", "DELETE_REACTION"]
    for _ in range(2):
        for who, start in starts.items():
            heard = told(listen(who, start))
            assert [kind for kind, _ in heard] == [*kinds, "UPDATE_DM_MESSAGE"]
        daemon.restart()


# Changing and deleting


@pytest.fixture(params=["/conversations/{0}/messages/{1}", "/messages/{1}"])
def way(request):
    """
    Both ways to a direct message.
    """
    return lambda said: request.param.format(said["channelId"], said["id"])


def test_edit(daemon, bob, carol, between, path, way, listen, told):
    """
    Its author changes what was said, on both ways; both are told.
    """
    first, second = write(daemon, bob, path, "pst"), write(daemon, carol, path, "yes?")
    listeners = [listen(bob), listen(carol)]
    edited = daemon.done(daemon.put(way(first), bob, {"content": "psst"}))["message"]
    assert isinstance(edited["updatedAt"], int)
    assert edited == first | {"content": "psst", "updatedAt": edited["updatedAt"]}
    assert page(daemon, carol, path) == [edited, second]
    event = ("UPDATE_DM_MESSAGE", edited | {"participants": between["participants"]})
    for listener in listeners:
        assert told(listener) == [event]


def test_remove(daemon, bob, carol, between, path, way, listen, told):
    """
    Its author deletes what was said, on both ways; both are told.
    """
    first, second = write(daemon, bob, path, "one"), write(daemon, carol, path, "two")
    listeners = [listen(bob), listen(carol)]
    assert daemon.done(daemon.delete(way(first), bob)) == {"success": True}
    assert page(daemon, carol, path) == [second]
    gone = {"id": first["id"], "conversationId": between["id"]}
    for listener in listeners:
        assert told(listener) == [
            ("DELETE_DM_MESSAGE", gone | {"participants": between["participants"]})
        ]
    assert daemon.put(way(first), bob, {"content": "x"}).status == 404
    assert daemon.delete(way(first), bob).status == 404


@memory_only
def test_author_only(daemon, ada, bob, carol, path, way, listen, told):
    """
    The other one neither changes nor deletes it, and no administrator does,
    not even one of the two.
    """
    said, listener = write(daemon, bob, path, "psst"), listen(bob)
    other, _ = opened(daemon, ada, bob)
    his = write(daemon, bob, f"/conversations/{other['id']}/messages", "hello")
    for who, each in ((carol, said), (ada, his)):
        assert daemon.put(way(each), who, {"content": "x"}).status == 403
        assert daemon.delete(way(each), who).status == 403
    assert page(daemon, carol, path) == [said]
    assert [kind for kind, _ in told(listener)] == ["NEW_CONVERSATION", "NEW_DM_MESSAGE"]
    for each in (said, his):
        assert daemon.delete(way(each), bob).status == 200


@memory_only
def test_of_another_conversation(daemon, ada, bob, carol, path):
    """
    A message is found in its own conversation and in no other place.
    """
    said = write(daemon, bob, path, "psst")
    other, _ = opened(daemon, bob, ada)
    elsewhere = f"/conversations/{other['id']}/messages"
    theirs, public = write(daemon, bob, elsewhere, "hello"), daemon.say(bob, "hello")
    below = daemon.done(daemon.post(f"/messages/{public['id']}/thread", bob, {"content": "hi"}))
    for each in (theirs["id"], public["id"], below["reply"]["id"], "x", "%00"):
        assert daemon.put(f"{path}/{each}", bob, {"content": "x"}).status == 404
        assert daemon.delete(f"{path}/{each}", bob).status == 404
    assert daemon.delete(f"{elsewhere}/{said['id']}", bob).status == 404
    assert daemon.delete(f"{elsewhere}/{said['id']}", ada).status == 404
    assert (page(daemon, bob, path), page(daemon, bob, elsewhere)) == ([said], [theirs])


@memory_only
def test_reactions(daemon, bob, carol, path, listen, told):
    """
    The two react to what was said, and both are told.
    """
    said, c = write(daemon, bob, path, "psst"), user_id(daemon, carol)
    listeners = [listen(bob), listen(carol)]
    given, where = {"reaction": "x"}, f"/messages/{said['id']}/reactions"
    reacted = daemon.done(daemon.post(where, carol, given))["message"]
    assert reacted == said | {"reactions": {"x": [c]}}
    assert page(daemon, bob, path) == [reacted]
    assert daemon.done(daemon.delete(where, bob, given))["message"] == reacted
    assert daemon.done(daemon.delete(where, carol, given))["message"] == said
    event = {"messageId": said["id"], "userId": c, "reaction": "x"}
    for listener in listeners:
        assert told(listener) == [("NEW_REACTION", event), ("DELETE_REACTION", event)]


@memory_only
def test_nothing_is_left(daemon, bob, carol, between, path, way):
    """
    The text of a deleted message, as it was and as it was changed, is gone from
    the record, from the journal, and from memory.
    """
    start = daemon.listen(bob).events[0].id
    said = everything(daemon, bob, carol, path)
    daemon.done(daemon.post(f"/messages/{said['id']}/reactions", bob, {"reaction": "secretly"}))
    write(daemon, carol, path, "hello")
    daemon.done(daemon.delete(way(said), bob))
    for table in ("journal", "messages", "reactions"):
        assert "secret" not in str(daemon.rows(f"SELECT * FROM {table}"))
    for _ in ("from memory", "from the journal"):
        listener = daemon.listen(bob, start)
        assert listener.types == ["CONNECTED", "NEW_DM_MESSAGE", "DELETE_DM_MESSAGE"]
        assert b"secret" not in listener.body
        daemon.restart()
    assert contents(daemon, bob, path) == ["hello"]


@memory_only
def test_on_disk_before_the_answer(daemon, bob, carol, between, path):
    """
    What was answered is still there after a restart.
    """
    said = write(daemon, bob, path, "psst")
    daemon.restart()
    assert page(daemon, carol, path) == [said]
    assert conversations(daemon, bob) == [between | {"lastMessageAt": said["createdAt"]}]
    assert opened(daemon, bob, carol)[1] is False


@memory_only
def test_strangers(daemon):
    """
    Who does not say who they are is told nothing, and no body is looked at.
    """
    assert daemon.get("/conversations").status == 401
    assert daemon.post("/conversations", given=b"{nonsense").status == 401
    for way in ("", "/x"):
        path = f"/conversations/{NOWHERE}/messages{way}"
        ask = daemon.put if way else daemon.post
        assert ask(path, given=b"{nonsense").status == 401
