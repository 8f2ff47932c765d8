"""
C{/server/settings}: what the server calls itself.
"""

import pytest

memory_only = pytest.mark.parametrize("make_daemon", ["memory"], indirect=True)

PATH = "/server/settings"


def test_first_name(make_daemon):
    """
    At first the server is called what its configuration says; everybody may ask.
    """
    daemon = make_daemon(chat={"server_name": "The Pond"})
    for who in ("ada", "bob"):
        assert daemon.done(daemon.get(PATH, daemon.token(who))) == {"name": "The Pond"}


def test_rename(daemon, ada, bob, listen, told):
    """
    An administrator renames it, everybody is told, and a restart leaves it.
    """
    listener = listen(bob)
    assert daemon.done(daemon.get(PATH, bob)) == {"name": "teamchat"}
    assert daemon.done(daemon.put(PATH, ada, {"name": " The Pond "})) == {"name": "The Pond"}
    assert told(listener) == [("UPDATE_SERVER_SETTINGS", {"name": "The Pond"})]
    listener.leave()
    daemon.restart()
    assert daemon.done(daemon.get(PATH, bob)) == {"name": "The Pond"}


@memory_only
def test_who_may(daemon, ada, bob, listen, told):
    """
    Members may only ask, and strangers not even that.
    """
    listener = listen(bob)
    assert daemon.put(PATH, bob, {"name": "The Pond"}).status == 403
    assert daemon.put(PATH, given={"name": "The Pond"}).status == 401
    assert daemon.get(PATH).status == 401
    assert told(listener) == []


@memory_only
@pytest.mark.parametrize("name", ["x" * 64, "\U0001f600" * 64, "a"])
def test_good_names(daemon, ada, name):
    """
    1 to 64 code points.
    """
    assert daemon.done(daemon.put(PATH, ada, {"name": name})) == {"name": name}
    assert daemon.done(daemon.get(PATH, ada)) == {"name": name}


@memory_only
@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": None},
        {"name": 7},
        {"name": ""},
        {"name": " \n "},
        {"name": "x" * 65},
        {"name": "\U0001f600" * 65},
        {"name": "a\0b"},
        {"name": "a\x1fb"},
    ],
)
def test_bad_names(daemon, ada, listen, told, given):
    """
    What is no name is refused, and nobody is told.
    """
    listener = listen(ada)
    assert daemon.put(PATH, ada, given).status == 400
    assert daemon.ask("GET", PATH, ada, b"{nonsense").status == 400
    assert daemon.done(daemon.get(PATH, ada)) == {"name": "teamchat"}
    assert told(listener) == []
