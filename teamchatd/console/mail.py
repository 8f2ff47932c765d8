"""
Whether letters go out.
"""

import secrets
from typing import Any

from teamchatd import config
from teamchatd.console.finding import Finding
from teamchatd.console.terminal import CannotDo, complain, say
from teamchatd.mail import letters
from teamchatd.mail.conversation import MailServer
from teamchatd.mail.letters import Letterhead, NoAddress
from teamchatd.mail.postman import Postman
from teamchatd.mail.undelivered import Undelivered


async def send_test(reactor: Any, settings: config.Config, address: str) -> None:
    """
    @raise SystemExit: with status 1, after a line that says what is wrong.
    """
    email = settings.email
    if not email.host:
        raise CannotDo(
            "No mail server is configured: set [email] host in the file that --config names."
        )
    head = Letterhead(
        secrets.token_hex(15), settings.chat.server_name, email.from_, address, reactor.seconds()
    )
    try:
        await _postman(reactor, email).deliver(letters.test_letter(head))
    except Undelivered as reason:
        complain(f"teamchat: {reason}")
        if reason.remark:
            complain(f"The mail server said: {reason.remark}")
        raise SystemExit(1) from None
    except NoAddress as wrong:
        complain(f"teamchat: {wrong}")
        raise SystemExit(1) from None
    say(f"{email.host} has taken a letter to {address}. See whether it arrives, also in the spam.")


async def look(reactor: Any, settings: config.Config) -> Finding:
    """
    Greet the mail server and log in, and send nothing.
    """
    email, mode = settings.email, settings.auth.auth_mode
    if not email.host:
        sentence = "none is configured; links are shown by teamchat user, and no letter is sent"
        return Finding.note("mail", sentence) if mode == "password" else Finding.ok("mail", "none")
    try:
        await _postman(reactor, email).greet()
    except Undelivered as reason:
        remark = f" It said: {reason.remark}" if reason.remark else ""
        return Finding.wrong("mail", f"{reason}{remark}")
    return Finding.ok(
        "mail", f"{email.host} talks to us; check --mail ADDRESS sends a letter through it"
    )


def _postman(reactor: Any, email: config.Email) -> Postman:
    server = MailServer(
        email.host, email.port, email.secure, email.user, email.password, email.timeout_seconds
    )
    return Postman(reactor, server)
