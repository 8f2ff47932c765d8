"""
A whole working day with the keyboard alone: no mouse, and at each step the focus is where one
would look for it, and can be seen.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.page.person import beginning

pytestmark = pytest.mark.real

PICTURE = {"name": "one.png", "mimeType": "image/png", "buffer": encoded(drawn((64, 48)), "PNG")}

NAME = """at => at.ariaLabel ?? at.labels?.[0]?.textContent ?? at.textContent.trim()"""

HAS_A_RING = """async () => {
    const rings = (each) => {
        const {outlineStyle, outlineWidth, outlineColor, boxShadow} = getComputedStyle(each);
        return boxShadow !== "none" || (outlineStyle !== "none" && parseFloat(outlineWidth) > 0
            && outlineColor !== "rgba(0, 0, 0, 0)");
    };
    for (let frames = 0; frames < 60; frames++) {
        const at = document.activeElement;
        // A field within a box, or a choice within its words, rings what is around it.
        const around = [".composer-box", ".textbox", ".choice-of"].map((each) => at.closest(each));
        if ([at, ...around].some((each) => each !== null && rings(each))) return true;
        await new Promise(requestAnimationFrame);
    }
    return false;
}"""
"""What was pressed may just be opening something that takes the focus, and paints its ring then."""

FARTHEST = 40
"""Presses of the Tab key, after which nobody goes on looking."""


class Hands:
    """
    Somebody's, on the keys and nowhere else.
    """

    def __init__(self, person):
        self.person, self.page = person, person.page
        self._keys = person.page.keyboard

    @property
    def place(self):
        return self.page.locator(":focus")

    def are_somewhere(self):
        """
        Never in the void, never out of sight, and one sees where.
        """
        expect(self.place).to_have_count(1)
        expect(self.place).to_be_in_viewport()
        assert self.page.evaluate(HAS_A_RING), self.name

    @property
    def name(self):
        return self.place.evaluate(NAME)

    def press(self, *keys):
        for key in keys:
            self._keys.press(key)
            self.are_somewhere()

    def write(self, text):
        self._keys.type(text)
        self.are_somewhere()

    def reach(self, name, key="Tab"):
        """
        From stop to stop, until one is called that, or begins so.
        """
        passed = []
        for _ in range(FARTHEST):
            self.press(key)
            passed.append(self.name)
            if passed[-1].startswith(name):
                return
        raise AssertionError(f"there is no way to {name!r}, only {passed}")

    def reach_message(self, name):
        """
        From the composer into the log, and up.
        """
        for _ in range(FARTHEST):
            self.press("Shift+Tab")
            if self.place.get_attribute("data-line"):
                break
        for _ in range(FARTHEST):
            if re.match(name, self.name):
                return
            self.press("ArrowUp")
        raise AssertionError(f"there is no message {name!r}")

    def are_at(self, locator):
        expect(locator).to_be_focused()
        self.are_somewhere()


@pytest.fixture
def bob(daemon):
    """
    Somebody else, who has said something before.
    """
    ada, bob = daemon.token("ada"), daemon.token("bob")
    daemon.done(daemon.post("/channels", ada, {"name": "garden"}))
    daemon.say(bob, "First of all")
    daemon.say(bob, "```\n" + "wide " * 100 + "\n```")
    daemon.say(bob, "See https://example.org/")
    return bob


@pytest.fixture
def hands(daemon, bob, visit):
    permissions = ["clipboard-read", "clipboard-write"]
    return Hands(visit(daemon, permissions=permissions, has_worker=True))


def test_working_day(hands):
    come(hands)
    read(hands)
    go_elsewhere(hands)
    write(hands)
    mend(hands)
    answer(hands)
    react(hands)
    show(hands)
    write_to_bob(hands)
    take_back(hands)
    administrate(hands)
    leave(hands)


def come(hands):
    hands.are_at(hands.person.textbox("E-mail address"))
    hands.write("ada@example.org")
    hands.press("Enter")
    hands.are_at(hands.person.composer)


def read(hands):
    """
    Message by message; what is wider than the window is moved by the arrows, too.
    """
    hands.reach_message("bob, .*See")
    hands.press("Tab")
    assert hands.place.get_attribute("href") == "https://example.org/"
    hands.press("Escape", "Home")
    assert "First of all" in hands.name
    hands.press("ArrowDown")
    while hands.place.evaluate("at => at.tagName") != "PRE":
        hands.press("Tab")
    hands.press("ArrowRight")
    code = hands.page.locator("pre")
    expect(code).not_to_have_js_property("scrollLeft", 0)
    hands.press("Escape", "End")
    assert "See" in hands.name
    hands.press("Escape")
    hands.are_at(hands.person.composer)


def go_elsewhere(hands):
    hands.press("Control+k")
    hands.are_at(hands.person.textbox("Find a channel or a person"))
    hands.write("gard")
    hands.press("Enter")
    expect(hands.person.heading("garden")).to_be_visible()
    hands.are_at(hands.person.composer)


def write(hands):
    hands.write("Good morning!")
    hands.press("Enter")
    hands.person.reads("Good morning!")
    hands.write("Two lines,")
    hands.press("Shift+Enter")
    hands.write("for @bo")
    expect(hands.page.get_by_role("listbox", name="People")).to_be_visible()
    hands.press("Tab", "Enter")
    expect(hands.person.message("Two lines,")).to_contain_text("for @bob")
    hands.write("Done :tada")
    expect(hands.page.get_by_role("listbox", name="Emoji")).to_be_visible()
    hands.press("Enter")
    hands.reach("Emoji")
    hands.press("Enter")
    hands.are_at(hands.page.get_by_role("searchbox", name="Search emoji"))
    hands.write("rocket")
    expect(hands.page.get_by_role("button", name="rocket", exact=True)).to_be_visible()
    hands.press("ArrowDown", "Enter")
    hands.are_at(hands.person.composer)
    hands.press("Enter")
    hands.person.reads("Done 🎉 🚀")


def mend(hands):
    hands.press("ArrowUp")
    hands.are_at(hands.person.textbox("Edit message"))
    hands.write(" at last")
    hands.press("Enter")
    expect(hands.person.message("🚀 at last")).to_contain_text("(edited)")
    hands.are_at(hands.person.composer)


def answer(hands):
    hands.reach_message("ada, .*Two lines")
    hands.press("r")
    hands.are_at(hands.person.reply_composer)
    hands.write("And one more.")
    hands.press("Enter")
    hands.person.reads_thread(["Two lines,", "And one more."])
    hands.press("Escape")
    expect(hands.person.thread).to_have_count(0)
    hands.are_at(hands.person.message("Two lines,"))
    hands.reach("1 reply")
    hands.press("Escape", "Escape")
    hands.are_at(hands.person.composer)


def react(hands):
    hands.reach_message("ada, .*Good morning")
    hands.press("+")
    hands.are_at(hands.page.get_by_role("searchbox", name="Search emoji"))
    hands.write("red heart")
    expect(hands.page.get_by_role("button", name="red heart", exact=True)).to_be_visible()
    hands.press("Enter")
    message = hands.person.message("Good morning!")
    reaction = message.get_by_role("button", name=beginning("❤️ 1"))
    expect(reaction).to_be_visible()
    hands.are_at(message)
    hands.reach("❤️ 1")
    hands.press("Enter")
    expect(reaction).to_have_count(0)
    hands.are_at(message)
    hands.press("Escape")


def show(hands):
    """
    Only what the system's own window of files would do is not done by key.
    """
    hands.reach("Attach images")
    with hands.page.expect_file_chooser() as chooser:
        hands.press("Enter")
    chooser.value.set_files([PICTURE])
    expect(hands.person.preview("one.png")).to_be_visible()
    hands.are_at(hands.person.composer)
    hands.write("look")
    hands.press("Enter")
    picture = hands.person.message("look").get_by_role("button", name="Open image")
    expect(picture).to_be_visible()
    hands.reach_message("ada, .*look")
    hands.reach("Open image")
    hands.press("Enter")
    expect(hands.page.get_by_role("dialog", name="Image 1 of 1")).to_be_visible()
    hands.press("Escape")
    hands.are_at(picture)
    hands.press("Escape", "Escape")
    hands.are_at(hands.person.composer)


def write_to_bob(hands):
    hands.reach("New message", "Shift+Tab")
    hands.press("Enter")
    hands.are_at(hands.person.textbox("Find people"))
    hands.write("bob")
    hands.press("Enter")
    expect(hands.person.heading("bob")).to_be_visible()
    hands.are_at(hands.person.composer)
    hands.write("Just between us")
    hands.press("Enter")
    hands.person.reads("Just between us")


def take_back(hands):
    """
    Deleted, and not deleted after all.
    """
    hands.press("Alt+ArrowUp")
    expect(hands.person.heading("garden")).to_be_visible()
    hands.reach_message("ada, .*Good morning")
    hands.press("Delete")
    hands.person.does_not_read("Good morning!")
    hands.reach("Undo")
    hands.press("Enter")
    hands.person.reads("Good morning!")
    hands.are_somewhere()


def administrate(hands):
    hands.reach("Administration", "Shift+Tab")
    hands.press("Enter")
    hands.are_at(hands.page.get_by_role("main"))
    hands.reach("Add somebody")
    hands.press("Enter")
    hands.write("carol@example.org")
    hands.press("Enter")
    expect(hands.page.get_by_role("list", name="People")).to_contain_text("carol@example.org")
    leave_windows(hands)
    hands.reach("Channels", "Shift+Tab")
    hands.press("Enter")
    hands.reach("Create a channel")
    hands.press("Enter")
    hands.write("kitchen")
    hands.press("Enter")
    channels = hands.page.get_by_role("list", name="Channels", exact=True)
    expect(channels.filter(has_text="kitchen")).to_be_visible()
    leave_windows(hands)
    hands.reach("Webhooks", "Shift+Tab")
    hands.press("Enter")
    hands.reach("Create a webhook")
    hands.press("Enter")
    hands.write("Builds")
    hands.press("Enter")
    expect(hands.page.get_by_role("dialog")).to_contain_text("shown this once")
    hands.are_at(hands.person.button("Done"))
    hands.reach("Copy token", "Shift+Tab")
    hands.press("Enter")
    assert re.fullmatch("[0-9a-f]{64}", hands.page.evaluate("navigator.clipboard.readText()"))
    leave_windows(hands)
    hands.press("Escape")
    hands.are_at(hands.person.composer)


def leave_windows(hands):
    if hands.page.get_by_role("dialog").count():
        hands.press("Escape")
    expect(hands.page.get_by_role("dialog")).to_have_count(0)
    hands.are_somewhere()


def choose_from_account(hands, entry):
    hands.are_at(hands.person.button("Your account"))
    hands.press("Enter")
    while hands.name != entry:
        hands.press("ArrowDown")
    hands.press("Enter")


def leave(hands):
    hands.reach("Your account", "Shift+Tab")
    choose_from_account(hands, "Your sessions")
    expect(hands.page.get_by_text("This one")).to_be_visible()
    others = hands.page.get_by_role("list", name="Sessions").get_by_role("listitem")
    before = others.count()
    hands.reach("End the session of")
    hands.press("Enter")
    expect(others).to_have_count(before - 1)
    hands.press("Escape")
    expect(hands.page.get_by_role("dialog")).to_have_count(0)
    choose_from_account(hands, "Sign out")
    hands.are_at(hands.person.textbox("E-mail address"))
