"""
One browser, a visit to the page, and the net between.
"""

from functools import partial

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.real.daemon import PATIENCE
from tests.real.page.chromium import ARGUMENTS, CHROMIUM, Trouble
from tests.real.page.person import Person
from tests.real.page.proxy import Proxy

HAS_FAILED = pytest.StashKey()

expect.set_options(timeout=PATIENCE * 1000)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed:
        item.stash[HAS_FAILED] = True
    return report


@pytest.fixture(scope="package")
def chromium():
    """
    For the tests of this folder and no longer: while Playwright is there, this thread
    counts as one in which asyncio runs.
    """
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def come(chromium):
    """
    Somebody opens the page, in a browser of their own: C{come(daemon, "ada")}; with a name
    they sign in, as one does in dev mode.
    """

    def come(
        daemon,
        who=None,
        path="/",
        width=1440,
        height=900,
        color_scheme="light",
        init="",
        watch=None,
        **context,
    ):
        profile = chromium.new_context(
            viewport={"width": width, "height": height},
            color_scheme=color_scheme,
            reduced_motion="reduce",
            base_url=f"http://127.0.0.1:{daemon.port}",
            **context,
        )
        profile.set_default_timeout(PATIENCE * 1000)
        if init:
            profile.add_init_script(init)
        person = Person(profile.new_page(), Trouble(profile))
        if watch is not None:
            watch(person)  # already on their way in
        person.page.goto(path)
        if who is not None:
            person.sign_in(f"{who}@example.org")
        return person

    return come


@pytest.fixture
def watch(request, tmp_path):
    """
    Looks at somebody, who may have been there before this test: C{watch(person)}.  In the end,
    nobody's browser has complained of anything that the test did not expect.
    """
    people = []

    def watch(person):
        people.append(person)
        return person

    yield watch
    if request.node.stash.get(HAS_FAILED, False):
        for number, person in enumerate(people):
            person.leave_evidence(tmp_path / f"visitor-{number}")
    # What one test provokes is no trouble of the next, even if this one fails for it.
    unexpected = [each for person in people for each in person.trouble.forget()]
    assert unexpected == []


@pytest.fixture
def visit(come, watch):
    """
    As L{come}, for this test alone.
    """
    people = []

    def both(person):
        people.append(person)
        watch(person)

    yield partial(come, watch=both)
    for person in people:
        person.page.context.close()


@pytest.fixture
def net():
    """
    Puts a net between: C{net(daemon)}, to be visited in place of the daemon.
    """
    made = []

    def make(daemon):
        made.append(Proxy(daemon))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def daemon(as_process):
    """
    Anybody may sign in as anybody.  It comes back on the port it had.
    """
    daemon = as_process()
    daemon.stay()
    return daemon
