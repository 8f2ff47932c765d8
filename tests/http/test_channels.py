"""
C{/channels}: where things are said.
"""

import pytest

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
    assert daemon.rows("SELECT * FROM messages") == []
    assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_CHANNEL"]
    daemon.restart()
    assert daemon.listen(ada, start).types == ["CONNECTED", "DELETE_CHANNEL"]


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
