"""
What a server has from its first start: a name, a channel, and an admin, or a
way to become one.
"""

from collections.abc import Callable

from attrs import define

from teamchatd.auth import addresses, links, passwords
from teamchatd.chat import names
from teamchatd.errors import Invalid
from teamchatd.model import User
from teamchatd.store.change import Change
from teamchatd.store.channels import make_general
from teamchatd.store.database import Database
from teamchatd.store.links import replace_first_start
from teamchatd.store.settings import set_first_name
from teamchatd.store.users import NewUser, add, by_email, has_admin


class UnusableAdmin(Invalid):
    """They could be made, and could never sign in."""


@define
class FirstStart:
    """
    All of this blocks: it happens before anybody is listened to.

    @ivar _cost: of hashing the first admin's password.
    """

    _database: Database
    _mint: Callable[[], str]
    _cost: int

    def furnish(self, server_name: str) -> None:
        """
        A name and the channel General, where they are missing.
        """
        self._database.change_at_once(set_first_name, server_name)
        self._database.change_at_once(make_general, self._mint())

    def has_admin(self) -> bool:
        return self._database.change_at_once(_has_admin)

    def make_admin(self, email: str, user_name: str | None, password: str | None) -> User | None:
        """
        Make the first admin, as the configuration wants them.

        @return: L{None}: another daemon has, in the meantime.
        @raise UnusableAdmin: nobody else could be made so, either.
        """
        try:
            new = self._usable(email, user_name, password)
            return self._database.change_at_once(_add_first, new)
        except Invalid as wrong:
            raise UnusableAdmin(f"the first admin, {email}, cannot be made: {wrong}") from wrong

    def _usable(self, email: str, user_name: str | None, password: str | None) -> NewUser:
        email = addresses.usable(email)
        name = names.usable(user_name) if user_name else None
        password_hash = None
        if password:
            password_hash = passwords.hash_now(passwords.usable(password), self._cost)
        return NewUser(self._mint(), email, True, password_hash, name)

    def has_user(self, email: str) -> bool:
        return self._database.change_at_once(_has_user, email)

    def link_for_admin(self) -> links.Link | None:
        """
        A link with which the first visitor becomes admin; earlier ones are no
        longer good.  None where there is an admin.
        """
        link = links.new_link()
        needed = self._database.change_at_once(
            replace_first_start, link.hash, links.SETUP_SECONDS * 1000
        )
        return link if needed else None


def _has_admin(change: Change) -> bool:
    return has_admin(change.cursor)


def _add_first(change: Change, new: NewUser) -> User | None:
    return None if has_admin(change.cursor) else add(change, new)


def _has_user(change: Change, email: str) -> bool:
    return by_email(change.cursor, email) is not None
