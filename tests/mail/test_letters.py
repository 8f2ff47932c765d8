"""
What we write, by L{teamchatd.mail.letters}.
"""

import email
import email.policy

import pytest
from attrs import evolve

from teamchatd.auth import links
from teamchatd.mail import letters
from teamchatd.mail.letters import Letterhead, Link, NoAddress

HEAD = Letterhead("l3tt3r", "Tëam & Söns", "chat@example.org", "ada@example.org", 1_800_000_000.9)
URL = links.url("https://chat.example.org/in", "t" * 43, "ada+<x>&y@example.org")
LINK = Link(URL, 900, "Ada")
EVERY = [letters.sign_in, letters.invitation, letters.password_reset]


def written(message):
    """
    The letter as the one who gets it sees it.
    """
    data = message.as_bytes()
    assert data.isascii()
    assert all(len(line) <= 78 for line in data.splitlines())
    return email.message_from_bytes(data, policy=email.policy.SMTP)


def text_of(message, kind="plain"):
    return written(message).get_body((kind,)).get_content()


@pytest.mark.parametrize("write", EVERY)
def test_headers(write):
    """
    A letter has all that it takes not to look like spam.
    """
    message = written(write(HEAD, LINK))
    assert str(message["From"]) == "Tëam & Söns <chat@example.org>"
    assert str(message["To"]) == "ada@example.org"
    assert str(message["Date"]) == "Fri, 15 Jan 2027 08:00:00 +0000"
    assert str(message["Message-ID"]) == "<l3tt3r@example.org>"
    assert str(message["Auto-Submitted"]) == "auto-generated"
    assert "Tëam & Söns" in str(message["Subject"])
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("write", EVERY)
def test_link(write):
    """
    The link stands alone on its line, whole, and is once more in the page.
    """
    message = write(HEAD, LINK)
    assert text_of(message).splitlines().count(URL) == 1
    assert "token" not in text_of(message).replace(URL, "")
    assert f'href="{URL.replace("&", "&amp;")}"' in text_of(message, "html")


def test_link_is_spelled():
    """
    A link is what the clients take apart.
    """
    assert (
        f"https://chat.example.org/in?token={'t' * 43}&email=ada%2B%3Cx%3E%26y%40example.org"
    ) == URL


def test_same_letter():
    """
    Tried again, it is the same letter; another one is not.
    """
    again = evolve(HEAD, at=HEAD.at + 3600)
    assert letters.sign_in(HEAD, LINK)["Message-ID"] == letters.sign_in(again, LINK)["Message-ID"]
    assert letters.test_letter(evolve(HEAD, letter_id="x"))["Message-ID"] == "<x@example.org>"


def test_token():
    """
    The token of a letter follows from the secret and the letter, and has 256 bits.
    """
    token = links.token_for("secret", "a")
    assert token == links.token_for("secret", "a")
    assert len({token, links.token_for("secret", "b"), links.token_for("other", "a")}) == 3
    assert len(token) == 43


@pytest.mark.parametrize(
    ("sender", "shown"),
    [
        ("chat@example.org", "Tëam & Söns <chat@example.org>"),
        ("Chat <chat@example.org>", "Chat <chat@example.org>"),
        ('"We, the team" <chat@example.org>', '"We, the team" <chat@example.org>'),
        ("<chat@example.org>", "Tëam & Söns <chat@example.org>"),
        ("chat@bücher.example", "Tëam & Söns <chat@xn--bcher-kva.example>"),
    ],
)
def test_sender(sender, shown):
    """
    It comes from whom the configuration says; the name is the server's if it says none.
    """
    assert str(letters.test_letter(evolve(HEAD, sender=sender))["From"]) == shown


@pytest.mark.parametrize(
    "name", ["a\r\nBcc: eve@example.org", "a\nb", "a\x00\x1bb", "a\u2028b\u202e", "\udcff", "<b>&"]
)
def test_names_stay_names(name):
    """
    No name adds a header, or anything to the page.
    """
    message = letters.invitation(evolve(HEAD, server_name=name), evolve(LINK, user_name=name))
    seen = written(message)
    assert "Bcc" not in seen
    assert len(seen["From"].addresses) == 1
    assert "<b>" not in text_of(message, "html")
    assert text_of(message).splitlines()[0].startswith("Hello")


@pytest.mark.parametrize(
    "address", ["ada@example.org\r\nBcc: eve@example.org", "ädä@example.org", "ada@ex..org\udcff"]
)
def test_no_address(address):
    """
    What mail cannot carry is not written.
    """
    with pytest.raises(NoAddress):
        letters.sign_in(evolve(HEAD, to=address), LINK)


@pytest.mark.parametrize(
    "address", ["a..b@example.org", "o'hara+chat@example.org", "ada@localhost", "a/b=c@example.org"]
)
def test_odd_address(address):
    """
    What looks odd and is allowed somewhere is written to.
    """
    message = written(letters.sign_in(evolve(HEAD, to=address), LINK))
    assert message["To"].addresses[0].addr_spec.replace('"', "") == address


def test_nobody_yet():
    """
    Who has no account yet is greeted without a name.
    """
    assert text_of(letters.sign_in(HEAD, evolve(LINK, user_name=None))).startswith("Hello, open")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (45, "45 seconds"),
        (60, "1 minute"),
        (119, "1 minute"),
        (900, "15 minutes"),
        (3600, "1 hour"),
        (5400, "90 minutes"),
        (7 * 86400, "7 days"),
    ],
)
def test_duration(seconds, words):
    """
    How long a link is good is said in words, and never too much.
    """
    assert f"within {words}." in text_of(letters.sign_in(HEAD, evolve(LINK, seconds=seconds)))


def test_secrets_are_not_shown():
    """
    A link that ends up in a log does not open anything.
    """
    assert "t" * 43 not in repr(LINK)
