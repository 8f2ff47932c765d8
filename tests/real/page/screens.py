"""
Every screen of the page and every state of it that somebody may come to see, one after another.

A walk is a generator: what it yields is the name of what the page shows until it goes on.  So
whoever looks at all screens, with whatever eyes, does not miss one that another has seen.
"""

import contextlib
import re
from base64 import b64encode
from functools import cached_property
from pathlib import Path

from playwright.sync_api import expect

from tests.answers import encoded
from tests.real.daemon import RealDaemon
from tests.real.page.person import beginning
from tests.real.page.picture import hills, talk
from tests.real.page.states import States

PASSWORD = "correct horse battery"

EVERYTHING = """# All that a message may hold

A [link](https://example.org/), `code`, **bold**, *italic*, ~~struck out~~, and https://example.org/a/long/address.

> Somebody else's words,
> on two lines

1. one
2. two

- [x] done
- [ ] to do

| Name | Count | Note |
| --- | ---: | --- |
| apples | 12 | red |
| pears | 3 | and a cell with quite some words in it |

---

```python
def answer(question: str) -> int:  # and a comment that is wider than the window of the code
    return 42
```"""

RIGHT_TO_LEFT = "שלום לכולם! העיצוב החדש נראה **מצוין**, ראו `design.css`."

LONG_NAME = "Maximiliane Wilhelmina von und zu Hohenlohe-Waldenburg-Schilling"

LONG_PLACE = "zoo of everything that is too long, too many, too tall, too wide"

LONG_HOOK = "the-monitor-of-the-machine-room-in-the-cellar-of-the-other-house"

PROVIDERS = """
[[oauth.custom]]
id = "office"
name = "Our office"
authorizationUrl = "http://127.0.0.1:9/authorize"
tokenUrl = "http://127.0.0.1:9/token"
userInfoUrl = "http://127.0.0.1:9/userinfo"
clientId = "teamchat"
clientSecret = "not so secret"
redirectUri = "http://127.0.0.1:9/auth/oauth/office/callback"
"""


class Street:
    """
    The houses that have the screens: one where a team talks, and one for each way in.

    @ivar design: the channel that is worth looking at.
    @ivar zoo: the one with too much of everything.
    @ivar places: the channels of the team, by name.
    @ivar most_streams: that anybody may have.
    """

    most_streams = 6

    def __init__(self, directory, office):
        self._directory = Path(directory)
        self._mail = office
        self._open = []
        self.team = self._daemon(
            "team",
            chat={"max_message_length": 2000},
            events={"streams_per_user": self.most_streams},
            auth={"max_active_sessions": 1000},
        )
        self.design = furnish(self.team)
        self.zoo = overfill(self.team)
        self.places = channels_of(self.team)

    @cached_property
    def passwords(self):
        return self._daemon(
            "passwords",
            PROVIDERS,
            auth={"auth_mode": "password", "is_invite_required": False, "app_url": "http://x"},
            email=self._letters(),
        )

    @cached_property
    def links(self):
        return self._daemon(
            "links", auth={"auth_mode": "magic-link", "app_url": "http://x"}, email=self._letters()
        )

    def _letters(self):
        return {"host": "127.0.0.1", "port": self._mail.port, "secure": False, "from_": "c@x.org"}

    def _daemon(self, name, toml="", **sections):
        directory = self._directory / name
        directory.mkdir()
        self._open.append(RealDaemon(directory, toml=toml, **sections))
        return self._open[-1]

    def stop(self):
        for daemon in self._open:
            daemon.stop()


def furnish(daemon):
    design = talk(daemon)
    ada, grace, linus = (daemon.token(name) for name in ("ada", "grace", "linus"))

    def post(who, path, **given):
        return daemon.done(daemon.post(path, who, given))

    daemon.say(grace, EVERYTHING, design)
    daemon.say(grace, RIGHT_TO_LEFT, design)
    daemon.say(grace, "Two\n" * 80, design)
    said = daemon.say(linus, "This was another word.", design)
    daemon.done(daemon.put(f"/messages/{said['id']}", linus, {"content": "This was said anew."}))
    gone = daemon.say(linus, "Nobody shall read this.", design)
    daemon.done(daemon.delete(f"/messages/{gone['id']}", linus))
    hook = post(ada, "/webhooks", name="Builds", channelId=design)["webhook"]
    daemon.done(
        daemon.post(
            f"/webhooks/{hook['id']}/messages", hook["token"], {"content": "Build 214 is *green*."}
        )
    )
    pictures = []
    for name in ("one.png", "two.png", "three.png"):
        given = {"filename": name, "image": b64encode(hills()).decode()}
        pictures.append(post(ada, f"/channels/{design}/messages/image", **given)["filename"])
    daemon.say(ada, "Three at once", design, images=pictures)
    several = daemon.say(ada, "Who is in?", design)
    for who in (ada, grace, linus):
        for emoji in ("👍", "🎉"):
            post(who, f"/messages/{several['id']}/reactions", reaction=emoji)
    for at in range(6):
        post(grace, f"/messages/{several['id']}/thread", content=f"Reason number {at + 1}")
    daemon.say(ada, "🎉", design)
    return design


def overfill(daemon):
    """
    Long, many, tall and wide.

    @return: the channel that holds all of it.
    """
    ada, eve = daemon.token("ada"), daemon.token("eve")

    def post(who, path, **given):
        return daemon.done(daemon.post(path, who, given))

    daemon.done(daemon.put("/users/me", eve, {"userName": LONG_NAME}))
    zoo = post(ada, "/channels", name=LONG_PLACE)["channel"]["id"]
    hook = post(ada, "/webhooks", name=LONG_HOOK, channelId=zoo)["webhook"]
    given = {"content": f"@{LONG_NAME} is called by name, and so is @Ada Lovelace."}
    daemon.done(daemon.post(f"/webhooks/{hook['id']}/messages", hook["token"], given))
    for content in ("🎉", "👍 🚀 👀", "words 🎉", "W" * 300, "https://example.org/" + "a/" * 140):
        daemon.say(eve, content, zoo)
    code = "\n".join(
        f"line_{number} = {'x' * number * (1 if number % 6 else 5)!r}" for number in range(40)
    )
    daemon.say(ada, f"```python\n{code}\n```", zoo)
    many = daemon.say(ada, "fifty", zoo)["id"]
    for number in range(50):
        post(ada, f"/messages/{many}/reactions", reaction=chr(0x1F600 + number))
    post(eve, f"/messages/{many}/thread", content="a reply")
    image = {"filename": "hills.png", "image": b64encode(hills()).decode()}
    path = f"/channels/{zoo}/messages/image"
    pictures = [post(eve, path, **image)["filename"] for _ in range(13)]
    daemon.say(eve, "thirteen", zoo, images=pictures)
    me = daemon.get("/auth/me", ada).json["user"]["id"]
    post(eve, "/conversations", targetUserId=me)
    return zoo


def channels_of(daemon):
    channels = daemon.get("/channels", daemon.token("ada")).json["channels"]
    return {each["name"]: each["id"] for each in channels}


class Walk(States):
    """
    All of them.
    """

    # The door

    def door(self):
        yield from self._dev()
        yield from self._first_setup()
        yield from self._passwords()
        yield from self._links()
        yield from self.outside()

    def _dev(self):
        self._go(self._street.team, "/")
        self.person.is_out()
        yield "sign in, dev"
        self.person.textbox("E-mail address").fill("nobody")
        self.person.button("Sign in", exact=True).click()
        expect(self.person.alert).to_be_visible()
        yield "sign in, wrong address"

    def _first_setup(self):
        daemon = self._street.passwords
        token = daemon.setup_token
        self._go(daemon, f"/?token={token}")
        expect(self.person.button("Set password")).to_be_visible()
        yield "first setup"
        self.person.textbox("E-mail address").fill("ada@example.org")
        self.person.field("Password").fill(PASSWORD)
        self.person.button("Set password").click()
        self._is_in()
        yield from self.passwords()
        self._account("Sign out")
        self.person.is_out()

    def _passwords(self):
        daemon, person = self._street.passwords, self.person
        self._go(daemon, "/")
        expect(person.button("Sign in", exact=True)).to_be_visible()
        yield "sign in, password"
        person.try_to_sign_in("ada@example.org", "not the password")
        expect(person.alert).to_be_visible()
        yield "sign in, wrong password"
        person.button("Create account").click()
        expect(person.button("Create account")).to_be_visible()
        yield "create account"
        self._go(daemon, "/")
        self.page.get_by_text("I forgot my password").click()
        expect(person.button("Send me a link")).to_be_visible()
        yield "forgot password"
        person.textbox("E-mail address").fill("ada@example.org")
        person.button("Send me a link").click()
        expect(person.told("Look in your mail")).to_be_visible()
        yield "look in your mail"
        self._go(daemon, "/?token=0123456789&email=ada@example.org")
        expect(person.button("Set password")).to_be_visible()
        yield "reset password"
        person.field("Password").fill(PASSWORD)
        person.button("Set password").click()
        expect(person.alert).to_be_visible()
        yield "reset password, link not good"

    def _links(self):
        self._go(self._street.links, "/")
        expect(self.person.button("Send me a link")).to_be_visible()
        yield "sign in, link"
        self._go(self._street.links, "/?token=0123456789&email=ada@example.org")
        expect(self.person.button("Open teamchat")).to_be_visible()
        yield "open link"
        self.person.button("Open teamchat").click()
        expect(self.person.alert).to_be_visible()
        yield "open link, not good"

    # The room

    def room(self):
        self._come()
        for part in (self._places, self._messages, self._writing, self._windows, self._own):
            yield from part()
        for part in (self.own_states, self.much, self.unsettled):
            yield from part()

    def _come(self):
        self._go(self._street.team, f"/#/p/{self._street.design}")
        self.person.try_to_sign_in("ada@example.org")

    def _places(self):
        self._place()
        expect(self.page.locator("main img").first).to_be_visible()
        yield "channel"
        self._open_drawer()
        if self.is_narrow:
            yield "drawer"
            self._close_drawer()
        general = self._street.team.general(self._street.team.token("ada"))
        self._turn(f"/p/{general}")
        expect(self.person.heading("General")).to_be_visible()
        expect(self.page.get_by_text("Nobody has said anything")).to_be_visible()
        yield "empty channel"
        self._open_drawer()
        self.person.open("Linus", "Direct messages")
        self.person.reads("Thanks!")
        yield "direct messages"
        self._turn("/p/nowhere")
        expect(self.person.heading("There is nothing here")).to_be_visible()
        yield "nowhere"

    def _messages(self):
        self._place()
        message = self.person.message("This was said anew.")
        message.hover()
        expect(message.get_by_role("toolbar")).to_be_visible()
        yield "message pointed at"
        own = self.person.message("Who is in?")
        own.hover()
        own.get_by_role("button", name="Edit").click()
        expect(self.person.textbox("Edit message")).to_be_focused()
        yield "edit box"
        self.page.keyboard.press("Escape")
        own.get_by_role("button", name="6 replies").click()
        expect(self.person.replies.filter(has_text="Reason number 6")).to_be_visible()
        yield "thread"
        self.person.button("Close thread").click()
        several = self.person.message("Three at once")
        several.get_by_role("button", name="Open image 2 of 3").click()
        expect(self.page.get_by_role("img", name=beginning("Image 2 of 3"))).to_be_visible()
        yield "lightbox"
        self._escape()
        own.hover()
        own.get_by_role("button", name="Add reaction").click()
        self._is_shown("Emoji")
        expect(self.page.get_by_role("button", name="grinning face", exact=True)).to_be_visible()
        yield "emoji picker"
        self.page.get_by_role("searchbox").fill("no such emoji")
        expect(self.page.get_by_text("There is no emoji by that name.")).to_be_visible()
        yield "emoji picker, nothing found"
        self._escape()
        self.person.message("🎉").last.hover()
        self.person.message("🎉").last.get_by_role("button", name="Delete").click()
        expect(self.person.told("Message deleted")).to_be_visible()
        yield "notice"
        self.person.button("Undo").click()

    def _writing(self):
        person = self.person
        person.attach({"name": "hills.png", "mimeType": "image/png", "buffer": hills()})
        expect(person.preview("hills.png")).to_be_visible()
        person.composer.fill("Two lines,\nwith an image and @gr")
        person.composer.press("End")
        person.composer.press_sequentially("a")
        expect(self.page.get_by_role("listbox")).to_be_visible()
        yield "composer"
        person.composer.press("Escape")
        person.preview("hills.png").click()
        person.attach({"name": "notes.txt", "mimeType": "text/plain", "buffer": b"x"})
        expect(person.alert).to_be_visible()
        person.composer.fill("wide " * 401)
        expect(person.told("too many")).to_be_visible()
        yield "composer, refused"
        person.button("Dismiss").click()
        refusal = {"status": 400, "body": encoded({"error": "This was too much."}).decode()}
        self.page.route("**/messages", lambda route: route.fulfill(**refusal), times=1)
        person.composer.fill("Will this arrive?")
        person.button("Send", exact=True).click()
        expect(person.message("Not sent")).to_be_visible()
        yield "not sent"
        person.button("Discard").click()
        person.composer.fill("")
        self.page.route("**/reactions*", lambda route: route.fulfill(**refusal), times=1)
        person.message("Who is in?").get_by_role("button", name=beginning("🎉")).click()
        expect(self.page.get_by_role("alert")).to_be_visible()
        yield "error notice"
        person.button("Dismiss").click()

    def _windows(self):
        self.page.keyboard.press("Control+K")
        self._is_shown("Go to")
        yield "switcher"
        self.page.get_by_role("textbox", name=beginning("Find")).fill("zzz")
        expect(self.page.get_by_text("There is no channel and nobody")).to_be_visible()
        yield "switcher, nothing found"
        self._escape()
        self._open_drawer()
        self.person.button("New message").click()
        self._is_shown("New message")
        yield "new message"
        self._escape()
        self.page.keyboard.press("Control+/")
        self._is_shown("Keyboard shortcuts")
        yield "keys"
        self._escape()

    def _own(self):
        self._account()
        yield "account menu"
        self.page.get_by_role("menuitem", name="Change name").click()
        self._is_shown("Change name")
        self.page.get_by_role("dialog").get_by_role("textbox").fill("")
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        yield "change name, refused"
        self._escape()
        self._account("Your sessions")
        self._is_shown("Your sessions")
        expect(self.page.get_by_text("This one")).to_be_visible()
        yield "sessions"
        self._escape()
        self._account("Leave this server")
        self._is_shown("Leave this server?")
        yield "leave server"
        self._escape()
        self._close_drawer()

    # Administration

    def administration(self):
        yield from self._people()
        yield from self._channels()
        yield from self._webhooks()
        self._section("Server")
        expect(self.page.get_by_text("Version")).to_be_visible()
        yield "server"
        yield from self.administration_states()
        self._place()

    def _people(self):
        self._section("People")
        yield "people"
        self._menu("Actions for Grace Hopper")
        yield "people, menu"
        self.page.get_by_role("menuitem", name="Remove").click()
        self._is_shown(re.compile("Remove"))
        yield "remove somebody"
        self._escape()
        self.person.button("Add somebody").click()
        self._is_shown("Add somebody")
        self.page.get_by_role("dialog").get_by_label("E-mail address").fill("ada@example.org")
        self.page.keyboard.press("Enter")
        expect(self.page.get_by_role("dialog").get_by_role("alert")).to_be_visible()
        yield "add somebody, refused"
        self._escape()

    def _channels(self):
        self._section("Channels")
        expect(self.person.button("Actions for design")).to_be_visible()
        yield "channels"
        self._menu("Actions for random", "Delete")
        self._is_shown("Delete the channel")
        yield "delete channel"
        self._escape()
        self.person.button("Create a channel").last.click()
        self._is_shown("Create a channel")
        yield "create channel"
        self._escape()

    def _webhooks(self):
        self._section("Webhooks")
        expect(self.person.button("Delete Builds")).to_be_visible()
        yield "webhooks"
        self.person.button("Create a webhook").click()
        self._is_shown("Create a webhook")
        yield "create webhook"
        window = self.page.get_by_role("dialog")
        window.get_by_role("textbox").fill("Monitor")
        window.get_by_role("button", name="Create").click()
        window.get_by_role("button", name="Done").click()
        expect(window.get_by_text("You have not copied it")).to_be_visible()
        yield "webhook created, token not copied"
        window.get_by_role("button", name="Close anyway").click()
        self.person.button("Delete Monitor").click()
        self._is_shown(re.compile("Delete"))
        yield "delete webhook"
        self.page.get_by_role("dialog").get_by_role("button", name="Delete").click()
        expect(self.page.get_by_role("dialog")).to_have_count(0)
        self.person.button("Dismiss").click()

    # The end of the line

    def away(self):
        """
        The last of all: the house is shut.
        """
        self._place()
        yield from self.newer()
        yield from self.replaced()
        self._street.team.stop()
        expect(self.person.told("Reconnecting")).to_be_visible()
        yield "reconnecting"

    def narrow(self):
        """
        What is another thing where there is little room: the drawer, the thread, what lies at
        the foot or fills the screen.  All else has the same parts as on a wide one.
        """
        self._come()
        for part in (self._places, self._messages, self._own, self._people):
            yield from part()
        for part in (self.much, self.unsettled):
            yield from part()

    def all(self):
        for part in (self.door, self.room, self.administration, self.away):
            yield from part()


@contextlib.contextmanager
def street(directory, office):
    made = Street(directory, office)
    try:
        yield made
    finally:
        made.stop()
