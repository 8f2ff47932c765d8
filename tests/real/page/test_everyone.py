"""
The page for everybody: who hears it, who is made dizzy by it, who reads from the right, who lives
elsewhere, who is told very much.
"""

import re
import sqlite3
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.real.page.person import beginning

pytestmark = pytest.mark.real

TELL_NEWS = """
window.news = [];
addEventListener("DOMContentLoaded", () => new MutationObserver((records) => {
    for (const {target, addedNodes} of records) for (const node of addedNodes) {
        const region = node.closest?.("[aria-live]") ?? target.closest?.("[aria-live]");
        const around = target.closest("[aria-busy=true]");
        if (node.matches?.("article") && region?.ariaLive === "polite" && !around)
            news.push(node.ariaLabel);
    }
}).observe(document.body, {childList: true, subtree: true}));
"""
"""Notes what a screen reader would read aloud: what is put into a region that is live."""


@pytest.fixture
def tokens(daemon):
    return {name: daemon.token(name) for name in ("ada", "bob")}


def test_read_aloud(daemon, tokens, visit):
    """
    A new message is told by who says it and then by what is said; what is older is not told,
    neither when a place is opened nor when one reads back.
    """
    for number in range(120):
        daemon.say(tokens["bob"], f"old {number}")
    ada = visit(daemon, "ada", init=TELL_NEWS)
    ada.button("Jump to newest").click()
    ada.reads("old 119")
    expect(ada.log).to_have_attribute("aria-live", "polite")
    assert ada.page.evaluate("news") == []
    daemon.say(tokens["bob"], "something new")
    ada.reads("something new")
    [told] = ada.page.evaluate("news")
    assert re.fullmatch(r"bob, \S+( [AP]M)?: something new", told)
    heard = ada.message("something new").aria_snapshot()
    assert re.search(r"^- 'article .*\n  - text: bob\n  - paragraph: something new", heard)
    ada.log.hover()
    ada.page.mouse.wheel(0, -100_000)
    ada.reads("old 60")
    assert len(ada.page.evaluate("news")) == 1


MOVING = """() => document.getAnimations().map(({effect}) => effect.getTiming())
    .filter(({duration, easing, iterations}) => duration > 1 && !easing.startsWith("steps"))
    .length"""

SLOW = """() => [...document.querySelectorAll("*")].flatMap((each) => {
    const {transitionDuration, scrollBehavior, transitionProperty} = getComputedStyle(each);
    const longest = Math.max(...transitionDuration.split(",").map(parseFloat));
    return longest > 0.001 || scrollBehavior !== "auto" ? [each.className] : [];
})"""


def test_reduced_motion(daemon, tokens, visit):
    """
    Nothing slides, fades or scrolls smoothly for whoever asked for that; for others it does.
    """
    daemon.say(tokens["bob"], "hello")
    ada = visit(daemon, "ada")
    for key in ("Control+K", "Escape", "Control+/"):
        ada.page.keyboard.press(key)
        expect(ada.page.get_by_role("dialog")).to_have_count(int(key != "Escape"))
        assert ada.page.evaluate(MOVING) == 0
        assert ada.page.evaluate(SLOW) == []
    ada.page.keyboard.press("Escape")
    ada.page.emulate_media(reduced_motion="no-preference")
    assert ada.page.evaluate(SLOW) != []


NOTE_PAINT = """
window.grounds = [];
const look = () => document.body && grounds.push(getComputedStyle(document.documentElement)
    .backgroundColor);
(function each() { look(); requestAnimationFrame(each); })();
"""


def test_theme(daemon, visit):
    """
    As the system has it, and at once when that changes; or as was chosen, and then there is not
    one frame in the other colours, also after a reload.
    """
    ada = visit(daemon, "ada", color_scheme="light", init=NOTE_PAINT)
    light = ada.page.evaluate("grounds.at(-1)")
    ada.page.emulate_media(color_scheme="dark")
    expect(ada.page.locator("html")).not_to_have_css("background-color", light)
    ada.page.emulate_media(color_scheme="light")
    expect(ada.page.locator("html")).to_have_css("background-color", light)
    ada.button("Your account").click()
    ada.page.get_by_role("menuitemradio", name="Dark").click()
    expect(ada.page.locator("html")).not_to_have_css("background-color", light)
    ada.page.reload()
    ada.is_in()
    seen = set(ada.page.evaluate("grounds"))
    assert len(seen) == 1
    assert light not in seen


def test_right_to_left(daemon, tokens, visit):
    """
    Each text goes its own way: in a message, in what is being written, in a name.
    """
    daemon.done(daemon.put("/users/me", tokens["bob"], {"userName": "דוד (בוב)"}))
    daemon.say(tokens["bob"], "שלום, world!\n\nand hello")
    daemon.done(daemon.post("/channels", tokens["ada"], {"name": "עיצוב"}))
    ada = visit(daemon, "ada")
    message = ada.message("world")
    expect(message.get_by_text("world")).to_have_css("direction", "rtl")
    expect(message.get_by_text("and hello")).to_have_css("direction", "ltr")
    ada.composer.fill("שלום")
    expect(ada.composer).to_have_css("direction", "rtl")
    ada.composer.fill("hello")
    expect(ada.composer).to_have_css("direction", "ltr")
    name = message.locator("bdi", has_text="בוב").first
    expect(name).to_have_css("direction", "rtl")
    ada.open("עיצוב")
    expect(ada.heading("עיצוב").locator("bdi")).to_have_css("direction", "rtl")


def said_at(daemon, token, moments):
    """
    Messages of other days: the clock of a real daemon cannot be turned back.
    """
    ids = [daemon.say(token, f"at {moment:%d %H:%M}")["id"] for moment in moments]
    daemon.stop()
    with sqlite3.connect(daemon.data / "teamchat.sqlite") as database:
        for message, moment in zip(ids, moments, strict=True):
            database.execute(
                "UPDATE messages SET created_at = ? WHERE id = ?",
                (int(moment.timestamp() * 1000), message),
            )
    daemon.start()


def test_time_zones(daemon, tokens, visit):
    """
    Everybody has their own clock and their own days, also on the night on which it is set back,
    and in which one hour is there twice.
    """
    moments = [
        datetime(2025, 10, 25, 22, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 0, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 1, 30, tzinfo=UTC),
        datetime(2025, 10, 26, 23, 30, tzinfo=UTC),
    ]
    said_at(daemon, tokens["bob"], moments)
    expected = {
        "Europe/Berlin": [
            ("26 October 2025", ["0:30", "2:30", "2:30"]),
            ("27 October 2025", ["0:30"]),
        ],
        "Pacific/Auckland": [
            ("26 October 2025", ["11:30", "13:30", "14:30"]),
            ("27 October 2025", ["12:30"]),
        ],
        "America/Los_Angeles": [
            ("25 October 2025", ["15:30", "17:30", "18:30"]),
            ("26 October 2025", ["16:30"]),
        ],
    }
    for zone, days in expected.items():
        ada = visit(daemon, "ada", timezone_id=zone, locale="en-GB")
        ada.reads("at 26 23:30")
        lines = ada.log.locator("[role=separator]:not(.new-line), article time").all()
        seen = [each.get_attribute("aria-label") or each.text_content() for each in lines]
        assert seen == [each for day, clocks in days for each in (day, *clocks)], zone


def test_long_message(daemon, tokens, visit):
    """
    Ten thousand letters without a space are folded, and opened nothing is wider for them.
    """
    daemon.say(tokens["bob"], "x" * 5_000 + " " + "word " * 1_000)
    ada = visit(daemon, "ada")
    ada.page.set_viewport_size({"width": 390, "height": 844})
    message = ada.page.get_by_role("article")
    folded = message.bounding_box()["height"]
    assert folded < 844
    ada.button("Show the whole message").click()
    expect(ada.button("Show less")).to_be_attached()
    assert message.bounding_box()["height"] > 2 * folded
    for part in (ada.log, message, ada.page.locator("html")):
        assert part.evaluate("each => each.scrollWidth <= each.clientWidth")
    ada.button("Show less").click()
    assert message.bounding_box()["height"] == folded


def asked_to_open(person):
    """
    What is asked of the daemon until one can write.
    """
    asked = set()
    note = lambda request: asked.add(urlsplit(request.url).path)  # noqa: E731 - to be taken off
    person.page.on("request", note)
    person.page.reload()
    expect(person.composer).to_be_visible()
    person.page.remove_listener("request", note)
    return {path for path in asked if not path.startswith("/assets/")}


def test_many_channels(daemon, tokens, visit):
    """
    Two hundred: the list scrolls, the switcher finds, where one is stays in sight, and no more
    is asked for before the page is there than with one; the Tab key stops once.
    """
    ada = visit(daemon, "ada")
    few = asked_to_open(ada)
    for number in range(200):
        given = {"name": f"channel {number:03}"}
        daemon.done(daemon.post("/channels", tokens["ada"], given))
    expect(ada.link("Channels", "channel 199")).to_be_attached()
    assert asked_to_open(ada) == few
    expect(ada.link("Channels", "channel 199")).not_to_be_in_viewport()
    ada.page.keyboard.press("Control+K")
    ada.textbox(beginning("Find a channel")).fill("el 199")
    ada.page.keyboard.press("Enter")
    expect(ada.heading("channel 199")).to_be_visible()
    expect(ada.link("Channels", "channel 199")).to_be_in_viewport(ratio=1)
    for _ in range(30):
        ada.page.keyboard.press("Alt+ArrowUp")
    expect(ada.heading("channel 169")).to_be_visible()
    expect(ada.link("Channels", "channel 169")).to_be_in_viewport(ratio=1)
    stops = ada.page.get_by_role("navigation", name="Channels").locator("a[tabindex='0']")
    expect(stops).to_have_count(1)
    ada.page.reload()
    expect(ada.link("Channels", "channel 169")).to_be_in_viewport(ratio=1)


def test_forced_colors(daemon, tokens, visit):
    """
    Where the system chooses the colours, what a ground says otherwise is said by an edge.
    """
    daemon.say(tokens["bob"], "@ada hello")
    ada = visit(daemon, "ada", forced_colors="active")
    ada.reads("hello")
    assert ada.page.evaluate("matchMedia('(forced-colors: active)').matches")
    expect(ada.link("Channels", "General")).not_to_have_css("outline-style", "none")
    ada.page.keyboard.press("Control+K")
    here = ada.page.get_by_role("option", selected=True)
    expect(here).not_to_have_css("outline-style", "none")
    ada.page.keyboard.press("Escape")
    ada.composer.focus()
    box = ada.page.locator(".composer-box")
    expect(box).not_to_have_css("outline-style", "none")
    message = ada.message("hello")
    expect(message).not_to_have_css("border-inline-start-style", "none")
    expect(message.locator(".avatar")).not_to_have_css("border-top-style", "none")


@pytest.fixture
def window(daemon, visit):
    return visit(daemon, "ada")


def test_keys(window):
    """
    The window of keys lists all that there are, opens where one is, and gives the focus back.
    """
    page = window.page
    listed = page.get_by_role("dialog", name="Keyboard shortcuts")
    page.keyboard.press("Control+/")
    expect(listed).to_be_visible()
    keys = page.evaluate(
        "() => import([...document.scripts].at(-1).src.replace('main.js', 'views/keys.js'))"
        ".then(({KEYS}) => Object.keys(KEYS))"
    )
    rows = listed.locator("[data-name]").evaluate_all(
        "all => all.map(({dataset, firstChild}) => [dataset.name, firstChild.textContent])"
    )
    assert sorted(name for name, _ in rows) == sorted(keys)
    assert all(words for _, words in rows)
    page.keyboard.press("Escape")
    expect(window.composer).to_be_focused()
    page.keyboard.type("Why?")
    expect(window.composer).to_have_value("Why?")
    window.button("Emoji").focus()
    page.keyboard.press("?")
    expect(listed).to_be_visible()
    page.keyboard.press("Escape")
    expect(window.button("Emoji")).to_be_focused()
    window.composer.fill("")
    window.button("Your account").click()
    page.get_by_role("menuitem", name="Keyboard shortcuts").click()
    expect(listed).to_be_visible()
