"""
How one gets about in the page, from one screen to the next.
"""

import re

from playwright.sync_api import expect

from tests.real.page.person import beginning

NARROW = 760
"""Pixels, below which the sidebar is a drawer."""


class Walker:
    """
    @ivar person: who walks; they see what is yielded.
    """

    def __init__(self, person, street):
        self.person, self.page, self._street = person, person.page, street

    # Helping oneself along

    def _go(self, daemon, path, **more):
        """
        A fragment alone would change the page that is there.
        """
        self.page.goto("about:blank")
        self.page.goto(f"http://127.0.0.1:{daemon.port}{path}", **more)

    def _turn(self, fragment):
        self.page.evaluate("to => void (location.hash = to)", fragment)

    def _place(self, place=None):
        self._turn(f"/p/{place or self._street.design}")
        expect(self.person.heading(re.compile("."))).to_be_visible()
        expect(self.person.articles.first).to_be_visible()

    def _is_in(self):
        """
        Where it is narrow, the sidebar is not even there to be read aloud.
        """
        expect(self.page.locator(".shell")).to_be_visible()

    @property
    def is_narrow(self):
        return self.page.viewport_size["width"] < NARROW

    def _is_shown(self, name):
        expect(self.page.get_by_role("dialog", name=name)).to_be_visible()

    def _escape(self):
        self.page.keyboard.press("Escape")
        expect(self.page.get_by_role("dialog")).to_have_count(0)

    def _open_drawer(self):
        sidebar = self.page.get_by_role("region", name="Sidebar")
        if not sidebar.is_visible():
            self.person.button("Show channels").click()
            expect(sidebar).to_be_visible()

    def _close_drawer(self):
        """
        And wait until it is closed: while it goes, it is still there to be seen.
        """
        if self.is_narrow:
            self.page.keyboard.press("Escape")
            expect(self.page.get_by_role("region", name="Sidebar")).to_be_hidden()

    def _menu(self, name, entry=None):
        self.page.get_by_role("button", name=beginning(name)).click()
        expect(self.page.get_by_role("menu")).to_be_visible()
        if entry:
            self.page.get_by_role("menuitem", name=entry, exact=True).click()

    def _account(self, entry=None):
        self._open_drawer()
        self._menu("Your account", entry)

    def _section(self, name):
        self._turn(f"/admin/{name.lower()}")
        expect(self.page.get_by_role("heading", name=name, level=2).last).to_be_visible()
