"""
C{/channels}, through the whole daemon.
"""


def test_general_is_there(daemon, ada):
    """
    Everybody finds one channel, from the first start.
    """
    [general] = daemon.done(daemon.get("/channels", ada))["channels"]
    assert general["name"] == "General"
    assert set(general) == {"id", "name", "createdAt"}


def test_said_and_read(daemon, ada, bob):
    """
    What one says, the other reads, oldest first.
    """
    daemon.say(ada, "hello")
    daemon.say(bob, "hi")
    assert daemon.read(bob) == ["hello", "hi"]


def test_heard(daemon, ada, bob):
    """
    What one says, everybody hears, the one who said it included.
    """
    listeners = [daemon.listen(ada), daemon.listen(bob)]
    for listener in listeners:
        listener.await_events(1)
    message = daemon.say(ada, "hello")
    for listener in listeners:
        connected, event = listener.await_events(2)
        assert (connected.type, event.type) == ("CONNECTED", "NEW_MESSAGE")
        assert event.payload == message
        listener.leave()
