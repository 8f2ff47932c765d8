"""
The same working day on a telephone: a finger, a small screen, and a keyboard that comes and goes.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.page.person import beginning

pytestmark = pytest.mark.real

PICTURE = {"name": "one.png", "mimeType": "image/png", "buffer": encoded(drawn((640, 480)), "PNG")}

TELEPHONE = {
    "width": 390,
    "height": 844,
    "has_touch": True,
    "is_mobile": True,
    "device_scale_factor": 2,
}

LEAST = 24
"""Pixels across, for whatever can be touched (WCAG 2.2, 2.5.8); links within words are exempt."""

COMFORTABLE = 44
"""And for what is touched all day (2.5.5)."""

TOO_WIDE = """() => [document.documentElement, document.body, ...document.querySelectorAll(
    "#app, main, .talk, .log, .dialog, .sidebar, .sidebar-lists, .admin-scroll")]
    .filter((each) => each.scrollWidth > each.clientWidth + 1 && each.clientWidth > 0)
    .map((each) => `${each.className || each.tagName}: ${each.scrollWidth} > ${each.clientWidth}`)
"""

TOO_SMALL = """(least) => [...document.querySelectorAll(
    "button, input:not([hidden]), select, textarea, [role=option], nav a, summary")]
    .filter((each) => each.checkVisibility({visibilityProperty: true}) && !each.closest("[inert]"))
    .filter((each) => !each.matches(".link-button, .visually-hidden, .skip-link, .choice-of *"))
    .map((each) => {
        // Some are larger to a finger than to the eye, by what is laid over them.
        const {width, height} = each.getBoundingClientRect();
        const over = getComputedStyle(each, "::after");
        const isThere = over.content !== "none";
        const larger = (size, more) => Math.max(size, isThere ? parseFloat(more) : 0);
        return [each, width && larger(width, over.width), height && larger(height, over.height)];
    })
    .filter(([, width, height]) => width && Math.min(width, height) < least)
    .map(([each, width, height]) => `${each.ariaLabel ?? each.textContent}: ${width}×${height}`)
"""


class Finger:
    """
    Somebody's, who taps; after each tap nothing is wider than the screen or too small to hit.
    """

    def __init__(self, person):
        self.person, self.page = person, person.page

    def tap(self, target):
        target.tap()
        self.finds_room()

    def finds_room(self):
        assert self.page.evaluate(TOO_WIDE) == []
        assert self.page.evaluate(TOO_SMALL, LEAST) == []

    def tap_button(self, name, within=None, **more):
        self.tap((within or self.page).get_by_role("button", name=name, **more))

    def write(self, box, text):
        self.tap(box)
        self.page.keyboard.type(text)

    def say(self, text):
        self.write(self.person.composer, text)
        self.tap_button("Send", exact=True)
        self.person.reads(text)

    def open_drawer(self):
        self.tap_button("Show channels")
        expect(self.page.get_by_role("navigation", name="Channels")).to_be_visible()

    def go_to(self, name, group="Channels"):
        self.open_drawer()
        self.tap(self.person.link(group, name))
        expect(self.person.heading(name)).to_be_visible()
        expect(self.page.get_by_role("navigation", name="Channels")).to_have_count(0)

    def choose_from_account(self, entry):
        self.open_drawer()
        self.tap_button(beginning("Your account"))
        self.tap(self.page.get_by_role("menuitem", name=entry, exact=True))

    def act_on(self, text, action):
        """
        A finger that touches the words gets what can be done with them.
        """
        message = self.person.message(text)
        self.tap(message.locator(".rich"))
        self.tap(message.get_by_role("button", name=action, exact=True))


@pytest.fixture
def finger(daemon, visit):
    ada, bob = daemon.token("ada"), daemon.token("bob")
    daemon.done(daemon.post("/channels", ada, {"name": "garden"}))
    daemon.say(bob, "First of all")
    daemon.say(
        bob, "```\n" + "wide " * 100 + "\n```\n\n| a | b |\n|---|---|\n| " + "c" * 90 + " | d |"
    )
    return Finger(visit(daemon, **TELEPHONE, has_worker=True))


def test_working_day(finger):
    come(finger)
    talk(finger)
    answer_and_react(finger)
    show(finger)
    write_to_bob(finger)
    administrate(finger)
    leave(finger)


def come(finger):
    finger.finds_room()
    finger.write(finger.person.textbox("E-mail address"), "ada@example.org")
    finger.tap_button("Sign in", exact=True)
    finger.person.reads("First of all")
    finger.finds_room()
    # The keyboard does not come up over what one came to read.
    expect(finger.person.composer).not_to_be_focused()
    for name in ("Show channels", "Attach images", "Emoji", "Send"):
        box = finger.person.button(name, exact=True).bounding_box()
        assert min(box["width"], box["height"]) >= COMFORTABLE, name
    finger.go_to("garden")


def talk(finger):
    """
    The Enter key of a telephone makes a line; the button sends.
    """
    finger.write(finger.person.composer, "Good morning,")
    finger.page.keyboard.press("Enter")
    finger.page.keyboard.type("all of you")
    expect(finger.person.composer).to_have_value("Good morning,\nall of you")
    finger.tap_button("Send", exact=True)
    finger.person.reads("all of you")
    finger.say("Who is in?")
    is_above_the_keyboard(finger)
    finger.act_on("Who is in?", "Edit")
    expect(finger.person.textbox("Edit message")).to_be_focused()
    finger.page.keyboard.type(" Today")
    finger.tap_button("Save", exact=True)
    expect(finger.person.message("Who is in? Today")).to_contain_text("(edited)")


def is_above_the_keyboard(finger):
    """
    Which takes half of the screen, and the page with it: what was said last, and the place where
    one writes, are in what is left.
    """
    finger.page.set_viewport_size({"width": 390, "height": 450})
    expect(finger.person.composer).to_be_in_viewport(ratio=1)
    expect(finger.person.message("Who is in?")).to_be_in_viewport(ratio=1)
    bottom = finger.page.evaluate("visualViewport.height + visualViewport.offsetTop")
    box = finger.person.button("Send", exact=True).bounding_box()
    assert box["y"] + box["height"] <= bottom
    finger.finds_room()
    finger.page.set_viewport_size({"width": 390, "height": 844})


def answer_and_react(finger):
    finger.act_on("all of you", "Reply in thread")
    finger.write(finger.person.reply_composer, "And one more")
    finger.tap_button("Send", finger.person.thread, exact=True)
    expect(finger.person.replies.filter(has_text="And one more")).to_be_visible()
    finger.tap_button("Close thread")
    finger.act_on("Who is in?", "Add reaction")
    picker = finger.page.get_by_role("dialog", name="Emoji")
    finger.tap(picker.get_by_role("button", name="grinning face", exact=True))
    message = finger.person.message("Who is in?")
    finger.tap(message.get_by_role("button", name=beginning("😀 1")))
    expect(message.get_by_role("button", name=beginning("😀 1"))).to_have_count(0)
    finger.act_on("Who is in?", "Delete")
    finger.person.does_not_read("Who is in?")
    finger.tap_button("Undo")
    finger.person.reads("Who is in?")


def show(finger):
    with finger.page.expect_file_chooser() as chooser:
        finger.tap_button("Attach images")
    chooser.value.set_files([PICTURE])
    expect(finger.person.preview("one.png")).to_be_visible()
    finger.say("look")
    picture = finger.person.message("look").get_by_role("button", name="Open image")
    finger.tap(picture)
    shown = finger.page.get_by_role("dialog", name="Image 1 of 1")
    expect(shown).to_be_visible()
    finger.tap_button("Close", shown)
    expect(shown).to_have_count(0)


def write_to_bob(finger):
    finger.open_drawer()
    finger.tap_button("New message")
    finger.write(finger.person.textbox("Find people"), "bob")
    finger.tap(finger.page.get_by_role("option", name=beginning("bob")))
    expect(finger.person.heading("bob")).to_be_visible()
    finger.say("Just between us")


def administrate(finger):
    finger.choose_from_account("Administration")
    finger.tap_button("Add somebody")
    window = finger.page.get_by_role("dialog")
    finger.write(window.get_by_label("E-mail address"), "carol@example.org")
    finger.tap_button("Add", window, exact=True)
    finger.tap_button("Done", finger.page.get_by_role("dialog", name="Added"))
    sections = finger.page.get_by_role("navigation", name="Administration")
    finger.tap(sections.get_by_role("link", name="Channels"))
    finger.tap_button("Create a channel")
    finger.write(window.get_by_label("Name"), "kitchen")
    finger.tap_button("Create", window, exact=True)
    expect(window).to_have_count(0)
    finger.tap(sections.get_by_role("link", name="Webhooks"))
    finger.tap_button("Create a webhook")
    finger.write(window.get_by_label("Name"), "Builds")
    finger.tap_button("Create", window, exact=True)
    expect(window).to_contain_text("shown this once")
    finger.finds_room()
    finger.tap_button("Done", window)
    finger.tap_button("Close anyway", window)
    finger.tap(sections.get_by_role("link", name="Server"))
    finger.tap_button("Close administration")
    expect(finger.person.heading("bob")).to_be_visible()


def leave(finger):
    finger.choose_from_account("Your sessions")
    window = finger.page.get_by_role("dialog", name="Your sessions")
    expect(window.get_by_text("This one")).to_be_visible()
    finger.tap_button(re.compile("^End the session of"), window.get_by_role("listitem").last)
    finger.tap_button("Close", window)
    # It was opened from the drawer, and leads back to it.
    finger.tap_button(beginning("Your account"))
    finger.tap(finger.page.get_by_role("menuitem", name="Sign out"))
    expect(finger.person.textbox("E-mail address")).to_be_visible()
