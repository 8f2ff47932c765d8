"""
Images: picked, pasted, dropped, sent, looked at.
"""

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded

pytestmark = pytest.mark.real

PICTURE = encoded(drawn((640, 480)), "PNG")
ANOTHER = encoded(drawn((300, 500)), "PNG")


def file(name, content, kind="image/png"):
    return {"name": name, "mimeType": kind, "buffer": content}


def pictures(message):
    return message.get_by_role("button", name="Open image")


def is_shown(picture):
    """
    Its bytes have come, and are an image.
    """
    picture = picture.locator("img")
    expect(picture).to_be_visible()
    expect(picture).to_have_js_property("complete", value=True)
    assert picture.evaluate("image => image.naturalWidth") > 0


def test_picked(ada, bob):
    """
    Two at once, with a line; one is taken out again, and another put in.
    """
    ada.attach(file("one.png", PICTURE), file("two.png", ANOTHER))
    expect(ada.preview("one.png")).to_be_visible()
    ada.preview("two.png").click()
    expect(ada.preview("two.png")).to_have_count(0)
    ada.attach(file("three.png", ANOTHER))
    expect(ada.preview("three.png")).to_be_visible()
    ada.say("look")
    expect(pictures(bob.message("look"))).to_have_count(2)
    is_shown(pictures(bob.message("look")).first)
    is_shown(pictures(bob.message("look")).last)
    expect(ada.preview("one.png")).to_have_count(0)


def test_pasted(ada, bob):
    ada.paste("image.png", PICTURE)
    expect(ada.preview("image.png")).to_be_visible()
    ada.say("from the clipboard")
    is_shown(pictures(bob.message("from the clipboard")))


def test_dropped(ada, bob):
    ada.drop("dropped.png", PICTURE)
    expect(ada.preview("dropped.png")).to_be_visible()
    ada.say("from the desk")
    is_shown(pictures(bob.message("from the desk")))


def test_without_words(ada, bob):
    """
    A picture is enough.
    """
    ada.attach(file("one.png", PICTURE))
    expect(ada.preview("one.png")).to_be_visible()
    ada.composer.press("Enter")
    expect(ada.preview("one.png")).to_have_count(0)
    is_shown(pictures(bob.articles))


def test_no_image(ada):
    """
    What is none is not taken, and that is said.
    """
    ada.attach(file("notes.txt", b"just text", "text/plain"))
    expect(ada.page.get_by_text("notes.txt").first).to_be_visible()
    expect(ada.preview("notes.txt")).to_have_count(0)


def test_looked_at(ada, bob):
    """
    Large, one after the other, by the keyboard too; and back to where one was.
    """
    ada.attach(file("one.png", PICTURE), file("two.png", ANOTHER))
    ada.say("look")
    pictures(bob.message("look")).first.click()
    box = bob.page.get_by_role("dialog", name="Image 1 of 2")
    is_shown(box)
    bob.page.get_by_role("button", name="Next").click()
    expect(bob.page.get_by_role("dialog", name="Image 2 of 2")).to_be_visible()
    bob.page.keyboard.press("ArrowLeft")
    expect(box).to_be_visible()
    bob.page.keyboard.press("Escape")
    expect(box).to_have_count(0)
    pictures(bob.message("look")).first.click()
    box.get_by_role("button", name="Close").click()
    expect(box).to_have_count(0)


def test_in_a_conversation(ada, bob):
    """
    Pictures of two are for these two, and shown to both.
    """
    ada.write_to("bob")
    ada.attach(file("secret.png", PICTURE))
    ada.say("for you")
    bob.open("ada", "Direct messages")
    is_shown(pictures(bob.message("for you")))
