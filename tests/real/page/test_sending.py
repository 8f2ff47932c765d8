"""
What was said and has not arrived yet.
"""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.page.chromium import REFUSED, UNREACHABLE

pytestmark = pytest.mark.real


@pytest.fixture
def ada(daemon, visit):
    ada = visit(daemon, "ada")
    ada.open("General")
    return ada


WAITING = re.compile("Sending…|Waiting to be sent…")


def pending(person, text=WAITING):
    """
    What has not arrived says so beside it.
    """
    return person.page.get_by_role("main").get_by_text(text)


def test_daemon_is_away(daemon, ada):
    """
    What is said meanwhile waits, also over a reload of the page that was open, and goes
    out in order, once, by itself.
    """
    ada.trouble.expect(UNREACHABLE)
    ada.say("before")
    ada.reads("before")
    daemon.stop()
    ada.say("while away")
    ada.say("and once more")
    expect(pending(ada).first).to_be_visible()
    daemon.start()
    expect(pending(ada)).to_have_count(0)
    ada.reads_all(["before", "while away", "and once more"])
    assert daemon.read(daemon.token("ada")) == ["before", "while away", "and once more"]


def test_answer_is_lost(daemon, ada):
    """
    The message arrived and the answer did not: it is there once, and sent again unseen.
    """
    ada.trouble.expect(UNREACHABLE)

    def lose(route):
        route.fetch()
        route.abort("connectionreset")

    ada.page.route("**/messages", lose, times=1)
    ada.say("did you hear?")
    ada.reads_all(["did you hear?"])
    ada.say("and this?")
    ada.reads_all(["did you hear?", "and this?"])
    expect(pending(ada)).to_have_count(0)
    assert daemon.read(daemon.token("ada")) == ["did you hear?", "and this?"]


def test_refused(daemon, ada):
    """
    What the daemon will not take says why, and can be tried again or taken back.
    """
    ada.trouble.expect(REFUSED.format(400))
    sentence = "The server is in a bad mood."

    def refuse(route):
        if route.request.method == "POST":
            route.fulfill(
                status=400, content_type="application/json", body=json.dumps({"error": sentence})
            )
        else:
            route.fallback()

    ada.page.route("**/messages", refuse)
    ada.say("first try")
    expect(pending(ada, f"Not sent: {sentence}")).to_be_visible()
    ada.page.unroute("**/messages")
    ada.button("Try again").click()
    expect(pending(ada, "Not sent")).to_have_count(0)
    ada.reads_all(["first try"])

    ada.page.route("**/messages", refuse)
    ada.say("better not")
    ada.button("Discard").click()
    expect(pending(ada, "Not sent")).to_have_count(0)
    ada.reads_all(["first try"])
    assert daemon.read(daemon.token("ada")) == ["first try"]


def test_tab_is_closed(daemon, net, visit):
    """
    What waits is sent by the next tab that is opened, with its images.
    """
    between = net(daemon)
    ada = visit(between, "ada")
    ada.trouble.expect(UNREACHABLE)
    ada.open("General")
    between.cut()
    picture = encoded(drawn(), "PNG")
    ada.attach({"name": "tunnel.png", "mimeType": "image/png", "buffer": picture})
    expect(ada.preview("tunnel.png")).to_be_visible()
    ada.say("written in a tunnel")
    expect(pending(ada)).to_be_visible()
    left = ada.page
    later = ada.page.context.new_page()
    left.close()
    between.resume()
    later.goto("/")
    ada.page = later
    ada.reads("written in a tunnel")
    expect(pending(ada)).to_have_count(0)
    expect(
        ada.message("written in a tunnel").get_by_role("button", name="Open image")
    ).to_be_visible()
    assert daemon.read(daemon.token("ada")) == ["written in a tunnel"]


def test_tab_is_closed_beside_another(daemon, net, visit):
    """
    What one tab could not send before it was closed is sent by one that was open all the
    while, once, and by one only.
    """
    between = net(daemon)
    ada = visit(between, "ada")
    ada.trouble.expect(UNREACHABLE)
    others = [ada.another_tab(), ada.another_tab()]
    for tab in (ada, *others):
        tab.open("General")
    between.cut()
    ada.say("written in a tunnel")
    ada.say("and in another")
    expect(pending(ada).first).to_be_visible()
    ada.page.close()
    ada.page = others[0].page
    between.resume()
    for tab in others:
        tab.reads_all(["written in a tunnel", "and in another"])
        expect(pending(tab)).to_have_count(0)
    said = ["written in a tunnel", "and in another"]
    assert daemon.read(daemon.token("ada")) == said
    assert len(between.requests("POST /channels")) == len(said)


def test_waiting_is_discarded(daemon, ada):
    """
    What waits says why, and can be taken back before it is sent.
    """
    ada.trouble.expect(UNREACHABLE)
    daemon.stop()
    ada.say("rather not")
    expect(pending(ada, "cannot be reached")).to_be_visible()
    ada.button("Discard").click()
    expect(ada.articles).to_have_count(0)
    expect(ada.composer).to_have_value("rather not")
    daemon.start()
    ada.composer.fill("")
    ada.say("but this")
    ada.reads_all(["but this"])
    expect(pending(ada)).to_have_count(0)
    assert daemon.read(daemon.token("ada")) == ["but this"]


def test_channel_is_deleted(daemon, ada):
    """
    What was on its way to a channel that is deleted meanwhile says so wherever one is, with
    its words, and can be taken away.
    """
    ada.trouble.expect(REFUSED.format(404))
    token = daemon.token("ada")
    channel = daemon.done(daemon.post("/channels", token, {"name": "garden"}))["channel"]["id"]
    ada.open("garden")
    held = []
    ada.page.route("**/messages", lambda route: held.append(route), times=1)
    with ada.page.expect_request("**/messages"):
        ada.say("the roses bloom")
    daemon.done(daemon.delete(f"/channels/{channel}", token))
    expect(ada.heading("General")).to_be_visible()
    [route] = held
    route.continue_()
    told = ada.alert.filter(has_text="Not sent")
    expect(told).to_contain_text("There is no such channel.")
    expect(told).to_contain_text("the roses bloom")
    ada.page.reload()
    expect(told).to_contain_text("the roses bloom")
    told.get_by_role("button", name="Discard").click()
    expect(told).to_have_count(0)
    ada.page.reload()
    ada.open("General")
    expect(told).to_have_count(0)


def test_upload_is_stuck(daemon, visit):
    """
    An image that does not get any further for a minute is given up, which is said, and sent
    again by itself.
    """
    ada = visit(daemon)
    ada.page.clock.install()
    ada.sign_in("ada@example.org")
    ada.open("General")
    picture = encoded(drawn(), "PNG")
    ada.attach({"name": "stuck.png", "mimeType": "image/png", "buffer": picture})
    held = []
    ada.page.route("**/messages/image", lambda route: held.append(route))
    with ada.page.expect_request("**/messages/image"):
        ada.say("look")
    ada.page.clock.fast_forward(59_000)
    expect(pending(ada, "Sending…")).to_be_visible()
    ada.page.clock.fast_forward(2_000)
    expect(pending(ada, "An image got stuck on its way.")).to_be_visible()
    ada.page.unroute("**/messages/image")
    ada.page.clock.run_for(30_000)
    expect(ada.message("look").get_by_role("button", name="Open image")).to_be_visible()
