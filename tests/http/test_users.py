"""
C{/users}: who belongs here, and under which name.
"""

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)


def me(daemon, who):
    return daemon.done(daemon.get("/auth/me", who))["user"]


def users(daemon, who):
    return daemon.done(daemon.get("/users", who))["users"]


def add(daemon, who, name, **more):
    return daemon.post("/users/add", who, {"email": f"{name}@example.org", **more})


def rename(daemon, who, name):
    return daemon.put("/users/me", who, {"userName": name})


def exit_server(daemon, who):
    return daemon.post("/users/exit", who)


def remove(daemon, who, user_id):
    return daemon.delete(f"/users/{user_id}", who)


# Adding


def test_list(daemon, ada, bob):
    """
    Everybody sees everybody, whole.
    """
    listed = users(daemon, bob)
    assert listed == [me(daemon, ada), me(daemon, bob)]
    assert set(listed[0]) == {"id", "userName", "email", "isAdmin", "createdAt"}
    assert users(daemon, ada) == listed


def test_add(daemon, ada, listen, told):
    """
    An administrator adds users, who are told of to everybody and may come in.
    """
    listener = listen(ada)
    done = daemon.done(add(daemon, ada, "Eve.Smith"))
    assert set(done) == {"success", "userId"}
    assert done["success"] is True
    [_, eve] = users(daemon, ada)
    assert eve["id"] == done["userId"]
    assert (eve["userName"], eve["email"]) == ("Eve.Smith", "Eve.Smith@example.org")
    assert eve["isAdmin"] is False
    new = {"id": eve["id"], "userName": "Eve.Smith", "email": "Eve.Smith@example.org"}
    assert told(listener) == [("NEW_USER", new)]
    assert me(daemon, daemon.token("eve.smith"))["id"] == eve["id"]


@memory_only
def test_roles(daemon, ada):
    """
    There are two roles: "user", which is meant when none is given, and "admin".
    """
    for name, more in (("bob", {}), ("carol", {"role": "user"}), ("dave", {"role": "admin"})):
        daemon.done(add(daemon, ada, name, **more))
    assert [user["isAdmin"] for user in users(daemon, ada)] == [True, False, False, True]
    assert daemon.done(add(daemon, daemon.token("dave"), "eve"))


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"email": None},
        {"email": 7},
        {"email": "nobody"},
        {"email": ""},
        {"email": "ada@example.org"},
        {"email": " ADA@EXAMPLE.ORG "},
        {"email": "eve@example.org", "role": "owner"},
        {"email": "eve@example.org", "role": "Admin"},
        {"email": "eve@example.org", "role": ""},
        {"email": "eve@example.org", "role": None},
        {"email": "eve@example.org", "role": 1},
        {"email": "eve@example.org", "password": 12345678},
    ],
)
def test_bad_add(daemon, ada, listen, told, given):
    """
    A taken or unusable address and another role are refused: nobody is made,
    nobody is told.
    """
    listener = listen(ada)
    assert daemon.post("/users/add", ada, given).status == 400
    assert len(users(daemon, ada)) == 1
    assert told(listener) == []


@memory_only
def test_add_ignores_the_password(daemon, ada):
    """
    Where nobody signs in with a password one that is given is ignored, even a short one.
    """
    for name, password in (("bob", ""), ("carol", "short"), ("dave", "correct horse")):
        daemon.done(add(daemon, ada, name, password=password))
    assert daemon.rows("SELECT count(*) FROM users WHERE password_hash IS NOT NULL") == [(0,)]


def test_only_administrators(daemon, ada, bob, listen, told):
    """
    Members may not add, remove, or give new passwords; nothing happens.
    """
    listener, eve = listen(bob), daemon.done(add(daemon, ada, "eve"))["userId"]
    assert add(daemon, bob, "mallory").status == 403
    assert remove(daemon, bob, eve).status == 403
    assert remove(daemon, bob, "nobody").status == 403
    given = {"password": "eight8-8"}
    assert daemon.post(f"/users/{eve}/reset-password", bob, given).status == 403
    assert len(users(daemon, ada)) == 3
    assert [kind for kind, _ in told(listener)] == ["NEW_USER"]


@memory_only
def test_strangers(daemon, ada):
    """
    Whoever does not say who they are is not answered.
    """
    for method, path in (
        ("GET", "/users"),
        ("POST", "/users/add"),
        ("POST", "/users/x/reset-password"),
        ("DELETE", "/users/x"),
        ("POST", "/users/exit"),
        ("PUT", "/users/me"),
    ):
        assert daemon.ask(method, path).status == 401
        assert daemon.ask(method, path, given=b"{nonsense").status == 401
    assert len(users(daemon, ada)) == 1
    assert daemon.ask("GET", "/users", ada, b"{nonsense").status == 400


# Passwords


def test_reset_password(daemon, ada, bob, listen):
    """
    A new password ends that user's sessions and streams, in every mode.
    """
    user_id, listener = me(daemon, bob)["id"], listen(bob)
    path, given = f"/users/{user_id}/reset-password", {"password": "eight8-8"}
    assert daemon.done(daemon.post(path, ada, given)) == {"success": True}
    listener.await_end()
    assert daemon.get("/auth/me", bob).status == 401
    assert me(daemon, daemon.token("bob"))["id"] == user_id


@memory_only
def test_bad_reset_password(daemon, ada, bob):
    """
    A short password and an unknown user are 400, and no session ends.
    """
    user_id = me(daemon, bob)["id"]
    for given in ({}, {"password": "seven77"}, {"password": None}, {"password": "x\0xxxxxxxx"}):
        assert daemon.post(f"/users/{user_id}/reset-password", ada, given).status == 400
    given = {"password": "eight8-8"}
    assert daemon.post("/users/nobody/reset-password", ada, given).status == 400
    assert daemon.get("/auth/me", bob).status == 200


# Going


def test_remove(daemon, ada, bob, listen, told):
    """
    A removed user's sessions end at once.  Everybody is told, they themselves
    as the last they hear; their messages stay, under their last name.
    """
    user_id = me(daemon, bob)["id"]
    said = daemon.say(bob, "I was here")
    staying, going = listen(ada), [listen(bob), listen(bob)]
    assert daemon.done(remove(daemon, ada, user_id)) == {"success": True}
    gone = {"id": user_id, "userName": "bob", "email": "bob@example.org"}
    for listener in going:
        listener.await_end()
        assert [(e.type, e.payload) for e in listener.events[1:]] == [("REMOVE_USER", gone)]
    assert told(staying) == [("REMOVE_USER", gone)]
    assert daemon.get("/auth/me", bob).status == 401
    assert [user["userName"] for user in users(daemon, ada)] == ["ada"]
    path = f"/channels/{daemon.general(ada)}/messages"
    assert daemon.done(daemon.get(path, ada))["messages"][0] == said


@memory_only
def test_bad_remove(daemon, ada, bob, listen, told):
    """
    Nobody removes themselves (400, also with another administrator there), and
    who is not there (404), also no more, cannot be removed.
    """
    listener, bob_id, ada_id = listen(ada), me(daemon, bob)["id"], me(daemon, ada)["id"]
    assert remove(daemon, ada, ada_id).status == 400
    daemon.done(add(daemon, ada, "carol", role="admin"))
    assert remove(daemon, ada, ada_id).status == 400
    assert remove(daemon, ada, "nobody").status == 404
    daemon.done(remove(daemon, ada, bob_id))
    assert remove(daemon, ada, bob_id).status == 404
    assert [kind for kind, _ in told(listener)] == ["NEW_USER", "REMOVE_USER"]


def test_exit(daemon, ada, bob, listen, told):
    """
    Whoever leaves is gone at once, and told of by name; the last that they hear
    is that.
    """
    staying, going, user_id = listen(ada), listen(bob), me(daemon, bob)["id"]
    done = daemon.done(exit_server(daemon, bob))
    assert done == {"success": True, "message": "You have exited the server"}
    gone = {"id": user_id, "userName": "bob"}
    going.await_end()
    assert [(e.type, e.payload) for e in going.events[1:]] == [("USER_EXIT", gone)]
    assert told(staying) == [("USER_EXIT", gone)]
    assert daemon.get("/auth/me", bob).status == 401
    assert exit_server(daemon, bob).status == 401
    assert len(users(daemon, ada)) == 1


@memory_only
def test_last_administrator(daemon, ada, bob, listen, told):
    """
    The last administrator stays; one of two may go.
    """
    listener = listen(ada)
    assert exit_server(daemon, ada).status == 400
    assert told(listener) == []
    daemon.done(add(daemon, ada, "carol", role="admin"))
    carol = daemon.token("carol")
    daemon.done(exit_server(daemon, carol))
    assert exit_server(daemon, ada).status == 400
    daemon.done(add(daemon, ada, "dave", role="admin"))
    dave = daemon.token("dave")
    assert daemon.done(remove(daemon, dave, me(daemon, ada)["id"]))
    assert exit_server(daemon, dave).status == 400


@memory_only
def test_come_again(daemon, ada, bob):
    """
    The address and the name of a removed user are free again, for somebody new.
    """
    old = me(daemon, bob)
    daemon.done(remove(daemon, ada, old["id"]))
    new = me(daemon, daemon.token("bob"))
    assert new["id"] != old["id"]
    assert (new["userName"], new["email"]) == ("bob", "bob@example.org")
    assert daemon.get("/auth/me", bob).status == 401


@memory_only
def test_removed_address_is_forgotten(daemon, ada, bob):
    """
    Who connects again after a user was removed learns of the removal, and the
    record has forgotten what was told of the user before it.
    """
    daemon.done(remove(daemon, ada, me(daemon, bob)["id"]))
    rows = daemon.rows("SELECT text FROM journal WHERE text LIKE '%bob@example.org%'")
    assert len(rows) == 1
    assert "REMOVE_USER" in rows[0][0]
    assert daemon.rows("SELECT email FROM users WHERE user_name = 'bob'") == [(None,)]


# Names


def test_rename(daemon, ada, bob, listen, told):
    """
    One's name is one's own choice, and everybody is told.
    """
    listener, before = listen(ada), me(daemon, bob)
    after = daemon.done(rename(daemon, bob, "  Bob \u2603 the Builder\n"))["user"]
    assert after == before | {"userName": "Bob \u2603 the Builder"}
    assert me(daemon, bob) == after
    told_of = {"id": before["id"], "userName": "Bob \u2603 the Builder"}
    assert told(listener) == [("UPDATE_USER", told_of)]


@memory_only
@pytest.mark.parametrize(
    "name",
    ["x", "x" * 64, "\U0001f600" * 64, " " + "x" * 64 + " ", "BOB", "a b", "\u202eb", "<b>", "0"],
)
def test_good_names(daemon, bob, name):
    """
    1 to 64 code points, whatever they are.
    """
    assert daemon.done(rename(daemon, bob, name))["user"]["userName"] == name.strip()


@memory_only
@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "\u3000\u00a0\t\n",
        "x" * 65,
        "\U0001f600" * 65,
        "a\0b",
        "a\nb",
        "a\x1bb",
        "a\x7fb",
        "a\u0085b",
        "ada",
        "ADA",
        " Ada ",
        None,
        7,
        ["bob"],
    ],
)
def test_bad_names(daemon, ada, bob, listen, told, name):
    """
    Blank, too long, with control characters, taken (ignoring case), no text:
    refused, and nobody is told.
    """
    listener = listen(bob)
    assert rename(daemon, bob, name).status == 400
    assert daemon.put("/users/me", bob, {}).status == 400
    assert me(daemon, bob)["userName"] == "bob"
    assert told(listener) == []


@memory_only
def test_half_a_character(daemon, bob):
    """
    Half of a surrogate pair is no text.
    """
    assert daemon.put("/users/me", bob, b'{"userName": "\\ud83d"}').status == 400
    assert daemon.put("/users/me", bob, b'{"userName": "\\ud83d\\ude00"}').status == 200


@memory_only
def test_case_of_other_alphabets(daemon, ada, bob):
    """
    Case is ignored in every alphabet.
    """
    daemon.done(rename(daemon, ada, "\u00c9LODIE \u0416\u0416"))
    assert rename(daemon, bob, "\u00e9lodie \u0436\u0436").status == 400
    assert rename(daemon, ada, "\u00e9lodie \u0436\u0436").status == 200


@memory_only
def test_members_are_not_administrators(daemon, bob):
    """
    Nobody becomes administrator, or somebody else, by sending more fields.
    """
    given = {"userName": "bobby", "isAdmin": True, "id": "x", "email": "x@example.org"}
    after = daemon.done(daemon.put("/users/me", bob, given))["user"]
    assert after["isAdmin"] is False
    assert after["email"] == "bob@example.org"
