"""
Programs that post into a channel.
"""

import re
from hashlib import sha256

import pytest

from teamchatd.store.webhooks import WebhookStore
from tests.contract import METHODS, described

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

LONGEST = 16_384


@pytest.fixture
def ducks(daemon, ada):
    """
    A channel for them.
    """
    return daemon.done(daemon.post("/channels", ada, {"name": "Ducks"}))["channel"]["id"]


@pytest.fixture
def hook(daemon, ada, ducks):
    """
    One of them, with its token.
    """
    return made(daemon, ada, "build", ducks)


def make(daemon, who, name, channel):
    return daemon.post("/webhooks", who, {"name": name, "channelId": channel})


def made(daemon, who, name, channel):
    return daemon.done(make(daemon, who, name, channel))["webhook"]


def webhooks(daemon, who):
    return daemon.done(daemon.get("/webhooks", who))["webhooks"]


def without_token(hook):
    return {key: value for key, value in hook.items() if key != "token"}


def post(daemon, hook, content, token=None):
    return daemon.post(path_of(hook), token or hook["token"], {"content": content})


def posted(daemon, hook, content):
    return daemon.done(post(daemon, hook, content))["message"]


def path_of(hook):
    return f"/webhooks/{hook['id']}/messages"


def page(daemon, who, channel):
    return daemon.done(daemon.get(f"/channels/{channel}/messages", who))["messages"]


def user_id(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]["id"]


# Making them


def test_make(daemon, ada, bob, ducks, listen, told):
    """
    An administrator makes one, and sees its token this once; everybody is told
    what it is called and where it posts.
    """
    listener = listen(bob)
    build, deploy = made(daemon, ada, " build ", ducks), made(daemon, ada, "deploy", ducks)
    assert without_token(build) == {
        "id": build["id"],
        "name": "build",
        "channelId": ducks,
        "createdAt": build["createdAt"],
        "createdBy": user_id(daemon, ada),
    }
    assert re.fullmatch("[0-9a-f]{64}", build["token"])
    assert build["token"] != deploy["token"]
    assert webhooks(daemon, ada) == [without_token(build), without_token(deploy)]
    assert told(listener) == [
        ("NEW_WEBHOOK", {key: hook[key] for key in ("id", "name", "channelId")})
        for hook in (build, deploy)
    ]


@memory_only
def test_token_is_hashed(daemon, ada, bob, hook):
    """
    Nothing that is kept, told or shown holds the token; what is kept in its
    place is no token.
    """
    listener = daemon.listen(bob, f"{daemon.house.hub.era}.0")
    posted(daemon, hook, "done")
    token_hash = sha256(hook["token"].encode()).hexdigest()
    assert daemon.rows("SELECT token_hash FROM webhooks") == [(token_hash,)]
    assert post(daemon, hook, "x", token_hash).status == 401
    kept = daemon.all_that_is_kept()
    assert token_hash.encode() in kept
    assert hook["token"].encode() not in kept
    for told in (listener.body, daemon.get("/webhooks", ada).body):
        assert hook["id"].encode() in told
        assert hook["token"].encode() not in told
        assert token_hash.encode() not in told


@pytest.mark.real
def test_token_is_not_in_the_log(as_process):
    """
    Whatever is done with a token, the log does not hold it.
    """
    daemon = as_process()
    ada = daemon.token("ada")
    hook = made(daemon, ada, "build", daemon.general(ada))
    other = made(daemon, ada, "deploy", daemon.general(ada))
    posted(daemon, hook, "done")
    for token in (hook["token"], other["token"], hook["token"][:-1]):
        daemon.post(path_of(hook), token, b"{nonsense")
        daemon.get(f"/channels?token={token}", token)
        daemon.get(f"/nowhere/{hook['id']}?token={token}", token)
        daemon.ask("PATCH", f"/webhooks?token={token}", token)
    daemon.done(daemon.delete(f"/webhooks/{hook['id']}", ada))
    assert post(daemon, hook, "done").status == 401
    daemon.stop()
    log = daemon.log.read_text()
    for done in ("made", "removed"):
        assert log.count(f"Webhook {hook['id']} was {done}, by ") == 1
    for each in (hook, other):
        assert each["token"][:-1] not in log
        assert sha256(each["token"].encode()).hexdigest() not in log
    daemon.assert_untroubled()


@memory_only
def test_who_may(daemon, ada, bob, ducks, hook, listen, told):
    """
    Members may neither see, make nor delete them, whether there are such
    webhooks or not; strangers may not either.
    """
    listener = listen(bob)
    for who, status in ((bob, 403), (None, 401), (hook["token"], 401)):
        assert daemon.get("/webhooks", who).status == status
        for name, channel in (("x", ducks), ("", ducks), ("x", "nowhere")):
            assert make(daemon, who, name, channel).status == status
        for webhook_id in (hook["id"], "nothing"):
            assert daemon.delete(f"/webhooks/{webhook_id}", who).status == status
    assert daemon.post("/webhooks", given=b"{nonsense").status == 401
    assert webhooks(daemon, ada) == [without_token(hook)]
    assert told(listener) == []


@memory_only
@pytest.mark.parametrize("name", ["x" * 64, "\U0001f600" * 64, " " + "x" * 64, "build", "ada"])
def test_good_names(daemon, ada, ducks, hook, name):
    """
    1 to 64 code points, whatever they are, also those of others; the space
    around them is removed.
    """
    another = made(daemon, ada, name, ducks)
    assert another["name"] == name.strip()
    assert posted(daemon, another, "done")["author"]["userName"] == name.strip()


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {"name": None},
        {"name": 7},
        {"name": ""},
        {"name": " \t\n"},
        {"name": "x" * 65},
        {"name": "\U0001f600" * 65},
        {"name": "a\0b"},
        {"name": "a\nb"},
        {"name": "a\x7fb"},
        {"channelId": None},
        {"channelId": 7},
        {"channelId": ["x"]},
        {"channelId": "a\0b"},
    ],
)
def test_bad_names(daemon, ada, ducks, listen, told, given):
    """
    What is no name, or names no channel, is refused; nobody is told.
    """
    listener, good = listen(ada), {"name": "build", "channelId": ducks}
    assert daemon.post("/webhooks", ada, good | given).status == 400
    [field] = given
    assert daemon.post("/webhooks", ada, {k: good[k] for k in good if k != field}).status == 400
    assert webhooks(daemon, ada) == []
    assert told(listener) == []


@memory_only
def test_nowhere(daemon, ada, ducks):
    """
    A channel that is not there, or no longer, has no webhooks.
    """
    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    for channel in (ducks, "nowhere", "", "x" * 1000):
        assert make(daemon, ada, "build", channel).status == 404
    assert webhooks(daemon, ada) == []


# Posting


def test_post(daemon, ada, bob, ducks, hook, listen, told):
    """
    What it posts stands in its channel as any message, under its name, and says
    that no human wrote it; everybody hears it.
    """
    human, listener = daemon.say(bob, "quack", ducks), listen(bob)
    message = posted(daemon, hook, "done")
    assert message == {
        "id": message["id"],
        "channelId": ducks,
        "author": {"id": f"webhook:{hook['id']}", "userName": "build", "isBot": True},
        "content": "done",
        "images": [],
        "createdAt": message["createdAt"],
        "updatedAt": None,
        "reactions": {},
    }
    assert page(daemon, bob, ducks) == [human, message]
    assert told(listener) == [("NEW_MESSAGE", message)]
    before = f"/channels/{ducks}/messages?before={message['id']}"
    assert daemon.done(daemon.get(before, bob))["messages"] == [human]
    daemon.restart()
    assert page(daemon, bob, ducks) == [human, message]
    assert posted(daemon, hook, "done again")["author"] == message["author"]


@memory_only
@pytest.mark.parametrize("content", ["x", " around \r\n", "e\u0301", "\U0001f600" * LONGEST])
def test_kept_as_it_is(daemon, ada, ducks, hook, content):
    """
    Content is never trimmed or normalised, up to 16 384 code points.
    """
    assert posted(daemon, hook, content)["content"] == content
    assert page(daemon, ada, ducks)[0]["content"] == content


@memory_only
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 400),
        (b"", 400),
        ({"content": None}, 400),
        ({"content": 7}, 400),
        ({"content": ["x"]}, 400),
        ({"content": ""}, 400),
        ({"content": " \n\u3000"}, 400),
        ({"images": []}, 400),
        ({"content": "", "images": []}, 400),
        ({"content": "\U0001f600" * (LONGEST + 1)}, 400),
        ({"content": "a\0b"}, 400),
        (b'{"content": "\\ud83d"}', 400),
        (b"[]", 400),
        (b"{", 400),
        ({"content": "x" * (1 << 20)}, 413),
    ],
)
def test_nothing_to_say(daemon, ada, ducks, hook, listen, told, given, status):
    """
    Without text, or with too much of it, nothing is said.
    """
    listener = listen(ada)
    assert daemon.post(path_of(hook), hook["token"], given).status == status
    assert page(daemon, ada, ducks) == []
    assert told(listener) == []


@memory_only
def test_other_types(daemon, ada, ducks, hook):
    """
    What is no JSON is not read.
    """
    form = {"content_type": "application/x-www-form-urlencoded"}
    assert daemon.post(path_of(hook), hook["token"], b"content=x", **form).status == 415
    assert page(daemon, ada, ducks) == []


@memory_only
def test_longest_is_configurable(make_daemon):
    """
    The operator's choice counts for programs, too.
    """
    daemon = make_daemon(chat={"max_message_length": 5})
    ada = daemon.token("ada")
    hook = made(daemon, ada, "build", daemon.general(ada))
    assert post(daemon, hook, "12345").status == 200
    assert post(daemon, hook, "123456").status == 400


@memory_only
def test_fields_of_ours(daemon, ada, hook, ducks):
    """
    It posts as itself, into its own channel, and shows no images.
    """
    general = daemon.general(ada)
    given = {
        "content": "x",
        "channelId": general,
        "author": {"id": user_id(daemon, ada)},
        "images": ["1800000000000-0123456789ab.png"],
        "threadId": daemon.say(ada, "hello")["id"],
    }
    message = daemon.done(daemon.post(path_of(hook), hook["token"], given))["message"]
    assert (message["channelId"], message["author"]["isBot"], message["images"]) == (
        ducks,
        True,
        [],
    )
    assert "threadId" not in message
    assert len(page(daemon, ada, general)) == 1


# Whose token it is


@memory_only
def test_who_is_asking(daemon, ada, bob, ducks, hook, listen, told):
    """
    Without the token of a webhook nobody posts, not even an administrator, and
    no body is looked at; a webhook does not post as another, nor as one that is
    not there.
    """
    another, listener = made(daemon, ada, "deploy", ducks), listen(ada)
    wrong = [
        None,
        "",
        "x",
        ada,
        bob,
        "0" * 64,
        hook["token"].upper(),
        hook["token"][:-1],
        hook["id"],
    ]
    for token in wrong:
        for given in ({"content": "x"}, b"{nonsense", {}):
            for each in (path_of(hook), "/webhooks/nothing/messages", "/webhooks/%00/messages"):
                assert daemon.post(each, token, given).status == 401, (token, given)
    for each in (path_of(another), "/webhooks/nothing/messages", "/webhooks/%00/messages"):
        assert daemon.post(each, hook["token"], {"content": "x"}).status == 403
        assert daemon.post(each, hook["token"], {}).status == 403
    in_query = f"{path_of(hook)}?token={hook['token']}"
    assert daemon.post(in_query, given={"content": "x"}).status == 401
    assert page(daemon, ada, ducks) == []
    assert told(listener) == []


@memory_only
def test_scheme(daemon, hook):
    """
    The scheme may be written in any case; another one is none of ours.
    """
    given = {"content": "x"}
    for scheme, status in (("bearer", 200), ("BEARER", 200), ("Basic", 401), ("Token", 401)):
        headers = {"authorization": f"{scheme} {hook['token']}"}
        assert daemon.post(path_of(hook), given=given, **headers).status == status


def calls():
    """
    Method, path and doors of every call, with something in the place of every part.
    """
    for path, item in described()["paths"].items():
        for method in METHODS:
            if method in item:
                doors = item[method].get("security", described().get("security"))
                yield method.upper(), re.sub(r"\{\w+\}", "x", path), doors


@memory_only
def test_opens_nothing_else(daemon, hook):
    """
    The token of a webhook opens no other call: to those it is no token at all.
    """
    asked = 0
    for method, path, doors in calls():
        mode = path.startswith("/auth/") and path not in (
            "/auth/me",
            "/auth/logout",
            "/auth/sessions",
        )
        if not doors or "webhookToken" in str(doors) or mode:
            continue
        asked += 1
        assert daemon.ask(method, path, hook["token"]).status == 401, (method, path)
    assert asked > 30
    assert daemon.get(f"/events?token={hook['token']}").status == 401
    assert post(daemon, hook, "still there").status == 200


@memory_only
def test_too_often(make_daemon):
    """
    Each webhook posts so often a minute and hears when it may again; others,
    and those who made it, do not feel it.
    """
    daemon = make_daemon(rate_limit={"enabled": True, "requests_per_minute": 30})
    ada = daemon.token("ada")
    general = daemon.general(ada)
    hooks = [made(daemon, ada, name, general) for name in ("build", "deploy")]
    for number in range(30):
        posted(daemon, hooks[0], str(number))
    refused = post(daemon, hooks[0], "one more")
    assert refused.status == 429
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= 60
    assert daemon.post(path_of(hooks[0]), hooks[0]["token"], b"{nonsense").status == 429
    assert post(daemon, hooks[1], "hello").status == 200
    daemon.say(ada, "hello")
    assert len(page(daemon, ada, general)) == 32
    daemon.clock.advance(wait)
    assert post(daemon, hooks[0], "one more").status == 200


@memory_only
def test_guessing(make_daemon, monkeypatch):
    """
    Who guesses tokens is stopped, and then the record is not even asked; a webhook
    at the same address goes on.
    """
    daemon = make_daemon(rate_limit={"enabled": True, "requests_per_minute": 30})
    ada = daemon.token("ada")
    hook = made(daemon, ada, "build", daemon.general(ada))
    assert post(daemon, hook, "begun").status == 200
    asked, read = [], daemon.database.read
    monkeypatch.setattr(daemon.database, "read", lambda *work: asked.append(work) or read(*work))
    statuses = [post(daemon, hook, "x", f"{number:064x}").status for number in range(40)]
    assert (statuses[0], statuses[-1]) == (401, 429)
    assert len(asked) == statuses.count(401)
    assert post(daemon, hook, "done").status == 200


# What becomes of what they said


@memory_only
def test_as_any_message(daemon, ada, bob, ducks, hook, listen, told):
    """
    What a program said is reacted to and replied to as any message.
    """
    message, b = posted(daemon, hook, "done"), user_id(daemon, bob)
    listener, where = listen(ada), f"/messages/{message['id']}"
    chosen = daemon.done(daemon.post(f"{where}/reactions", bob, {"reaction": "x"}))["message"]
    assert chosen == message | {"reactions": {"x": [b]}}
    answer = daemon.done(daemon.post(f"{where}/thread", bob, {"content": "thanks"}))
    assert answer["reply"]["threadId"] == message["id"]
    assert page(daemon, ada, ducks) == [chosen | {"threadMeta": answer["threadMeta"]}]
    assert [kind for kind, _ in told(listener)] == ["NEW_REACTION", "NEW_THREAD_REPLY"]


def test_nobody_edits_it(daemon, ada, bob, ducks, hook, listen, told):
    """
    Nobody changes what a program said, not even who made it; administrators
    delete it, members do not.
    """
    message, listener = posted(daemon, hook, "done"), listen(bob)
    where = f"/messages/{message['id']}"
    for who in (ada, bob):
        assert daemon.put(where, who, {"content": "x"}).status == 403
    assert daemon.put(where, hook["token"], {"content": "x"}).status == 401
    assert daemon.delete(where, hook["token"]).status == 401
    assert daemon.delete(where, bob).status == 403
    assert page(daemon, bob, ducks) == [message]
    assert daemon.done(daemon.delete(where, ada)) == {"success": True}
    assert page(daemon, bob, ducks) == []
    assert told(listener) == [("DELETE_MESSAGE", {"id": message["id"], "channelId": ducks})]


@memory_only
def test_nothing_is_left(daemon, ada, hook):
    """
    The text of a deleted message is gone, also from the journal.
    """
    message = posted(daemon, hook, "a secret")
    daemon.done(daemon.delete(f"/messages/{message['id']}", ada))
    for table in ("journal", "messages"):
        assert "a secret" not in str(daemon.rows(f"SELECT * FROM {table}"))


# Deleting them


def test_remove(daemon, ada, bob, ducks, hook, listen, told):
    """
    With a deleted webhook nobody posts any more; what it said stays, with its
    name, and everybody is told.
    """
    message, listener = posted(daemon, hook, "done"), listen(bob)
    kept = made(daemon, ada, "deploy", ducks)
    assert daemon.done(daemon.delete(f"/webhooks/{hook['id']}", ada)) == {"success": True}
    assert post(daemon, hook, "x").status == 401
    assert webhooks(daemon, ada) == [without_token(kept)]
    assert page(daemon, bob, ducks) == [message]
    assert told(listener)[1:] == [("DELETE_WEBHOOK", {"id": hook["id"], "channelId": ducks})]
    assert daemon.delete(f"/webhooks/{hook['id']}", ada).status == 404
    another = made(daemon, ada, "build", ducks)
    assert (another["id"] != hook["id"], another["token"] != hook["token"]) == (True, True)
    daemon.restart()
    assert page(daemon, bob, ducks) == [message]
    assert post(daemon, kept, "still there").status == 200


@memory_only
def test_removed_meanwhile(daemon, ada, ducks, hook, monkeypatch):
    """
    A webhook that is deleted after its token was looked at, and before its text
    is written down, has not posted: its token is that of no webhook.
    """
    whose = WebhookStore.whose

    def and_removed(store, token_hash):
        found = whose(store, token_hash)
        daemon.done(daemon.delete(f"/webhooks/{hook['id']}", ada))
        return found

    monkeypatch.setattr(WebhookStore, "whose", and_removed)
    assert post(daemon, hook, "done").status == 401
    assert page(daemon, ada, ducks) == []


@memory_only
def test_remove_nothing(daemon, ada):
    """
    What is not there cannot be deleted.
    """
    for webhook_id in ("nothing", "%00", "x" * 1000):
        assert daemon.delete(f"/webhooks/{webhook_id}", ada).status == 404


def test_goes_with_its_channel(daemon, ada, bob, ducks, hook, listen, told):
    """
    A deleted channel takes its webhooks along, and tells only of itself.
    """
    elsewhere = made(daemon, ada, "deploy", daemon.general(ada))
    posted(daemon, hook, "done")
    listener = listen(bob)
    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    assert post(daemon, hook, "x").status == 401
    assert webhooks(daemon, ada) == [without_token(elsewhere)]
    assert daemon.delete(f"/webhooks/{hook['id']}", ada).status == 404
    assert told(listener) == [("DELETE_CHANNEL", {"id": ducks, "name": "Ducks"})]


@memory_only
def test_gone_from_the_journal(daemon, ada, ducks):
    """
    Who comes back hears that a webhook is gone, and no longer what it was called.
    """
    start = daemon.listen(ada).events[0].id
    for _ in range(2):
        hook = made(daemon, ada, "a secret name", ducks)
        daemon.done(daemon.delete(f"/webhooks/{hook['id']}", ada))
    assert "a secret name" not in str(daemon.rows("SELECT * FROM journal"))
    for _ in ("from memory", "from the journal"):
        assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_WEBHOOK", "DELETE_WEBHOOK"]
        daemon.restart()
    made(daemon, ada, "a secret name", ducks)
    daemon.done(daemon.delete(f"/channels/{ducks}", ada))
    assert "a secret name" not in str(daemon.rows("SELECT * FROM journal"))


@memory_only
def test_maker_who_is_gone(daemon, ada, ducks):
    """
    A webhook outlives the one who made it.
    """
    daemon.done(daemon.post("/users/add", ada, {"email": "carol@example.org", "role": "admin"}))
    carol = daemon.token("carol")
    hook = made(daemon, carol, "build", ducks)
    daemon.done(daemon.post("/users/exit", carol))
    assert webhooks(daemon, ada) == [without_token(hook)]
    assert post(daemon, hook, "done").status == 200
    assert daemon.delete(f"/webhooks/{hook['id']}", ada).status == 200
