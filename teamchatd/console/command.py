"""
The command line, and how it ends.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Sequence
from typing import NoReturn

from teamchatd import __version__, config
from teamchatd.console import backup, check, export, move, place, restore, stats, users
from teamchatd.console.terminal import CannotDo, complain
from teamchatd.errors import ChatError
from teamchatd.store.schema import Unusable

COMMANDS = (users, backup, restore, move, export, check, stats)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """
    Do what the command line says.  The exit status is 0 if that went well, 1 if it did
    not, 2 if there is no such command.
    """
    os.umask(0o077)  # what we make is nobody else's business
    chosen = parser().parse_args(arguments)
    try:
        chosen.run(place.place(chosen), chosen)
    except (config.BadConfig, ChatError, Unusable, CannotDo) as wrong:
        complain(f"teamchat: {wrong}")
        raise SystemExit(1) from None
    except BrokenPipeError:  # whoever reads has seen enough; and so that Python says nothing
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except OSError as error:
        complain(f"teamchat: {_refusal(error)}")
        raise SystemExit(1) from None
    raise SystemExit(0)


def _refusal(error: OSError) -> str:
    """
    What the system does not let us do, mostly because somebody is not root.
    """
    where = f"{error.filename}: " if error.filename else ""
    whose = f" (this works as {place.me()})" if isinstance(error, PermissionError) else ""
    return f"{where}{error.strerror or error}{whose}"


def parser() -> ArgumentParser:
    parser = ArgumentParser("teamchat", description="Look after a teamchat server.")
    parser.add_argument("--version", action="version", version=f"teamchat {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for noun in COMMANDS:
        noun.add_to(commands, place.options())
    return parser
