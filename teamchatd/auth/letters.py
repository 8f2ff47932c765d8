"""
The letter box: what was asked for is written, and handed to the postman.

A letter is asked for in the change that needs it (L{teamchatd.store.letters.ask}),
and waits in the record for its turn; whoever asked has long had their answer.
Only now is it looked up whether there is anybody to write to.  It leaves the
record when the mail server has taken it: if the power goes in between, it is
sent again.  Twice rather than never.
"""

from collections import Counter
from collections.abc import Awaitable, Callable
from email.message import EmailMessage
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth import links
from teamchatd.errors import ChatError
from teamchatd.mail import letters
from teamchatd.mail.letters import Letterhead, Link, NoAddress
from teamchatd.mail.undelivered import Refused, TryLater
from teamchatd.model import Purpose, User
from teamchatd.store.letters import Letter, LetterStore
from teamchatd.store.links import LinkStore
from teamchatd.store.users import NewUser

log = Logger()

AT_ONCE = 4
"""Connections to the mail server.  Many allow one client no more than a handful."""

DELAYS = (10, 5 * 60, 15 * 60, 60 * 60)
"""
Seconds before a letter is tried again; the last counts for all that follow.  The
second is as long as mail servers let a stranger wait who has to prove that he
comes again.
"""

GRACE_SECONDS = 10
"""What a letter that was taken up may need beside its delivery."""

WRITE: dict[Purpose, Callable[[Letterhead, Link], EmailMessage]] = {
    Purpose.SIGN_IN: letters.sign_in,
    Purpose.INVITATION: letters.invitation,
    Purpose.PASSWORD_RESET: letters.password_reset,
}


@frozen
class Prepared:
    """
    A letter that somebody is to get.

    @ivar user_id: of the one it is for, if there is such a user yet.
    @ivar email: where it is sent.
    """

    email: str
    link: Link
    user_id: str | None = None


class Prepare(Protocol):
    """
    Asked when it is a letter's turn: whether anybody is to get it, and with
    which link.  Asked again for the same letter, it makes the same link.
    """

    def __call__(self, letter: Letter) -> Awaitable[Prepared | None]: ...


class Delivers(Protocol):
    """
    A L{teamchatd.mail.postman.Postman}, or what stands in for one.
    """

    def deliver(self, message: EmailMessage) -> "Deferred[None]": ...


@frozen
class Postage:
    """
    What the configuration says of letters.

    @ivar sender: what stands in C{From}.
    @ivar max_retries: how often one is tried again.
    @ivar timeout_seconds: how long the postman may be away.
    """

    sender: str
    max_retries: int
    timeout_seconds: float


@define(eq=False)
class LetterBox:
    """
    @ivar _postman: None where there is no mail server: then what is asked for
        is thrown away.
    @ivar _server_name: the name that is on the letters.
    @ivar results: how many deliveries were "sent", put off to be tried "again", or
        "given_up", and for how many letters there was "nobody".
    """

    _store: LetterStore
    _prepare: Prepare
    _postman: Delivers | None
    _postage: Postage
    _server_name: Callable[[], Awaitable[str]]
    _clock: IReactorTime
    results: Counter[str] = field(init=False, factory=Counter)
    _is_wanted: bool = field(init=False, default=False)
    _round: "Deferred[None] | None" = field(init=False, default=None)
    _is_closed: bool = field(init=False, default=False)

    def begin(self, is_alone: bool = True) -> None:
        """
        Take up what an earlier life has left behind.

        @param is_alone: else other daemons may be delivering it just now, and it comes to
            its turn when they are not.
        """
        if is_alone:
            self._round = Deferred.fromCoroutine(self._go_round(self._store.everyones_turn))
        else:
            self.wake()

    async def ask(self, purpose: Purpose, email: str) -> None:
        """
        Have a letter sent, soon.  Where there is no mail server nothing happens,
        for everybody alike.
        """
        if self._postman is not None:
            await self._store.ask(purpose, email)
            self.wake_soon()

    async def invite(self, new: NewUser) -> User:
        """
        Make a user, and send them an invitation.
        """
        user = await self._store.invite(new)
        self.wake_soon()
        return user

    def wake_soon(self) -> None:
        """
        Look in the next turn: whoever asked gets their answer first.
        """
        self._clock.callLater(0, self.wake)

    def wake(self) -> None:
        """
        Look whether it is a letter's turn: something was asked for, or time has
        passed.  Returns at once.
        """
        self._is_wanted = True
        if (self._round is None or self._round.called) and not self._is_closed:
            self._round = Deferred.fromCoroutine(self._go_round())

    def close(self) -> "Deferred[None]":
        """
        Begin nothing more.

        @return: fires when the letters under way have arrived, or not.
        """
        self._is_closed = True
        closed: Deferred[None] = Deferred()
        if self._round is None:
            closed.callback(None)
        else:
            self._round.addBoth(lambda _: closed.callback(None))
        return closed

    async def deliver_due(self) -> None:
        """
        Deliver every letter whose turn it is, a few at a time.
        """
        ahead = int((self._postage.timeout_seconds + GRACE_SECONDS) * 1000)
        while not self._is_closed and await self._store.is_due(self._now()):
            due = await self._store.take_up(AT_ONCE, ahead)
            await gatherResults(
                [Deferred.fromCoroutine(self._take_care_of(letter)) for letter in due]
            )

    async def _go_round(self, first: Callable[[], Awaitable[None]] | None = None) -> None:
        try:
            if first is not None:
                await first()
                self._is_wanted = True
            while self._is_wanted and not self._is_closed:
                self._is_wanted = False
                await self.deliver_due()
        except ChatError as refused:
            log.warn("Letters have to wait: {why}", why=str(refused))
        except Exception:
            log.failure("Letters have to wait")

    async def _take_care_of(self, letter: Letter) -> None:
        try:
            await self._deliver(letter)
        except ChatError as refused:
            # It stays taken up for a while, and then it is its turn again.
            log.warn(
                "The {purpose} letter {id} has to wait: {why}",
                purpose=letter.purpose,
                id=letter.id,
                why=str(refused),
            )

    async def _deliver(self, letter: Letter) -> None:
        if self._postman is None:
            await self._give_up(letter, "No mail server is configured, [email] host.")
            return
        if letter.expires_at <= self._now():
            await self._give_up(letter, "By now it would come too late.")
            return
        user_id = None
        try:
            prepared = await self._prepare(letter)
            if prepared is None:
                self.results["nobody"] += 1
            else:
                user_id = prepared.user_id
                await self._postman.deliver(await self._written(letter, prepared))
                self.results["sent"] += 1
        except (Refused, NoAddress) as refused:
            await self._give_up(letter, str(refused), user_id)
        except TryLater as later:
            await self._try_again(letter, str(later), user_id)
        except ChatError:
            raise
        except Exception:
            log.failure("The {purpose} letter {id} broke", purpose=letter.purpose, id=letter.id)
            await self._try_again(letter, "That is a fault of ours.", user_id)
        else:
            await self._store.remove(letter.id)

    async def _written(self, letter: Letter, prepared: Prepared) -> EmailMessage:
        head = Letterhead(
            letter.id,
            await self._server_name(),
            self._postage.sender,
            prepared.email,
            self._clock.seconds(),
        )
        return WRITE[letter.purpose](head, prepared.link)

    async def _try_again(self, letter: Letter, why: str, user_id: str | None = None) -> None:
        delay = DELAYS[min(letter.attempts, len(DELAYS) - 1)]
        if letter.attempts >= self._postage.max_retries:
            await self._give_up(letter, why, user_id)
        elif self._now() + delay * 1000 >= letter.expires_at:
            await self._give_up(letter, f"{why} Later, it would come too late.", user_id)
        else:
            self.results["again"] += 1
            log.warn(
                "The {purpose} letter {id} is tried again in {delay} seconds: {why}",
                purpose=letter.purpose,
                id=letter.id,
                delay=delay,
                why=why,
            )
            await self._store.put_back(letter.id, delay * 1000)

    async def _give_up(self, letter: Letter, why: str, user_id: str | None = None) -> None:
        self.results["given_up"] += 1
        log.error(
            "The {purpose} letter {id}{to} was given up: {why}",
            purpose=letter.purpose,
            id=letter.id,
            to=f" to the user {user_id}" if user_id else "",
            why=why,
        )
        await self._store.remove(letter.id)

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)


@define
class ForWhomItIs:
    """
    The L{Prepare} of the daemon: a link for whoever has an account, and for
    strangers where they may make one by signing in.

    @ivar _seconds: how long a link is good.
    """

    _links: LinkStore
    _secret: str
    _app_url: str
    _seconds: dict[Purpose, int]
    _admits_strangers: bool

    async def __call__(self, letter: Letter) -> Prepared | None:
        token, seconds = links.token_for(self._secret, letter.id), self._seconds[letter.purpose]
        for_strangers = self._admits_strangers and letter.purpose is Purpose.SIGN_IN
        reader = await self._links.make(
            links.hash_of(token), letter.purpose, letter.email, seconds * 1000, for_strangers
        )
        if reader is None:
            return None
        url = links.url(self._app_url, token, letter.email)
        return Prepared(letter.email, Link(url, seconds, reader.user_name), reader.user_id)
