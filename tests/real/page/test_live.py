"""
What happens elsewhere is here at once, whatever becomes of the line in between.
"""

import re
import shutil
import sqlite3
from contextlib import closing

import pytest
from playwright.sync_api import expect

from tests.real.daemon import ROOT
from tests.real.page.chromium import REFUSED, UNREACHABLE

pytestmark = pytest.mark.real

WITHOUT_WORKER = "delete window.SharedWorker;"

WITHOUT_LOCKS = WITHOUT_WORKER + "delete Navigator.prototype.locks;"
"""As on a plain http:// address in a browser that has no SharedWorker: a stream for each tab."""

WAYS = {"worker": "", "locks": WITHOUT_WORKER, "alone": WITHOUT_LOCKS}

LOOKED_AWAY = """
const visibility = {get: () => (window.isLookedAt ? "visible" : "hidden")};
Object.defineProperty(document, "visibilityState", visibility);
Object.defineProperty(document, "hidden", {get: () => !window.isLookedAt});
document.hasFocus = () => window.isLookedAt;
window.isLookedAt = true;
window.look = (isLookedAt) => {
    window.isLookedAt = isLookedAt;
    document.dispatchEvent(new Event("visibilitychange", {bubbles: true}));
    window.dispatchEvent(new Event(isLookedAt ? "focus" : "blur"));
};
"""

NOTIFICATIONS = """
delete Navigator.prototype.serviceWorker;
window.Notification = class {
    static permission = "granted";
    static requestPermission = async () => "granted";
    constructor(title, options = {}) {
        window.lastNotification = this;
        console.info(`notified: ${title}: ${options.body ?? ""}`);
    }
    close() {}
};
"""


def in_general(person):
    person.open("General")
    return person


@pytest.fixture
def daemon(daemon):
    """
    One whose administrator is ada.
    """
    daemon.token("ada")
    return daemon


@pytest.fixture(params=WAYS)
def way(request):
    """
    How the tabs of a browser share the stream; said as what is not there.
    """
    return WAYS[request.param]


def reconnecting(person):
    return person.told("Reconnecting…")


def test_killed(daemon, visit):
    """
    The power goes while both are writing: what they said is there once, in the same order
    for both, and what they were writing is still before them.
    """
    ada, bob = in_general(visit(daemon, "ada")), in_general(visit(daemon, "bob"))
    for each in (ada, bob):
        each.trouble.expect(UNREACHABLE)
    for number in range(3):
        ada.say(f"ada {number}.")
        bob.say(f"bob {number}.")
    ada.say("into the dark")
    daemon.kill()
    bob.say("where is everybody?")
    ada.composer.fill("I was just")
    daemon.start()
    for each in (ada, bob):
        each.reads("into the dark")
        each.reads("where is everybody?")
    said = daemon.read(daemon.token("ada"))
    assert len(said) == len(set(said)) == 8
    for each in (ada, bob):
        each.reads_all(said)
    expect(ada.composer).to_have_value("I was just")
    ada.composer.press("Enter")
    bob.reads("I was just")
    daemon.assert_untroubled()


def test_restarted(daemon, visit, way):
    """
    An upgrade takes a moment, in which others say something.
    """
    bob = in_general(visit(daemon, "bob", init=way))
    bob.trouble.expect(UNREACHABLE)
    daemon.say(daemon.token("ada"), "before")
    bob.reads_all(["before"])
    daemon.restart()
    daemon.say(daemon.token("ada"), "after")
    bob.reads_all(["before", "after"])


def test_tabs(daemon, net, visit, way):
    """
    Seven tabs of a browser, which opens six connections to a server: all hear.
    """
    between = net(daemon)
    bob = in_general(visit(between, "bob", init=way))
    number = 3 if way == WITHOUT_LOCKS else 7
    tabs = [bob, *(bob.another_tab() for _ in range(number - 1))]
    for tab in tabs:
        tab.open("General")
    daemon.say(daemon.token("ada"), "hello all")
    for tab in tabs:
        tab.reads_all(["hello all"])
    assert between.streams == (number if way == WITHOUT_LOCKS else 1)
    tabs[-1].say("hello yourself")
    for tab in tabs:
        tab.reads_all(["hello all", "hello yourself"])


def test_leader_leaves(daemon, net, visit, way):
    """
    The tab that was there first is closed; the others miss nothing of what is said in that
    moment, and hear it once.
    """
    between = net(daemon)
    bob = in_general(visit(between, "bob", init=way))
    others = [bob.another_tab(), bob.another_tab()]
    for tab in others:
        tab.open("General")
    ada = daemon.token("ada")
    daemon.say(ada, "first")
    for tab in others:
        tab.reads_all(["first"])
    daemon.say(ada, "second")
    bob.page.close()
    daemon.say(ada, "third")
    for tab in others:
        tab.reads_all(["first", "second", "third"])
    bob.page = others[0].page
    if way != WITHOUT_LOCKS:
        assert between.streams == 1


def test_cut(daemon, net, visit, way):
    """
    Without a net the page says so, keeps what is there, and catches up by itself.
    """
    between = net(daemon)
    bob = in_general(visit(between, "bob", init=way))
    bob.trouble.expect(UNREACHABLE)
    ada = daemon.token("ada")
    daemon.say(ada, "before")
    bob.reads_all(["before"])
    between.cut()
    expect(reconnecting(bob)).to_be_visible()
    daemon.say(ada, "meanwhile")
    bob.reads_all(["before"])
    between.resume()
    bob.reads_all(["before", "meanwhile"])
    expect(reconnecting(bob)).to_have_count(0)


def test_silence(daemon, net, visit, way):
    """
    A connection that is dead and does not know it is given up when the machine is on a net
    again.
    """
    between = net(daemon)
    bob = in_general(visit(between, "bob", init=way))
    bob.trouble.expect(UNREACHABLE)
    between.stop()
    daemon.say(daemon.token("ada"), "meanwhile")
    between.resume()
    bob.page.evaluate("dispatchEvent(new Event('online'))")
    bob.reads_all(["meanwhile"])


def test_sleep(daemon, net, visit):
    """
    The lid was closed for an hour.
    """
    between = net(daemon)
    bob = visit(between, init=WITHOUT_WORKER)
    bob.trouble.expect(UNREACHABLE)
    bob.page.clock.install()
    bob.sign_in("bob@example.org")
    in_general(bob)
    between.stop()
    daemon.say(daemon.token("ada"), "meanwhile")
    between.resume()
    bob.page.clock.fast_forward("01:00:00")
    bob.reads_all(["meanwhile"])


def forget_what_happened(daemon):
    """
    As after more than C{events.keepDays}.
    """
    with closing(sqlite3.connect(daemon.data / "teamchat.sqlite")) as connection:
        connection.execute("DELETE FROM journal")
        connection.commit()


def test_too_long_away(daemon, net, visit, way):
    """
    What was missed is no longer known in detail: the page asks for all of it again.
    """
    between = net(daemon)
    bob = in_general(visit(between, "bob", init=way))
    bob.trouble.expect(UNREACHABLE, REFUSED.format(404))  # what was read is deleted by now
    ada = daemon.token("ada")
    kept = daemon.say(ada, "stays")
    going = daemon.say(ada, "goes")
    bob.reads_all(["stays", "goes"])
    between.cut()
    daemon.put(f"/messages/{kept['id']}", ada, {"content": "stays, changed"})
    daemon.delete(f"/messages/{going['id']}", ada)
    daemon.say(ada, "comes")
    daemon.done(daemon.post("/channels", ada, {"name": "garden"}))
    daemon.stop()
    forget_what_happened(daemon)
    daemon.start()
    between.resume()
    bob.reads_all(["stays, changed", "comes"])
    expect(bob.link("Channels", "garden")).to_be_visible()


def test_newer_page(as_process, visit, tmp_path):
    """
    The daemon was upgraded behind an open page: it offers to be reloaded, and does not do
    so by itself while somebody writes.
    """
    house = tmp_path / "house"
    for folder in ("teamchatd", "twisted"):
        shutil.copytree(ROOT / folder, house / folder)
    daemon = as_process(environ={"PYTHONPATH": str(house)})
    daemon.stay()
    ada = in_general(visit(daemon, "ada"))
    ada.trouble.expect(UNREACHABLE)
    ada.composer.fill("half a sent")
    before = ada.page.evaluate("document.scripts[0].src")
    daemon.stop()
    with open(house / "teamchatd" / "client" / "main.js", "a") as main:
        main.write("\n// newer\n")
    daemon.start()
    expect(ada.told("A new version is ready")).to_be_visible()
    ada.button("Reload").click()
    expect(ada.composer).to_have_value("half a sent")
    expect(ada.button("Reload")).to_have_count(0)
    assert ada.page.evaluate("document.scripts[0].src") != before


def test_title(daemon, visit):
    """
    A tab that nobody looks at counts in its title what has come.
    """
    bob = in_general(visit(daemon, "bob", init=LOOKED_AWAY))
    expect(bob.page).to_have_title(re.compile("^General"))
    bob.page.evaluate("look(false)")
    ada = daemon.token("ada")
    daemon.say(ada, "one")
    daemon.say(ada, "two")
    expect(bob.page).to_have_title(re.compile(r"^\(2\) "))
    bob.page.evaluate("look(true)")
    expect(bob.page).to_have_title(re.compile("^General"))


def test_notification(daemon, visit):
    """
    Who is called by name, or written to, is told of it, when they do not see it anyway; of
    the rest they are not.  Where there is no worker, the page tells it.
    """
    bob = in_general(visit(daemon, "bob", init=LOOKED_AWAY + NOTIFICATIONS))
    notified = []
    bob.page.on("console", lambda each: notified.append(each.text) if each.type == "info" else None)
    bob.page.evaluate("look(false)")
    ada = daemon.token("ada")
    daemon.say(ada, "nothing for anybody")
    with bob.page.expect_console_message(lambda each: each.type == "info"):
        daemon.say(ada, "hello @bob!")
    users = daemon.done(daemon.get("/users", ada))["users"]
    [target] = [user["id"] for user in users if user["userName"] == "bob"]
    given = daemon.done(daemon.post("/conversations", ada, {"targetUserId": target}))
    path = f"/conversations/{given['conversation']['id']}/messages"
    with bob.page.expect_console_message(lambda each: each.type == "info"):
        daemon.done(daemon.post(path, ada, {"content": "psst"}))
    assert notified == ["notified: ada in General: hello @bob!", "notified: ada: psst"]
    bob.page.evaluate("look(true), lastNotification.onclick()")
    expect(bob.heading("ada")).to_be_visible()
    bob.reads_all(["psst"])
