"""
What we write.

Every letter has a plain text, in which the link has a line to itself, and the
same as a small page of HTML.
"""

from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from html import escape

import idna
from attrs import field, frozen


class NoAddress(Exception):
    """Mail cannot carry this address."""

    def __init__(self) -> None:
        super().__init__("The address has characters that mail cannot carry.")


UNITS = (("day", 24 * 60 * 60), ("hour", 60 * 60), ("minute", 60))


@frozen
class Letterhead:
    """
    What stands on every letter.

    @ivar letter_id: the same each time that this letter is tried, so that a
        mailbox which gets it twice can tell.
    @ivar sender: C{chat@example.org}, or C{Name <chat@example.org>}; without a
        name, the server's is put there.
    @ivar at: the time, in seconds since the epoch.
    """

    letter_id: str
    server_name: str
    sender: str
    to: str
    at: float


@frozen
class Link:
    """
    @ivar seconds: how long it is good.
    @ivar user_name: whom it is for, if there is such a user yet.
    """

    url: str = field(repr=False)
    seconds: int
    user_name: str | None = None


def sign_in(head: Letterhead, link: Link) -> EmailMessage:
    server = one_line(head.server_name)
    return _letter(
        head,
        f"Sign in to {server}",
        f"{_hello(link)} open this link to sign in to {server}:",
        link.url,
        f"It works once, within {_duration(link.seconds)}."
        " If you did not ask for it, do nothing: without this link nobody gets in.",
    )


def invitation(head: Letterhead, link: Link) -> EmailMessage:
    server = one_line(head.server_name)
    return _letter(
        head,
        f"You are invited to {server}",
        f"{_hello(link)} an administrator has made you an account on the team chat {server}."
        " Open this link to choose a password and begin:",
        link.url,
        f"It works once, within {_duration(link.seconds)}."
        " If you do not know what this is about, do nothing.",
    )


def password_reset(head: Letterhead, link: Link) -> EmailMessage:
    server = one_line(head.server_name)
    return _letter(
        head,
        f"A new password for {server}",
        f"{_hello(link)} open this link to choose a new password for {server}:",
        link.url,
        f"It works once, within {_duration(link.seconds)}."
        " If you did not ask for it, do nothing: your password stays as it is.",
    )


def test_letter(head: Letterhead) -> EmailMessage:
    """
    Written to see whether letters arrive.
    """
    server = one_line(head.server_name)
    return _letter(
        head,
        f"A test letter from {server}",
        f"This is a test: the team chat {server} can send letters, and this one has arrived.",
    )


def one_line(text: str) -> str:
    """
    C{text} without what could end a header or turn around what follows.
    """
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _letter(
    head: Letterhead, subject: str, before: str, url: str = "", after: str = ""
) -> EmailMessage:
    sender = _sender(head)
    message = EmailMessage(SMTP)
    message["From"] = sender
    message["To"] = _address(head.to)
    message["Subject"] = subject
    message["Date"] = datetime.fromtimestamp(int(head.at), UTC)
    message["Message-ID"] = f"<{head.letter_id}@{sender.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # no "out of office" in return (RFC 3834)
    text = "\n\n".join(filter(None, [before, url, after]))
    message.set_content(f"{text}\n", cte="quoted-printable")
    page = "\n".join(_paragraphs(before, url, after))
    message.add_alternative(
        f"<!DOCTYPE html>\n<html>\n<body>\n{page}\n</body>\n</html>\n",
        subtype="html",
        cte="quoted-printable",
    )
    return message


def _paragraphs(before: str, url: str, after: str) -> list[str]:
    before, url, after = map(escape, (before, url, after))
    anchor = url and f'<a href="{url}">{url}</a>'
    return [f"<p>{part}</p>" for part in (before, anchor, after) if part]


def _sender(head: Letterhead) -> Address:
    name, _, address = head.sender.rpartition("<")
    name = one_line(name).strip('"') or one_line(head.server_name)
    return _address(address.rstrip("> "), name)


def _address(email: str, name: str = "") -> Address:
    """
    With a domain that every mail server can read.

    @raise NoAddress: the rest is not for every mail server.
    """
    local, _, domain = email.strip().rpartition("@")
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode("ascii")
        local.encode("ascii")
        return Address(name, local, domain)
    except ValueError:
        raise NoAddress() from None


def _hello(link: Link) -> str:
    name = one_line(link.user_name or "")
    return f"Hello {name}," if name else "Hello,"


def _duration(seconds: int) -> str:
    """
    In the largest unit that says it exactly, or else in minutes, rounded down.
    """
    for unit, size in UNITS:
        if seconds >= size and (seconds % size == 0 or unit == "minute"):
            count = seconds // size
            return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
    return f"{seconds} seconds"
