"""
Saying something, and what others see of it.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.real.page.chromium import REFUSED
from tests.real.page.person import exactly

pytestmark = pytest.mark.real


COUNT_MOST = """() => {
    window.most = 0;
    const count = () => {
        const said = [...document.querySelectorAll("[role=log] article")];
        most = Math.max(most, said.filter((each) => each.textContent.includes("one of")).length);
    };
    new MutationObserver(count).observe(document.body, {childList: true, subtree: true});
}"""


@pytest.fixture
def channel(daemon):
    """
    Makes a channel.
    """

    def make(name):
        answer = daemon.post("/channels", daemon.token("ada"), {"name": name})
        return daemon.done(answer)["channel"]["id"]

    return make


def caught(person, held):
    """
    The request that is held: it is told of before it is.
    """
    while not held:
        person.page.evaluate("() => new Promise(requestAnimationFrame)")
    return held.pop()


def test_say(ada, bob):
    """
    Both read it, as it was said; and it is still there after a reload.
    """
    ada.say("Good morning!")
    bob.reads("Good morning!")
    bob.say("Two lines,\nboth of them mine")
    ada.reads_all(["Good morning!", "Two lines,"])
    expect(ada.message("Two lines,")).to_contain_text("both of them mine")
    ada.page.reload()
    ada.reads_all(["Good morning!", "Two lines,"])


def test_first_words(ada):
    """
    Where nobody has said anything, a sentence says that.
    """
    expect(ada.page.get_by_role("main")).to_contain_text("Nobody has said anything here yet.")


def test_enter(ada, bob):
    """
    Enter sends, Shift+Enter makes a line; the button sends too.
    """
    ada.composer.press_sequentially("one")
    ada.composer.press("Shift+Enter")
    ada.composer.press_sequentially("two")
    expect(ada.composer).to_have_value("one\ntwo")
    ada.button("Send", exact=True).click()
    bob.reads("one")
    expect(bob.message("one")).to_contain_text("two")


def test_once_to_the_eye(ada):
    """
    The message is here before the answer to having sent it: not for a moment are there two.
    """
    ada.page.evaluate(COUNT_MOST)
    held = []
    ada.page.route("**/messages", lambda route: held.append(route), times=1)
    ada.say("one of me")
    route = caught(ada, held)
    answer = route.fetch()
    expect(ada.log.get_by_role("article", name=re.compile("^ada, .*: one of me"))).to_have_count(1)
    route.fulfill(response=answer)
    ada.say("and another")
    ada.reads_all(["one of me", "and another"])
    assert ada.page.evaluate("most") == 1


def test_names(ada, bob):
    """
    A message begins with who wrote it, for those who do not see the page.
    """
    ada.say("first")
    bob.say("second")
    expect(bob.log.get_by_role("article", name=re.compile("^ada, .*first"))).to_be_visible()
    expect(ada.log.get_by_role("article", name=re.compile("^bob, .*second"))).to_be_visible()


def test_grouped(ada, bob):
    """
    Whoever says two things at once is named once to the eye; another is named again.
    """
    ada.say("one")
    ada.say("two")
    bob.say("three")
    bob.reads_all(["one", "two", "three"])
    expect(bob.message("one").get_by_text(exactly("ada"))).to_be_in_viewport()
    expect(bob.message("two").get_by_text(exactly("ada"))).not_to_be_in_viewport()
    expect(bob.message("three").get_by_text(exactly("bob"))).to_be_in_viewport()


def test_day(ada):
    """
    A line says which day it is.
    """
    ada.say("today")
    expect(ada.log.get_by_role("separator", name="Today")).to_have_count(1)


def test_edit(ada, bob):
    ada.say("I lik it")
    ada.edit("I lik it", "I like it")
    bob.reads("I like it")
    expect(bob.message("I like it")).to_contain_text("edited")
    bob.does_not_read("I lik it")


def test_edit_last(ada, bob):
    """
    The arrow upwards takes up one's last message again; Esc leaves it as it was.
    """
    ada.say("mine")
    bob.say("and mine")
    ada.reads("and mine")
    ada.composer.press("ArrowUp")
    expect(ada.textbox("Edit message")).to_have_value("mine")
    ada.textbox("Edit message").press("Escape")
    expect(ada.textbox("Edit message")).to_have_count(0)
    ada.composer.press("ArrowUp")
    ada.type_anew("mine, at last")
    ada.textbox("Edit message").press("Enter")
    bob.reads_all(["mine, at last", "and mine"])


def test_edit_what_is_on_its_way(ada):
    """
    Whoever is faster than the net mends what they have just said, and not what was before it.
    """
    ada.say("before")
    ada.reads("before")
    held = []
    ada.page.route("**/messages", lambda route: held.append(route), times=1)
    ada.say("in a hurry")
    route = caught(ada, held)
    ada.composer.press("ArrowUp")
    expect(ada.composer).to_be_focused()
    route.continue_()
    expect(ada.textbox("Edit message")).to_have_value("in a hurry")


def test_what_one_may(ada, bob):
    """
    Nobody edits what others wrote; an administrator deletes it.
    """
    ada.say("by ada")
    bob.say("by bob")
    bob.reads_all(["by ada", "by bob"])
    bob.message("by ada").hover()
    expect(bob.message("by ada").get_by_role("button", name="Reply in thread")).to_be_visible()
    expect(bob.message("by ada").get_by_role("button", name="Edit")).to_have_count(0)
    expect(bob.message("by ada").get_by_role("button", name="Delete")).to_have_count(0)
    ada.message("by bob").hover()
    expect(ada.message("by bob").get_by_role("button", name="Delete")).to_be_visible()
    expect(ada.message("by bob").get_by_role("button", name="Edit")).to_have_count(0)


def test_undo_delete(ada, bob):
    """
    For some seconds a deleted message comes back, and the others saw nothing of it.
    """
    ada.say("a slip")
    bob.reads("a slip")
    ada.delete("a slip")
    ada.does_not_read("a slip")
    ada.button("Undo").click()
    ada.reads("a slip")
    ada.say("and on")
    bob.reads_all(["a slip", "and on"])


def test_delete(house, place, visit, bob):
    """
    After that it is gone, for all.
    """
    ada = visit(house.daemon)
    ada.page.clock.install()
    ada.sign_in("ada@example.org")
    ada.open(place)
    ada.say("a slip")
    bob.trouble.expect(REFUSED.format(404))  # he may be late to tell that he has read it
    bob.reads("a slip")
    ada.delete("a slip")
    ada.does_not_read("a slip")
    ada.page.clock.run_for(7000)
    bob.does_not_read("a slip")
    expect(ada.button("Undo")).to_have_count(0)


def test_delete_and_go(ada, bob):
    """
    Who leaves meanwhile has deleted it.
    """
    ada.say("a slip")
    bob.trouble.expect(REFUSED.format(404))  # he may be late to tell that he has read it
    bob.reads("a slip")
    ada.delete("a slip")
    ada.does_not_read("a slip")
    ada.page.goto("about:blank")
    bob.does_not_read("a slip")


def test_reactions(ada, bob):
    """
    Chosen from all emoji; counted; taken back by a click on it.
    """
    ada.say("Lunch?")
    bob.react("Lunch?", "thumbs up")
    chosen = ada.message("Lunch?").get_by_role("button", name="👍")
    expect(chosen).to_have_accessible_name(re.compile(r"👍 1\b.*bob"))
    expect(chosen).to_have_attribute("aria-pressed", "false")
    chosen.click()
    expect(chosen).to_have_attribute("aria-pressed", "true")
    also = bob.message("Lunch?").get_by_role("button", name="👍")
    expect(also).to_have_accessible_name(re.compile(r"👍 2\b"))
    also.click()
    expect(chosen).to_have_accessible_name(re.compile(r"👍 1\b"))
    chosen.click()
    expect(also).to_have_count(0)


def test_emoji(ada, bob):
    """
    The same emoji go into what one writes.
    """
    ada.composer.fill("done ")
    ada.page.get_by_role("main").get_by_role("button", name="Emoji").click()
    ada.pick_emoji("party popper")
    ada.composer.press("Enter")
    bob.reads("done 🎉")


# Threads


def test_thread(ada, bob):
    """
    Replies are at the side, counted at the message, and not among the others.
    """
    ada.say("What shall we eat?")
    bob.reply("What shall we eat?", "Soup")
    replies = ada.message("What shall we eat?").get_by_role("button", name="1 reply")
    replies.click()
    ada.reads_thread(["What shall we eat?", "Soup"])
    ada.say_in_thread("Bread")
    bob.reads_thread(["What shall we eat?", "Soup", "Bread"])
    counted = bob.message("What shall we eat?").get_by_role("button", name="2 replies")
    expect(counted).to_be_visible()
    bob.reads_all(["What shall we eat?"])
    bob.button("Close thread").click()
    expect(bob.thread).to_have_count(0)
    bob.page.go_back()
    bob.reads_thread(["What shall we eat?", "Soup", "Bread"])


def test_reply_edited_and_deleted(ada, bob):
    """
    A reply is a message like any other.
    """
    ada.say("parent")
    ada.reply("parent", "a reply")
    bob.message("parent").get_by_role("button", name="1 reply").click()
    reply = ada.replies.filter(has_text="a reply")
    reply.hover()
    reply.get_by_role("button", name="Edit").click()
    ada.type_anew("another reply")
    ada.textbox("Edit message").press("Enter")
    bob.reads_thread(["parent", "another reply"])
    reply = ada.replies.filter(has_text="another reply")
    reply.hover()
    reply.get_by_role("button", name="Delete").click()
    ada.page.goto("about:blank")
    bob.reads_thread(["parent"])
    expect(bob.message("parent").get_by_role("button", name="1 reply")).to_have_count(0)


# Direct messages


def test_direct_message(ada, bob):
    """
    Between two, at once in the bar of the other.
    """
    ada.write_to("bob")
    ada.say("just for you")
    bob.open("ada", "Direct messages")
    bob.reads("just for you")
    bob.say("and for you")
    ada.reads_all(["just for you", "and for you"])


def test_direct_message_is_told(house, visit, bob):
    """
    Who is somewhere else sees that there is one.
    """
    cyd = visit(house.daemon, "cyd")
    cyd.write_to("bob")
    cyd.say("just for you")
    expect(bob.link("Direct messages", "cyd")).to_have_accessible_name("cyd, 1 unread")


# What text becomes


def test_markdown(ada, bob):
    """
    Code, emphasis, lists; and HTML is what somebody wrote, nothing more.
    """
    ada.say(
        "**strong** and `code` and <b onclick='alert(1)'>no tag</b><img src=x onerror=alert(1)>"
    )
    message = bob.message("strong")
    expect(message.locator("strong")).to_have_text("strong")
    expect(message.locator("code")).to_have_text("code")
    expect(message).to_contain_text("<b onclick='alert(1)'>no tag</b>")
    expect(message.locator("img[src='x']")).to_have_count(0)


def test_code_block(ada, bob):
    ada.say("```python\ndef f():\n    return 1\n```")
    block = bob.message("def f").locator("pre code")
    expect(block).to_have_text("def f():\n    return 1")
    expect(block.locator("span").first).to_be_visible()  # in colours


def test_links(ada, bob):
    """
    Addresses can be followed, in a tab that knows nothing of this one; scripts cannot.
    """
    ada.say("see https://example.org/a?b=1 and [here](https://example.org/c)")
    links = bob.message("see https").get_by_role("link")
    expect(links.nth(0)).to_have_attribute("href", "https://example.org/a?b=1")
    expect(links.nth(1)).to_have_attribute("href", "https://example.org/c")
    expect(links.nth(1)).to_have_attribute("target", "_blank")
    expect(links.nth(1)).to_have_attribute("rel", re.compile("noopener"))
    ada.say("[click me](javascript:alert(1))")
    expect(bob.message("click me")).to_be_visible()
    expect(bob.message("click me").locator("a[href^='javascript']")).to_have_count(0)


def test_mention(ada, bob):
    """
    A name is completed while it is written, and is marked where it is read.
    """
    ada.composer.press_sequentially("hello @bo")
    options = ada.page.get_by_role("listbox")
    expect(options.get_by_role("option")).to_have_text([re.compile("bob")])
    ada.composer.press("Enter")
    expect(ada.composer).to_have_value("hello @bob ")
    ada.composer.press_sequentially("!")
    ada.composer.press("Enter")
    expect(bob.message("hello").get_by_text("@bob", exact=True)).to_be_visible()
    marked = bob.message("hello").get_by_text("@bob", exact=True)
    expect(marked).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")


def test_bot(house, ada):
    """
    What no person wrote shows that.
    """
    daemon, token = house.daemon, house.daemon.token("ada")
    here = ada.page.url.split("#/p/")[1]
    given = {"name": "Builds", "channelId": here}
    webhook = daemon.done(daemon.post("/webhooks", token, given))["webhook"]
    path = f"/webhooks/{webhook['id']}/messages"
    daemon.done(daemon.post(path, webhook["token"], {"content": "All green."}))
    ada.reads("All green.")
    expect(ada.message("All green.")).to_contain_text("Builds")
    expect(
        ada.message("All green.").get_by_text(re.compile("^bot$", re.IGNORECASE))
    ).to_be_visible()


# Many messages


def test_older(daemon, channel, visit):
    """
    Scrolling back brings what was said before, in order and once, all of it; the page
    never holds more than 300 messages.
    """
    garden, token = channel("garden"), daemon.token("ada")
    for number in range(420):
        daemon.say(token, f"number {number:03}.", garden)
    ada = visit(daemon, "ada")
    ada.open("garden")
    ada.reads("number 419.")
    seen = set()
    while "number 000." not in seen:
        known = len(seen)
        texts = ada.articles.all_text_contents()
        assert len(texts) <= 300
        numbers = [re.search(r"number \d+\.", text)[0] for text in texts]
        assert numbers == sorted(set(numbers))
        seen |= set(numbers)
        ada.articles.first.scroll_into_view_if_needed()
        ada.page.mouse.move(700, 400)
        ada.page.mouse.wheel(0, -3000)
        if len(seen) == known and "number 000." not in seen:
            first = re.escape(numbers[0])
            expect(ada.articles.first).not_to_have_text(re.compile(first))
    assert len(seen) == 420
    ada.button("Jump to newest").click()
    ada.reads("number 419.")
    expect(ada.message("number 419.")).to_be_in_viewport()


def test_begins_at_unread(daemon, channel, visit):
    """
    Who has missed much begins where they have to, and one click goes to the end.
    """
    garden, token = channel("garden"), daemon.token("ada")
    bob = visit(daemon, "bob")
    for number in range(80):
        daemon.say(token, f"number {number:03}.", garden)
    bob.open("garden")
    expect(bob.page.get_by_role("separator", name="New messages")).to_be_in_viewport()
    expect(bob.message("number 000.")).to_be_in_viewport()
    bob.page.reload()
    expect(bob.message("number 000.")).to_be_in_viewport()
    bob.button("Jump to newest").click()
    expect(bob.message("number 079.")).to_be_in_viewport()
    expect(bob.link("Channels", "garden")).to_have_accessible_name("garden")


def test_reading_on(daemon, channel, visit):
    """
    Whoever reads above is not torn away by what is said below; they are told of it.
    """
    garden, token = channel("garden"), daemon.token("ada")
    for number in range(60):
        daemon.say(token, f"number {number:03}.", garden)
    ada = visit(daemon, "ada")
    ada.open("garden")
    expect(ada.message("number 059.")).to_be_in_viewport()
    ada.message("number 020.").hover()
    ada.page.mouse.wheel(0, -200)
    expect(ada.button("Jump to newest")).to_be_visible()
    daemon.say(daemon.token("bob"), "something new", garden)
    newest = ada.button("Jump to newest, 1 new")
    expect(newest).to_be_visible()
    expect(ada.message("number 020.")).to_be_in_viewport()
    newest.click()
    expect(ada.message("something new")).to_be_in_viewport()
    expect(newest).to_have_count(0)


def test_unread(house, place, ada, bob):
    """
    What is said elsewhere is counted, there a line says where it begins, and what was
    seen is read, in all tabs.
    """
    elsewhere = house.place()
    bob.open(elsewhere)
    ada.say("one")
    ada.say("two")
    expect(bob.link("Channels", place)).to_have_accessible_name(f"{place}, 2 unread")
    other = bob.another_tab()
    expect(other.link("Channels", elsewhere)).to_have_accessible_name(elsewhere)
    bob.open(place)
    bob.reads_all(["one", "two"])
    expect(bob.page.get_by_role("separator", name="New messages")).to_be_visible()
    expect(bob.link("Channels", place)).to_have_accessible_name(place)
    expect(other.link("Channels", place)).to_have_accessible_name(place)


# What was not sent yet


def test_drafts(daemon, channel, visit):
    """
    Each place keeps what was being typed there, over a reload, and over signing out.
    """
    channel("garden")
    ada = visit(daemon, "ada")
    ada.composer.fill("half a sent")
    ada.open("garden")
    expect(ada.composer).to_have_value("")
    ada.composer.fill("about the gar")
    ada.open("General")
    expect(ada.composer).to_have_value("half a sent")
    ada.page.reload()
    expect(ada.composer).to_have_value("half a sent")
    ada.open("garden")
    expect(ada.composer).to_have_value("about the gar")
    ada.sign_out()
    ada.sign_in("bob@example.org")
    ada.open("garden")
    expect(ada.composer).to_have_value("")
    ada.sign_out()
    ada.sign_in("ada@example.org")
    ada.open("garden")
    expect(ada.composer).to_have_value("about the gar")
