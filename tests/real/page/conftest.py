"""
One browser, a visit to the page, and the net between.
"""

from functools import partial

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.real.daemon import PATIENCE, RealDaemon
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

    Most have no service worker, as where the page comes by plain http: it loads all of the
    page a second time.  Those who talk have one, who work for a day, and who install it.
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
        has_worker=False,
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
        if not has_worker:
            profile.add_init_script("delete Navigator.prototype.serviceWorker;")
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


class House:
    """
    A daemon where ada, who administrates it, and bob have been for long, each with a page that
    is open: for tests of what two people do there, each in a place of its own.
    """

    def __init__(self, directory, come):
        self.daemon = RealDaemon(directory, auth={"max_active_sessions": 1000})
        self.people = {name: come(self.daemon, name, has_worker=True) for name in ("ada", "bob")}
        self._count = 0

    def place(self):
        """
        @return: the name of a channel in which nobody has said anything.
        """
        self._count += 1
        name = f"place {self._count}"
        made = self.daemon.post("/channels", self.daemon.token("ada"), {"name": name})
        self.daemon.done(made)
        return name

    def bring(self, person, place):
        if person.page.url == "about:blank":  # they have left
            person.page.goto("/")
        person.open(place)
        return person

    def send_all_out(self):
        """
        Whatever a test that failed has left open.
        """
        for person in self.people.values():
            person.page.goto("about:blank")


@pytest.fixture(scope="package")
def house(come, tmp_path_factory):
    house = House(tmp_path_factory.mktemp("house"), come)
    yield house
    house.daemon.stop()
    house.daemon.assert_discreet()


@pytest.fixture
def place(request, house):
    """
    The name of a channel in L{House}, for this test alone.
    """
    yield house.place()
    if request.node.stash.get(HAS_FAILED, False):
        house.send_all_out()


@pytest.fixture
def ada(house, place, watch):
    """
    Who administrates the L{House}, at the L{place}.
    """
    return house.bring(watch(house.people["ada"]), place)


@pytest.fixture
def bob(house, place, watch, ada):
    """
    Another, there, too.
    """
    return house.bring(watch(house.people["bob"]), place)


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
