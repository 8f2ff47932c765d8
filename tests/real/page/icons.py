"""
C{python -m tests.real.page.icons}: the icons of the page as pictures, for those who put it
on a screen of theirs; made anew from the one that is drawn.
"""

import io
from collections.abc import Iterator

from attrs import frozen
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from teamchatd.http.assets import FOLDER
from tests.real.page.chromium import ARGUMENTS, CHROMIUM

DRAWN = FOLDER / "icon.svg"

INK, PAPER = "#0e7c77", "#fff"
"""The two colours in which it is drawn."""


@frozen
class Icon:
    """
    @ivar size: in pixels.
    @ivar is_filled: it goes up to the edges, in turned colours: for systems that cut it into
        a form of their own, and show a hole as black.
    @ivar share: of the width that the drawing takes.  What is cut may lose all that is
        outside a circle of 0.8 (W3C Web App Manifest, "maskable").
    """

    name: str
    size: int
    is_filled: bool
    share: float


ICONS = [
    Icon("icons/192.png", 192, False, 1),
    Icon("icons/512.png", 512, False, 1),
    Icon("icons/maskable.png", 512, True, 0.66),
    Icon("icons/apple.png", 180, True, 0.74),
]


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for icon, image in drawn(browser):
            path = FOLDER / icon.name
            path.parent.mkdir(exist_ok=True)
            image.quantize(64, dither=Image.Dither.NONE).save(path, optimize=True)
        browser.close()


def drawn(browser: Browser) -> Iterator[tuple[Icon, Image.Image]]:
    page = browser.new_page()
    for icon in ICONS:
        page.set_viewport_size({"width": icon.size, "height": icon.size})
        page.set_content(_page(icon, DRAWN.read_text()))
        shot = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
        yield icon, shot.convert("RGB" if icon.is_filled else "RGBA")
    page.close()


def _page(icon: Icon, svg: str) -> str:
    ground = "transparent"
    if icon.is_filled:
        ground = INK
        svg = svg.replace(INK, "ink").replace(PAPER, INK).replace("ink", PAPER)
    width = icon.size * icon.share
    return f"""<!DOCTYPE html>
<style>
html {{ background: {ground} }}
body {{ margin: 0; height: 100vh; display: grid; place-items: center }}
svg {{ width: {width}px }}
</style>
{svg}"""


if __name__ == "__main__":
    main()
