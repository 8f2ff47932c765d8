"""
What is shown while there is nothing, nothing yet, or nothing to be had; and that nothing
jumps when it comes.
"""

from base64 import b64encode

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.daemon import RealDaemon
from tests.real.page.between import SENTENCE, answered, held, refused, unreachable
from tests.real.page.chromium import REFUSED
from tests.real.page.layout import SHIFTS, SIZES, faults, fits, jumps

pytestmark = pytest.mark.real

FLASHES = """
globalThis.flashes = [];
const LOADING = ".log-waiting, .waiting[aria-busy], .admin-loading, .picker-loading";
new MutationObserver((changes) => {
    for (const node of changes.flatMap(({ addedNodes }) => [...addedNodes])) {
        for (const each of [node, ...(node.querySelectorAll?.(LOADING) ?? [])]) {
            if (!each.matches?.(LOADING)) continue;
            const { visibility, opacity } = getComputedStyle(each);
            flashes.push([each.className, visibility === "hidden" || opacity === "0"]);
        }
    }
}).observe(document, { childList: true, subtree: true });
"""
"""Each sign of loading, and whether it keeps itself back at first."""

NAME = "Maximiliane Wilhelmina von und zu Hohenlohe-Waldenburg-Schilling"

PICTURES = [(200, 2400), (2400, 200), (4, 4), (40, 30), (640, 480)]


class Furnished:
    """
    A daemon with something in it.
    """

    def __init__(self, daemon):
        self.daemon = daemon
        self.ada, self.eve = daemon.token("ada"), daemon.token("eve")
        daemon.done(daemon.put("/users/me", self.eve, {"userName": NAME}))
        self.empty, self.busy = self.channel("empty"), self.channel("busy")
        self.pictures = self.channel("n" * 64)
        for number in range(60):
            self.parent = self.say(self.busy, f"message {number}.\n\nof some lines", self.ada)
        answer = daemon.post(f"/messages/{self.parent}/thread", self.eve, {"content": "a reply"})
        daemon.done(answer)
        for size in PICTURES:
            self.say(self.pictures, f"{size[0]} by {size[1]}", images=[self.picture(size)])

    def channel(self, name):
        return self.daemon.done(self.daemon.post("/channels", self.ada, {"name": name}))["channel"][
            "id"
        ]

    def say(self, channel, content, who=None, **more):
        given = {"content": content, **more}
        answer = self.daemon.post(f"/channels/{channel}/messages", who or self.eve, given)
        return self.daemon.done(answer)["message"]["id"]

    def picture(self, size):
        given = {"filename": "a.png", "image": b64encode(encoded(drawn(size), "PNG")).decode()}
        answer = self.daemon.post(f"/channels/{self.pictures}/messages/image", self.eve, given)
        return self.daemon.done(answer)["filename"]


@pytest.fixture(scope="module")
def house(tmp_path_factory):
    daemon = RealDaemon(tmp_path_factory.mktemp("house"), auth={"max_active_sessions": 1000})
    daemon.stay()
    yield Furnished(daemon)
    daemon.stop()
    daemon.assert_untroubled()


@pytest.fixture(scope="module")
def page_of_ada(house, come):
    ada = come(house.daemon, "ada", init=SHIFTS + FLASHES)
    yield ada
    ada.page.context.close()


@pytest.fixture
def ada(house, page_of_ada, watch):
    """
    Signed in once for all tests; each loads the page anew, on a desk.
    """
    house.daemon.hang_up()  # it may have done so itself, while another test took its time
    ada = watch(page_of_ada)
    ada.page.set_viewport_size({"width": 1440, "height": 900})
    ada.page.goto("about:blank")
    ada.page.goto("/")
    ada.open("General")
    return ada


def turn_to(person, hash_):
    person.page.evaluate("(hash) => { location.hash = hash; }", f"#/{hash_}")


def is_told(place, sentence):
    expect(place.get_by_role("alert").filter(has_text=sentence)).to_be_visible()


def try_again(place):
    place.get_by_role("button", name="Try again").click()


def test_late(house, ada):
    """
    Whatever comes late has its room before, and nothing moves; and what comes at once has no
    sign of loading before it.
    """
    page = ada.page
    with held(ada, "**/users"):
        page.reload()
        expect(page.locator(".waiting .spinner")).to_be_visible()
    ada.is_in()
    assert jumps(page) == []
    with held(ada, "**/messages?**"):
        turn_to(ada, f"p/{house.busy}")
        expect(page.locator(".log-waiting")).to_be_visible()
        assert page.locator(".log").get_attribute("aria-busy") == "true"
    ada.reads("message 59.")
    assert jumps(page) == []
    with held(ada, "**/thread?**"):
        turn_to(ada, f"p/{house.busy}/t/{house.parent}")
        expect(ada.thread.locator(".log-waiting")).to_be_visible()
    expect(ada.replies).to_have_count(2)
    page.evaluate("() => shifts.splice(0)")  # the place itself has made room for the thread
    with held(ada, "**/messages/image/**"):
        turn_to(ada, f"p/{house.pictures}")
        ada.message("640 by 480").scroll_into_view_if_needed()
        page.evaluate("() => shifts.splice(0)")
    expect(ada.message("640 by 480").locator("img")).to_be_visible()
    assert jumps(page) == []
    with held(ada, "**/webhooks"):
        turn_to(ada, "admin/webhooks")
        expect(page.locator(".admin-loading .spinner")).to_be_visible()
        page.evaluate("() => shifts.splice(0)")
    expect(page.get_by_text("No webhooks yet")).to_be_visible()
    assert jumps(page) == []
    ada.button("Your account").click()
    with held(ada, "**/auth/sessions"):
        page.get_by_role("menuitem", name="Your sessions").click()
        expect(page.get_by_role("dialog").locator(".spinner")).to_be_visible()
        page.evaluate("() => shifts.splice(0)")
    expect(page.get_by_role("dialog").get_by_text("This one")).to_be_visible()
    assert jumps(page) == []
    page.keyboard.press("Escape")
    ada.open("empty")
    with held(ada, "**/emoji.json"):
        ada.button("Emoji").click()
        expect(page.locator(".picker-loading .spinner")).to_be_visible()
        page.evaluate("() => shifts.splice(0)")
    expect(page.get_by_role("heading", name="Smileys")).to_be_attached()
    assert jumps(page) == []
    flashes = page.evaluate("() => flashes")
    assert len({name for name, _ in flashes}) >= 4
    assert [name for name, is_kept_back in flashes if not is_kept_back] == []


def test_troubled(house, ada):
    """
    What cannot be had is said where it would be, in a sentence, and can be asked for again.
    """
    page = ada.page
    main = page.get_by_role("main")
    with unreachable(ada, "**/config.json"):
        page.reload()
        is_told(page, "teamchat cannot be reached right now.")
    try_again(page)
    ada.is_in()
    with refused(ada, "**/users"):
        page.reload()
        is_told(page, SENTENCE)
        expect(ada.button("Sign out")).to_be_visible()
        try_again(page)
        is_told(page, SENTENCE)
    try_again(page)
    ada.is_in()
    with refused(ada, "**/messages?**"):
        turn_to(ada, f"p/{house.busy}")
        is_told(main, SENTENCE)
        expect(main.get_by_text("Nobody has said anything")).to_have_count(0)
        fits(page)
    try_again(main)
    ada.reads("message 59.")
    with refused(ada, "**/messages?**"):
        page.locator(".log").evaluate("(log) => { log.scrollTop = 0; }")
        is_told(main, SENTENCE)
    try_again(main)
    expect(ada.message("message 9.")).to_have_count(1)
    with refused(ada, "**/thread?**"):
        turn_to(ada, f"p/{house.busy}/t/{house.parent}")
        is_told(ada.thread, SENTENCE)
        fits(page)
    try_again(ada.thread)
    expect(ada.replies.filter(has_text="a reply")).to_be_visible()
    with unreachable(ada, "**/messages/image/**"):
        turn_to(ada, f"p/{house.pictures}")
        picture = ada.message("640 by 480")
        picture.scroll_into_view_if_needed()
        expect(picture.get_by_text("This image could not be loaded.")).to_be_visible()
        fits(page)
    try_again(picture)
    expect(picture.locator("img")).to_be_visible()
    box = page.get_by_role("dialog", name="Image 1 of 1")
    with refused(ada, "**/messages/image/*.png"):
        picture.get_by_role("button", name="Open image").click()
        is_told(box, SENTENCE)
    try_again(box)
    expect(box.locator("img")).to_be_visible()
    page.keyboard.press("Escape")
    with unreachable(ada, "**/emoji.json"):
        ada.button("Emoji").click()
        picker = page.get_by_role("dialog", name="Emoji")
        is_told(picker, "The emoji could not be loaded.")
    try_again(picker)
    expect(picker.get_by_role("heading", name="Smileys")).to_be_visible()
    page.keyboard.press("Escape")


def test_troubled_windows(house, ada):
    """
    The same of what is over a place, or in its place.
    """
    page = ada.page
    main = page.get_by_role("main")
    with unreachable(ada, "**/newmessage.js"):
        ada.button("New message").click()
        is_told(page, "A part of this page could not be loaded.")
        expect(ada.button("Reload")).to_be_visible()
    ada.button("Dismiss").click()
    ada.button("Go to", exact=False).click()
    window = page.get_by_role("dialog", name="Go to")
    window.get_by_role("textbox").fill("Maximiliane")
    with refused(ada, "**/conversations"):
        page.keyboard.press("Enter")
        is_told(window, SENTENCE)
    page.keyboard.press("Enter")
    expect(ada.heading(NAME)).to_be_visible()
    with refused(ada, "**/webhooks"):
        turn_to(ada, "admin/webhooks")
        is_told(main, SENTENCE)
    try_again(main)
    expect(main.get_by_text("No webhooks yet")).to_be_visible()
    with refused(ada, "**/channels"):
        turn_to(ada, "admin/channels")
        ada.button("Create a channel").last.click()
        window = page.get_by_role("dialog")
        window.get_by_label("Name").fill("garden")
        page.keyboard.press("Enter")
        is_told(window, SENTENCE)
    page.keyboard.press("Enter")
    expect(window).to_have_count(0)
    with refused(ada, "**/server/settings"):
        turn_to(ada, "admin/server")
        main.get_by_label("Name of the server").fill("The club")
        page.keyboard.press("Enter")
        is_told(main, SENTENCE)
    ada.button("Save").click()
    expect(page.locator(".sidebar-head strong")).to_have_text("The club")
    with refused(ada, "**/auth/sessions"):
        ada.button("Your account").click()
        page.get_by_role("menuitem", name="Your sessions").click()
        window = page.get_by_role("dialog")
        is_told(window, SENTENCE)
    try_again(window)
    expect(window.get_by_text("This one")).to_be_visible()
    page.keyboard.press("Escape")


def test_upload(house, ada):
    """
    An image that is not taken says so where it would stand, and its words are not lost.
    """
    ada.trouble.expect(REFUSED.format(400))
    ada.open("empty")
    half = {"name": "a.png", "mimeType": "image/png", "buffer": b"no picture"}
    ada.attach(half)
    ada.say("look at this")
    is_told(ada.log, "Not sent:")
    fits(ada.page)
    try_again(ada.log)
    is_told(ada.log, "Not sent:")
    ada.button("Discard").click()
    expect(ada.composer).to_have_value("look at this")
    ada.preview("a.png").click()
    ada.composer.press("Enter")
    ada.reads("look at this")


def test_empty(house, ada, visit):
    """
    Where there is nothing, a sentence says what there could be, or what to do.
    """
    page = ada.page
    turn_to(ada, f"p/{house.channel('nothing')}")
    expect(page.get_by_text("Nobody has said anything here yet.")).to_be_visible()
    fits(page)
    parent = house.say(house.empty, "who comes along?")
    turn_to(ada, f"p/{house.empty}/t/{parent}")
    expect(ada.thread.get_by_text("No replies yet")).to_be_visible()
    ada.button("Go to", exact=False).click()
    window = page.get_by_role("dialog", name="Go to")
    window.get_by_role("textbox").fill("zzz")
    told = window.get_by_role("status")
    expect(told).to_have_text("There is no channel and nobody called “zzz”.")
    page.keyboard.press("Escape")
    ada.button("Emoji").last.click()
    page.get_by_role("searchbox", name="Search emoji").fill("qqqq")
    expect(page.get_by_text("There is no emoji by that name.")).to_be_visible()
    page.keyboard.press("Escape")
    turn_to(ada, "admin/people")
    page.get_by_label("Search people").fill("zzz")
    expect(page.get_by_text("Nobody like that")).to_be_visible()
    fits(page)
    carol = visit(house.daemon, "carol")
    expect(carol.page.get_by_text("Nobody yet.")).to_be_visible()
    carol.button("Write to somebody").click()
    carol.page.get_by_role("option").first.click()
    expect(carol.page.get_by_text("can read this. Say hello.")).to_be_visible()


def crowd(count):
    return [
        {
            "id": f"user-{number}",
            "userName": f"Somebody {number}",
            "email": f"somebody-{number}@example.org",
            "isAdmin": False,
            "createdAt": 1_700_000_000_000,
        }
        for number in range(count)
    ]


def test_crowd(house, ada):
    """
    Alone, and among a thousand.
    """
    page = ada.page
    for count in (0, 1000):
        me = house.daemon.get("/auth/me", house.ada).json["user"]
        answered(ada, "**/users", 200, {"users": [me, *crowd(count)]})
        page.reload()
        ada.is_in()
        ada.button("New message").click()
        window = page.get_by_role("dialog")
        words = "950 more. Go on typing" if count else "You are the only one here so far."
        expect(window.get_by_role("status")).to_contain_text(words)
        expect(window.get_by_role("option")).to_have_count(50 if count else 0)
        fits(page)
        page.keyboard.press("Escape")
        turn_to(ada, "admin/people")
        people = page.get_by_role("list", name="People").get_by_role("listitem")
        expect(people).to_have_count(100 if count else 1)
        words = "1001 people, of whom 100 are shown" if count else "1 person"
        expect(page.locator(".admin-count")).to_contain_text(words)
        fits(page)
        page.context.unroute("**/users")


def test_sizes(house, ada):
    """
    Long, many, tall and wide: all of it is in its place, on a desk and in a hand.
    """
    place = house.channel("sizes")
    code = "\n".join(f"line_{number} = {'x' * 200}" for number in range(40))
    house.say(place, "🎉")
    house.say(place, "👍 🚀 👀")
    house.say(place, "words 🎉")
    house.say(place, f"```python\n{code}\n```")
    house.say(place, "words " * 2730)
    many = house.say(place, "fifty")
    for number in range(50):
        reaction = {"reaction": chr(0x1F600 + number)}
        house.daemon.done(house.daemon.post(f"/messages/{many}/reactions", house.ada, reaction))
    turn_to(ada, f"p/{place}")
    expect(ada.articles).to_have_count(6)
    expect(ada.page.locator(".reaction")).to_have_count(50)
    fits(ada.page)
    height = "(node) => parseFloat(getComputedStyle(node).fontSize)"
    sizes = [each.evaluate(height) for each in ada.page.locator(".rich").all()[:3]]
    assert sizes[0] == sizes[1] > 1.5 * sizes[2]
    code = ada.message("line_39").locator("pre")
    assert code.evaluate("(node) => node.scrollWidth > node.clientWidth")
    assert code.evaluate("(node) => node.scrollHeight === node.clientHeight")
    long = ada.message("words words")
    height = long.bounding_box()["height"]
    assert height < 500
    long.get_by_role("button", name="Show the whole message").click()
    expect(long.get_by_role("button", name="Show less")).to_be_attached()
    assert long.bounding_box()["height"] > 2 * height


def test_pointed_at(house, ada):
    """
    The way to the newest lies over what is pointed at below it; and the first buttons of a
    thread are seen, though there is no room above them.
    """
    page = ada.page
    turn_to(ada, f"p/{house.busy}")
    ada.reads("message 59.")
    page.locator(".log").evaluate("(log) => { log.scrollTop = 0; }")
    button = ada.button("Jump to newest")
    box = button.bounding_box()
    page.mouse.move(box["x"] - 20, box["y"] + box["height"] / 2)
    expect(page.locator(".message.active")).to_be_visible()
    assert faults(page) == []
    button.click()
    expect(button).to_have_count(0)
    turn_to(ada, f"p/{house.busy}/t/{house.parent}")
    ada.replies.first.hover()
    expect(ada.thread.get_by_role("toolbar")).to_be_visible()
    assert faults(page) == []


def test_late_emoji(house, ada):
    """
    A name that was written, and looked at again, before the emoji had come becomes one, once.
    """
    ada.open("empty")
    ada.composer.fill("")
    with held(ada, "**/emoji.json"):
        ada.composer.press_sequentially("well :tada:")
        ada.composer.click()
    expect(ada.composer).to_have_value("well 🎉 ")
    ada.composer.fill("")


def test_first_words(house, ada):
    """
    What is on its way stands where it will: below its day, and not below a sentence that says
    that there is nothing.  Nothing moves when it has arrived.
    """
    page = ada.page
    turn_to(ada, f"p/{house.channel('quiet')}")
    expect(page.get_by_text("Nobody has said anything here yet.")).to_be_visible()
    with held(ada, "**/channels/*/messages"):
        ada.composer.fill("the first")
        ada.composer.press("Enter")
        expect(ada.message("the first")).to_be_visible()
        expect(page.get_by_text("Nobody has said anything here yet.")).to_have_count(0)
        expect(page.get_by_role("separator")).to_have_text("Today")
        page.evaluate("() => shifts.splice(0)")
    expect(page.locator(".message.pending")).to_have_count(0)
    ada.reads("the first")
    assert jumps(page) == []


RATIO = "(image) => image.naturalWidth / image.naturalHeight"

DRAWN = """(image) => {
    const { width, height } = image.getBoundingClientRect();
    const { objectFit } = getComputedStyle(image);
    return [width / height, objectFit];
}"""


@pytest.mark.parametrize("size", SIZES)
def test_pictures(house, ada, size):
    """
    Tall, wide and tiny ones keep their form, small and large, and stay on the screen.
    """
    page = ada.page
    width, height = SIZES[size]
    page.set_viewport_size({"width": width, "height": height})
    turn_to(ada, f"p/{house.pictures}")
    expect(ada.articles).to_have_count(len(PICTURES))
    fits(page)
    page.set_viewport_size({"width": width, "height": height})
    for across, down in PICTURES:
        message = ada.message(f"{across} by {down}")
        message.scroll_into_view_if_needed()
        picture = message.locator("img")
        expect(picture).to_be_visible()
        ratio, fit = picture.evaluate(DRAWN)
        natural = picture.evaluate(RATIO)
        assert fit in ("scale-down", "contain") or abs(ratio / natural - 1) < 0.02
        # What has about the size of its frame fills it, and what is tiny is not blown up.
        is_tiny = picture.evaluate("(image) => image.naturalHeight < 120")
        assert fit == ("scale-down" if is_tiny else "contain"), across
        assert (across, down) != (640, 480) or abs(ratio / natural - 1) < 0.02
        message.get_by_role("button", name="Open image").click()
        large = page.get_by_role("dialog").locator("img:not(.lightbox-small)")
        expect(large).to_be_visible()
        ratio, fit = large.evaluate(DRAWN)
        assert fit == "contain"
        box = large.bounding_box()
        assert min(box["x"], width - box["x"] - box["width"]) >= 0
        assert min(box["y"], height - box["y"] - box["height"]) >= 0
        assert box["width"] <= across + 1
        page.keyboard.press("Escape")
