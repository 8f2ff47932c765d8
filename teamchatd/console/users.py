"""
C{teamchat user}: who belongs here.
"""

import secrets
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from typing import Any

from teamchatd import shapes
from teamchatd.auth import addresses, links, passwords
from teamchatd.chat import names
from teamchatd.console.place import Place
from teamchatd.console.terminal import CannotDo, make_sure, new_password, say, say_json
from teamchatd.model import Purpose, User
from teamchatd.store import users
from teamchatd.store.database import Database
from teamchatd.store.links import invite, remake
from teamchatd.store.users import NewUser

WHO = "an e-mail address, a name or an id"


def add_to(commands: Any, common: ArgumentParser) -> None:
    nouns = commands.add_parser(
        "user", help="add, list, change and remove users", description="Who belongs here."
    ).add_subparsers(required=True, metavar="COMMAND")
    verb = nouns.add_parser(
        "add",
        parents=[common],
        help="add a user",
        description="Add a user. Without --password it prints a link, good once and for a week,"
        " with which they choose one.",
    )
    verb.add_argument("email", metavar="ADDRESS")
    verb.add_argument("--name", help="what others see; by default what stands before the @")
    verb.add_argument("--admin", action="store_true", help="they administrate the server")
    _add_password(verb)
    verb.set_defaults(run=add)
    verb = nouns.add_parser("list", parents=[common], help="show all users")
    verb.add_argument("--json", action="store_true", help="as the API has them")
    verb.set_defaults(run=show)
    verb = nouns.add_parser(
        "reset-password",
        parents=[common],
        help="let a user choose a new password",
        description="Without --password it prints a link with which they choose one; that they"
        " do, or --password, ends their sessions.",
    )
    verb.add_argument("who", metavar="USER", help=WHO)
    _add_password(verb)
    verb.set_defaults(run=reset_password)
    verb = nouns.add_parser("make-admin", parents=[common], help="let a user administrate")
    verb.add_argument("who", metavar="USER", help=WHO)
    verb.set_defaults(run=make_admin)
    verb = nouns.add_parser(
        "remove",
        parents=[common],
        help="remove a user",
        description="Remove a user. Their sessions and streams end within a second; what they"
        " wrote stays.",
    )
    verb.add_argument("who", metavar="USER", help=WHO)
    verb.add_argument("--yes", action="store_true", help="do not ask")
    verb.set_defaults(run=remove)


def _add_password(verb: ArgumentParser) -> None:
    verb.add_argument(
        "--password",
        action="store_true",
        help="ask for it; where nobody can be asked, the first line of standard input",
    )


def add(place: Place, chosen: Namespace) -> None:
    mode = place.settings.auth.auth_mode
    database = place.database()
    email = addresses.usable(chosen.email)
    name = names.usable(chosen.name) if chosen.name else None
    hashed = _hashed(mode) if chosen.password else None
    new = NewUser(secrets.token_hex(15), email, chosen.admin, hashed, name)
    if hashed is not None or mode == "dev":
        _say_added(database.change_at_once(users.add, new))
        return
    purpose = Purpose.INVITATION if mode == "password" else Purpose.SIGN_IN
    link = links.new_link()
    user = database.change_at_once(invite, new, link.hash, purpose, links.SETUP_SECONDS * 1000)
    _say_added(user)
    say("This link lets them in, once and within a week. Give it to nobody else:")
    say(links.url(place.settings.auth.app_url, link.token, user.email))


def _say_added(user: User) -> None:
    role = "an administrator" if user.is_admin else "a user"
    say(f"{user.user_name} ({user.email}) is {role} now.")


def _hashed(mode: str) -> str:
    if mode != "password":
        raise CannotDo(f'Nobody has a password here: [auth] authMode is "{mode}".')
    return passwords.hash_now(new_password(), passwords.BCRYPT_COST)


def show(place: Place, chosen: Namespace) -> None:
    with place.database().at_once() as cursor:
        found = users.all_of(cursor)
    if chosen.json:
        say_json([shapes.user(user) for user in found])
        return
    rows = [(user.user_name, user.email, _role(user), _day(user), user.id) for user in found]
    for line in columns([("NAME", "ADDRESS", "ROLE", "SINCE", "ID"), *rows]):
        say(line)


def _role(user: User) -> str:
    return "admin" if user.is_admin else "user"


def _day(user: User) -> str:
    return f"{datetime.fromtimestamp(user.created_at / 1000, UTC):%Y-%m-%d}"


def columns(rows: list[tuple[str, ...]]) -> list[str]:
    """
    C{rows}, each cell as wide as the widest of its column.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def reset_password(place: Place, chosen: Namespace) -> None:
    auth = place.settings.auth
    database = place.database()
    user = _named(database, chosen.who)
    if chosen.password:
        database.change_at_once(users.set_password, user.id, _hashed(auth.auth_mode))
        say(f"{user.user_name} has a new password, and is signed out everywhere.")
        return
    if auth.auth_mode != "password":
        raise CannotDo(f'Nobody has a password here: [auth] authMode is "{auth.auth_mode}".')
    link, seconds = links.new_link(), auth.magic_link_expiry_seconds
    database.change_at_once(
        remake, link.hash, Purpose.PASSWORD_RESET, user.email, seconds * 1000, False
    )
    say(
        f"With this link {user.user_name} chooses a new password, once and within"
        f" {seconds // 60} minutes. Give it to nobody else:"
    )
    say(links.url(auth.app_url, link.token, user.email))


def make_admin(place: Place, chosen: Namespace) -> None:
    database = place.database()
    user = database.change_at_once(users.make_admin, _named(database, chosen.who).id)
    say(f"{user.user_name} ({user.email}) administrates this server now.")


def remove(place: Place, chosen: Namespace) -> None:
    database = place.database()
    user = _named(database, chosen.who)
    if not chosen.yes:
        make_sure(f"Remove {user.user_name} ({user.email})? What they wrote stays.")
    database.change_at_once(users.remove, user.id)
    say(f"{user.user_name} ({user.email}) is removed.")


def _named(database: Database, who: str) -> User:
    with database.at_once() as cursor:
        user = users.named(cursor, who)
    if user is None:
        raise CannotDo(f"There is no user {who}: teamchat user list shows all.")
    return user
