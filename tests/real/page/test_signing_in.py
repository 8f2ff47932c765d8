"""
Signing in, staying in, and leaving.
"""

import re

import pytest
from playwright.sync_api import expect

from tests.mail.post_office import link_in
from tests.real.daemon import free_port
from tests.real.page.chromium import REFUSED

pytestmark = pytest.mark.real

PASSWORD = "correct horse battery"
ANOTHER = "staple of the correct horse"

BAD_REQUEST, UNAUTHORIZED = REFUSED.format(400), REFUSED.format(401)

WRONG = "The e-mail address or the password is wrong."
NOT_GOOD = "This link is not good, or no longer. Ask for a new one."


@pytest.fixture
def password_daemon(as_process):
    """
    Whoever comes may register.
    """

    def make(**auth):
        daemon = as_process(auth={"auth_mode": "password", "is_invite_required": False} | auth)
        daemon.stay()
        return daemon

    return make


@pytest.fixture
def writing_daemon(as_process, office):
    """
    One that writes letters, whose links lead to it.  Ada is its admin.
    """

    def make(mode):
        port, mail = free_port(), office()
        daemon = as_process(
            port=port,
            auth={"auth_mode": mode, "app_url": f"http://127.0.0.1:{port}"},
            email={
                "host": "127.0.0.1",
                "port": mail.port,
                "secure": False,
                "from_": "chat@example.org",
            },
            chat_initial_user={
                "user_name": "ada",
                "email": "ada@example.org",
                "password": PASSWORD if mode == "password" else "",
            },
        )
        return daemon, mail

    return make


def register(visitor, email, password=PASSWORD):
    visitor.button("Create account").click()
    visitor.textbox("E-mail address").fill(email)
    visitor.field("Password").fill(password)
    visitor.button("Create account").click()
    visitor.is_in()


def choose_password(visitor, password=ANOTHER):
    visitor.field("Password").fill(password)
    visitor.button("Set password").click()


def has_clean_address(visitor):
    """
    Nobody who looks over a shoulder, and no history, has the token.
    """
    expect(visitor.page).not_to_have_url(re.compile("token|email|oauth_error"))


# Ways in


def test_dev(daemon, visit):
    """
    An address is enough; and whoever comes back is still signed in.
    """
    ada = visit(daemon)
    expect(ada.heading("teamchat")).to_be_visible()
    ada.sign_in("ada@example.org")
    ada.page.reload()
    ada.is_in()


def test_password(password_daemon, visit):
    """
    A wrong one is said to be wrong, what was typed stays, and the right one opens.
    """
    daemon = password_daemon()
    ada = visit(daemon)
    register(ada, "ada@example.org")
    ada.sign_out()
    ada.trouble.expect(UNAUTHORIZED)
    ada.try_to_sign_in("ada@example.org", "not this one")
    expect(ada.alert).to_contain_text(WRONG)
    expect(ada.textbox("E-mail address")).to_have_value("ada@example.org")
    ada.sign_in("ada@example.org", PASSWORD)


def test_refused_password(password_daemon, visit):
    """
    What is too short or too common is said, and another one will do.
    """
    visitor = visit(password_daemon())
    visitor.trouble.expect(BAD_REQUEST)
    visitor.button("Create account").click()
    visitor.textbox("E-mail address").fill("ada@example.org")
    visitor.field("Password").fill("password1")
    visitor.button("Create account").click()
    expect(visitor.alert).to_contain_text("one of the most common")
    visitor.field("Password").fill(PASSWORD)
    visitor.button("Create account").click()
    visitor.is_in()


def test_forgotten_password(writing_daemon, visit):
    """
    A letter brings a link, the link a new password; the old one is none any more.
    """
    daemon, mail = writing_daemon("password")
    ada = visit(daemon)
    ada.page.get_by_text("I forgot my password").click()
    ada.textbox("E-mail address").fill("ada@example.org")
    ada.button("Send me a link").click()
    expect(ada.told("a password reset link has been sent")).to_be_visible()
    ada.page.goto(link_in(mail.await_letter()))
    has_clean_address(ada)
    choose_password(ada)
    ada.is_in()
    ada.sign_out()
    ada.trouble.expect(UNAUTHORIZED)
    ada.try_to_sign_in("ada@example.org", PASSWORD)
    expect(ada.alert).to_contain_text(WRONG)
    ada.sign_in("ada@example.org", ANOTHER)


def test_invitation(writing_daemon, visit):
    """
    Who was invited chooses a password.  The link in the letter works once.
    """
    daemon, mail = writing_daemon("password")
    given = {"email": "ada@example.org", "password": PASSWORD}
    ada = daemon.done(daemon.post("/auth/password-login", given=given))["accessToken"]
    daemon.done(daemon.post("/users/add", ada, {"email": "bob@example.org"}))
    link = link_in(mail.await_letter())
    bob = visit(daemon, path=link)
    has_clean_address(bob)
    bob.trouble.expect(BAD_REQUEST)
    choose_password(bob, "password1")
    expect(bob.alert).to_contain_text("one of the most common")
    choose_password(bob)
    bob.is_in()

    thief = visit(daemon, path=link)
    thief.trouble.expect(BAD_REQUEST)
    choose_password(thief, PASSWORD)
    expect(thief.alert).to_contain_text(NOT_GOOD)


def test_first_admin(password_daemon, visit):
    """
    The link in the log of an empty server makes its first visitor the admin: they say
    who they are.
    """
    daemon = password_daemon(is_invite_required=True)
    ada = visit(daemon, path=f"/?token={daemon.setup_token}")
    has_clean_address(ada)
    ada.textbox("E-mail address").fill("ada@example.org")
    choose_password(ada)
    ada.is_in()
    given = {"email": "ada@example.org", "password": ANOTHER}
    token = daemon.done(daemon.post("/auth/password-login", given=given))["accessToken"]
    assert daemon.done(daemon.get("/auth/me", token))["user"]["isAdmin"]


def ask_for_link(visitor, mail):
    visitor.textbox("E-mail address").fill("ada@example.org")
    visitor.button("Send me a link").click()
    expect(visitor.told("a magic link has been sent")).to_be_visible()
    return link_in(mail.await_letter())


def test_magic_link(writing_daemon, visit):
    """
    The link lets in who opens it and says so: a mail server that looks at links does not
    use it up.  It works once.
    """
    daemon, mail = writing_daemon("magic-link")
    ada = visit(daemon)
    link = ask_for_link(ada, mail)
    visit(daemon, path=link)
    ada.page.goto(link)
    has_clean_address(ada)
    ada.button("Open teamchat").click()
    ada.is_in()
    late = visit(daemon, path=link)
    late.trouble.expect(BAD_REQUEST)
    late.button("Open teamchat").click()
    expect(late.alert).to_contain_text(NOT_GOOD)


def test_newer_link(writing_daemon, visit):
    """
    Who asks twice can use the second link only; from a link that is not good one gets
    back to where one asks for another.
    """
    daemon, mail = writing_daemon("magic-link")
    ada = visit(daemon)
    older = ask_for_link(ada, mail)
    ada.page.goto("/")
    newer = ask_for_link(ada, mail)
    ada.trouble.expect(BAD_REQUEST)
    ada.page.goto(older)
    ada.button("Open teamchat").click()
    expect(ada.alert).to_contain_text(NOT_GOOD)
    expect(ada.button("Send me a link")).to_be_visible()
    ada.page.goto(newer)
    ada.button("Open teamchat").click()
    ada.is_in()


def test_provider(make_house, visit):
    """
    One button, and what it brings leaves the address bar.
    """
    ada = visit(make_house())
    ada.page.get_by_text("Continue with X").click()
    ada.is_in()
    has_clean_address(ada)
    ada.page.reload()
    ada.is_in()


def test_provider_refuses(make_house, visit):
    """
    Why somebody was not let in, in a sentence; a reload does not say it again.
    """
    stranger = visit(make_house(is_invite_required=True))
    stranger.page.get_by_text("Continue with X").click()
    expect(stranger.alert).to_contain_text("Nobody with this e-mail address has been invited.")
    has_clean_address(stranger)
    stranger.page.reload()
    stranger.is_out()
    expect(stranger.alert).to_have_count(0)


# Staying


def test_refresh(password_daemon, visit, net):
    """
    Access tokens that are good for two seconds: nobody notices, and however many tabs
    there are, no refresh token is used twice.
    """
    between = net(password_daemon(jwt_expiry_seconds=2))
    ada = visit(between)
    register(ada, "ada@example.org")
    other = ada.another_tab()
    other.is_in()

    def used():
        return [
            re.search(r'"refreshToken":\s*"([^"]+)"', each)[1]
            for each in between.requests("POST /auth/refresh")
        ]

    number = 0
    while len(used()) < 4:
        number += 1
        ada.say(f"here {number}!")
        other.reads(f"here {number}!")
        other.say(f"there {number}!")
        ada.reads(f"there {number}!")
    assert len(set(used())) == len(used())


def test_sign_out(daemon, visit):
    """
    Leaving in one tab is leaving in all of them.
    """
    ada = visit(daemon, "ada")
    other = ada.another_tab()
    other.is_in()
    ada.sign_out()
    other.is_out()
    other.page.reload()
    other.is_out()


def test_lost_session(daemon, visit):
    """
    Who is signed out from elsewhere is told so, and finds what they were typing.
    """
    ada = visit(daemon, "ada")
    ada.trouble.expect(UNAUTHORIZED)
    ada.composer.fill("I was just about to say")
    daemon.done(daemon.delete("/auth/sessions", daemon.token("ada")))
    ada.is_out()
    expect(ada.page.get_by_text(re.compile("signed out|session"))).to_be_visible()
    ada.sign_in("ada@example.org")
    expect(ada.composer).to_have_value("I was just about to say")


# What somebody else's link brings


EVIL = "Call 0900 and say your password."


def test_refusal_that_nobody_waits_for(make_house, visit):
    """
    A sentence that a link brings is shown only to those who set out for a provider here,
    and not much later than they did.
    """
    daemon = make_house(is_invite_required=True)
    ada = visit(daemon, path=f"/?oauth_error={EVIL}")
    ada.is_out()
    has_clean_address(ada)
    expect(ada.page.get_by_text(EVIL)).to_have_count(0)

    away = "**/auth/oauth/x"
    ada.page.route(away, lambda route: route.fulfill(body="the provider"))
    ada.page.clock.install()

    def comes_back_after(time):
        ada.page.get_by_text("Continue with X").click()
        expect(ada.page.get_by_text("the provider")).to_be_visible()
        ada.page.clock.fast_forward(time)
        ada.page.goto(f"/?oauth_error={EVIL}")
        ada.is_out()
        has_clean_address(ada)

    comes_back_after("09:00")
    expect(ada.alert).to_contain_text(EVIL)
    comes_back_after("11:00")
    expect(ada.page.get_by_text(EVIL)).to_have_count(0)


def test_address_is_clean_at_once(password_daemon, visit):
    """
    Also while the daemon has not said anything yet; and what the address brought is not
    lost when it has to be asked again.
    """
    daemon = password_daemon(is_invite_required=True)
    ada = visit(daemon)
    ada.trouble.expect(REFUSED.format(503))
    held = []
    ada.page.route("**/config.json", lambda route: held.append(route), times=1)
    with ada.page.expect_request("**/config.json"):
        ada.page.goto(f"/?token={daemon.setup_token}", wait_until="commit")
    has_clean_address(ada)
    [route] = held
    route.fulfill(status=503, json={"error": "Not yet."})
    expect(ada.alert).to_contain_text("Not yet.")
    ada.button("Try again").click()
    ada.textbox("E-mail address").fill("ada@example.org")
    choose_password(ada)
    ada.is_in()
