"""
Signing in through others, on sockets: the daemon, a provider, and a browser's
own HTTP client between them.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.cookiejar import CookieJar
from urllib.request import HTTPCookieProcessor, ProxyHandler, build_opener

import pytest

from tests.browser import Browser, query
from tests.provider import HTML, SECRET, SILENCE

pytestmark = pytest.mark.real


@pytest.fixture
def daemon(make_house):
    return make_house()


@pytest.fixture
def browser(daemon, served):
    return Browser(daemon, served.provider)


@contextmanager
def another(daemon, served):
    """
    A browser for a thread of its own.
    """
    twin = daemon.another()
    try:
        yield Browser(twin, served.provider)
    finally:
        twin.hang_up()


def opener():
    """
    A browser that nobody wrote for these tests.
    """
    return build_opener(HTTPCookieProcessor(CookieJar()), ProxyHandler({}))


@pytest.mark.parametrize("provider_id", ["x", "plain"])
def test_dance(daemon, served, provider_id):
    """
    One link is followed, over four redirects, and leads back into the page.
    """
    login_url = f"http://127.0.0.1:{daemon.port}/auth/oauth/{provider_id}"
    with opener().open(login_url, timeout=20) as page:
        told = query(page.geturl())
        assert page.status == 200
    me = daemon.done(daemon.get("/auth/me", told["access_token"]))["user"]
    assert me["email"] == "ada@example.org"
    spent = {"refreshToken": told["refresh_token"]}
    daemon.done(daemon.post("/auth/refresh", given=spent))
    log = daemon.log.read_text()
    hidden = [told["access_token"], told["refresh_token"], SECRET, "state=", "code=", "ada@"]
    assert not [each for each in hidden if each in log]
    assert "Traceback" not in log


def test_uninvited(make_house, served):
    """
    Who was not invited is sent back with a sentence.
    """
    daemon = make_house(is_invite_required=True)
    browser = Browser(daemon, served.provider)
    assert browser.refusal() == "Nobody with this e-mail address has been invited."
    assert browser.cookies == {}


def test_restart_on_the_way(daemon, browser):
    """
    A daemon that is restarted meanwhile still knows who is under way.
    """
    url = browser.begin()
    daemon.restart()
    assert "access_token" in browser.finish(url)


def test_another_browser(daemon, browser, served):
    """
    What one began no other can finish.
    """
    url = browser.begin()
    assert "another browser" in Browser(daemon, served.provider).finish(url)["oauth_error"]
    assert "access_token" in browser.finish(url)


def test_once(daemon, browser, served):
    """
    Of twenty who bring the same state at once, one is let in.
    """
    url = browser.begin()

    def finish(_):
        with another(daemon, served) as twin:
            twin.cookies = dict(browser.cookies)
            return twin.finish(url)

    with ThreadPoolExecutor(20) as pool:
        told = list(pool.map(finish, range(20)))
    assert sum("access_token" in each for each in told) == 1
    assert served.provider.asked.count("/token") == 1


def test_twins(daemon, served):
    """
    Somebody who comes for the first time in five windows is one user.
    """

    def sign_in(_):
        with another(daemon, served) as twin:
            return twin.token()

    with ThreadPoolExecutor(5) as pool:
        tokens = list(pool.map(sign_in, range(5)))
    live = [token for token in tokens if daemon.get("/auth/me", token).status == 200]
    assert len(live) == 3  # auth.maxActiveSessions
    assert len({daemon.get("/auth/me", token).json["user"]["id"] for token in live}) == 1


def test_not_believed(browser, served):
    """
    What is signed with another key proves nothing here either.
    """
    served.provider.signs_with = "rsa 2"
    assert "does not prove who you are" in browser.refusal()


def test_html(browser, served):
    """
    A provider that is being repaired shows a page.
    """
    served.provider.instead["/token"] = HTML
    assert "does not understand" in browser.refusal()


def test_down(daemon, browser, served):
    """
    A provider that is not there is told of at once.
    """
    url = browser.begin()
    served.stop()
    assert "cannot be reached" in browser.finish(url)["oauth_error"]


def test_stops_while_asking(daemon, browser, served):
    """
    A daemon that is told to stop does not wait for a provider that says nothing.
    Whether the browser's own connection ends before it can be told, or after, is
    left to chance.
    """
    url = browser.begin()
    served.provider.instead["/token"] = SILENCE
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(Browser.get, browser, url)
        while "/token" not in served.provider.asked:
            time.sleep(0.01)
        begun = time.monotonic()
        daemon.process.terminate()
        daemon.process.wait(30)
        assert time.monotonic() - begun < 9
        try:
            answer = waiting.result(20)
        except ConnectionError:
            pass
        else:
            assert "cannot be reached" in query(answer.headers["location"])["oauth_error"]
    assert "Traceback" not in daemon.log.read_text()
