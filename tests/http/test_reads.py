"""
Up to where somebody has read, and how much they have not.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from random import Random

import pytest

from teamchatd.recurring import PAUSE
from teamchatd.store import pointers
from teamchatd.store.reads import EVERYWHERE, MOST_LOOKED_AT

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

NOWHERE = "dm:000000000000000000000000000000"


@pytest.fixture
def general(daemon, ada):
    return daemon.general(ada)


@pytest.fixture
def carol(daemon, ada):
    return daemon.token("carol")


@pytest.fixture
def between(daemon, bob, carol):
    """
    The id of the conversation of bob and carol.
    """
    return conversation(daemon, bob, carol)


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def conversation(daemon, who, other):
    given = {"targetUserId": user_id(daemon, other)}
    return daemon.done(daemon.post("/conversations", who, given))["conversation"]["id"]


def made(daemon, ada, name):
    return daemon.done(daemon.post("/channels", ada, {"name": name}))["channel"]["id"]


def write(daemon, who, path, content="hi"):
    answer = daemon.done(daemon.post(path, who, {"content": content}))
    return (answer.get("reply") or answer["message"])["id"]


def say(daemon, who, place, times=1):
    """
    The ids of so many new messages.
    """
    kind = "conversations" if place.startswith("dm:") else "channels"
    return [write(daemon, who, f"/{kind}/{place}/messages") for _ in range(times)]


def reads(daemon, who):
    return daemon.done(daemon.get("/reads", who))["reads"]


def read_in(daemon, who, place):
    [read] = [each for each in reads(daemon, who) if each["channelId"] == place]
    return read["lastReadId"], read["unread"]


def put(daemon, who, place, message_id):
    return daemon.put(f"/reads/{place}", who, {"messageId": message_id})


def move(daemon, who, place, message_id):
    read = daemon.done(put(daemon, who, place, message_id))["read"]
    assert read["channelId"] == place
    return read["lastReadId"], read["unread"]


# How much is unread


def test_every_place(daemon, ada, bob, carol, between, general):
    """
    There is an entry for each channel and for each conversation of one's own, and
    for none of others.
    """
    ducks = made(daemon, ada, "Ducks")
    office = conversation(daemon, ada, bob)
    for who, places in ((bob, [between, ducks, office]), (carol, [between, ducks])):
        assert reads(daemon, who) == [
            {"channelId": place, "lastReadId": None, "unread": 0} for place in (general, *places)
        ]


def test_unread(daemon, ada, bob, carol, between, general):
    """
    What others have said since one came is unread: in a channel, by a webhook, in a
    conversation.  One's own is not, nor are replies.
    """
    [first] = say(daemon, ada, general)
    say(daemon, bob, general, 2)
    given = {"name": "robot", "channelId": general}
    hook = daemon.done(daemon.post("/webhooks", ada, given))["webhook"]
    write(daemon, hook["token"], f"/webhooks/{hook['id']}/messages")
    write(daemon, ada, f"/messages/{first}/thread")
    say(daemon, bob, between, 3)
    for who, unread in ((ada, 3), (bob, 2), (carol, 4)):
        assert read_in(daemon, who, general) == (None, unread)
    assert read_in(daemon, bob, between) == (None, 0)
    assert read_in(daemon, carol, between) == (None, 3)


@memory_only
def test_a_new_colleague(daemon, ada, bob, general):
    """
    What was said before somebody came counts as read for them, also within the same
    millisecond; where they set a pointer into that, nothing is changed and nobody told.
    """
    before = say(daemon, ada, general, 3)
    carol = daemon.token("carol")
    listener = daemon.listen(carol)
    assert read_in(daemon, carol, general) == (None, 0)
    for message_id in before:
        assert move(daemon, carol, general, message_id) == (None, 0)
    [after] = say(daemon, bob, general)
    assert read_in(daemon, carol, general) == (None, 1)
    assert move(daemon, carol, general, before[-1]) == (None, 1)
    assert listener.types == ["CONNECTED", "NEW_MESSAGE"]
    assert daemon.rows("SELECT * FROM reads") == []
    assert move(daemon, carol, general, after) == (after, 0)


@memory_only
def test_counted_to_a_hundred(daemon, ada, bob, general):
    """
    A hundred is a hundred or more.
    """
    said = say(daemon, ada, general, 102)
    assert read_in(daemon, bob, general) == (None, 100)
    for place, unread in ((0, 100), (1, 100), (2, 99), (101, 0)):
        assert move(daemon, bob, general, said[place]) == (said[place], unread)
        assert read_in(daemon, bob, general) == (said[place], unread)


@memory_only
def test_who_only_writes(daemon, ada, bob, general):
    """
    What one said oneself is passed over, but not for ever: to ask costs no more, however
    much that is.
    """
    say(daemon, bob, general, MOST_LOOKED_AT // 2)
    say(daemon, ada, general)
    assert read_in(daemon, bob, general) == (None, 1)
    before = steps(daemon, bob)
    copy(daemon, general, 20 * MOST_LOOKED_AT)
    assert steps(daemon, bob) < 2.5 * before
    assert read_in(daemon, bob, general) == (None, 1)
    assert read_in(daemon, ada, general) == (None, 100)
    last = f"copy{20 * MOST_LOOKED_AT}"
    assert move(daemon, bob, general, last) == (last, 0)
    assert read_in(daemon, bob, general) == (last, 0)


def steps(daemon, who):
    """
    How much SQLite does to say what somebody has read; PostgreSQL does not tell.
    """
    if daemon.engine.is_shared:
        return 1
    counted = []
    with closing(daemon.database._connect()) as connection:
        connection.set_progress_handler(lambda: counted.append(None), 1)
        connection.execute(EVERYWHERE, (user_id(daemon, who),)).fetchall()
    return len(counted)


def copy(daemon, place, times):
    """
    Let the first message of a place have been said so often since.
    """
    names = "id position place_id thread_id author_id webhook_id bot_name content created_at"
    with closing(daemon.database._connect()) as connection:
        chosen = {name: f"first.{name}" for name in names.split()}
        chosen["id"] = "'copy' || value"
        chosen["position"] = "(SELECT max(position) FROM messages) + value"
        connection.execute(
            f"INSERT INTO messages ({', '.join(chosen)}) SELECT {', '.join(chosen.values())}"
            " FROM (SELECT * FROM messages WHERE place_id = ? ORDER BY position LIMIT 1) AS first,"
            " (WITH RECURSIVE n(value) AS"
            " (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < ?) SELECT value FROM n)",
            (place, times),
        )
        connection.commit()


@memory_only
def test_what_is_gone_is_not_unread(daemon, ada, bob, general):
    """
    A message that is deleted is not unread any more; one that is changed is so once.
    """
    first, second = say(daemon, ada, general, 2)
    daemon.done(daemon.put(f"/messages/{second}", ada, {"content": "changed"}))
    assert read_in(daemon, bob, general) == (None, 2)
    daemon.done(daemon.delete(f"/messages/{first}", ada))
    assert read_in(daemon, bob, general) == (None, 1)


@memory_only
def test_of_those_who_left(daemon, ada, bob, carol, between, general):
    """
    What somebody said who is gone since is as unread as before.
    """
    say(daemon, bob, general)
    say(daemon, bob, between)
    daemon.done(daemon.post("/users/exit", bob))
    assert read_in(daemon, carol, general) == read_in(daemon, carol, between) == (None, 1)


# Reading


def test_read(daemon, ada, bob, carol, between, general, listen, told):
    """
    Up to a message everything is read.  Whoever read it is told on all their
    streams, and nobody else is.
    """
    mine, others = [listen(bob), listen(bob)], [listen(ada), listen(carol)]
    said, whispered = say(daemon, ada, general, 3), say(daemon, carol, between, 2)
    assert move(daemon, bob, general, said[1]) == (said[1], 1)
    assert move(daemon, bob, between, whispered[1]) == (whispered[1], 0)
    assert read_in(daemon, bob, general) == (said[1], 1)
    assert read_in(daemon, bob, between) == (whispered[1], 0)
    assert read_in(daemon, carol, general) == (None, 3)
    events = [
        {"channelId": general, "lastReadId": said[1], "unread": 1},
        {"channelId": between, "lastReadId": whispered[1], "unread": 0},
    ]
    for listener in mine:
        heard = [payload for kind, payload in told(listener) if kind == "UPDATE_READ"]
        assert heard == events
    for listener in others:
        assert "UPDATE_READ" not in [kind for kind, _ in told(listener)]


def test_only_forward(daemon, ada, bob, general, listen, told):
    """
    To have read less than before, or the same again, changes nothing and is told to
    nobody; the answer is how far one is.
    """
    first, second, third = say(daemon, ada, general, 3)
    assert move(daemon, bob, general, second) == (second, 1)
    listener = listen(bob)
    for message_id in (first, second):
        assert move(daemon, bob, general, message_id) == (second, 1)
    assert read_in(daemon, bob, general) == (second, 1)
    assert told(listener) == []
    assert move(daemon, bob, general, third)[0] == third


@memory_only
def test_what_one_said_oneself(daemon, ada, bob, general):
    """
    One may have read up to a message of one's own; saying it reads nothing.
    """
    say(daemon, ada, general)
    [mine] = say(daemon, bob, general)
    say(daemon, ada, general)
    assert read_in(daemon, bob, general) == (None, 2)
    assert move(daemon, bob, general, mine) == (mine, 1)


def test_each_place_its_own(daemon, ada, bob, general):
    """
    What is read in one place is not read in another.
    """
    ducks = made(daemon, ada, "Ducks")
    say(daemon, ada, ducks)
    [message] = say(daemon, ada, general)
    move(daemon, bob, general, message)
    assert read_in(daemon, bob, ducks) == (None, 1)


@memory_only
def test_it_stays(daemon, ada, bob, general):
    """
    Up to where somebody has read is known after a restart, too.
    """
    first, second = say(daemon, ada, general, 2)
    move(daemon, bob, general, first)
    daemon.restart()
    assert read_in(daemon, bob, general) == (first, 1)
    assert move(daemon, bob, general, second) == (second, 0)


# What becomes of a pointer


def test_message_deleted(daemon, ada, bob, general, listen, told):
    """
    A pointer stands where it stood when the message there is deleted: what came
    before it stays read, what came after it unread; and it does not go back.
    """
    first, second, third = say(daemon, ada, general, 3)
    move(daemon, bob, general, second)
    daemon.done(daemon.delete(f"/messages/{second}", ada))
    assert read_in(daemon, bob, general) == (None, 1)
    listener = listen(bob)
    assert move(daemon, bob, general, first) == (None, 1)
    assert put(daemon, bob, general, second).status == 404
    assert read_in(daemon, bob, general) == (None, 1)
    assert told(listener) == []
    assert move(daemon, bob, general, third)[0] == third


@memory_only
def test_who_was_away(daemon, ada, bob, general):
    """
    A device that was away is told how far another has read, also when the message
    up to which it has is deleted since.
    """
    first, second = say(daemon, ada, general, 2)
    start = daemon.listen(bob).events[0].id
    move(daemon, bob, general, first)
    move(daemon, bob, general, second)
    daemon.done(daemon.delete(f"/messages/{second}", ada))
    moved = [
        {"channelId": general, "lastReadId": first, "unread": 1},
        {"channelId": general, "lastReadId": second, "unread": 0},
    ]

    def check():
        back = daemon.listen(bob, start)
        assert back.types == ["CONNECTED", "UPDATE_READ", "UPDATE_READ", "DELETE_MESSAGE"]
        assert [event.payload for event in back.events[1:3]] == moved
        assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_MESSAGE"]

    check()
    daemon.restart()
    check()


@memory_only
def test_channel_deleted(daemon, ada, bob, general):
    """
    With a channel its pointers go, and what was told of them.
    """
    ducks = made(daemon, ada, "Ducks")
    start = daemon.listen(bob).events[0].id
    [message], [other] = say(daemon, ada, ducks), say(daemon, ada, general)
    move(daemon, bob, ducks, message)
    move(daemon, bob, general, other)
    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    assert [read["channelId"] for read in reads(daemon, bob)] == [general]
    assert put(daemon, bob, ducks, message).status == 404
    told = ["CONNECTED", "NEW_MESSAGE", "UPDATE_READ", "DELETE_CHANNEL"]
    assert daemon.listen(bob, start).types == told
    daemon.restart()
    assert daemon.listen(bob, start).types == told
    a_while(daemon)
    assert daemon.rows("SELECT place_id FROM reads") == [(general,)]


def a_while(daemon):
    """
    Until all that there was of deleted channels has gone.
    """
    daemon.clock.advance(10)
    daemon.clock.pump([PAUSE] * 20)


@memory_only
def test_channel_of_many_deleted(daemon, ada, general, monkeypatch):
    """
    However many have read in a channel, no change takes many of their pointers.
    """
    monkeypatch.setattr(pointers, "AT_ONCE", 2)
    ducks = made(daemon, ada, "Ducks")
    crowd = [daemon.token(f"user{number}") for number in range(5)]
    for place in (ducks, general):
        [message] = say(daemon, ada, place)
        for who in crowd:
            move(daemon, who, place, message)
    counted, change = [], daemon.database.change

    def and_counted(*args):
        counted.append(len(daemon.rows("SELECT * FROM reads")))
        return change(*args)

    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    monkeypatch.setattr(daemon.database, "change", and_counted)
    a_while(daemon)
    assert sorted(set(counted), reverse=True) == [10, 8, 6, 5]
    assert daemon.rows("SELECT DISTINCT place_id FROM reads") == [(general,)]
    assert daemon.rows("SELECT * FROM deleted_channels") == []


@memory_only
@pytest.mark.parametrize("is_removed", [True, False])
def test_user_gone(daemon, ada, bob, carol, between, general, is_removed):
    """
    When somebody leaves or is removed, what they have read is on record nowhere any
    more; what others have read is.
    """
    [message], [whispered] = say(daemon, ada, general), say(daemon, carol, between)
    for who, place, last in (
        (bob, general, message),
        (bob, between, whispered),
        (carol, general, message),
    ):
        move(daemon, who, place, last)
    if is_removed:
        daemon.done(daemon.delete(f"/users/{user_id(daemon, bob)}", ada))
    else:
        daemon.done(daemon.post("/users/exit", bob))
    assert daemon.rows("SELECT user_id FROM reads") == [(user_id(daemon, carol),)]
    told = "SELECT audience FROM journal WHERE text LIKE '%UPDATE_READ%'"
    assert daemon.rows(told) == [(f"users:{user_id(daemon, carol)}",)]
    assert read_in(daemon, carol, general) == (message, 0)


@memory_only
def test_the_last_administrator_stays(daemon, ada, bob, general):
    """
    Who cannot go keeps what they have read.
    """
    [message] = say(daemon, bob, general)
    move(daemon, ada, general, message)
    assert daemon.post("/users/exit", ada).status == 400
    assert read_in(daemon, ada, general) == (message, 0)


def test_grown_old(in_memory):
    """
    Messages that grow too old take no pointer along.
    """
    daemon = in_memory(chat={"message_retention_days": 2})
    ada, bob = daemon.token("ada"), daemon.token("bob")
    general = daemon.general(ada)
    old = say(daemon, ada, general, 3)
    move(daemon, bob, general, old[1])
    daemon.clock.advance(24 * 60 * 60)
    ada, bob = daemon.token("ada"), daemon.token("bob")
    [new] = say(daemon, ada, general)
    assert read_in(daemon, bob, general) == (old[1], 2)
    daemon.clock.advance(24 * 60 * 60 + 60)
    daemon.clock.pump([PAUSE] * 20)
    bob = daemon.token("bob")
    assert daemon.rows("SELECT id FROM messages") == [(new,)]
    assert read_in(daemon, bob, general) == (None, 1)
    assert move(daemon, bob, general, new) == (new, 0)


# What is refused


@memory_only
def test_unknown(daemon, ada, bob, carol, between, general):
    """
    There is no reading where nothing is, nor up to what is said elsewhere; a reply is
    in no history.  Nothing tells what is elsewhere from what is nowhere.
    """
    [message], [whispered] = say(daemon, ada, general), say(daemon, carol, between)
    reply = write(daemon, ada, f"/messages/{message}/thread")
    [elsewhere] = say(daemon, ada, made(daemon, ada, "Ducks"))
    before = reads(daemon, bob)
    no_message = "There is no such message."
    for place, message_id, sentence in (
        ("nothing", message, "There is no such channel."),
        ("%00", message, "There is no such channel."),
        (NOWHERE, message, "There is no such conversation."),
        (general, "nothing", no_message),
        (general, "", no_message),
        (general, reply, no_message),
        (general, elsewhere, no_message),
        (general, whispered, no_message),
        (between, message, no_message),
        (between, reply, no_message),
    ):
        answer = put(daemon, bob, place, message_id)
        assert (answer.status, answer.error) == (404, sentence)
    assert reads(daemon, bob) == before


@memory_only
def test_between_others(daemon, ada, bob, carol, between):
    """
    Who takes no part in a conversation, administrators included, is answered as by
    its other calls, and sees nothing of it in their list.
    """
    [whispered] = say(daemon, carol, between)
    for place in (between, NOWHERE):
        other = daemon.get(f"/conversations/{place}/messages", ada)
        answer = put(daemon, ada, place, whispered)
        assert (answer.status, answer.error) == (other.status, other.error)
    assert between not in [read["channelId"] for read in reads(daemon, ada)]
    assert daemon.rows("SELECT * FROM reads") == []


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"messageId": None},
        {"messageId": 7},
        {"messageId": ["x"]},
        {"messageId": "a\0b"},
        {"message": "x"},
        b'{"messageId": "\\ud83e"}',
        b"[]",
    ],
)
def test_no_message_named(daemon, ada, general, given):
    """
    Which message is meant has to be said.
    """
    assert daemon.put(f"/reads/{general}", ada, given).status == 400
    assert read_in(daemon, ada, general) == (None, 0)


@memory_only
def test_strangers(daemon, ada, general):
    """
    Whoever does not say who they are has read nothing.
    """
    assert daemon.get("/reads").status == 401
    for given in ({"messageId": "x"}, b"{nonsense"):
        assert daemon.put(f"/reads/{general}", None, given).status == 401


# Several at once


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_all_at_once(daemon, ada, bob, general, listen, told):
    """
    Twenty browsers race: in whatever order they come the pointer goes forward only,
    each of its moves is told once, and in the end it stands where the first of them is.
    """
    said = say(daemon, ada, general, 20)
    listener = listen(bob)
    with ThreadPoolExecutor(20) as crowd:
        twins = [daemon.another() for _ in said]
        path = f"/reads/{general}"
        mixed = Random(7).sample(said, len(said))

        def read(twin, message_id):
            return twin.put(path, bob, {"messageId": message_id}, Connection="close")

        answers = [daemon.done(each)["read"] for each in crowd.map(read, twins, mixed)]
    for message_id, answered in zip(mixed, answers, strict=True):
        assert said.index(answered["lastReadId"]) >= said.index(message_id)
    moves = [said.index(payload["lastReadId"]) for _, payload in told(listener)]
    assert moves == sorted(set(moves))
    assert moves[-1] == 19
    assert all(read["unread"] == 19 - said.index(read["lastReadId"]) for read in answers)
    assert daemon.done(daemon.get("/reads", bob))["reads"][0]["lastReadId"] == said[-1]
