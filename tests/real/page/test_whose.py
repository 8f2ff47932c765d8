"""
What somebody has begun is theirs, also when another one sits before the same browser by
the time it ends.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.page.chromium import REFUSED

pytestmark = pytest.mark.real

UNAUTHORIZED = REFUSED.format(401)
PASSWORD = "correct horse battery"
PICTURE = {"name": "dog.png", "mimeType": "image/png", "buffer": encoded(drawn(), "PNG")}


@pytest.fixture
def daemon(daemon):
    """
    One whose administrator is ada.
    """
    daemon.token("ada")
    return daemon


@pytest.fixture
def bob(daemon, visit):
    bob = visit(daemon, "bob")
    bob.trouble.expect(UNAUTHORIZED)
    bob.open("General")
    return bob


def is_signed_out(daemon, person, who):
    """
    From elsewhere, as it were.
    """
    daemon.done(daemon.delete("/auth/sessions", daemon.token(who)))
    person.is_out()


def test_upload(daemon, bob):
    """
    A message whose image was on its way is not sent in the name of who came then; it is
    when its author is back.
    """
    held = []
    bob.page.route("**/messages/image", lambda route: held.append(route), times=1)
    bob.attach(PICTURE)
    with bob.page.expect_request("**/messages/image"):
        bob.say("this is mine")
    bob.sign_out()
    bob.sign_in("carol@example.org")
    said = []
    bob.page.on("request", lambda each: said.append(each.post_data or ""))
    [route] = held
    route.fulfill(json={"success": True, "filename": "1700000000000-0123456789ab.png"})
    bob.say("I am carol")
    bob.reads_all(["I am carol"])
    assert [each for each in said if "this is mine" in each] == []
    bob.sign_out()
    bob.sign_in("bob@example.org")
    mine = bob.message("this is mine")
    expect(mine.get_by_role("button", name="Open image")).to_be_visible()
    [_, mine] = daemon.done(
        daemon.get(f"/channels/{daemon.general(daemon.token('ada'))}/messages", daemon.token("ada"))
    )["messages"]
    assert (mine["author"]["userName"], len(mine["images"])) == ("bob", 1)


def test_answer_comes_late(daemon, bob):
    """
    What was asked for somebody is not shown to the next: whom they talk with least of all.
    """
    held = []

    def hold(route):
        if route.request.method == "POST":
            held.append((route, route.fetch()))
        else:
            route.fallback()

    bob.page.route("**/conversations", hold)
    bob.button("New message").click()
    people = bob.page.get_by_role("dialog", name="New message")
    with bob.page.expect_request(lambda each: each.url.endswith("/conversations")):
        people.get_by_role("option", name=re.compile("^ada")).click()
    expect(bob.page.get_by_role("navigation", name="Channels")).to_be_attached()
    bob.page.keyboard.press("Escape")
    is_signed_out(daemon, bob, "bob")
    bob.sign_in("carol@example.org")
    [(route, answer)] = held
    route.fulfill(response=answer)
    bob.open("General")
    bob.say("I am carol")
    bob.reads("I am carol")
    expect(bob.link("Direct messages", "bob")).to_have_count(0)
    expect(bob.link("Direct messages", "ada")).to_have_count(0)


def test_late_refresh(as_process, visit):
    """
    New tokens that come after somebody has signed out do not sign them in again, and are
    good for nothing.
    """
    daemon = as_process(
        auth={"auth_mode": "password", "is_invite_required": False, "jwt_expiry_seconds": 2}
    )
    ada = visit(daemon)
    ada.trouble.expect(UNAUTHORIZED)
    ada.button("Create account").click()
    ada.textbox("E-mail address").fill("ada@example.org")
    ada.field("Password").fill(PASSWORD)
    ada.button("Create account").click()
    ada.is_in()
    held = []
    ada.page.route("**/auth/refresh", lambda route: held.append((route, route.fetch())), times=1)
    with ada.page.expect_request("**/auth/refresh"):
        ada.say("one more thing")
    ada.sign_out()
    [(route, answer)] = held
    with ada.page.expect_request_finished(lambda each: "/auth/logout" in each.url):
        route.fulfill(response=answer)
    ada.is_out()
    assert ada.page.evaluate("localStorage.getItem('teamchat.session')") is None
    assert daemon.get("/auth/me", answer.json()["accessToken"]).status == 401
    ada.page.reload()
    ada.is_out()


LONG_TO_UNDO = """
const usual = setTimeout;
window.setTimeout = (work, wait, ...more) => usual(work, wait === 6000 ? 600000 : wait, ...more);
"""


def test_undo(daemon, visit):
    """
    What somebody wanted to delete, and might have undone, the next one does not delete: an
    administrator could.
    """
    bob = visit(daemon, "bob", init=LONG_TO_UNDO)
    bob.trouble.expect(UNAUTHORIZED)
    bob.open("General")
    bob.say("not gone")
    bob.delete("not gone")
    expect(bob.told("Message deleted")).to_be_visible()
    is_signed_out(daemon, bob, "bob")
    expect(bob.told("Message deleted")).to_have_count(0)
    bob.sign_in("ada@example.org")
    bob.reads("not gone")


def opens_editor(bob):
    bob.chooses("a dog", "Edit")
    return bob.textbox("Edit message")


def opens_picker(bob):
    bob.button("Emoji").click()
    return bob.page.get_by_role("dialog", name="Emoji")


def opens_image(bob):
    bob.message("a dog").get_by_role("button", name="Open image").click()
    return bob.page.get_by_role("dialog", name="Image 1 of 1")


@pytest.mark.parametrize("opens", [opens_editor, opens_picker, opens_image])
def test_what_was_open(daemon, bob, opens):
    """
    It is not before the next one who signs in, nor before the same one.
    """
    bob.attach(PICTURE)
    bob.say("a dog")
    expect(bob.message("a dog").get_by_role("button", name="Open image")).to_be_visible()
    opened = opens(bob)
    expect(opened).to_be_visible()
    is_signed_out(daemon, bob, "bob")
    bob.sign_in("bob@example.org")
    bob.reads("a dog")
    bob.say("something else")
    bob.reads("something else")
    expect(opened).to_have_count(0)


KEPT = """async ([does, name, value]) => {
    const loaded = performance.getEntriesByType("resource").map((each) => each.name);
    const module = await import(loaded.find((each) => each.endsWith("/core/kept.js")));
    return module[does](name, value);
}"""

FULL = """() => {
    Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
}"""


def test_storage_is_full(bob):
    """
    What does not fit is known until the page is closed, in place of what was kept before;
    what another tab keeps after that is newer.
    """
    other = bob.another_tab()
    other.is_in()
    bob.page.evaluate(KEPT, ["keep", "x", "old"])
    bob.page.evaluate(FULL)
    bob.page.evaluate(KEPT, ["keep", "x", "new"])
    assert bob.page.evaluate(KEPT, ["kept", "x"]) == "new"
    assert bob.page.evaluate(KEPT, ["namesKept", "x"]) == ["x"]
    other.page.evaluate(KEPT, ["keep", "x", "newest"])
    bob.page.wait_for_function(f"({KEPT})(['kept', 'x']).then((found) => found === 'newest')")
    bob.page.evaluate(KEPT, ["forget", "x"])
    assert bob.page.evaluate(KEPT, ["kept", "x"]) is None
