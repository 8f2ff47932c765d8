"""
Reactions to what was said.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)


@pytest.fixture
def message(daemon, ada):
    return daemon.say(ada, "hello")


@pytest.fixture
def path(message):
    return f"/messages/{message['id']}/reactions"


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


def react(daemon, who, path, reaction):
    return daemon.done(daemon.post(path, who, {"reaction": reaction}))["message"]


def take_back(daemon, who, path, reaction):
    return daemon.done(daemon.delete(path, who, {"reaction": reaction}))["message"]


def shown(daemon, who):
    """
    The reactions to the first message.
    """
    path = f"/channels/{daemon.general(who)}/messages"
    return daemon.done(daemon.get(path, who))["messages"][0]["reactions"]


def test_react(daemon, ada, bob, message, path, listen, told):
    """
    Everybody who can read a message may react to it; who chose what is shown in
    the order of choosing, and told to everybody.  The message does not count
    as changed.
    """
    listener, a, b = listen(bob), user_id(daemon, ada), user_id(daemon, bob)
    assert react(daemon, bob, path, "\U0001f986") == message | {"reactions": {"\U0001f986": [b]}}
    react(daemon, ada, path, "\U0001f438")
    after = react(daemon, ada, path, "\U0001f986")
    assert after["reactions"] == {"\U0001f986": [b, a], "\U0001f438": [a]}
    assert after["updatedAt"] is None
    assert shown(daemon, bob) == after["reactions"]
    chosen = [(b, "\U0001f986"), (a, "\U0001f438"), (a, "\U0001f986")]
    assert told(listener) == [
        ("NEW_REACTION", {"messageId": message["id"], "userId": who, "reaction": reaction})
        for who, reaction in chosen
    ]


def test_take_back(daemon, ada, bob, message, path, listen, told):
    """
    One takes back one's own; an emoji that nobody holds any more is absent.
    """
    a, b = user_id(daemon, ada), user_id(daemon, bob)
    for who in (ada, bob):
        react(daemon, who, path, "x")
    listener = listen(bob)
    assert take_back(daemon, ada, path, "x")["reactions"] == {"x": [b]}
    assert take_back(daemon, bob, path, "x") == message
    assert shown(daemon, ada) == {}
    assert told(listener) == [
        ("DELETE_REACTION", {"messageId": message["id"], "userId": who, "reaction": "x"})
        for who in (a, b)
    ]


def test_no_change_no_event(daemon, ada, bob, path, listen, told):
    """
    To choose again, or to take back what is not there (but perhaps another's),
    answers the message as it is, and nobody is told.
    """
    once = react(daemon, ada, path, "x")
    listener = listen(bob)
    assert react(daemon, ada, path, "x") == once
    assert take_back(daemon, bob, path, "x") == once
    assert take_back(daemon, ada, path, "X") == once
    assert told(listener) == []


@memory_only
def test_chosen_again_comes_last(daemon, ada, bob, path):
    """
    Who takes back and chooses again stands behind the others.
    """
    a, b = user_id(daemon, ada), user_id(daemon, bob)
    for who in (ada, bob):
        react(daemon, who, path, "x")
    take_back(daemon, ada, path, "x")
    assert react(daemon, ada, path, "x")["reactions"] == {"x": [b, a]}


@memory_only
@pytest.mark.parametrize(
    "reaction",
    ["+1", "x" * 64, "\U0001f986" * 64, "\U0001f468\u200d\U0001f469", " x ", "__proto__"],
)
def test_good_reactions(daemon, ada, path, listen, told, reaction):
    """
    Up to 64 characters, whatever they are, as they are.
    """
    listener = listen(ada)
    assert list(react(daemon, ada, path, reaction)["reactions"]) == [reaction]
    assert take_back(daemon, ada, path, reaction)["reactions"] == {}
    assert [(kind, said["reaction"]) for kind, said in told(listener)] == [
        ("NEW_REACTION", reaction),
        ("DELETE_REACTION", reaction),
    ]


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"reaction": None},
        {"reaction": 7},
        {"reaction": ["x"]},
        {"reaction": ""},
        {"reaction": " \n"},
        {"reaction": "x" * 65},
        {"reaction": "\U0001f986" * 65},
        {"reaction": "a\0b"},
        b'{"reaction": "\\ud83e"}',
        b"[]",
    ],
)
def test_bad_reactions(daemon, ada, path, listen, told, given):
    """
    Blank, too long, no text: refused, to choose and to take back.
    """
    listener = listen(ada)
    assert daemon.post(path, ada, given).status == 400
    assert daemon.delete(path, ada, given).status == 400
    assert shown(daemon, ada) == {}
    assert told(listener) == []


@memory_only
def test_too_many(daemon, ada, bob, path):
    """
    A message takes fifty different ones; more may choose the same.
    """
    b = user_id(daemon, bob)
    for number in range(50):
        chosen = react(daemon, ada, path, f"{number}")
    assert chosen["reactions"] == shown(daemon, ada)
    assert "50" in daemon.post(path, ada, {"reaction": "one more"}).error
    assert react(daemon, bob, path, "7")["reactions"]["7"][-1] == b
    take_back(daemon, ada, path, "8")
    assert "one more" in react(daemon, ada, path, "one more")["reactions"]


@memory_only
def test_to_nothing(daemon, ada, message, path):
    """
    There is no reacting to what is not there, or no longer.
    """
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    for each in (path, "/messages/x/reactions", "/messages/%00/reactions"):
        assert daemon.post(each, ada, {"reaction": "x"}).status == 404
        assert daemon.delete(each, ada, {"reaction": "x"}).status == 404


@memory_only
def test_strangers(daemon, ada, path):
    """
    Whoever does not say who they are does not react.
    """
    for given in ({"reaction": "x"}, b"{nonsense"):
        assert daemon.post(path, given=given).status == 401
        assert daemon.delete(path, given=given).status == 401


@memory_only
def test_reactions_of_those_who_left(daemon, ada, bob, path):
    """
    What somebody chose stays when they leave.
    """
    b = user_id(daemon, bob)
    react(daemon, bob, path, "x")
    daemon.done(daemon.post("/users/exit", bob))
    assert shown(daemon, ada) == {"x": [b]}


@pytest.mark.real
@pytest.mark.parametrize("make_daemon", ["twistd"], indirect=True)
def test_all_at_once(daemon, ada, path, listen, told):
    """
    The same choice, twenty times at the same moment, is one choice.
    """
    listener = listen(ada)
    with ThreadPoolExecutor(20) as crowd:
        twins = [daemon.another() for _ in range(20)]
        given = {"reaction": "x"}
        answers = list(crowd.map(lambda d: d.post(path, ada, given, Connection="close"), twins))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    assert len(told(listener)) == 1
