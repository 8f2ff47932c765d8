"""
The ways in that need no mail: a password, and a developer's word.
"""

from collections.abc import Callable

from attrs import define

from teamchatd.auth import addresses
from teamchatd.auth.entrances import Entrances
from teamchatd.auth.limits import Failures, NoFailures, neighbourhood
from teamchatd.auth.passwords import Passwords
from teamchatd.auth.sessions import Sessions, TokenAnswer
from teamchatd.auth.sign_ins import Attempt
from teamchatd.errors import Unidentified
from teamchatd.model import Client, User
from teamchatd.store.links import LinkNotGood
from teamchatd.store.users import AddressTaken, NewUser, UserStore, key

DEV_TOKEN_SECONDS = 24 * 60 * 60


class WrongPassword(Unidentified):
    """Or no such account: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


class NotInvited(Unidentified):
    """On this server an administrator has to add users."""


@define
class SigningIn:
    _users: UserStore
    _entrances: Entrances
    _sessions: Sessions
    _passwords: Passwords
    _failures: Failures | NoFailures
    _mint: Callable[[], str]
    _is_invite_required: bool

    async def with_password(self, email: str, password: str, client: Client) -> TokenAnswer:
        """
        @raise WrongPassword: after the same work, whoever was asked for.
        @raise TooMany: this account, or this client, has failed too often.
        """
        with self._sessions.sign_ins.watch("password", client) as attempt:
            email = addresses.usable(email)
            with self._failures.watch(WrongPassword, _place(client), f"account {key(email)}"):
                user = await self._owner(email, password, attempt)
            opening = self._sessions.opening(user.id, client, user.password_hash)
            answer = await self._sessions.open(opening)
        await self._rehash(user, password)
        return answer

    async def _owner(self, email: str, password: str, attempt: Attempt) -> User:
        user = await self._users.by_email(email)
        attempt.user_id = "" if user is None else user.id
        password_hash = user.password_hash if user is not None else None
        if not await self._passwords.match(password, password_hash) or user is None:
            raise WrongPassword()
        return user

    async def _rehash(self, user: User, password: str) -> None:
        before = user.password_hash or ""
        after = await self._passwords.rehash(password, before)
        if after is not None:
            await self._users.rehash(user.id, before, after)

    async def register(self, email: str, password: str, client: Client) -> TokenAnswer:
        """
        Make an account for whoever wants one, signed in.

        @raise AddressTaken: a refusal leaves no account behind.
        @raise UnusablePassword: the same.
        """
        with self._sessions.sign_ins.watch("registration", client) as attempt:
            # Whoever meets a taken address has learned that it is: that is a guess, too.
            with self._failures.watch(AddressTaken, _place(client)):
                new = NewUser(
                    self._mint(),
                    addresses.usable(email),
                    password_hash=await self._passwords.hash(password),
                )
                opened = await self._users.register(new, self._sessions.opening(new.id, client))
            attempt.user_id = opened.user_id
        return self._sessions.answer_for(opened)

    async def as_developer(self, email: str, token: str | None, client: Client) -> tuple[User, str]:
        """
        Believe whoever says who they are.

        An empty server is opened by C{token}, the one from its log; where users
        need no invitation, the first to come is its admin.

        @return: the user, and an access token that lives for a day.
        @raise NotInvited: nobody has this address, and users are invited here.
        """
        with self._sessions.sign_ins.watch("dev", client) as attempt:
            user, access = await self._developer(addresses.usable(email), token, client)
            attempt.user_id = user.id
        return user, access

    async def _developer(self, email: str, token: str | None, client: Client) -> tuple[User, str]:
        user = await self._users.by_email(email)
        if user is None and token is not None:
            first = await self._admit_first(email, token, client)
            if first is not None:
                return first
        if user is None:
            if self._is_invite_required:
                raise NotInvited("Nobody with this e-mail address has been invited.")
            user = await self._users.admit(NewUser(self._mint(), email))
        opening = self._sessions.opening(user.id, client, seconds=DEV_TOKEN_SECONDS)
        await self._sessions.open(opening)
        return user, self._sessions.lasting_token(opening)

    async def _admit_first(self, email: str, token: str, client: Client) -> tuple[User, str] | None:
        new = NewUser(self._mint(), email)
        opening = self._sessions.opening(new.id, client, seconds=DEV_TOKEN_SECONDS)
        try:
            opened = await self._entrances.open_first(new, token, opening)
        except LinkNotGood:
            return None
        admin = await self._users.find(opened.user_id)
        return None if admin is None else (admin, self._sessions.lasting_token(opened))


def _place(client: Client) -> str:
    return f"client {neighbourhood(client.ip)}"
