"""
Somebody before the page, and what they can do there, in their own words.
"""

import re
from contextlib import contextmanager

from playwright.sync_api import expect


def exactly(text):
    return re.compile(rf"^{re.escape(text)}$")


def beginning(text):
    """
    A name that may go on, as with "General, 3 unread".
    """
    return re.compile(rf"^{re.escape(text)}(?!\w)")


class Person:
    """
    @ivar page: the tab they look at.
    @ivar trouble: what their browser complains of, in all tabs.
    """

    def __init__(self, page, trouble):
        self.page, self.trouble = page, trouble
        # From the beginning: a key may be faster than the browser is told to show us its window.
        page.on("filechooser", lambda _: None)

    def another_tab(self, path="/"):
        tab = Person(self.page.context.new_page(), self.trouble)
        tab.page.goto(path)
        return tab

    def leave_evidence(self, path):
        """
        What the page looks like, for whoever has to find out what went wrong.
        """
        path.mkdir()
        for number, page in enumerate(self.page.context.pages):
            page.screenshot(path=path / f"tab-{number}.png", timeout=5000)
            seen = page.locator("body").aria_snapshot(timeout=5000)
            (path / f"tab-{number}.txt").write_text(f"{page.url}\n\n{seen}\n")
        (path / "console.txt").write_text("\n".join(self.trouble.noted))
        print(f"{self!r} left {path}")  # noqa: T201 - pytest shows it with the failure

    # Finding things

    def button(self, name, **more):
        return self.page.get_by_role("button", name=name, **more)

    def textbox(self, name):
        return self.page.get_by_role("textbox", name=name)

    def heading(self, name):
        return self.page.get_by_role("heading", name=name, level=1)

    def field(self, label):
        """
        A password is no textbox.
        """
        return self.page.get_by_label(label, exact=True)

    @property
    def alert(self):
        return self.page.get_by_role("alert")

    def told(self, text):
        """
        A line that says how things stand.
        """
        return self.page.get_by_role("status").filter(has_text=text)

    def link(self, group, name):
        bar = self.page.get_by_role("navigation", name=group)
        return bar.get_by_role("link", name=beginning(name))

    @property
    def log(self):
        return self.page.get_by_role("log", name=re.compile("^Messages (in|with) "))

    @property
    def articles(self):
        return self.log.get_by_role("article")

    def message(self, text):
        return self.articles.filter(has_text=text)

    @property
    def composer(self):
        return self.textbox(re.compile("^Message "))

    @property
    def thread(self):
        """
        Beside the place, or on a narrow screen instead of it.
        """
        beside = self.page.get_by_role("complementary", name="Thread")
        return beside.or_(self.page.get_by_role("main", name="Thread"))

    @property
    def replies(self):
        return self.thread.get_by_role("log", name="Replies").get_by_role("article")

    @property
    def reply_composer(self):
        return self.thread.get_by_role("textbox", name=re.compile("^Reply to "))

    # Coming and going

    def sign_in(self, email, password=None):
        self.try_to_sign_in(email, password)
        self.is_in()

    def try_to_sign_in(self, email, password=None):
        self.textbox("E-mail address").fill(email)
        if password is not None:
            self.field("Password").fill(password)
        self.button("Sign in", exact=True).click()

    def is_in(self):
        expect(self.page.get_by_role("navigation", name="Channels")).to_be_attached()
        expect(self.heading(re.compile("."))).to_be_visible()

    def is_out(self):
        expect(self.textbox("E-mail address")).to_be_visible()

    def sign_out(self):
        self.button("Your account").click()
        self.page.get_by_role("menuitem", name="Sign out").click()
        self.is_out()

    def open(self, name, group="Channels"):
        self.link(group, name).click()
        expect(self.heading(name)).to_be_visible()

    def write_to(self, name):
        """
        Begin a conversation.
        """
        self.button("New message").click()
        people = self.page.get_by_role("dialog", name="New message")
        people.get_by_role("textbox", name="Find people").fill(name)
        people.get_by_role("option", name=beginning(name)).click()
        expect(self.heading(name)).to_be_visible()

    # Talking

    def say(self, text):
        self.composer.fill(text)
        self.composer.press("Enter")
        expect(self.composer).to_have_value("")

    def reads(self, text):
        """
        It is there, and once.
        """
        expect(self.message(text)).to_have_count(1)
        expect(self.message(text)).to_be_visible()

    def does_not_read(self, text):
        expect(self.message(text)).to_have_count(0)

    def reads_all(self, texts):
        """
        These messages are there, in this order, and no others.
        """
        expect(self.articles).to_have_text([re.compile(re.escape(text)) for text in texts])

    def reads_thread(self, texts):
        """
        The same of the thread at the side, which begins with what it hangs on.
        """
        expect(self.replies).to_have_text([re.compile(re.escape(text)) for text in texts])

    def chooses(self, text, action):
        """
        Point at a message, and choose from what then can be done with it.
        """
        message = self.message(text)
        message.hover()
        message.get_by_role("button", name=action, exact=True).click()

    def edit(self, old, new):
        self.chooses(old, "Edit")
        self.type_anew(new)
        self.button("Save", exact=True).click()

    def type_anew(self, text):
        """
        What is edited is there to be typed in when the cursor stands in it.
        """
        expect(self.textbox("Edit message")).to_be_focused()
        self.textbox("Edit message").fill(text)

    def delete(self, text):
        self.chooses(text, "Delete")

    def react(self, text, label):
        self.chooses(text, "Add reaction")
        self.pick_emoji(label)

    def pick_emoji(self, label):
        picker = self.page.get_by_role("dialog", name="Emoji")
        picker.get_by_role("searchbox", name="Search emoji").fill(label)
        picker.get_by_role("button", name=label, exact=True).first.click()

    def reply(self, parent, text):
        self.chooses(parent, "Reply in thread")
        self.say_in_thread(text)

    def say_in_thread(self, text):
        self.reply_composer.fill(text)
        self.reply_composer.press("Enter")
        expect(self.replies.filter(has_text=text)).to_have_count(1)

    # Images

    @contextmanager
    def picks(self):
        """
        The files that are put into the list are picked in the dialog.
        """
        files = []
        with self.page.expect_file_chooser() as chooser:
            self.button("Attach images").click()
        yield files
        chooser.value.set_files(files)

    def attach(self, *files):
        """
        @param files: each C{{"name": …, "mimeType": …, "buffer": …}}.
        """
        with self.picks() as picked:
            picked += files

    def paste(self, name, content):
        self.composer.focus()
        self.composer.evaluate(
            """(box, clipboardData) => box.dispatchEvent(new ClipboardEvent(
                "paste", {clipboardData, bubbles: true, cancelable: true}))""",
            self._carried(name, content),
        )

    def drop(self, name, content):
        carried = self._carried(name, content)
        for event in ("dragenter", "dragover", "drop"):
            self.composer.dispatch_event(event, {"dataTransfer": carried})

    def _carried(self, name, content):
        return self.page.evaluate_handle(
            """([name, bytes]) => {
                const carried = new DataTransfer();
                carried.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}));
                return carried;
            }""",
            [name, list(content)],
        )

    def preview(self, name):
        return self.button(f"Remove {name}")
