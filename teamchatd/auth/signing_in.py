"""
The ways in.
"""

from collections.abc import Callable

from attrs import define

from teamchatd.auth import addresses
from teamchatd.auth.limits import Limit, NoLimit
from teamchatd.auth.links import hash_of
from teamchatd.auth.passwords import Passwords, usable
from teamchatd.auth.sessions import Sessions, TokenAnswer
from teamchatd.errors import TooMany, Unidentified
from teamchatd.model import Client, User
from teamchatd.store.links import FirstStart, LinkNotGood, LinkStore
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
    _links: LinkStore
    _sessions: Sessions
    _passwords: Passwords
    _failures: "Limit | NoLimit"
    _mint: Callable[[], str]
    _is_invite_required: bool

    async def with_password(self, email: str, password: str, client: Client) -> TokenAnswer:
        """
        @raise WrongPassword: after the same work, whoever was asked for.
        @raise TooMany: this account, or this client, has failed too often.
        """
        email = addresses.usable(email)
        names = (f"account {key(email)}", f"client {client.ip}")
        self._begin(names)
        user = await self._users.by_email(email)
        password_hash = user.password_hash if user is not None else None
        if not await self._passwords.match(password, password_hash) or user is None:
            raise WrongPassword()
        answer = await self._sessions.open(self._sessions.opening(user.id, client, password_hash))
        for name in names:  # only failures count
            self._failures.give_back(name)
        return answer

    def _begin(self, names: tuple[str, str]) -> None:
        """
        Count an attempt as a failure until it succeeds, under both names or, where
        it is held back, under none: it was not even looked at.
        """
        account, client = names
        self._failures.take(client)
        try:
            self._failures.take(account)
        except TooMany:
            self._failures.give_back(client)
            raise

    async def with_setup_link(
        self, email: str, password: str, token: str, client: Client
    ) -> TokenAnswer:
        """
        Make the first admin of an empty server, signed in.

        @raise LinkNotGood: the token is unknown, used, or expired.
        @raise UnusablePassword: the link survives that.
        """
        email, token_hash = addresses.usable(email), hash_of(token)
        usable(password)
        # Before bcrypt works: strangers could keep it busy, and nobody else would get in.
        await self._links.require_unused(token_hash)
        password_hash = await self._passwords.hash(password)
        new = NewUser(self._mint(), email, is_admin=True, password_hash=password_hash)
        opening = self._sessions.opening(new.id, client)
        await self._links.make_first_admin(FirstStart(token_hash, new, opening))
        return self._sessions.answer_for(opening.user_id, opening.session_id, opening.pair_id)

    async def as_developer(self, email: str, token: str | None, client: Client) -> tuple[User, str]:
        """
        Believe whoever says who they are.

        An empty server is opened by C{token}, the one from its log; where users
        need no invitation, the first to come is its admin.

        @return: the user, and an access token that lives for a day.
        @raise NotInvited: nobody has this address, and users are invited here.
        """
        email = addresses.usable(email)
        user = await self._users.by_email(email)
        if user is None and token is not None:
            first = await self._admit_first(email, token, client)
            if first is not None:
                return first
        if user is None:
            if self._is_invite_required:
                raise NotInvited("Nobody with this e-mail address has been invited.")
            user = await self._newcomer(email)
        opening = self._sessions.opening(user.id, client, seconds=DEV_TOKEN_SECONDS)
        await self._sessions.open(opening)
        return user, self._sessions.lasting_token(opening)

    async def _admit_first(self, email: str, token: str, client: Client) -> tuple[User, str] | None:
        new = NewUser(self._mint(), email, is_admin=True)
        opening = self._sessions.opening(new.id, client, seconds=DEV_TOKEN_SECONDS)
        try:
            admin = await self._links.make_first_admin(FirstStart(hash_of(token), new, opening))
        except LinkNotGood:
            return None
        return admin, self._sessions.lasting_token(opening)

    async def _newcomer(self, email: str) -> User:
        is_first = not await self._users.has_admin()
        try:
            return await self._users.add(NewUser(self._mint(), email, is_admin=is_first))
        except AddressTaken:  # by themselves, at the same moment
            user = await self._users.by_email(email)
            if user is None:
                raise
            return user
