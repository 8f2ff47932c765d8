"""
What the page knows stays true, whatever it has missed.
"""

import json
import re
import threading

import pytest
from playwright.sync_api import expect

from tests.real.page.chromium import REFUSED, UNREACHABLE
from tests.real.page.test_live import (
    LOOKED_AWAY,
    NOTIFICATIONS,
    WITHOUT_LOCKS,
    forget_what_happened,
)

pytestmark = pytest.mark.real


@pytest.fixture
def daemon(daemon):
    """
    One whose administrator is ada.
    """
    daemon.token("ada")
    return daemon


def test_it_fails(daemon, net, visit):
    """
    All that was missed has to be asked for, and the answer is a refusal first: it is asked
    for again, until it is here.
    """
    between = net(daemon)
    bob = visit(between, "bob")
    bob.open("General")
    bob.trouble.expect(UNREACHABLE, REFUSED.format(503))
    ada = daemon.token("ada")
    daemon.say(ada, "before")
    bob.reads_all(["before"])
    between.cut()
    daemon.say(ada, "meanwhile")
    daemon.done(daemon.post("/channels", ada, {"name": "garden"}))
    daemon.stop()
    forget_what_happened(daemon)
    daemon.start()
    refused = []

    def refuse(route):
        refused.append(route.request.url)
        route.fulfill(status=503, json={"error": "Not right now."})

    bob.page.route("**/messages?*", refuse, times=2)
    bob.page.route("**/users", refuse, times=1)
    between.resume()
    bob.reads_all(["before", "meanwhile"])
    expect(bob.link("Channels", "garden")).to_be_visible()
    expect(bob.alert).to_have_count(0)
    assert len(refused) == 3


def test_unread_is_deleted(daemon, visit):
    """
    What nobody can read any more is not unread, here or in a conversation; what was read
    is not counted back.
    """
    ada = daemon.token("ada")
    garden = daemon.done(daemon.post("/channels", ada, {"name": "garden"}))["channel"]["id"]
    path = f"/channels/{garden}/messages"

    def say(text):
        return daemon.done(daemon.post(path, ada, {"content": text}))["message"]["id"]

    bob = visit(daemon, "bob")
    bob.open("garden")
    read = say("read")
    bob.reads("read")
    bob.open("General")
    expect(bob.page).to_have_title(re.compile("General"))  # else he may see them come
    ids = [say(text) for text in ("one", "two", "three")]
    expect(bob.page.get_by_role("link", name="garden, 3 unread")).to_be_visible()
    daemon.done(daemon.delete(f"/messages/{ids[0]}", ada))
    expect(bob.page.get_by_role("link", name="garden, 2 unread")).to_be_visible()
    daemon.done(daemon.delete(f"/messages/{read}", ada))
    daemon.done(daemon.delete(f"/messages/{ids[1]}", ada))
    expect(bob.page.get_by_role("link", name="garden, 1 unread")).to_be_visible()
    daemon.done(daemon.delete(f"/messages/{ids[2]}", ada))
    expect(bob.page.get_by_role("link", name=re.compile("garden, .*unread"))).to_have_count(0)


def test_parent_is_far_up(daemon, net, visit):
    """
    What becomes of a message is seen in its thread, also when its channel no longer has it
    loaded.
    """
    between = net(daemon)
    ada = daemon.token("ada")
    first = daemon.say(ada, "the first")["id"]
    for number in range(205):
        daemon.say(ada, f"number {number}.")
    bob = visit(between, "bob")
    bob.trouble.expect(UNREACHABLE)
    bob.page.goto(f"/#/p/{daemon.general(ada)}/t/{first}")
    parent = bob.replies.first
    expect(parent).to_contain_text("the first")
    between.cut()
    daemon.stop()
    forget_what_happened(daemon)
    daemon.start()
    daemon.say(ada, "after all")
    between.resume()
    bob.reads("after all")
    daemon.done(daemon.put(f"/messages/{first}", ada, {"content": "the very first"}))
    expect(parent).to_contain_text("the very first")
    daemon.done(daemon.post(f"/messages/{first}/reactions", ada, {"reaction": "🎉"}))
    expect(parent.get_by_role("button", name="🎉 1, ada")).to_be_visible()
    bob.say_in_thread("indeed")
    expect(bob.thread).to_contain_text("1 reply")
    daemon.done(daemon.delete(f"/messages/{first}", ada))
    expect(bob.thread).to_have_count(0)


def test_thread_is_faster(daemon, visit):
    """
    What a thread hangs on is found, also when its channel is still on its way as it is opened.
    """
    ada = daemon.token("ada")
    first = daemon.say(ada, "the first")["id"]
    for number in range(60):
        daemon.say(ada, f"number {number}." + "\n\nand so on" * 5)
    bob = visit(daemon, "bob")
    bob.page.goto("about:blank")
    held, is_over = [], threading.Event()
    bob.page.route(
        "**/channels/*/messages?*",
        lambda route: route.continue_() if is_over.is_set() else held.append(route),
    )
    with bob.page.expect_response("**/thread?*"):
        bob.page.goto(f"/#/p/{daemon.general(ada)}/t/{first}")
    is_over.set()
    for each in held:
        each.continue_()
    expect(bob.replies.first).to_contain_text("the first")


def written(kind, payload):
    return json.dumps({"type": kind, "payload": payload}, separators=(",", ":"))


def test_event_that_breaks(daemon, visit):
    """
    An event that the page cannot make sense of does not take along those that came with it.
    """
    bob = visit(daemon, "bob", init=WITHOUT_LOCKS)
    bob.open("General")
    bob.trouble.expect("uncaught: .*null")
    ada = daemon.token("ada")
    others = daemon.listen(ada)

    def answer(route):
        daemon.say(ada, "told with it")
        others.await_events(2)
        connected, event = others.events[:2]
        told = [
            (connected.id, connected.type, connected.payload),
            ("broken", "NEW_THREAD_REPLY", None),
            (event.id, event.type, event.payload),
        ]
        blocks = [f"id: {name}\ndata: {written(*data)}\n\n" for name, *data in told]
        route.fulfill(content_type="text/event-stream", body="".join(blocks))

    bob.page.route("**/events", answer, times=1)
    bob.page.evaluate("dispatchEvent(new Event('online'))")
    bob.reads("told with it")


def test_who_is_called(daemon, visit):
    """
    Who is named is told of it, whatever stands before and behind the name, and not those
    whose name only begins like that of another, or is part of a word.
    """
    for other in ("bobby", "bob.lee"):
        daemon.token(other)
    bob = visit(daemon, "bob", init=LOOKED_AWAY + NOTIFICATIONS)
    bob.open("General")
    notified = []
    bob.page.on("console", lambda each: notified.append(each.text) if each.type == "info" else None)
    bob.page.evaluate("look(false)")
    ada = daemon.token("ada")
    for text in ("@bobby, please", "to me@bob.example", "hello @bob.lee!", "@bob_ is nobody"):
        daemon.say(ada, text)
    called = ["@bobby and @bob", "(@BOB, of course)", "@Bob: look", "is it @bob?", "@bob's turn"]
    for text in called:
        with bob.page.expect_console_message(lambda each: each.type == "info"):
            daemon.say(ada, text)
    assert notified == [f"notified: ada in General: {text}" for text in called]
