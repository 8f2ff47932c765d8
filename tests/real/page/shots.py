"""
C{make screens}: a picture of every screen, at three widths and in both themes, to be looked at.

They are for eyes, which see what no test asks for; nothing compares them.
"""

import sys
import tempfile

from playwright.sync_api import expect, sync_playwright

from tests.mail.post_office import PostOffice
from tests.real.daemon import PATIENCE, ROOT
from tests.real.page.chromium import ARGUMENTS, CHROMIUM, Trouble
from tests.real.page.person import Person
from tests.real.page.screens import Walk, street
from tests.real.page.walker import NARROW

FOLDER = ROOT / "build" / "screens"

SIZES = {1440: 900, 1024: 768, 390: 844}

IN_A_HAND = {"has_touch": True, "is_mobile": True}
"""What is as narrow as that is a telephone, with larger buttons and no pointer."""


def main(widths: list[int]) -> None:
    expect.set_options(timeout=PATIENCE * 1000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for width in widths:
            shoot(browser, width)
        browser.close()


def shoot(browser, width: int) -> None:
    """
    A street for each width: the last thing that a walk sees is a house that is shut.
    """
    folder = FOLDER / str(width)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    context = browser.new_context(
        viewport={"width": width, "height": SIZES[width]},
        reduced_motion="reduce",
        **(IN_A_HAND if width < NARROW else {}),
    )
    person = Person(context.new_page(), Trouble(context))
    office = PostOffice()
    with tempfile.TemporaryDirectory() as directory, street(directory, office) as made:
        for number, name in enumerate(Walk(person, made).all()):
            for theme in ("light", "dark"):
                in_theme(person.page, theme)
                file = f"{number:03} {name}, {theme}.png".replace(" ", "-").replace(",", "")
                person.page.screenshot(path=folder / file)
            person.page.emulate_media(color_scheme="light")
    office.close()
    context.close()


def in_theme(page, theme: str) -> None:
    """
    And wait until it is painted: a colour may be on its way from one theme to the other.
    """
    page.emulate_media(color_scheme=theme)
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
        ".then(() => Promise.all(document.getAnimations().filter("
        "({effect}) => effect.getTiming().iterations === 1).map(({finished}) => finished)))"
    )


if __name__ == "__main__":
    main([int(each) for each in sys.argv[1:]] or list(SIZES))
