"""
The page among the applications of a device: what it is called there, that it opens where
there is no net, and what a click on a notification leads to.
"""

import json
import re
import shutil

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import expect

from teamchatd.http.assets import FOLDER
from tests.real.daemon import PATIENCE, ROOT
from tests.real.page import icons
from tests.real.page.chromium import REFUSED, UNREACHABLE
from tests.real.page.test_live import LOOKED_AWAY

pytestmark = pytest.mark.real

AWAY = "teamchat cannot be reached right now."

KEPT = """async () => {
    const kept = {};
    for (const name of await caches.keys()) {
        const requests = await (await caches.open(name)).keys();
        kept[name] = requests.map(({url}) => url.replace(location.origin, ""));
    }
    return kept;
}"""

ALL_TEXTS = """async () => {
    const texts = [];
    for (const name of await caches.keys()) {
        const cache = await caches.open(name);
        for (const request of await cache.keys()) {
            const response = await cache.match(request);
            texts.push(await response.text() + JSON.stringify([...response.headers]));
        }
    }
    return texts.join();
}"""

SHOWN = """async () => {
    const shown = await registration.getNotifications();
    return shown.map(({title, body, icon, data}) => ({title, body, icon, data}));
}"""

ALL_SHOWN = "async () => (await navigator.serviceWorker.ready).getNotifications()"

IS_LIVE = """async () => {
    const main = document.querySelector("script[type=module]").src;
    return (await import(main.replace("main.js", "core/line.js"))).line.value.state === "live";
}"""

CLICK = """async () => {
    const [notification] = await registration.getNotifications();
    dispatchEvent(new NotificationEvent("notificationclick", {notification}));
}"""

COUNT_CLOSED = """() => {
    const {close} = Notification.prototype;
    globalThis.takenBack = 0;
    Notification.prototype.close = function () {
        takenBack += 1;
        close.call(this);
    };
}"""
"""By the page: after a while the browser takes them away by itself."""

DOORSTEP = """() => {
    globalThis.opened = [];
    clients.openWindow = async (address) => opened.push(address);
}"""
"""A browser opens a window only for a click of a hand."""


IMPATIENT = """() => {
    globalThis.setTimeout = (work, _, ...given) => work(...given);
    globalThis.asked = new Promise((told) => {
        globalThis.fetch = () => new Promise((done) => told(globalThis.answer = done));
    });
}"""
"""Its patience is over at once, and the daemon answers when the test says so."""

ANSWERING = """(status) => {
    const headers = {"Content-Type": "text/html"};
    globalThis.fetch = async () => new Response(`<p>This is a ${status}.`, {status, headers});
}"""


def comes_true(page, condition):
    """
    @param condition: a function, perhaps an async one, which Playwright would not wait for.
    """
    page.evaluate(
        f"""async () => {{
            const end = Date.now() + {PATIENCE * 1000};
            while (!(await ({condition})())) {{
                if (Date.now() > end) throw new Error("It never came true.");
                await new Promise(requestAnimationFrame);
            }}
        }}"""
    )


def is_kept(person):
    comes_true(person.page, "() => navigator.serviceWorker.controller")


@pytest.fixture
def daemon(daemon):
    """
    One whose administrator is ada.
    """
    daemon.token("ada")
    return daemon


@pytest.fixture
def ada(daemon, visit):
    """
    Whose page is kept by now.
    """
    ada = visit(daemon, "ada", has_worker=True)
    is_kept(ada)
    return ada


def worker_of(person):
    [worker] = person.page.context.service_workers
    return worker


def digest_of(person):
    return person.page.evaluate("document.scripts[0].src").split("/")[4]


def test_can_be_installed(daemon, ada):
    """
    The browser finds nothing that is missing; the name is the server's.
    """
    daemon.done(daemon.put("/server/settings", daemon.token("ada"), {"name": "The Difference"}))
    ada.page.reload()
    browser = ada.page.context.new_cdp_session(ada.page)
    told = browser.send("Page.getAppManifest")
    assert told["errors"] == []
    assert told["url"].endswith("/manifest.webmanifest")
    assert json.loads(told["data"])["name"] == "The Difference"
    missing = browser.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A profile like that of each test here is one that forgets, and installs nothing.
    assert {each["errorId"] for each in missing} <= {"in-incognito"}


def test_icons_are_of_the_drawing(chromium):
    """
    Whoever draws another one makes the pictures anew: C{python -m tests.real.page.icons}.
    """
    for icon, image in icons.drawn(chromium):
        committed = Image.open(FOLDER / icon.name).convert("RGBA")
        assert committed.size == image.size
        difference = ImageChops.difference(committed, image.convert("RGBA")).convert("L")
        far = sum(difference.histogram()[64:])
        assert far < image.width * image.height / 200, icon.name


@pytest.mark.parametrize("chosen", ["light", "dark"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_frame(daemon, visit, chosen, scheme):
    """
    Whatever the system has, the frame around the page is of the theme that somebody chose.
    """
    ada = visit(daemon, "ada", color_scheme=scheme, has_worker=True)
    ada.page.evaluate("(chosen) => localStorage.setItem('teamchat.theme', `\"${chosen}\"`)", chosen)
    ada.page.reload()
    ada.is_in()
    frames = ada.page.evaluate(
        """() => [...document.querySelectorAll("meta[name=theme-color]")]
            .filter(({media}) => !media || matchMedia(media).matches).map(({content}) => content)"""
    )
    assert frames == [{"light": "rgb(255, 254, 252)", "dark": "rgb(28, 27, 25)"}[chosen]]


def test_keeps_the_page_and_nothing_said(daemon, ada):
    """
    After a talk, what is kept is the page and what it names: nothing of the API, nothing
    that anybody said, nothing of who was here; and so it is when they have left.
    """
    ada.open("General")
    ada.say("a secret of the house")
    ada.reads("a secret of the house")
    ada.page.reload()
    ada.reads("a secret of the house")
    home = f"/assets/{digest_of(ada)}"
    page = daemon.get("/").body.decode()
    named = set(re.findall(r'(?:src|href)="(/assets/[^"]+)"', page))
    for is_gone in (False, True):
        if is_gone:
            ada.sign_out()
        kept = ada.page.evaluate(KEPT)
        assert kept.keys() == {home}
        assert sorted(kept[home]) == sorted({"/"} | named)
        texts = ada.page.evaluate(ALL_TEXTS)
        assert "teamchat" in texts
        assert "a secret of the house" not in texts
        assert "ada@example.org" not in texts


@pytest.mark.parametrize("init", ["", "delete globalThis.SharedWorker;"], ids=["worker", "tab"])
def test_without_a_daemon(daemon, visit, init):
    """
    The page opens, says how things stand, and goes on when it can; and then it hears what is
    said, whoever has to fetch what it takes to hear.
    """
    ada = visit(daemon, "ada", init=init, has_worker=True)
    is_kept(ada)
    ada.open("General")
    ada.say("hello")
    ada.trouble.expect(UNREACHABLE)
    daemon.stop()
    ada.page.reload()
    expect(ada.alert).to_have_text(AWAY)
    ada.another_tab("/?token=x&email=y%40example.org").page.close()
    daemon.start()
    ada.button("Try again").click()
    ada.reads("hello")
    comes_true(ada.page, IS_LIVE)
    daemon.say(daemon.token("bob"), "welcome back")
    ada.reads("welcome back")


SOON = """() => ["menu", "offers", "attaching"].every((name) =>
    [...document.styleSheets].some(({href}) => href.endsWith(`/${name}.css`)))"""


def test_what_is_used_soon(ada):
    """
    It is there when the page is painted, and not only when somebody asks for it: by then the
    net may be gone.
    """
    ada.trouble.expect("net::ERR_INTERNET_DISCONNECTED")
    comes_true(ada.page, SOON)
    ada.page.context.set_offline(True)
    ada.button("Your account").click()
    expect(ada.page.get_by_role("menuitem", name="Sign out")).to_be_visible()
    ada.page.keyboard.press("Escape")
    ada.composer.press_sequentially("@ad")
    expect(ada.page.get_by_role("option", name="ada")).to_be_visible()
    ada.attach({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x"})
    expect(ada.alert).to_contain_text("notes.txt is not an image")
    ada.page.context.set_offline(False)


def test_no_answer_comes(ada):
    """
    In a hole of the net, where nobody is refused and nobody answered, it opens as well.
    """
    worker_of(ada).evaluate(IMPATIENT)
    tab = ada.another_tab()
    tab.is_in()
    tab.page.close()


def test_who_reloads_waits(ada):
    """
    They want what is new, and would be given what is old again and again.
    """
    worker = worker_of(ada)
    worker.evaluate(IMPATIENT)
    ada.page.evaluate("() => void setTimeout(() => location.reload())")
    worker.evaluate("() => asked.then(() => {})")
    worker.evaluate("answer(new Response('<p>fresh', {headers: {'Content-Type': 'text/html'}}))")
    expect(ada.page.get_by_text("fresh")).to_be_visible()


@pytest.mark.parametrize(("status", "is_opened"), [(502, True), (429, False)])
def test_others_answer(ada, status, is_opened):
    """
    A proxy's word that the daemon is away is none of the daemon's; a refusal is.
    """
    ada.trouble.expect(REFUSED.format(status))
    worker_of(ada).evaluate(ANSWERING, status)
    ada.page.reload()
    if is_opened:
        ada.is_in()
    else:
        expect(ada.page.get_by_text("This is a 429.")).to_be_visible()


def test_other_paths_go_past(daemon, ada):
    """
    Of all that a page asks for, the worker answers only for what it keeps.
    """
    answered = []
    ada.page.on(
        "response",
        lambda each: answered.append(each.url) if each.from_service_worker else None,
    )
    ada.page.reload()
    ada.is_in()
    ada.open("General")
    ada.say("hello")
    kept = sum(ada.page.evaluate(KEPT).values(), [])
    origin = f"http://127.0.0.1:{daemon.port}"
    assert f"{origin}/" in answered
    assert {each.removeprefix(origin) for each in answered} <= set(kept)


OVERHEAR = """() => {
    globalThis.shown = [];
    addEventListener("fetch", ({request}) => shown.push(request.method));
}"""


def test_what_changes_something_is_not_shown_to_it(daemon, ada):
    """
    Chromium loses some of a page's last requests on the way past the worker: as when somebody
    deletes a message and closes the page before that can no more be undone.
    """
    ada.open("General")
    worker_of(ada).evaluate(OVERHEAR)
    bob = daemon.listen(daemon.token("bob"))
    ada.say("a slip")
    ada.delete("a slip")
    ada.does_not_read("a slip")
    ada.page.reload()
    assert bob.await_events(3)[-1].type == "DELETE_MESSAGE"
    ada.is_in()
    assert set(worker_of(ada).evaluate("shown")) == {"GET"}


def test_upgrade(as_process, visit, tmp_path):
    """
    After an upgrade the next load is of the new version, and then only that is kept.
    """
    house = tmp_path / "house"
    for folder in ("teamchatd", "twisted"):
        shutil.copytree(ROOT / folder, house / folder)
    daemon = as_process(environ={"PYTHONPATH": str(house)})
    daemon.stay()
    ada = visit(daemon, "ada", has_worker=True)
    is_kept(ada)
    ada.trouble.expect(UNREACHABLE, REFUSED.format(404))
    before = digest_of(ada)
    assert ada.page.evaluate(KEPT).keys() == {f"/assets/{before}"}
    daemon.stop()
    with open(house / "teamchatd" / "client" / "main.js", "a") as main:
        main.write("\ndocument.documentElement.dataset.version = 'newer';\n")
    daemon.start()
    ada.page.reload()
    ada.is_in()
    expect(ada.page.locator("html")).to_have_attribute("data-version", "newer")
    after = digest_of(ada)
    assert after != before
    comes_true(ada.page, f"async () => (await caches.keys()).join() === '/assets/{after}'")
    daemon.stop()
    ada.page.reload()
    expect(ada.page.locator("html")).to_have_attribute("data-version", "newer")
    expect(ada.alert).to_have_text(AWAY)
    assert digest_of(ada) == after


# Notifications


@pytest.fixture
def bob(daemon, visit):
    """
    Who may be notified, and does not look.
    """
    bob = visit(daemon, "bob", init=LOOKED_AWAY, permissions=["notifications"], has_worker=True)
    is_kept(bob)
    comes_true(bob.page, IS_LIVE)  # nobody is notified of what was said before one heard anything
    bob.page.evaluate("look(false)")
    return bob


def call_bob(daemon, bob):
    """
    In a channel that he does not see.

    @return: its id.
    """
    ada = daemon.token("ada")
    garden = daemon.done(daemon.post("/channels", ada, {"name": "garden"}))["channel"]["id"]
    expect(bob.link("Channels", "garden")).to_be_visible()
    daemon.done(daemon.post(f"/channels/{garden}/messages", ada, {"content": "come, @bob!"}))
    comes_true(bob.page, f"async () => (await ({ALL_SHOWN})()).length")
    [notification] = worker_of(bob).evaluate(SHOWN)
    assert notification["title"] == "ada in garden"
    assert notification["body"] == "come, @bob!"
    assert notification["icon"].endswith("/icons/192.png")
    assert notification["data"] == {"href": f"#/p/{garden}"}
    return garden


def test_notification_leads(daemon, bob):
    """
    A click leads the page that is open to the place.
    """
    call_bob(daemon, bob)
    worker_of(bob).evaluate(CLICK)
    expect(bob.heading("garden")).to_be_visible()
    bob.reads("come, @bob!")
    assert worker_of(bob).evaluate(SHOWN) == []


def test_notification_opens(daemon, bob):
    """
    If no page is open any more, one is opened at the place.
    """
    garden = call_bob(daemon, bob)
    worker = worker_of(bob)
    worker.evaluate(DOORSTEP)
    bob.page.goto("/openapi.json")
    worker.evaluate(CLICK)
    assert worker.evaluate("opened") == [f"/#/p/{garden}"]
    bob.page.goto(f"/#/p/{garden}")
    bob.reads("come, @bob!")


def test_notifications_of_who_has_left(daemon, bob):
    """
    They go when one signs out: somebody else may sit here next.
    """
    call_bob(daemon, bob)
    bob.page.evaluate(COUNT_CLOSED)
    bob.page.evaluate("look(true)")
    bob.sign_out()
    comes_true(bob.page, "() => takenBack === 1")
    comes_true(bob.page, f"async () => !(await ({ALL_SHOWN})()).length")
