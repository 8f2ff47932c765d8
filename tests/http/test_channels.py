"""
C{/channels}: where things are said.
"""

from base64 import b64encode
from itertools import pairwise

import pytest

from teamchatd.recurring import PAUSE
from teamchatd.store.clearing import AT_ONCE

DAY = 24 * 60 * 60

SQUARE = b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0h9v9z"/></svg>'

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)


def channels(daemon, who):
    return daemon.done(daemon.get("/channels", who))["channels"]


def make(daemon, who, name):
    return daemon.post("/channels", who, {"name": name})


def made(daemon, who, name):
    return daemon.done(make(daemon, who, name))["channel"]


def rename(daemon, who, channel_id, name):
    return daemon.put(f"/channels/{channel_id}", who, {"name": name})


def remove(daemon, who, channel_id):
    return daemon.delete(f"/channels/{channel_id}", who)


def test_general_is_there(daemon, ada, bob):
    """
    Everybody finds one channel, from the first start; nobody has made it.
    """
    [general] = channels(daemon, bob)
    assert general["name"] == "General"
    assert set(general) == {"id", "name", "createdAt"}
    assert channels(daemon, ada) == [general]
    daemon.restart()
    assert channels(daemon, ada) == [general]


@memory_only
def test_general_stays(daemon, ada, bob, listen, told):
    """
    General can be neither renamed nor deleted, and keeps what was said in it.
    """
    listener, general = listen(ada), daemon.general(ada)
    daemon.say(ada, "hello")
    assert rename(daemon, ada, general, "Pond").status == 400
    assert rename(daemon, ada, general, "General").status == 400
    assert remove(daemon, ada, general).status == 400
    assert daemon.read(ada) == ["hello"]
    assert [kind for kind, _ in told(listener)] == ["NEW_MESSAGE"]


def test_make(daemon, ada, bob, listen, told):
    """
    An administrator makes channels, which come in the order of their making;
    everybody is told and may take part.
    """
    listener, ada_id = listen(bob), daemon.done(daemon.get("/auth/me", ada))["user"]["id"]
    frogs = made(daemon, ada, " Frogs ")
    ducks = made(daemon, ada, "Ducks")
    assert set(frogs) == {"id", "name", "createdAt", "createdBy"}
    assert (frogs["name"], frogs["createdBy"]) == ("Frogs", ada_id)
    assert channels(daemon, bob)[1:] == [frogs, ducks]
    assert told(listener) == [("NEW_CHANNEL", frogs), ("NEW_CHANNEL", ducks)]
    daemon.say(bob, "quack", ducks["id"])
    assert daemon.read(ada, ducks["id"]) == ["quack"]
    assert daemon.read(ada, frogs["id"]) == []


def test_rename(daemon, ada, bob, listen, told):
    """
    A renamed channel is the same channel, and says when it was renamed.
    """
    frogs, listener = made(daemon, ada, "Frogs"), listen(bob)
    daemon.say(bob, "ribbit", frogs["id"])
    toads = daemon.done(rename(daemon, ada, frogs["id"], "Toads"))["channel"]
    assert toads["updatedAt"] >= frogs["createdAt"]
    assert toads == frogs | {"name": "Toads", "updatedAt": toads["updatedAt"]}
    assert channels(daemon, bob)[1:] == [toads]
    assert told(listener)[1:] == [("UPDATE_CHANNEL", toads)]
    assert daemon.read(bob, frogs["id"]) == ["ribbit"]


def test_remove(daemon, ada, bob, listen, told):
    """
    A deleted channel takes along what was said in it, and everybody is told
    once: not of each message.
    """
    frogs, ducks = made(daemon, ada, "Frogs"), made(daemon, ada, "Ducks")
    said = [daemon.say(bob, text, frogs["id"])["id"] for text in ("ribbit", "croak")]
    daemon.say(bob, "quack", ducks["id"])
    listener = listen(bob)
    assert daemon.done(remove(daemon, ada, frogs["id"])) == {"success": True}
    assert told(listener) == [("DELETE_CHANNEL", {"id": frogs["id"], "name": "Frogs"})]
    assert channels(daemon, bob)[1:] == [ducks]
    path = f"/channels/{frogs['id']}/messages"
    assert daemon.get(path, bob).status == 404
    assert daemon.post(path, bob, {"content": "ribbit"}).status == 404
    for message_id in said:
        assert daemon.put(f"/messages/{message_id}", bob, {"content": "x"}).status == 404
        assert daemon.delete(f"/messages/{message_id}", ada).status == 404
        given = {"reaction": "x"}
        assert daemon.post(f"/messages/{message_id}/reactions", ada, given).status == 404
    assert daemon.read(bob, ducks["id"]) == ["quack"]
    assert remove(daemon, ada, frogs["id"]).status == 404


@memory_only
def test_removed_is_gone_from_the_journal(daemon, ada):
    """
    What was told of a deleted channel, and of all that was said in it, is gone
    from the record and from memory: who comes back later does not hear of it.
    """
    start = daemon.listen(ada).events[0].id
    frogs = made(daemon, ada, "Frogs")
    daemon.say(ada, "a secret of frogs", frogs["id"])
    daemon.done(rename(daemon, ada, frogs["id"], "Froggies"))
    daemon.done(remove(daemon, ada, frogs["id"]))
    texts = [text for (text,) in daemon.rows("SELECT text FROM journal") if text]
    assert not [text for text in texts if "a secret of frogs" in text]
    assert [text for text in texts if "Frogg" in text] == texts[-1:]
    assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_CHANNEL"]
    daemon.restart()
    assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_CHANNEL"]
    a_while(daemon)
    assert daemon.rows("SELECT * FROM messages") == []


def a_while(daemon):
    """
    Until all that was said in deleted channels has gone.
    """
    daemon.clock.advance(10)
    daemon.clock.pump([PAUSE] * 20)


def left(daemon):
    """
    How many rows there are of what was said in channels, and of what hangs on it.
    """
    tables = ("messages", "reactions", "images", "message_images", "deleted_channels", "webhooks")
    return [daemon.rows(f"SELECT count(*) FROM {table}")[0][0] for table in tables]


@memory_only
def test_nowhere_at_once(daemon, ada, bob):
    """
    What was said in a deleted channel is nowhere from that moment on, although it
    takes a while until it is gone from the disk: neither is what hangs on it, nor
    does it keep a name or a clientId.
    """
    frogs, general = made(daemon, ada, "Frogs"), daemon.general(ada)
    place = f"/channels/{frogs['id']}/messages"
    given = {"filename": "x.svg", "image": b64encode(SQUARE).decode()}
    name = daemon.done(daemon.post(f"{place}/image", bob, given))["filename"]
    said = daemon.say(bob, "ribbit", frogs["id"], images=[name], clientId="1")
    path, elsewhere = f"/messages/{said['id']}", daemon.say(bob, "hello")
    content = {"content": "croak", "clientId": "2"}
    reply = daemon.done(daemon.post(f"{path}/thread", bob, content))["reply"]
    daemon.done(daemon.post(f"{path}/reactions", bob, {"reaction": "x"}))
    hook = {"name": "build", "channelId": frogs["id"]}
    hook = daemon.done(daemon.post("/webhooks", ada, hook))["webhook"]
    daemon.done(daemon.post(f"/webhooks/{hook['id']}/messages", hook["token"], {"content": "?"}))

    daemon.done(remove(daemon, ada, frogs["id"]))
    assert left(daemon) == [4, 1, 1, 1, 1, 0]
    content = {"content": "croak", "images": [name]}
    for each in (path, f"/messages/{reply['id']}", f"{path}/thread/{reply['id']}"):
        assert daemon.put(each, bob, content).status == 404
        assert daemon.delete(each, bob).status == 404
        assert daemon.delete(each, ada).status == 404
    for each in (said, reply):
        where = f"/messages/{each['id']}/reactions"
        assert daemon.post(where, ada, {"reaction": "x"}).status == 404
        assert daemon.delete(where, bob, {"reaction": "x"}).status == 404
    assert daemon.get(f"{path}/thread", bob).status == 404
    assert daemon.post(f"{path}/thread", bob, {"content": "croak"}).status == 404
    assert daemon.post(f"{path}/thread/image", bob, given).status == 404
    assert daemon.post(f"{place}/image", bob, given).status == 404
    for channel in (frogs["id"], general):
        where = f"/channels/{channel}/messages"
        assert daemon.get(f"{where}/image/{name}", bob).status == 404
        assert daemon.get(f"{where}?before={said['id']}", bob).status == 404
    where = f"/channels/{general}/messages"
    assert daemon.post(where, bob, {"content": "mine", "images": [name]}).status == 400
    posted = daemon.post(f"/webhooks/{hook['id']}/messages", hook["token"], {"content": "?"})
    assert posted.status == 401

    assert made(daemon, ada, "Frogs")["id"] != frogs["id"]
    again = daemon.say(bob, "ribbit", clientId="1")
    assert again["id"] != said["id"]
    where = f"/messages/{elsewhere['id']}/thread"
    given = {"content": "croak", "clientId": "2"}
    assert daemon.done(daemon.post(where, bob, given))["reply"]["id"] != reply["id"]
    assert left(daemon)[0] == 6
    a_while(daemon)
    assert left(daemon) == [3, 0, 0, 0, 0, 0]
    assert daemon.read(bob) == ["hello", "ribbit"]


@memory_only
def test_in_small_steps(daemon, ada, monkeypatch):
    """
    However much was said in a channel, no change takes much of it at once: others
    who write are not kept waiting.  A restart in between does not matter.
    """
    frogs, ducks = made(daemon, ada, "Frogs"), made(daemon, ada, "Ducks")
    for number in range(2 * AT_ONCE):
        said = daemon.say(ada, str(number), frogs["id"])
        daemon.say(ada, str(number), ducks["id"])
    for number in range(AT_ONCE):
        daemon.done(daemon.post(f"/messages/{said['id']}/thread", ada, {"content": str(number)}))
    daemon.say(ada, "hello")

    def taken(happens):
        counted, change = left(daemon)[:1], type(daemon.database).change

        def and_counted(*args):
            outcome = change(*args)
            counted.extend(left(daemon)[:1])
            return outcome

        with monkeypatch.context() as patch:
            patch.setattr(type(daemon.database), "change", and_counted)
            happens()
        return [before - after for before, after in pairwise(counted) if before != after]

    def both_go():
        for channel in (frogs, ducks):
            daemon.done(remove(daemon, ada, channel["id"]))

    assert taken(both_go) == []
    assert taken(lambda: daemon.clock.advance(10)) == [AT_ONCE]
    daemon.restart()
    rest = taken(lambda: a_while(daemon))
    assert (max(rest), sum(rest)) == (AT_ONCE, 3 * AT_ONCE)
    assert left(daemon) == [1, 0, 0, 0, 0, 0]
    assert daemon.read(ada) == ["hello"]


def test_grown_old_in_a_deleted_channel(in_memory):
    """
    What was deleted with its channel and grows too old before it is gone is told
    of by nobody, and keeps nothing else from going.
    """
    daemon = in_memory(chat={"message_retention_days": 1})
    ada = daemon.token("ada")
    frogs = made(daemon, ada, "Frogs")
    daemon.say(ada, "ribbit", frogs["id"])
    daemon.say(ada, "hello")
    daemon.clock.advance(DAY - 10)
    ada = daemon.token("ada")
    daemon.done(remove(daemon, ada, frogs["id"]))
    daemon.rows("DELETE FROM deleted_channels")  # so that nobody else is faster
    listener = daemon.listen(ada)
    daemon.clock.advance(61)
    assert left(daemon)[0] == 0
    assert listener.types == ["CONNECTED", "DELETE_MESSAGE"]


@memory_only
def test_who_may(daemon, ada, bob, listen, told):
    """
    Members may not make, rename or delete channels, whether there are such
    channels or not; strangers may not even look.
    """
    frogs, listener = made(daemon, ada, "Frogs"), listen(bob)
    assert make(daemon, bob, "Ducks").status == 403
    assert make(daemon, bob, "").status == 403
    for channel_id in (frogs["id"], daemon.general(ada), "nowhere"):
        assert rename(daemon, bob, channel_id, "Ducks").status == 403
        assert remove(daemon, bob, channel_id).status == 403
        assert rename(daemon, None, channel_id, "Ducks").status == 401
        assert remove(daemon, None, channel_id).status == 401
    assert make(daemon, None, "Ducks").status == 401
    assert daemon.get("/channels").status == 401
    assert channels(daemon, bob)[1:] == [frogs]
    assert told(listener) == []


@memory_only
def test_nowhere(daemon, ada):
    """
    A channel that is not there can be neither renamed, deleted, read nor
    written in.
    """
    for channel_id in ("nowhere", "%00", "%C3%BC", "..", "a%20b", "x" * 1000):
        assert rename(daemon, ada, channel_id, "Ducks").status == 404
        assert remove(daemon, ada, channel_id).status == 404
        path = f"/channels/{channel_id}/messages"
        assert daemon.get(path, ada).status == 404
        assert daemon.post(path, ada, {"content": "hello"}).status == 404


@memory_only
@pytest.mark.parametrize("name", ["x" * 64, "\U0001f600" * 64, " " + "x" * 64, "#frogs", "x"])
def test_good_names(daemon, ada, name):
    """
    1 to 64 code points, whatever they are; the space around them is removed.
    """
    channel = made(daemon, ada, name)
    assert channel["name"] == name.strip()
    again = daemon.done(rename(daemon, ada, channel["id"], name))["channel"]
    assert again["name"] == name.strip()


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": None},
        {"name": 7},
        {"name": {}},
        {"name": ""},
        {"name": " \t\n"},
        {"name": "x" * 65},
        {"name": "\U0001f600" * 65},
        {"name": "a\0b"},
        {"name": "a\nb"},
        {"name": "a\x7fb"},
        {"name": "General"},
        {"name": "gENERAL"},
        {"name": " ducks "},
        b'{"name": "\\udc00"}',
        b"[]",
        b'"Frogs"',
        b"{nonsense",
    ],
)
def test_bad_names(daemon, ada, listen, told, given):
    """
    What is no name, or another channel's (ignoring case), is refused; nothing
    changes, nobody is told.
    """
    frogs, ducks = made(daemon, ada, "Frogs"), made(daemon, ada, "Ducks")
    listener = listen(ada)
    assert daemon.post("/channels", ada, given).status == 400
    assert daemon.put(f"/channels/{frogs['id']}", ada, given).status == 400
    assert channels(daemon, ada)[1:] == [frogs, ducks]
    assert told(listener) == []


@memory_only
def test_names_are_free_again(daemon, ada):
    """
    The name of a deleted or renamed channel may be given again; and a channel
    may change the case of its own.
    """
    frogs = made(daemon, ada, "Frogs")
    assert daemon.done(rename(daemon, ada, frogs["id"], "FROGS"))["channel"]["name"] == "FROGS"
    daemon.done(rename(daemon, ada, frogs["id"], "Toads"))
    again = made(daemon, ada, "frogs")
    daemon.done(remove(daemon, ada, again["id"]))
    assert made(daemon, ada, "Frogs")["id"] not in (again["id"], frogs["id"])


@memory_only
def test_maker_who_is_gone(daemon, ada):
    """
    A channel outlives the one who made it.
    """
    daemon.done(daemon.post("/users/add", ada, {"email": "carol@example.org", "role": "admin"}))
    carol = daemon.token("carol")
    frogs = made(daemon, carol, "Frogs")
    daemon.done(daemon.post("/users/exit", carol))
    assert channels(daemon, ada)[1:] == [frogs]
    assert daemon.done(rename(daemon, ada, frogs["id"], "Toads"))
