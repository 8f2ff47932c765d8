"""
Administration, and what everybody has to say about their own sessions.
"""

import re
import subprocess

import pytest
from playwright.sync_api import expect

from tests.mail.post_office import link_in
from tests.real.daemon import PATIENCE
from tests.real.page.chromium import REFUSED, UNREACHABLE
from tests.real.page.person import beginning

pytestmark = pytest.mark.real

PASSWORD = "correct horse battery"

BAD_REQUEST, UNAUTHORIZED = REFUSED.format(400), REFUSED.format(401)

CLIPBOARD = {"permissions": ["clipboard-read", "clipboard-write"]}


@pytest.fixture
def with_passwords(as_process):
    """
    Makes a daemon whose only user is Ada, who administrates it.
    """

    def make(**sections):
        first = {"user_name": "ada", "email": "ada@example.org", "password": PASSWORD}
        daemon = as_process(
            auth={"auth_mode": "password", "is_invite_required": True},
            chat_initial_user=first,
            **sections,
        )
        daemon.stay()
        return daemon

    return make


class Admin:
    """
    Somebody who administrates, before that part of the page.
    """

    def __init__(self, person):
        self.person, self.page = person, person.page

    def open(self, section="People"):
        """
        By the menu, as anybody finds it who does not know the cog.
        """
        self.choose_from("Your account", "Administration")
        self.turn_to(section)
        return self

    def turn_to(self, section):
        sections = self.page.get_by_role("navigation", name="Administration")
        sections.get_by_role("link", name=section).click()
        expect(self.page.get_by_role("heading", name=section, level=2)).to_have_count(
            2 if section == "Channels" else 1
        )

    def choose_from(self, menu, entry):
        self.page.get_by_role("button", name=beginning(menu)).click()
        self.page.get_by_role("menuitem", name=entry, exact=True).click()

    def row(self, of, name):
        rows = self.page.get_by_role("list", name=of, exact=True).get_by_role("listitem")
        return rows.filter(has=self.page.get_by_text(name, exact=True))

    @property
    def window(self):
        return self.page.get_by_role("dialog")

    def write(self, label, text):
        self.window.get_by_label(label, exact=True).fill(text)

    def press(self, name):
        self.window.get_by_role("button", name=name, exact=True).click()

    def is_told(self, text):
        expect(self.page.get_by_role("status").filter(has_text=text)).to_be_visible()

    def is_refused(self, text):
        expect(self.window.get_by_role("alert").filter(has_text=text)).to_be_visible()

    def is_done(self):
        expect(self.window).to_have_count(0)

    def add(self, email, **more):
        self.page.get_by_role("button", name="Add somebody").click()
        self.write("E-mail address", email)
        for label, text in more.items():
            self.write(label, text)
        self.press("Add")


@pytest.fixture
def ada(daemon, visit):
    return Admin(visit(daemon, "ada", **CLIPBOARD))


# People


def test_add(daemon, ada, visit):
    """
    Whoever is added is in the list of every administrator at once, with their role, and
    can come in.
    """
    other = Admin(visit(daemon, "ada")).open()
    ada.open()
    ada.page.get_by_role("button", name="Add somebody").click()
    ada.write("E-mail address", "bob@example.org")
    ada.window.get_by_role("radio", name="Administrator").check()
    ada.press("Add")
    ada.is_told("bob@example.org was added")
    expect(ada.window).to_contain_text("It asks for no password.")
    ada.press("Done")
    ada.is_done()
    for each in (ada, other):
        expect(each.row("People", "bob@example.org")).to_contain_text("Administrator")
        expect(each.row("People", "bob@example.org")).to_contain_text("since today")
    visit(daemon, "bob")


def test_add_whoever_is_there(ada):
    """
    The refusal is said beside the field, which has the focus, and nothing is lost.
    """
    ada.person.trouble.expect(BAD_REQUEST)
    ada.open().add("ada@example.org")
    ada.is_refused("There is already a user with this e-mail address.")
    expect(ada.window.get_by_label("E-mail address")).to_be_focused()
    expect(ada.window.get_by_label("E-mail address")).to_have_value("ada@example.org")
    ada.press("Cancel")
    ada.page.get_by_role("button", name="Add somebody").click()
    ada.press("Add")
    ada.is_refused("Please write their e-mail address.")


def test_invite(with_passwords, office, visit):
    """
    Where there is mail, a letter brings a link, and the page says so.
    """
    mail = office()
    where = {"host": "127.0.0.1", "port": mail.port, "secure": False}
    daemon = with_passwords(email=where | {"from_": "chat@example.org"})
    person = visit(daemon)
    person.sign_in("ada@example.org", PASSWORD)
    ada = Admin(person).open()
    ada.add("bob@example.org")
    ada.is_told("An invitation was sent to bob@example.org.")
    assert "token=" in link_in(mail.await_letter())


def test_first_password(with_passwords, visit):
    """
    Where there is none, an administrator gives the password, and the words to pass it on.
    """
    daemon = with_passwords()
    person = visit(daemon, **CLIPBOARD)
    person.sign_in("ada@example.org", PASSWORD)
    person.trouble.expect(BAD_REQUEST)
    ada = Admin(person).open()
    ada.add("bob@example.org", **{"First password (optional)": "short"})
    ada.is_refused("A password has at least 8 characters.")
    ada.press("Suggest a password")
    password = ada.window.get_by_label("First password (optional)").input_value()
    assert re.fullmatch(r"(\w{4}-){3}\w{4}", password)
    ada.press("Add")
    ada.press("Copy these words")
    ada.is_told("Copied")
    said = ada.page.evaluate("navigator.clipboard.readText()")
    assert password in said
    assert "bob@example.org" in said
    visit(daemon).sign_in("bob@example.org", password)


def test_no_password_yet(with_passwords, visit):
    """
    Who was added without one cannot come in, and gets one from there.
    """
    daemon = with_passwords()
    person = visit(daemon)
    person.sign_in("ada@example.org", PASSWORD)
    ada = Admin(person).open()
    ada.add("bob@example.org")
    expect(ada.window).to_contain_text("They have no password yet")
    ada.press("Give a password")
    password = ada.window.get_by_label("New password of bob").input_value()
    ada.press("Reset password")
    ada.is_told("bob has a new password")
    visit(daemon).sign_in("bob@example.org", password)


def test_reset_password(with_passwords, visit):
    """
    It ends the sessions of whose password it is; from then on the new one is good.
    """
    daemon = with_passwords()
    person = visit(daemon)
    person.sign_in("ada@example.org", PASSWORD)
    ada = Admin(person).open()
    ada.add("bob@example.org", **{"First password (optional)": PASSWORD})
    ada.press("Done")
    bob = visit(daemon)
    bob.trouble.expect(UNAUTHORIZED)
    bob.sign_in("bob@example.org", PASSWORD)
    ada.choose_from("Actions for bob", "Reset password")
    expect(ada.window).to_contain_text("bob is signed out everywhere")
    ada.write("New password of bob", "staple of the horse")
    ada.press("Reset password")
    ada.is_told("bob has a new password")
    bob.is_out()
    bob.sign_in("bob@example.org", "staple of the horse")


def test_remove(daemon, ada, visit):
    """
    They are out at once, and what they wrote stays under their name.
    """
    bob = visit(daemon, "bob")
    bob.trouble.expect(UNAUTHORIZED)
    bob.say("I was here")
    other = Admin(visit(daemon, "ada")).open()
    ada.open().choose_from("Actions for bob", "Remove")
    expect(ada.window).to_contain_text("what they wrote, under their name")
    ada.press("Remove")
    ada.is_told("bob was removed.")
    bob.is_out()
    for each in (ada, other):
        expect(each.row("People", "bob@example.org")).to_have_count(0)
    ada.page.get_by_role("button", name="Close administration").click()
    ada.person.reads("I was here")
    expect(ada.person.message("I was here")).to_contain_text("bob")


def test_search(daemon, ada):
    """
    A part of the name or of the address finds them; Esc shows everybody again.
    """
    for name in ("bob", "eve"):
        daemon.token(name)
    ada.open()
    search = ada.page.get_by_role("searchbox", name="Search people")
    search.fill("BO")
    ada.is_told("1 of 3 people")
    expect(ada.row("People", "bob")).to_be_visible()
    search.fill("nobody like that")
    expect(ada.page.get_by_text("No name and no address here")).to_be_visible()
    search.press("Escape")
    ada.is_told("3 people")


# Channels


def test_create_channel(daemon, ada, visit):
    """
    It is there for everybody.  One of that name is enough.
    """
    bob = visit(daemon, "bob")
    ada.person.trouble.expect(BAD_REQUEST)
    ada.open("Channels")
    for _ in range(2):
        ada.page.get_by_role("main").get_by_role("button", name="Create a channel").click()
        ada.write("Name", "garden")
        ada.press("Create")
        expect(ada.row("Channels", "garden")).to_contain_text("created today by ada")
    ada.is_refused("There is already a channel called garden.")
    bob.open("garden")


def test_create_channel_beside_the_others(daemon, ada):
    """
    Whoever makes one from the sidebar wants to be there.
    """
    ada.person.button("Create a channel").click()
    ada.write("Name", "garden")
    ada.page.keyboard.press("Enter")
    ada.is_done()
    expect(ada.person.heading("garden")).to_be_visible()


def test_rename_channel(daemon, ada, visit):
    """
    Whoever is there sees it.
    """
    daemon.done(daemon.post("/channels", daemon.token("ada"), {"name": "garden"}))
    bob = visit(daemon, "bob")
    bob.open("garden")
    ada.open("Channels").choose_from("Actions for garden", "Rename")
    ada.write("Name", "orchard")
    ada.press("Rename")
    expect(bob.heading("orchard")).to_be_visible()
    expect(ada.row("Channels", "orchard")).to_be_visible()


def test_delete_channel(daemon, ada, visit):
    """
    Its name has to be typed.  Whoever is there is led away and told why.
    """
    daemon.done(daemon.post("/channels", daemon.token("ada"), {"name": "garden"}))
    bob = visit(daemon, "bob")
    bob.open("garden")
    ada.open("Channels").choose_from("Actions for garden", "Delete")
    expect(ada.window).to_contain_text("messages, replies and images, and the webhooks")
    ada.press("Delete the channel")
    ada.is_refused("Write “garden” here to delete it.")
    expect(bob.heading("garden")).to_be_visible()
    ada.page.keyboard.type("garden")
    ada.press("Delete the channel")
    ada.is_done()
    expect(ada.row("Channels", "garden")).to_have_count(0)
    expect(bob.heading("General")).to_be_visible()
    expect(bob.told("The channel garden was deleted.")).to_be_visible()


def test_general_stays(ada):
    """
    What cannot be done to it is not offered.
    """
    ada.open("Channels")
    expect(ada.row("Channels", "General")).to_contain_text("It is always there")
    expect(ada.page.get_by_role("button", name="Actions for General")).to_have_count(0)


# Webhooks


def make_webhook(ada, name, channel="General"):
    ada.page.get_by_role("button", name="Create a webhook").click()
    ada.write("Name", name)
    ada.window.get_by_label("Channel").select_option(channel)
    ada.press("Create")
    expect(ada.window).to_contain_text("shown this once")


def test_webhook(daemon, ada, visit):
    """
    The command that is shown works as it is, when it is pasted into a shell.
    """
    bob = visit(daemon, "bob")
    bob.open("General")
    name = 'Bob\'s "$HOME" $(ls) !'
    make_webhook(ada.open("Webhooks"), name)
    ada.press("Copy command")
    ada.is_told("Copied")
    command = ada.page.evaluate("navigator.clipboard.readText()")
    subprocess.run(["sh", "-c", f"{command} -fsS"], check=True, timeout=PATIENCE)
    bob.reads(f"Hello from {name}!")
    ada.press("Done")
    ada.is_done()
    expect(ada.row("General", name)).to_be_visible()


def test_token_is_not_lost(ada):
    """
    Who leaves without having copied the token is asked first; who has it is not.
    """
    make_webhook(ada.open("Webhooks"), "Builds")
    ada.page.keyboard.press("Escape")
    ada.is_told("You have not copied it")
    ada.press("Copy token")
    token = ada.page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch("[0-9a-f]{64}", token)
    ada.page.keyboard.press("Escape")
    ada.is_done()
    assert token not in ada.page.content()


def test_delete_webhook(daemon, ada, visit):
    """
    Its token is good for nothing; other administrators see it come and go.
    """
    other = Admin(visit(daemon, "ada")).open("Webhooks")
    expect(other.page.get_by_text("No webhooks yet")).to_be_visible()
    token = daemon.token("ada")
    given = {"name": "Builds", "channelId": daemon.general(token)}
    ada.open("Webhooks")
    made = daemon.done(daemon.post("/webhooks", token, given))["webhook"]
    for each in (ada, other):
        expect(each.row("General", "Builds")).to_be_visible()
    ada.page.get_by_role("button", name="Delete Builds").click()
    ada.press("Delete")
    for each in (ada, other):
        expect(each.page.get_by_text("No webhooks yet")).to_be_visible()
    path = f"/webhooks/{made['id']}/messages"
    assert daemon.post(path, made["token"], {"content": "hello"}).status == 401


def test_webhooks_out_of_reach(daemon, net, visit):
    """
    That a list did not come is said where it would be, with a way to ask again.
    """
    between = net(daemon)
    ada = Admin(visit(between, "ada")).open()
    ada.person.trouble.expect(UNREACHABLE)
    between.cut()
    ada.turn_to("Webhooks")
    expect(ada.person.alert).to_contain_text("teamchat cannot be reached right now.")
    between.resume()
    ada.page.get_by_role("main").get_by_role("button", name="Try again").click()
    expect(ada.page.get_by_text("No webhooks yet")).to_be_visible()


# The server


def test_rename_server(daemon, ada, visit):
    """
    Everybody sees it; what another administrator is writing stays.
    """
    bob = visit(daemon, "bob")
    other, busy = (Admin(visit(daemon, "ada")).open("Server") for _ in range(2))
    field = "Name of the server"
    busy.page.get_by_label(field).fill("The Engine R")
    ada.open("Server")
    ada.page.get_by_label(field).fill("Analytical Engines")
    ada.page.get_by_role("button", name="Save").click()
    ada.is_told("This server is called Analytical Engines now.")
    expect(bob.page.get_by_text("Analytical Engines")).to_be_visible()
    expect(other.page.get_by_label(field)).to_have_value("Analytical Engines")
    expect(busy.page.get_by_label(field)).to_have_value("The Engine R")


# Who sees it


def test_members_see_none_of_it(daemon, visit):
    """
    An address that leads there leads back.
    """
    daemon.token("ada")
    bob = visit(daemon, "bob")
    for name in ("Administration", "Create a channel"):
        expect(bob.page.get_by_label(name)).to_have_count(0)
    bob.button("Your account").click()
    expect(bob.page.get_by_role("menuitem", name="Your sessions")).to_be_visible()
    expect(bob.page.get_by_role("menuitem", name="Administration")).to_have_count(0)
    bob.page.goto("/#/admin/people")
    expect(bob.heading("General")).to_be_visible()
    expect(bob.page).not_to_have_url(re.compile("admin"))
    bob.page.goto("/#/admin/webhooks")
    bob.page.reload()
    expect(bob.heading("General")).to_be_visible()


def test_by_address(daemon, ada):
    """
    A reload shows the same section, and the way back leads to the place before.
    """
    daemon.done(daemon.post("/channels", daemon.token("ada"), {"name": "garden"}))
    ada.person.open("garden")
    ada.open("Webhooks")
    ada.page.reload()
    expect(ada.page.get_by_role("heading", name="Webhooks", level=2)).to_be_visible()
    expect(ada.page).to_have_title(re.compile("^Administration"))
    ada.page.keyboard.press("Escape")
    expect(ada.person.heading("garden")).to_be_visible()


def test_by_keyboard(daemon, ada):
    """
    Windows take the focus and give it back, also when what they were about is gone; and
    then one can go on talking.
    """
    daemon.token("bob")
    keys = ada.page.keyboard
    ada.page.get_by_role("link", name="Administration").focus()
    keys.press("Enter")
    expect(ada.page.get_by_role("main")).to_be_focused()
    actions = ada.page.get_by_role("button", name="Actions for bob")
    actions.focus()
    keys.press("Enter")
    expect(ada.page.get_by_role("menuitem").first).to_be_focused()
    keys.press("Enter")
    expect(ada.window.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Escape")
    ada.is_done()
    expect(actions).to_be_focused()
    keys.press("Enter")
    keys.press("Enter")
    keys.press("Tab")
    keys.press("Enter")
    ada.is_done()
    expect(ada.page.get_by_role("heading", name="People")).to_be_focused()
    keys.press("Escape")
    expect(ada.person.composer).to_be_focused()


@pytest.mark.parametrize("section", ["people", "channels", "webhooks", "server"])
def test_telephone(daemon, visit, section):
    """
    Nothing is wider than the screen, however long a name is.
    """
    ada, token = visit(daemon, "ada"), daemon.token("ada")
    given = {"name": "x" * 64}
    channel = daemon.done(daemon.post("/channels", token, given))["channel"]
    daemon.done(daemon.post("/webhooks", token, given | {"channelId": channel["id"]}))
    daemon.done(daemon.post("/users/add", token, {"email": f"{'x' * 64}@example.org"}))
    ada.page.set_viewport_size({"width": 390, "height": 844})
    ada.page.goto(f"/#/admin/{section}")
    seen = "Version" if section == "server" else given["name"]
    main = ada.page.get_by_role("main")
    expect(main.get_by_text(seen).first).to_be_visible()
    parts = "[...main.querySelectorAll(':scope > *')]"
    assert main.evaluate(f"main => Math.max(...{parts}.map(each => each.scrollWidth))") <= 390


# One's own sessions


def sessions_of(person):
    person.button("Your account").click()
    person.page.get_by_role("menuitem", name="Your sessions").click()
    rows = person.page.get_by_role("list", name="Sessions").get_by_role("listitem")
    expect(rows.first).to_contain_text("This one")
    return rows


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def test_end_session(daemon, visit):
    """
    Which is which is said in words that one knows; the one that is ended is out at once.
    """
    ada = visit(daemon, "ada")
    other = visit(daemon, "ada", user_agent=FIREFOX)
    other.trouble.expect(UNAUTHORIZED)
    rows = sessions_of(ada)
    expect(rows).to_have_count(2)
    expect(rows.first).to_contain_text("Chrome on Linux")
    expect(rows.first).to_contain_text("127.0.0.1")
    expect(rows.last).to_contain_text("last used at")
    ada.button("End the session of Firefox on Linux").click()
    expect(rows).to_have_count(1)
    other.is_out()
    ada.page.keyboard.press("Escape")
    expect(ada.button("Your account")).to_be_focused()


def test_end_other_sessions(daemon, visit):
    """
    All but this one.
    """
    ada, *others = (visit(daemon, "ada") for _ in range(3))
    rows = sessions_of(ada)
    expect(rows).to_have_count(3)
    ada.button("End all others").click()
    expect(rows).to_have_count(1)
    for each in others:
        each.trouble.expect(UNAUTHORIZED)
        each.is_out()
    ada.page.reload()
    ada.is_in()


def test_end_all_sessions(daemon, visit):
    """
    Here, too; and whoever did that is not told that they were signed out.
    """
    ada, other = (visit(daemon, "ada") for _ in range(2))
    for each in (ada, other):
        each.trouble.expect(UNAUTHORIZED)
    sessions_of(ada)
    ada.button("End all", exact=True).click()
    ada.button("Sign out everywhere").click()
    ada.is_out()
    other.is_out()
    expect(ada.told("You were signed out")).to_have_count(0)
    expect(other.told("You were signed out")).to_be_visible()


# Leaving


def leave(person):
    person.button("Your account").click()
    person.page.get_by_role("menuitem", name="Leave this server").click()
    person.button("Leave for good").click()


def test_leave(daemon, ada, visit):
    """
    Those who stay see it.
    """
    bob = visit(daemon, "bob")
    bob.trouble.expect(UNAUTHORIZED)
    ada.open()
    expect(ada.row("People", "bob@example.org")).to_be_visible()
    leave(bob)
    bob.is_out()
    expect(bob.told("You have left teamchat.")).to_be_visible()
    expect(bob.told("You were signed out")).to_have_count(0)
    expect(ada.row("People", "bob@example.org")).to_have_count(0)


def test_last_admin_stays(ada):
    """
    Why not, is said in a sentence.
    """
    ada.person.trouble.expect(BAD_REQUEST)
    leave(ada.person)
    ada.is_refused("The last administrator cannot go.")
    ada.press("Cancel")
    ada.person.is_in()
