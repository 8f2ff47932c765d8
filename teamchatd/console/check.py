"""
C{teamchat check}: whether what is configured works.
"""

import time
from argparse import ArgumentParser, Namespace
from typing import Any

from attrs import asdict
from twisted.internet.task import react
from twisted.logger import globalLogBeginner

from teamchatd.auth import addresses
from teamchatd.console import mail, public, storage
from teamchatd.console.finding import NOTE, WRONG, Finding
from teamchatd.console.place import Place
from teamchatd.console.terminal import CannotDo, complain, say, say_json

ABOUT = """Look at the configuration, at what is stored, at the disk, the clock and the mail server,
and at the running daemon through [auth] appUrl, as browsers reach it. For that, an administrator is
signed in for some seconds. The exit status is 1 if anything is wrong."""


def add_to(commands: Any, common: ArgumentParser) -> None:
    verb = commands.add_parser(
        "check", parents=[common], help="see whether what is configured works", description=ABOUT
    )
    verb.add_argument("--mail", metavar="ADDRESS", help="only send a test letter to this address")
    verb.add_argument("--json", action="store_true", help="for programs")
    verb.set_defaults(run=run, needs_secrets=True)


def run(place: Place, chosen: Namespace) -> None:
    # Nobody reads a log here; without this, Twisted writes to the terminal what TLS has refused.
    globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
    # The reactor is started here and nowhere else; what it runs says how it went.
    if chosen.mail is None:
        react(_check, (place, chosen))
    else:
        react(_check_mail, (place, addresses.usable(chosen.mail)))


async def _check_mail(reactor: Any, place: Place, address: str) -> None:
    try:
        await mail.send_test(reactor, place.settings, address)
    except CannotDo as wrong:
        complain(f"teamchat: {wrong}")
        raise SystemExit(1) from None


async def _check(reactor: Any, place: Place, chosen: Namespace) -> None:
    found = [Finding.ok("configuration", "is understood")]
    found += storage.findings(place, chosen.config, time.time())
    found.append(await mail.look(reactor, place.settings))
    found += public.findings(place, time.time)
    if chosen.json:
        say_json([asdict(each) for each in found])
    else:
        width = max(len(each.what) for each in found)
        for each in found:
            state = each.state.upper() if each.state == WRONG else each.state
            say(f"{state:5}  {each.what.ljust(width)}  {each.sentence}")
    wrong, noted = (sum(each.state == state for each in found) for state in (WRONG, NOTE))
    if not chosen.json:
        say("")
        say(f"{wrong or 'Nothing'} {'are' if wrong > 1 else 'is'} wrong, {noted} to be noted.")
    raise SystemExit(1 if wrong else 0)
