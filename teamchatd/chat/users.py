"""
Users: who belongs here, under which name.
"""

from collections.abc import Awaitable, Callable

from attrs import define, evolve
from twisted.logger import Logger

from teamchatd.auth import addresses
from teamchatd.auth.passwords import Passwords
from teamchatd.auth.passwords import usable as usable_password
from teamchatd.chat import access, names
from teamchatd.errors import Invalid
from teamchatd.model import Actor, User
from teamchatd.store.users import NewUser, NoSuchUser, UserStore, WasRemoved

log = Logger()

ROLES = ("user", "admin")


class UnusableRole(Invalid):
    """There are two roles."""


class CannotRemoveOneself(Invalid):
    """That is leaving, and has its own way."""


@define
class Users:
    """
    @ivar _with_passwords: whether this server's users sign in with passwords.
    @ivar _invite: adds a user and writes to them; None where no mail is sent.
    """

    _store: UserStore
    _passwords: Passwords
    _mint: Callable[[], str]
    _with_passwords: bool
    _invite: "Callable[[NewUser], Awaitable[User]] | None" = None

    async def all(self, actor: Actor) -> list[User]:
        return await self._store.all()

    async def oneself(self, actor: Actor) -> User:
        user = await self._store.find(actor.id)
        if user is None:
            raise WasRemoved()
        return user

    async def add(self, actor: Actor, email: str, role: str, password: str | None) -> User:
        """
        @param password: set where users sign in with one, ignored elsewhere.  Without
            it they are sent an invitation, if mail is configured; else they have
            none yet.
        @raise AddressTaken: there is such a user already.
        """
        access.admin(actor)
        if role not in ROLES:
            raise UnusableRole('\'role\' has to be "user" or "admin".')
        email = addresses.usable(email)
        new = NewUser(self._mint(), email, role == "admin", added_by=actor.id)
        user = await self._added(new, password)
        log.info("User {user} was added as {role}, by {by}", user=user.id, role=role, by=actor.id)
        return user

    async def _added(self, new: NewUser, password: str | None) -> User:
        if not self._with_passwords:
            return await self._store.add(new)
        if password is not None:
            return await self._store.add(
                evolve(new, password_hash=await self._passwords.hash(password))
            )
        return await (self._store.add if self._invite is None else self._invite)(new)

    async def reset_password(self, actor: Actor, user_id: str, password: str) -> None:
        """
        Give a user a new password, which ends their sessions.

        @raise Invalid: there is no such user, or the password is too short.
        """
        access.admin(actor)
        usable_password(password)
        if await self._store.find(user_id) is None:
            raise Invalid("There is no such user.")
        password_hash = await self._passwords.hash(password)
        try:
            await self._store.reset_password(actor.id, user_id, password_hash)
        except NoSuchUser as gone:
            raise Invalid(str(gone)) from gone
        log.info("User {user} was given a new password, by {by}", user=user_id, by=actor.id)

    async def remove(self, actor: Actor, user_id: str) -> None:
        """
        @raise CannotRemoveOneself: whoever wants to leave, leaves.
        @raise LastAdmin: somebody has to administrate the server.
        """
        access.admin(actor)
        if user_id == actor.id:
            raise CannotRemoveOneself("You cannot remove yourself; leave the server instead.")
        await self._store.remove(actor.id, user_id)
        log.info("User {user} was removed, by {by}", user=user_id, by=actor.id)

    async def exit(self, actor: Actor) -> None:
        """
        Leave the server for good.

        @raise LastAdmin: somebody has to administrate the server.
        """
        await self._store.exit(actor.id)
        log.info("User {user} has left", user=actor.id)

    async def rename(self, actor: Actor, name: str) -> User:
        """
        @raise NameTaken: ignoring case.
        """
        return await self._store.rename(actor.id, names.usable(name))
