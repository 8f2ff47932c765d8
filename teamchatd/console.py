"""
C{teamchat}: what the operator asks of this server from a terminal.

The daemon itself is C{twistd teamchat}.  C{teamchat} reads the same
configuration.
"""

import os
import secrets
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from twisted.internet.task import react

from teamchatd import __version__, config
from teamchatd.auth import addresses
from teamchatd.errors import Invalid
from teamchatd.mail import letters
from teamchatd.mail.conversation import MailServer
from teamchatd.mail.letters import Letterhead, NoAddress
from teamchatd.mail.postman import Postman
from teamchatd.mail.undelivered import Undelivered


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Do what the command line says.  The exit status is 0 if that went well, 1 if
    it did not, 2 if there is no such command.
    """
    parser = _parser()
    chosen = parser.parse_args(arguments)
    try:
        settings = config.read(chosen.config, os.environ)
        address = addresses.usable(chosen.mail)
    except (config.BadConfig, Invalid) as wrong:
        _fail(str(wrong))
    if not settings.email.host:
        _fail("No mail server is configured: set [email] host in the file that --config names.")
    # The reactor is started here and nowhere else; what it runs says how it went.
    react(_check_mail, (settings, address))


def _parser() -> ArgumentParser:
    parser = ArgumentParser("teamchat", description="Look after a teamchat server.")
    parser.add_argument("--version", action="version", version=f"teamchat {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    check = commands.add_parser("check", help="see whether what is configured works")
    check.add_argument(
        "--mail", required=True, metavar="ADDRESS", help="send a test letter to this address"
    )
    check.add_argument(
        "--config", type=Path, metavar="FILE", help="the configuration, as the daemon has it"
    )
    return parser


async def _check_mail(reactor: Any, settings: config.Config, address: str) -> None:
    """
    @raise SystemExit: with status 1, after a line that says what is wrong.
    """
    email = settings.email
    server = MailServer(
        email.host, email.port, email.secure, email.user, email.password, email.timeout_seconds
    )
    head = Letterhead(
        secrets.token_hex(15), settings.chat.server_name, email.from_, address, reactor.seconds()
    )
    try:
        await Postman(reactor, server).deliver(letters.test_letter(head))
    except Undelivered as reason:
        _fail(str(reason), reason.remark)
    except NoAddress as wrong:
        _fail(str(wrong))
    _say(f"{email.host} has taken a letter to {address}. See whether it arrives, also in the spam.")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _fail(sentence: str, remark: str = "") -> NoReturn:
    sys.stderr.write(f"teamchat: {sentence}\n")
    if remark:
        sys.stderr.write(f"The mail server said: {remark}\n")
    raise SystemExit(1)
