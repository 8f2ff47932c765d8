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
    The message arrived and the answer did not: it is there once.
    """
    ada.trouble.expect(UNREACHABLE)

    def lose(route):
        route.fetch()
        route.abort("connectionreset")

    ada.page.route("**/messages", lose, times=1)
    ada.say("did you hear?")
    expect(pending(ada)).to_be_visible()
    expect(pending(ada)).to_have_count(0)
    ada.reads_all(["did you hear?"])
    assert daemon.read(daemon.token("ada")) == ["did you hear?"]


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
