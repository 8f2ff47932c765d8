"""
Coming in with a link: from a letter, or from the log of an empty server.
"""

from collections.abc import Awaitable, Callable

from attrs import define, evolve
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth import addresses
from teamchatd.auth.limits import Failures, NoFailures, neighbourhood
from teamchatd.auth.links import hash_of
from teamchatd.auth.passwords import Passwords
from teamchatd.auth.sessions import Sessions, TokenAnswer
from teamchatd.model import Client, Purpose
from teamchatd.store.links import SETS_PASSWORD, SIGNS_IN, Entrance, LinkNotGood, LinkStore
from teamchatd.store.sessions import Opening
from teamchatd.store.users import NewUser, key

log = Logger()


@define
class Entrances:
    """
    @ivar _asked: counts the letters that were asked for, so that nobody fills
        somebody's mailbox.
    @ivar _ask: has a letter written to an address.
    """

    _store: LinkStore
    _sessions: Sessions
    _passwords: Passwords
    _clock: IReactorTime
    _mint: Callable[[], str]
    _asked: "Failures | NoFailures"
    _ask: Callable[[Purpose, str], Awaitable[None]]

    async def ask_to_sign_in(self, email: str, client: Client) -> None:
        """
        Have a magic link sent to C{email}, if anybody there may sign in.  Who
        asks does not learn whether: it is found out when it is written.

        @raise TooMany: letters to this address, or from this client, have been
            asked for too often.
        """
        await self._ask_for(Purpose.SIGN_IN, email, client)

    async def ask_for_reset(self, email: str, client: Client) -> None:
        """
        Have a link sent to C{email} that sets a new password.  The same holds.
        """
        await self._ask_for(Purpose.PASSWORD_RESET, email, client)

    async def _ask_for(self, purpose: Purpose, email: str, client: Client) -> None:
        email = addresses.usable(email)
        self._asked.take(f"letter {key(email)}", f"letters {neighbourhood(client.ip)}")
        await self._ask(purpose, email)

    async def set_up(self, email: str, password: str, token: str, client: Client) -> TokenAnswer:
        """
        Set a password, and come in: with a link from an invitation, for a
        forgotten password, or of a first start.

        @raise LinkNotGood: it is unknown, used, expired, or another address's.
        @raise UnusablePassword: the link survives that.
        """
        with self._sessions.sign_ins.watch("link_for_password", client) as attempt:
            entered = await self._set_up(email, password, token, client)
            attempt.user_id = entered.user_id
        return self._sessions.answer_for(entered)

    async def _set_up(self, email: str, password: str, token: str, client: Client) -> Opening:
        new = NewUser(self._mint(), addresses.usable(email))
        # Whoever has no link has no claim on bcrypt's time.
        now = int(self._clock.seconds() * 1000)
        purpose = await self._store.good(hash_of(token), new.email, now)
        if purpose not in SETS_PASSWORD:
            raise LinkNotGood()
        password_hash = await self._passwords.hash(password)
        new = evolve(new, password_hash=password_hash)
        entered = await self._enter(token, SETS_PASSWORD, new, client, password_hash)
        _say_if_first(purpose, entered)
        return entered

    async def sign_in(self, email: str, token: str, client: Client) -> TokenAnswer:
        """
        Come in with a magic link, or with the one of a first start.

        @raise LinkNotGood: it is unknown, used, expired, or another address's,
            which does not use it up.
        """
        with self._sessions.sign_ins.watch("magic_link", client) as attempt:
            entered = await self._sign_in(email, token, client)
            attempt.user_id = entered.user_id
        return self._sessions.answer_for(entered)

    async def _sign_in(self, email: str, token: str, client: Client) -> Opening:
        new = NewUser(self._mint(), addresses.usable(email))
        now = int(self._clock.seconds() * 1000)
        purpose = await self._store.good(hash_of(token), new.email, now)
        entered = await self._enter(token, SIGNS_IN, new, client, None)
        _say_if_first(purpose, entered)
        return entered

    async def open_first(self, new: NewUser, token: str, opening: Opening) -> Opening:
        """
        Let the first admin in, without a password.
        """
        first = (Purpose.FIRST_START,)
        opened = await self._store.enter(Entrance(hash_of(token), first, new, opening))
        _say_if_first(Purpose.FIRST_START, opened)
        return opened

    async def _enter(
        self,
        token: str,
        purposes: tuple[Purpose, ...],
        new: NewUser,
        client: Client,
        password_hash: str | None,
    ) -> Opening:
        opening = self._sessions.opening(new.id, client)
        entrance = Entrance(hash_of(token), purposes, new, opening, password_hash)
        return await self._store.enter(entrance)


def _say_if_first(purpose: Purpose | None, entered: Opening) -> None:
    """
    Whoever reads the log knows that they were it, or that somebody else was faster.
    """
    if purpose is Purpose.FIRST_START:
        log.info("The first administrator came with the link: {user}", user=entered.user_id)
