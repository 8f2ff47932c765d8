"""
C{python -m tests.real.page.picture}: the picture of the page in README.rst, made anew.

A real daemon, a real browser, and a morning of a small team.
"""

import io
import math
import tempfile
from base64 import b64encode
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

from tests.real.daemon import RealDaemon
from tests.real.page.chromium import ARGUMENTS, CHROMIUM

PICTURE = Path(__file__).with_name("page.png")

SIZE = {"width": 1280, "height": 800}

TEAM = {
    "ada": "Ada Lovelace",
    "grace": "Grace Hopper",
    "linus": "Linus",
    "barbara": "Barbara Liskov",
    "edsger": "Edsger",
}

REVIEW = """Looks good. Two things I noticed:

- the avatar is cut off below 360 px
- `--accent` is used for links *and* for errors"""

QUESTION = """@Ada Lovelace can you look at the migration before we tag the release?

```python
async def migrate(database: Database) -> None:
    for step in steps(database.version):
        await database.change(step)
```"""


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        daemon = RealDaemon(Path(directory))
        try:
            place = talk(daemon)
            shoot(daemon, place)
        finally:
            daemon.stop()


def talk(daemon: RealDaemon) -> str:
    """
    @return: the channel that is worth looking at.
    """
    who = {name: daemon.token(name) for name in TEAM}
    ids = {}
    for name, user_name in TEAM.items():
        answer = daemon.put("/users/me", who[name], {"userName": user_name})
        ids[name] = daemon.done(answer)["user"]["id"]

    def post(actor, path, **body):
        return daemon.done(daemon.post(path, who[actor], body))

    places = {
        name: post("ada", "/channels", name=name)["channel"]["id"]
        for name in ("design", "engineering", "random", "support")
    }
    design = places["design"]

    def say(name, content, place=design, **more):
        path = f"/channels/{place}/messages"
        return post(name, path, content=content, **more)["message"]["id"]

    def react(message, **chosen):
        for name, emoji in chosen.items():
            post(name, f"/messages/{message}/reactions", reaction=emoji)

    say("grace", "Morning! The new header is on staging, and it **works in dark mode**, finally.")
    review = say("linus", REVIEW)
    react(review, ada="👍", grace="👍", barbara="👀")
    replies = {"grace": "Good catch, both fixed.", "ada": "Then it ships.", "linus": "🎉"}
    for name, content in replies.items():
        post(name, f"/messages/{review}/thread", content=content)
    say("barbara", QUESTION)
    image = {"filename": "hills.png", "image": b64encode(hills()).decode()}
    name = post("edsger", f"/channels/{design}/messages/image", **image)["filename"]
    view = say("edsger", "The view from here. Back on Monday!", images=[name])
    react(view, ada="😍", grace="😍", linus="😍")
    for content in ("Green again.", "Two to go.", "Done."):
        say("linus", content, places["engineering"])
    say("grace", "Somebody asks whether exports have the threads, too.", places["support"])
    for one, other, content in (("ada", "linus", "Thanks!"), ("grace", "ada", "Coffee at three?")):
        begun = post(one, "/conversations", targetUserId=ids[other])["conversation"]["id"]
        post(one, f"/conversations/{begun}/messages", content=content)
    return design


def hills() -> bytes:
    """
    Something to look at, which nobody has a right to.
    """
    width, height = 720, 400
    image = Image.new("RGB", (width, height))
    image.putdata([_colour(x / width, y / height) for y in range(height) for x in range(width)])
    into = io.BytesIO()
    image.save(into, "PNG")
    return into.getvalue()


def _colour(x: float, y: float) -> tuple[int, int, int]:
    far = 0.55 + 0.12 * math.sin(x * 5) + 0.05 * math.sin(x * 17)
    near = 0.72 + 0.08 * math.sin(x * 3 + 2)
    if y > near:
        return (44, 94, 80)
    if y > far:
        return (88, 140, 120)
    height = y / far
    return (int(250 - 40 * height), int(214 - 20 * height + 10 * x), int(165 + 60 * height))


def shoot(daemon: RealDaemon, place: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport=SIZE, base_url=f"http://127.0.0.1:{daemon.port}")
        page.goto(f"/#/p/{place}")
        page.get_by_label("E-mail address").fill("ada@example.org")
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="3 replies").click()
        page.get_by_role("complementary", name="Thread").get_by_text("Then it ships.").wait_for()
        page.mouse.move(700, 20)
        page.locator("main img").first.wait_for()
        page.evaluate("() => Promise.all([...document.images].map((each) => each.decode()))")
        shot = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    # A quarter of the bytes, and nobody sees the difference.
    shot.convert("RGB").quantize(256, dither=Image.Dither.NONE).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
