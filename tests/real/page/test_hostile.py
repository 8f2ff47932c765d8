"""
Those who mean harm: whatever they write, it is words, and the page stays what it is.
"""

import html
import re
from base64 import b64encode
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

from tests.files.corpus import drawn, encoded
from tests.real.daemon import RealDaemon
from tests.real.page import hostile
from tests.real.page.chromium import REFUSED
from tests.real.page.layout import faults, fits

pytestmark = pytest.mark.real

CANARY = """
globalThis.ran = () => console.error("somebody else's script ran");
"""

ATTRIBUTES = [
    *("href", "class", "dir", "title", "target", "rel", "start", "align", "tabindex"),
    *("type", "aria-label", "role"),
]
"""What words may have."""

FORBIDDEN = "script style iframe object embed form input img svg math template"

STRANGE = """(lines, [allowed, forbidden]) => lines
    .flatMap((line) => [...line.querySelector(".rich").querySelectorAll("*")])
    .filter((node) => node.namespaceURI !== "http://www.w3.org/1999/xhtml"
        || forbidden.includes(node.localName)
        || [...node.attributes].some(({ name }) => !allowed.includes(name))
        || (node.href && !/^(https?:|mailto:)/.test(node.href))
        || (node.href && !(node.target === "_blank" && node.rel.includes("noopener"))))
    .map((node) => node.outerHTML.slice(0, 200))"""

LEFT_TO_RIGHT = """(node) => {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const lefts = [];
    while (walker.nextNode()) {
        const { data } = walker.currentNode;
        for (let at = 0; at < data.length; at++) {
            if (!/[a-z]/i.test(data[at])) continue;
            const range = document.createRange();
            range.setStart(walker.currentNode, at);
            range.setEnd(walker.currentNode, at + 1);
            lefts.push(range.getBoundingClientRect().left);
        }
    }
    return lefts.every((left, at) => at === 0 || left > lefts[at - 1]);
}"""
"""Of what stands on one line."""


class Target:
    """
    A daemon on which those who mean harm have already been.
    """

    def __init__(self, daemon):
        self.daemon = daemon
        self.ada = daemon.token("ada")
        self.eve = daemon.token("eve")

    def channel(self, name):
        """
        @return: its id; of the one there is, if there is one.
        """
        answer = self.daemon.post("/channels", self.ada, {"name": name})
        assert answer.status in (200, 400)
        channels = self.daemon.get("/channels", self.ada).json["channels"]
        return next((each["id"] for each in channels if each["name"] == name), None)

    def say(self, place, content, who=None, **more):
        answer = self.daemon.post(
            f"{place}/messages", who or self.eve, {"content": content, **more}
        )
        return self.daemon.done(answer)["message"]["id"]

    def conversation(self):
        ada = self.daemon.get("/auth/me", self.ada).json["user"]["id"]
        answer = self.daemon.post("/conversations", self.eve, {"targetUserId": ada})
        return self.daemon.done(answer)["conversation"]["id"]

    def upload(self, place, filename, content):
        given = {"filename": filename, "image": b64encode(content).decode()}
        return self.daemon.post(f"{place}/messages/image", self.eve, given)


@pytest.fixture(scope="module")
def target(tmp_path_factory):
    daemon = RealDaemon(tmp_path_factory.mktemp("target"), auth={"max_active_sessions": 1000})
    daemon.stay()
    yield Target(daemon)
    daemon.stop()
    daemon.assert_untroubled()


class Watched:
    """
    Ada, of whom it is known all that her browser asks for.
    """

    def __init__(self, person, daemon):
        self.person, self.page = person, person.page
        self._home = f"127.0.0.1:{daemon.port}"
        self._asked = []
        self.page.context.on("request", lambda request: self._asked.append(request.url))
        self.page.context.on("page", lambda page: self._asked.append(page.url))
        self.page.context.on("requestfailed", self._failed)
        self.page.on("dialog", lambda dialog: self._asked.append(f"dialog:{dialog.message}"))

    def _failed(self, request):
        """
        What the policy forbids never leaves the browser.
        """
        if request.failure == "csp":
            self._asked.remove(request.url)

    def elsewhere(self):
        """
        What was asked of anybody else.
        """
        mine = ("data", "blob")
        return [
            url
            for url in self._asked
            if (parts := urlsplit(url)).scheme not in mine and parts.netloc != self._home
        ]

    def turn_to(self, place):
        self.page.evaluate("(hash) => { location.hash = hash; }", f"#/p/{place}")

    def shows(self, count):
        """
        So many messages, and what is written in each, as it is read.
        """
        expect(self.person.articles).to_have_count(count)
        self.fits()
        return self.words(self.person.articles)

    def words(self, articles):
        boxes = articles.evaluate_all(
            """(all) => all.map((each) => each.querySelector(".rich")?.textContent ?? "")"""
        )
        strange = articles.evaluate_all(STRANGE, [ATTRIBUTES, FORBIDDEN.split()])
        assert strange == []
        return boxes

    def fits(self):
        fits(self.page)


def watched(come, target):
    person = come(target.daemon, init=CANARY)
    watched = Watched(person, target.daemon)
    person.sign_in("ada@example.org")
    return watched


@pytest.fixture(scope="module")
def page_of_ada(come, target):
    ada = watched(come, target)
    yield ada
    ada.page.context.close()


@pytest.fixture
def ada(page_of_ada, watch):
    """
    The same in all tests: what did no harm in one may do it in the next.
    """
    watch(page_of_ada.person)
    yield page_of_ada
    assert page_of_ada.elsewhere() == []


@pytest.fixture
def careless(come, target, watch):
    """
    Ada in a browser of her own, in which somebody has been.
    """
    ada = watched(come, target)
    watch(ada.person)
    yield ada
    assert ada.elsewhere() == []
    ada.page.context.close()


def bare(text):
    """
    Without what Markdown makes of signs, and what takes no room or only that.
    """
    return re.sub(r"[\s\x00-\x1f*_`~\\]", "", text)


def is_read(payload, shown):
    """
    Entities are Markdown, too.
    """
    return bare(shown) in (bare(payload), bare(html.unescape(payload)))


def test_markup(target, ada):
    """
    As it comes, with the place open, and after a reload.
    """
    half = len(hostile.RUNNERS) // 2
    for name, payloads in (("markup", hostile.RUNNERS[:half]), ("more", hostile.RUNNERS[half:])):
        place = target.channel(name)
        ada.turn_to(place)
        expect(ada.person.heading(name)).to_be_visible()
        for payload in payloads:
            target.say(f"/channels/{place}", payload)
        for _ in range(2):
            shown = ada.shows(len(payloads))
            unread = [each for each in zip(payloads, shown, strict=True) if not is_read(*each)]
            assert unread == []
            ada.page.reload()


def test_links(target, ada):
    place = target.channel("links")
    for payload in hostile.LINKS:
        target.say(f"/channels/{place}", payload)
    ada.turn_to(place)
    shown = ada.shows(len(hostile.LINKS))
    assert [each for each in shown if "press" not in each and "elsewhere.test" not in each] == []


def test_large(target, ada):
    place = target.channel("large")
    for payload, _ in hostile.LARGE:
        target.say(f"/channels/{place}", payload[: hostile.LONGEST])
    ada.turn_to(place)
    shown = ada.shows(len(hostile.LARGE))
    missing = [
        text for (_, text), words in zip(hostile.LARGE, shown, strict=True) if text not in words
    ]
    assert missing == []


LOOKS = """async (texts) => {
    const main = document.querySelector("script[type=module]").src;
    const { rich } = await import(main.replace("main.js", "text/markdown.js"));
    const { exec } = RegExp.prototype;
    let looks = 0;
    RegExp.prototype.exec = function counted(text) {
        looks++;
        return exec.call(this, text);
    };
    const counts = texts.map((text) => {
        looks = 0;
        rich(text, { names: new Map(), me: "" });
        return looks;
    });
    RegExp.prototype.exec = exec;
    return counts;
}"""
"""How often a reader looks for a sign in each text."""


SIGNS = ["**x ", "*x ", "__x ", "**x(", "**x\n", "~~x "]


def test_stars(ada):
    """
    Twice the signs are twice the work, and not four times.
    """
    for sign in SIGNS:
        texts = [sign * count + "y" + sign[:2] for count in (2000, 4000)]
        half, whole = ada.page.evaluate(LOOKS, texts)
        assert half < whole < 3 * half, sign


def test_turned(target, ada):
    """
    What somebody turns around, turns around in their words and nowhere else.
    """
    place = target.channel("turned")
    for payload in hostile.LETTERS:
        said = target.say(f"/channels/{place}", payload)
        changed = {"content": f"{payload}."}
        target.daemon.done(target.daemon.put(f"/messages/{said}", target.eve, changed))
    target.say(f"/channels/{place}", "this is as it always was")
    ada.turn_to(place)
    shown = ada.shows(len(hostile.LETTERS) + 1)
    payloads = [f"{each}.(edited)" for each in hostile.LETTERS]
    unread = [
        each for each in zip(payloads, shown[:-1], strict=True) if bare(each[0]) != bare(each[1])
    ]
    assert unread == []
    for ordinary in (ada.page.locator(".edited"), ada.page.locator(".message-head time")):
        assert False not in [each.evaluate(LEFT_TO_RIGHT) for each in ordinary.all()]
    assert ada.person.message("as it always was").locator(".rich").evaluate(LEFT_TO_RIGHT)


def test_piled(target, ada):
    """
    Marks piled upon a letter cover no line of anybody else.
    """
    place = target.channel("piled")
    target.say(f"/channels/{place}", "above", target.ada)
    pile = "p" + "\u0310\u0489" * 200
    piled = target.say(f"/channels/{place}", pile)
    target.say(f"/channels/{place}", "below", target.ada)
    ada.turn_to(place)
    ada.shows(3)
    lines = [ada.person.message("above"), ada.person.message("below")]
    with_pile = [line.screenshot() for line in lines]
    target.daemon.done(target.daemon.put(f"/messages/{piled}", target.eve, {"content": "p"}))
    expect(ada.person.message(re.compile(r"p\s*\(edited\)"))).to_be_visible()
    assert [line.screenshot() for line in lines] == with_pile


LINK = r"\[.*\]\("
"""Of which one reads the words only."""


def test_names(target, ada):
    """
    Of people, channels, webhooks and the server, wherever they are shown.
    """
    taken = []
    for number, name in enumerate(hostile.NAMES):
        who = target.daemon.token(f"person-{number}")
        answer = target.daemon.put("/users/me", who, {"userName": name})
        assert answer.status in (200, 400)
        if answer.status == 200:
            taken.append(answer.json["user"]["userName"])
        place = target.channel(name)
        if place is None:
            continue
        target.say(f"/channels/{place}", f"I am @{name} here", who)
        hook = target.daemon.post("/webhooks", target.ada, {"name": name, "channelId": place})
        hook = target.daemon.done(hook)["webhook"]
        target.say(f"/webhooks/{hook['id']}", f"A program called {name}", hook["token"])
    assert len(taken) >= len(hostile.NAMES) - 1
    for address in hostile.ADDRESSES:
        target.daemon.post("/users/add", target.ada, {"email": address})
    # All of it at once, and then one after the other as it comes.
    for server in hostile.NAMES[:4]:
        answer = target.daemon.put("/server/settings", target.ada, {"name": server})
        target.daemon.done(answer)
        expect(ada.page.locator(".sidebar-head strong")).to_have_text(server)
    channels = ada.page.get_by_role("navigation", name="Channels").get_by_role("link")
    for name in taken:
        ada.turn_to(target.channel(name))
        expect(ada.page.get_by_role("heading", level=1)).to_have_text(name)
        expect(ada.person.articles).to_have_count(2)
        said = ada.words(ada.person.articles)[1]
        if not re.search(LINK, name):
            assert is_read(f"A program called {name}", said)
        assert faults(ada.page) == []
        expect(channels.and_(ada.page.locator("[aria-current]"))).to_have_text(name)
        expect(ada.page.locator(".author")).to_have_text([name, name])
        if not re.search(f"[_*<&]|{LINK}", name):
            expect(ada.page.locator(".mention")).to_have_text(f"@{name}")
    ada.fits()
    ada.person.button("New message").click()
    window = ada.page.get_by_role("dialog", name="New message")
    for name in taken:
        window.get_by_role("textbox").fill(name)
        expect(window.get_by_role("option").filter(has_text=name).first).to_be_visible()
    ada.page.keyboard.press("Escape")
    for section in ("people", "channels", "webhooks", "server"):
        ada.page.evaluate("(hash) => { location.hash = hash; }", f"#/admin/{section}")
        expect(ada.page.locator("#admin-title")).to_have_text(section.capitalize())
        if section != "server":
            rows = ada.page.locator(".admin-row .admin-name strong")
            expect(rows.filter(has_text="__proto__").first).to_be_visible()
            names = rows.all_text_contents()
            assert [name for name in taken if name not in names] == []
        ada.fits()


def test_notices(target, ada):
    """
    A sentence with a name in it is read from its beginning to its end.
    """
    ada.person.trouble.expect(REFUSED.format(404))  # what was said there may not be here yet
    for name in ("\u202eturned", "\u2067isolated"):
        place = target.channel(name)
        ada.turn_to(place)
        expect(ada.page.get_by_role("heading", level=1)).to_have_text(name)
        assert not re.search("[\u202a-\u202e\u2066-\u2069]", ada.page.title())
        target.daemon.done(target.daemon.delete(f"/channels/{place}", target.ada))
        told = ada.person.told("was deleted").filter(has_text=name[1:]).locator("p")
        expect(told).to_be_visible()
        assert told.evaluate(LEFT_TO_RIGHT)


def test_elsewhere(target, ada):
    """
    The same in a thread and between two, and with reactions that are no emoji.
    """
    some = hostile.RUNNERS[::6] + hostile.LETTERS[:4]
    place = target.channel("threads")
    parent = target.say(f"/channels/{place}", "the parent <img src=x onerror=top.ran()>")
    for payload in some:
        answer = target.daemon.post(f"/messages/{parent}/thread", target.eve, {"content": payload})
        target.daemon.done(answer)
    ada.turn_to(f"{place}/t/{parent}")
    expect(ada.person.replies).to_have_count(len(some) + 1)
    shown = ada.words(ada.person.replies)[1:]
    assert [each for each in zip(some[:-4], shown, strict=False) if not is_read(*each)] == []
    ada.fits()
    conversation = target.conversation()
    for payload in some:
        target.say(f"/conversations/{conversation}", payload)
    ada.turn_to(conversation)
    shown = ada.shows(len(some))
    assert [each for each in zip(some[:-4], shown, strict=False) if not is_read(*each)] == []


def test_reactions(target, ada):
    """
    As they come, and after a reload.
    """
    place = target.channel("reactions")
    said = target.say(f"/channels/{place}", "what do you think?")
    ada.turn_to(place)
    ada.person.reads("what do you think?")
    for who in (target.eve, target.ada):
        for reaction in hostile.REACTIONS:
            answer = target.daemon.post(f"/messages/{said}/reactions", who, {"reaction": reaction})
            target.daemon.done(answer)
    for _ in range(2):
        buttons = ada.page.locator(".reaction")
        expect(buttons).to_have_count(len(hostile.REACTIONS))
        # Like a map of JSON, a page shows what looks like a number first.
        expect(buttons.filter(has_text="2")).to_have_count(len(hostile.REACTIONS))
        ada.fits()
        ada.page.reload()
    for reaction in hostile.REACTIONS[:4]:
        ada.page.locator(f'.reaction[aria-label^="{reaction} 2"]').click()
        expect(ada.page.locator(f'.reaction[aria-label^="{reaction} 1"]')).to_be_visible()


def test_written(target, ada):
    """
    Into the composer: names of things that every object has are no emoji, and half a
    letter is refused in a sentence.
    """
    place = target.channel("written")
    ada.turn_to(place)
    expect(ada.person.heading("written")).to_be_visible()
    for name in ("constructor", "__proto__", "tostring"):
        ada.person.composer.press_sequentially(f":{name}:")
        ada.person.composer.press_sequentially(" :tada:")
        expect(ada.person.composer).to_have_value(f":{name}: 🎉 ")
        ada.person.composer.fill("")
    ada.person.trouble.expect(REFUSED.format(400))
    ada.person.composer.evaluate(
        """(box) => {
            box.value = "half \\ud800 a letter";
            box.dispatchEvent(new Event("input", {bubbles: true}));
        }"""
    )
    ada.person.composer.press("Enter")
    expect(ada.page.get_by_role("alert").filter(has_text="Not sent")).to_be_visible()
    ada.person.button("Discard").click()
    ada.person.composer.fill("a whole one")
    ada.person.composer.press("Enter")
    ada.person.reads("a whole one")


SCRIPTED = b"""<svg xmlns="http://www.w3.org/2000/svg" width="90" height="60" onload="top.ran()">
<script>top.ran()</script><rect width="90" height="60" fill="teal" onclick="top.ran()"/>
<image href="http://elsewhere.test/x.png" width="9" height="9"/>
<foreignObject width="9" height="9"><body xmlns="http://www.w3.org/1999/xhtml" onload="top.ran()"/>
</foreignObject></svg>"""

FILES = ["<img src=x onerror=top.ran()>.png", "../../../x.png", "\u202egnp.png", "__proto__.png"]


def test_pictures(target, ada):
    """
    With scripts in them and beside them, small, large, and by themselves in a tab.
    """
    place = target.channel("pictures")
    path = f"/channels/{place}"
    names = [
        target.daemon.done(target.upload(path, name, content))["filename"]
        for name, content in [
            ("drawing.svg", SCRIPTED),
            *((name, told()) for name in FILES),
        ]
    ]
    target.say(path, "pictures", images=names)
    ada.turn_to(place)
    pictures = ada.person.message("pictures").locator("img")
    expect(pictures).to_have_count(len(names))
    ada.fits()
    address = pictures.first.get_attribute("src")
    # There the policy of the page holds, whose address it has.
    ada.person.trouble.expect(
        r"against the policy: [^(]*\(:\d+\)$", r"blob:", r"elsewhere\.test/x\.png: csp$"
    )
    with ada.page.context.expect_page() as opened:
        ada.page.evaluate("(address) => void open(address)", address)
    expect(opened.value.locator("rect")).to_be_visible()
    opened.value.locator("rect").click()
    opened.value.close()
    pictures.first.click()
    expect(ada.page.get_by_role("dialog").locator("img:not(.lightbox-small)")).to_be_visible()
    ada.page.keyboard.press("Escape")
    for name in FILES:
        ada.person.attach({"name": name, "mimeType": "image/png", "buffer": told()})
        expect(ada.person.preview(name)).to_be_visible()
    ada.fits()
    ada.person.say("mine")
    expect(ada.person.message("mine").locator(".image img")).to_have_count(len(FILES))


def told():
    """
    A picture whose words are a script.
    """
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_text("Title", "<script>top.ran()</script>")
    return encoded(drawn((64, 48)), "PNG", pnginfo=words)


KEEP = """([junk, names]) => names.forEach((name) => localStorage.setItem(name, junk))"""

KEYS = """() => {
    const user = JSON.parse(localStorage["teamchat.session"]).user.id;
    return ["emoji", "theme", "signed-out", "turn.refresh", `place.${user}`]
        .map((name) => `teamchat.${name}`)
        .concat(Object.keys(localStorage).filter((name) => name.startsWith("teamchat.draft.")));
}"""


def test_kept(careless):
    """
    Whatever stands where the page keeps what it knows, it is there, and can be used.
    """
    careless.person.trouble.expect(REFUSED.format(404))  # a place that never was
    careless.person.open("General")
    careless.person.composer.fill("half a sent")
    keys = careless.page.evaluate(KEYS)
    assert len(keys) == 6
    for junk in hostile.JUNK[:12]:
        careless.page.evaluate(KEEP, [junk, keys])
        careless.page.reload()
        careless.person.is_in()
    careless.person.open("General")
    careless.person.composer.press_sequentially("ence")
    careless.person.button("Emoji").click()
    expect(careless.page.locator("[data-emoji]").first).to_be_visible()


OUTBOX = """async () => {
    const user = JSON.parse(localStorage["teamchat.session"]).user.id;
    const database = await new Promise((done) => {
        const asked = indexedDB.open("teamchat");
        asked.onsuccess = () => done(asked.result);
    });
    const store = database.transaction("outbox", "readwrite").objectStore("outbox");
    for (const [at, junk] of [{}, {files: 1}, {files: [null]}, {files: [{blob: "x"}]},
            {placeId: {}}, {placeId: 1, files: []}, {content: {}, files: []},
            {placeId: "../users", kind: "channel", content: 1, files: [], parentId: null},
            {placeId: "x", files: [], createdAt: "y", state: "__proto__"}].entries()) {
        store.put({clientId: `junk ${at}`, userId: user, ...junk});
    }
    await new Promise((done) => (store.transaction.oncomplete = done));
    database.close();
}"""
"""What was to be sent."""


def test_kept_session(careless):
    """
    And if it cannot be told who is signed in, nobody is.
    """
    careless.person.trouble.expect(REFUSED.format(401))
    for junk in hostile.JUNK:
        careless.page.evaluate(KEEP, [junk, ["teamchat.session"]])
        careless.page.reload()
        careless.person.is_out()
    careless.person.sign_in("ada@example.org")
    careless.page.evaluate(OUTBOX)
    careless.person.trouble.expect(REFUSED.format(r"40\d"))
    careless.page.reload()
    careless.person.open("General")
    careless.person.say("what I meant to say")
    careless.person.reads("what I meant to say")


def test_addresses(careless):
    """
    Links into the page that somebody else has made.
    """
    careless.person.trouble.expect(REFUSED.format(r"40\d"))
    for address in hostile.ADDRESSES_OF_THE_PAGE:
        if address.startswith("/#"):
            careless.page.evaluate("(hash) => { location.hash = hash; }", address[1:])
        else:
            careless.page.goto(address)
        careless.person.is_in()
        assert "?" not in careless.page.url
        assert faults(careless.page) == []
    careless.fits()
    careless.person.open("General")
    expect(careless.person.composer).to_be_visible()


MESSAGES = """async () => {
    const junk = [null, 1, "x", [], {}, {kind: "event"}, {kind: "event", id: 1, data: "{"},
        {kind: "state"}, {kind: "state", state: "off"}, {kind: "__proto__"}, {kind: "constructor"},
        {kind: "event", id: "1", data: '{"type": "constructor", "payload": null}'},
        {kind: "event", id: "2", data: '{"type": "__proto__"}'}, {kind: "token", token: {}}];
    for (const each of junk) {
        postMessage(each, "*");
        dispatchEvent(new MessageEvent("message", {data: each, origin: "http://elsewhere.test"}));
        dispatchEvent(new StorageEvent("storage", {key: "teamchat.theme", newValue: "{"}));
    }
    dispatchEvent(new StorageEvent("storage", {key: ""}));
    dispatchEvent(new HashChangeEvent("hashchange"));
    dispatchEvent(new PopStateEvent("popstate", {state: {placeId: {}}}));
}"""


def test_messages(ada):
    """
    Other windows may call anything into this one.
    """
    ada.person.open("General")
    ada.page.evaluate(MESSAGES)
    ada.person.say("still here")
    ada.person.reads("still here")
