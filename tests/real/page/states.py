"""
What a screen is while there is nothing, nothing yet, or nothing to be had; and when there is
too much of something.
"""

from playwright.sync_api import expect

from tests.real.page.between import SENTENCE, answered, held, refused, unreachable
from tests.real.page.person import beginning
from tests.real.page.walker import Walker


class States(Walker):
    """
    Each method is a part of a walk, and needs nobody signed in but where it says so.
    """

    # The door

    def outside(self):
        team = self._street.team
        with held(self.person, "**/config.json"):
            self._go(team, "/", wait_until="commit")
            expect(self.page.locator(".waiting .spinner")).to_be_visible()
            yield "opening"
        self.person.is_out()
        with unreachable(self.person, "**/config.json"):
            self._go(team, "/")
            expect(self.person.alert).to_be_visible()
            yield "not reached"
        config = {**team.get("/config.json").json, "hasMail": False}
        config["auth"] = {**config["auth"], "mode": "password"}
        answered(self.person, "**/config.json", 200, config)
        self._go(team, "/")
        self.page.get_by_text("I forgot my password").click()
        expect(self.page.get_by_text("does not send mail")).to_be_visible()
        yield "forgot password, no mail"
        self.page.context.unroute("**/config.json")

    # The room, with somebody in it

    def unsettled(self):
        for part in (self._beginning, self._logs, self._images, self._sending, self._news):
            yield from part()

    def _again(self):
        self.person.button("Try again").first.click()

    def _is_told(self, sentence=SENTENCE):
        expect(self.person.alert.filter(has_text=sentence)).to_be_visible()

    def _beginning(self):
        self._place()
        with refused(self.person, "**/users"):
            self.page.reload()
            self._is_told()
            yield "not let in"
        self._again()
        self._is_in()
        me = self._street.team.get("/auth/me", self._street.team.token("ada")).json["user"]
        answered(self.person, "**/users", 200, {"users": [me]})
        answered(self.person, "**/conversations", 200, {"conversations": []})
        self.page.reload()
        self._is_in()
        self._open_drawer()
        expect(self.page.get_by_text("Nobody yet.")).to_be_visible()
        yield "nobody yet"
        self.person.button("New message").click()
        self._is_shown("New message")
        yield "new message, alone"
        self._escape()
        self.page.context.unroute("**/users")
        self.page.context.unroute("**/conversations")
        self.page.reload()
        self._is_in()
        with unreachable(self.person, "**/newmessage.js"):
            self._open_drawer()
            self.person.button("New message").click()
            self._is_told("A part of this page could not be loaded.")
            yield "part not loaded"
        self.page.reload()
        self._is_in()

    def _logs(self):
        places = self._street.places
        with held(self.person, "**/messages?**"):
            self._turn(f"/p/{places['engineering']}")
            expect(self.page.locator(".log-waiting")).to_be_visible()
            yield "channel, loading"
        self.person.reads("Green again.")
        with refused(self.person, "**/messages?**"):
            self._turn(f"/p/{places['support']}")
            self._is_told()
            yield "channel, not loaded"
        self._again()
        self.person.reads("exports")
        self._place()
        with held(self.person, "**/thread?**"):
            self.person.message("Looks good").get_by_role("button", name="3 replies").click()
            expect(self.person.thread.locator(".log-waiting")).to_be_visible()
            yield "thread, loading"
        expect(self.person.replies.filter(has_text="Then it ships.")).to_be_visible()
        self.person.button("Close thread").click()
        with refused(self.person, "**/thread?**"):
            self.person.chooses("This was said anew.", "Reply in thread")
            self._is_told()
            yield "thread, not loaded"
        self._again()
        expect(self.person.thread.get_by_text("No replies yet")).to_be_visible()
        yield "thread, no replies"
        self.person.button("Close thread").click()
        self._open_drawer()
        self.person.button("New message").click()
        self.page.get_by_role("option", name=beginning("Barbara Liskov")).click()
        expect(self.page.get_by_text("can read this. Say hello.")).to_be_visible()
        yield "direct messages, empty"

    def _images(self):
        self._place()
        with unreachable(self.person, "**/messages/image/**"):
            self.page.reload()
            for text, name in (("The view from here", "image"), ("Three at once", "images")):
                message = self.person.message(text)
                message.scroll_into_view_if_needed()
                expect(message.get_by_text("could not be loaded").first).to_be_visible()
                yield f"{name} not loaded"
        self.page.reload()
        message = self.person.message("The view from here")
        message.scroll_into_view_if_needed()
        expect(message.locator("img")).to_be_visible()
        with refused(self.person, "**/messages/image/*.png"):
            message.get_by_role("button", name="Open image").click()
            self._is_told()
            yield "lightbox, not loaded"
        self._escape()
        with held(self.person, "**/emoji.json"):
            self.person.button("Emoji", exact=True).last.click()
            expect(self.page.locator(".picker-loading .spinner")).to_be_visible()
            yield "emoji picker, loading"
        self._escape()
        self.page.reload()
        self._is_in()
        with unreachable(self.person, "**/emoji.json"):
            self.person.button("Emoji", exact=True).last.click()
            self._is_told("The emoji could not be loaded.")
            yield "emoji picker, not loaded"
        self._escape()

    def _sending(self):
        person = self.person
        self._turn(f"/p/{self._street.places['random']}")
        expect(person.heading("random")).to_be_visible()
        person.composer.dispatch_event("dragenter", {"dataTransfer": self._carried()})
        expect(self.page.get_by_text("Drop images to attach them")).to_be_visible()
        yield "drop here"
        person.composer.dispatch_event("dragleave", {"dataTransfer": self._carried()})
        with held(person, "**/channels/*/messages"):
            person.composer.fill("Is this on its way?")
            person.button("Send", exact=True).click()
            expect(person.message("Sending…")).to_be_visible()
            yield "sending"
        expect(self.page.get_by_text("Sending…")).to_have_count(0)
        with refused(person, "**/messages/*"):
            person.chooses("Is this on its way?", "Edit")
            person.type_anew("Is this on its way? It was.")
            person.button("Save", exact=True).click()
            self._is_told()
            yield "edit box, refused"
        person.button("Cancel", exact=True).click()
        person.composer.fill("A draft.")
        self.page.keyboard.press("Shift+Tab")
        self.page.keyboard.press("ArrowUp")
        expect(person.message("Is this on its way?")).to_be_focused()
        yield "message, with the keyboard"

    def _carried(self):
        return self.page.evaluate_handle(
            """() => {
                const carried = new DataTransfer();
                carried.items.add(new File(["x"], "x.png", {type: "image/png"}));
                return carried;
            }"""
        )

    def _news(self):
        self._place()
        self.person.log.evaluate("(log) => { log.scrollTop = 0; }")
        expect(self.person.button("Jump to newest")).to_be_visible()
        team = self._street.team
        team.say(team.token("grace"), "Did you see it?", self._street.design)
        expect(self.person.button("Jump to newest")).to_contain_text("1 new message")
        yield "new message below"
        self.person.button("Jump to newest").click()
        self.person.reads("Did you see it?")

    # Too much

    def much(self):
        self._turn(f"/p/{self._street.zoo}")
        self.person.reads("words 🎉")
        yield "long names"
        for text, name in (
            ("line_39", "forty lines of code"),
            ("fifty", "fifty reactions"),
            ("thirteen", "thirteen images"),
        ):
            message = self.person.message(text)
            message.evaluate("(node) => node.scrollIntoView({ block: 'end' })")
            yield name
        self.person.message("fifty").get_by_role("button", name="1 reply").click()
        expect(self.person.replies.filter(has_text="a reply")).to_be_visible()
        yield "thread, long names"
        self.person.button("Close thread").click()

    # One's own

    def own_states(self):
        with held(self.person, "**/auth/sessions"):
            self._account("Your sessions")
            expect(self.page.get_by_role("dialog").locator(".spinner")).to_be_visible()
            yield "sessions, loading"
        self._escape()
        with refused(self.person, "**/auth/sessions"):
            self._account("Your sessions")
            self._is_told()
            yield "sessions, not loaded"
        self._again()
        self.person.button("End all", exact=True).click()
        expect(self.page.get_by_text("This signs you out here, too.")).to_be_visible()
        yield "sessions, end all"
        self._escape()
        self._close_drawer()

    # Administration

    def administration_states(self):
        main = self.page.get_by_role("main")
        self._section("People")
        self.page.get_by_label("Search people").fill("zzz")
        expect(self.page.get_by_text("Nobody like that")).to_be_visible()
        yield "people, nobody found"
        self.page.reload()
        self._is_in()
        with held(self.person, "**/webhooks"):
            self._section("Webhooks")
            expect(self.page.locator(".admin-loading .spinner")).to_be_visible()
            yield "webhooks, loading"
        with refused(self.person, "**/webhooks"):
            self.page.reload()
            self._is_told()
            yield "webhooks, not loaded"
        answered(self.person, "**/webhooks", 200, {"webhooks": []})
        self._again()
        expect(main.get_by_text("No webhooks yet")).to_be_visible()
        yield "webhooks, none"
        self.page.context.unroute("**/webhooks")
        self._section("Channels")
        self._menu("Actions for random")
        yield "channels, menu"
        self.page.get_by_role("menuitem", name="Rename").click()
        self._is_shown("Rename the channel")
        yield "rename channel"
        self._escape()
        with refused(self.person, "**/server/settings"):
            self._section("Server")
            main.get_by_label("Name of the server").fill("The club")
            self.page.keyboard.press("Enter")
            self._is_told()
            yield "server, not saved"
        self.page.reload()

    def passwords(self):
        """
        As the administrator, where people sign in with passwords.
        """
        dialog = self.page.get_by_role("dialog")
        self._section("People")
        self.person.button("Add somebody").click()
        self._is_shown("Add somebody")
        yield "add somebody"
        dialog.get_by_label("E-mail address").fill("grace@example.org")
        self.page.keyboard.press("Enter")
        self._is_shown("Added")
        yield "somebody added"
        self._escape()
        self._menu("Actions for grace", "Reset password")
        self._is_shown("Reset password")
        yield "give a password"
        dialog.get_by_role("button", name="Reset password").click()
        expect(dialog.get_by_text("has a new password")).to_be_visible()
        yield "password given"
        self._escape()

    # The end of the line

    def replaced(self):
        """
        So many others, that the page is the one too many.
        """
        team = self._street.team
        ada = team.token("ada")
        others = [team.listen(ada) for _ in range(self._street.most_streams)]
        expect(self.person.told("open in many other places")).to_be_visible()
        yield "open in many other places"
        for each in others:
            each.leave()
        self.person.button("Use it here").click()
        expect(self.person.told("open in many other places")).to_have_count(0)

    def newer(self):
        team = self._street.team
        config = team.get("/config.json").json
        answered(self.person, "**/config.json", 200, {**config, "assets": "another"})
        self.page.reload()
        expect(self.person.told("A new version is ready")).to_be_visible()
        yield "a new version"
        self.page.context.unroute("**/config.json")
