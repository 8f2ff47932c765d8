"""
Sessions: signing in, staying in, and getting out.
"""

from collections import defaultdict
from collections.abc import Callable

import orjson
from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from teamchatd.auth.sign_ins import SignIns
from teamchatd.auth.tokens import Claims, Tokens
from teamchatd.errors import NotFound, Unavailable, Unidentified
from teamchatd.model import Actor, Client, Daemons, Entry, Session
from teamchatd.store.sessions import SESSIONS_ENDED, NotGood, Opening, SessionStore
from teamchatd.store.users import ROLE_CHANGED

log = Logger()

MOST_KNOWN = 20_000
"""Tokens that are known without asking the record again."""

LONGEST_USER_AGENT = 256

SIGN_IN_FIRST = "Sign in first: this needs a valid access token."


class NoSuchSession(NotFound):
    """Also said of somebody else's."""

    def __init__(self) -> None:
        super().__init__("There is no such session.")


@frozen
class TokenAnswer:
    """
    A new pair of tokens.

    @ivar expires_in: how long the access token lives, in seconds.
    """

    access: str = field(repr=False)
    refresh: str = field(repr=False)
    expires_in: int


@frozen
class Lifetimes:
    """
    In seconds.
    """

    access: int
    refresh: int


@frozen
class Known:
    actor: Actor
    until: int


@define
class Acquaintances:
    """
    Whose tokens we have seen, until they expire or somebody's sessions end.

    @ivar endings: counts the ends of sessions; an answer from the record that
        was asked for before one of them may be out of date.
    """

    endings: int = field(init=False, default=0)
    _by_token: dict[str, Known] = field(init=False, factory=dict)
    _tokens_of: dict[str, set[str]] = field(init=False, factory=lambda: defaultdict(set))

    def actor(self, token: str, now: float) -> Actor | None:
        known = self._by_token.get(token)
        return known.actor if known is not None and known.until > now else None

    def meet(self, token: str, known: Known) -> None:
        if len(self._by_token) >= MOST_KNOWN:
            self.forget_all()
        self._by_token[token] = known
        self._tokens_of[known.actor.id].add(token)

    def forget_all(self) -> None:
        self.endings += 1
        self._by_token.clear()
        self._tokens_of.clear()

    def forget(self, user_id: str) -> None:
        self.endings += 1
        for token in self._tokens_of.pop(user_id, ()):
            self._by_token.pop(token, None)


@define
class Sessions:
    """
    @ivar at_most: of one user.
    @ivar _ended: called with a user's id and the ids of their sessions that
        have ended, so that their streams are cut.
    @ivar sign_ins: hears of each attempt to open one.
    """

    _store: SessionStore
    _tokens: Tokens
    _clock: IReactorTime
    _mint: Callable[[], str]
    _lifetimes: Lifetimes
    at_most: int
    _ended: Callable[[str, list[str]], None]
    sign_ins: SignIns = field(init=False, factory=SignIns)
    _known: Acquaintances = field(init=False, factory=Acquaintances)

    def opening(
        self,
        user_id: str,
        client: Client,
        password_hash: str | None = None,
        seconds: int | None = None,
    ) -> Opening:
        """
        A session for the store to open, perhaps together with something else.

        @param password_hash: what the password was checked against, if one was.
        @param seconds: how long it lives, if not as long as a refresh token.
        """
        lifetime = self._lifetimes.refresh if seconds is None else seconds
        return Opening(
            self._mint(),
            self._mint(),
            user_id,
            Client(client.ip, client.user_agent[:LONGEST_USER_AGENT]),
            self._after(lifetime) * 1000,
            self.at_most,
            password_hash,
        )

    async def open(self, opening: Opening) -> TokenAnswer:
        return self.answer_for(await self._store.open(opening))

    def answer_for(self, opened: Opening) -> TokenAnswer:
        """
        The tokens of a session that the store has opened.
        """
        return self._answer(opened.user_id, opened.session_id, opened.pair_id)

    def _answer(self, user_id: str, session_id: str, pair_id: str) -> TokenAnswer:
        access, refresh = (
            Claims(user_id, session_id, pair_id, self._after(seconds))
            for seconds in (self._lifetimes.access, self._lifetimes.refresh)
        )
        return TokenAnswer(
            self._tokens.sign("access", access),
            self._tokens.sign("refresh", refresh),
            self._lifetimes.access,
        )

    def lasting_token(self, opening: Opening) -> str:
        """
        An access token that lives as long as its session.
        """
        until = opening.expires_at // 1000
        claims = Claims(opening.user_id, opening.session_id, opening.pair_id, until)
        return self._tokens.sign("access", claims)

    def signed_for(self, token: str) -> str | None:
        """
        Whose access token this is, if we have signed it and it has not expired.
        That it still counts, only the record can say.
        """
        claims = self._tokens.read("access", token)
        return None if claims is None else claims.user_id

    async def whose(self, token: str, remember: bool = True) -> Actor:
        """
        Who is asking with this access token.

        @param remember: whether the token will soon be shown again.
        @raise Unidentified: nobody, or nobody any more.
        """
        known = self._known.actor(token, self._clock.seconds())
        if known is not None:
            return known
        claims = self._tokens.read("access", token)
        if claims is None:
            raise Unidentified(SIGN_IN_FIRST)
        while True:
            endings = self._known.endings
            holder = await self._store.holder(claims.pair_id, self._now())
            is_new = holder is not None and not holder.used
            if is_new and await self._mark_used(claims.pair_id):
                continue
            # Had a session ended while we asked, the answer could be from before.
            if endings == self._known.endings:
                break
        if holder is None:
            raise Unidentified(SIGN_IN_FIRST)
        if remember and not is_new:
            self._known.meet(token, Known(holder.actor, claims.until))
        return holder.actor

    async def _mark_used(self, pair_id: str) -> bool:
        """
        @return: whether it was stored.  A full disk keeps nobody from reading:
            the token is marked when it comes the next time.
        """
        try:
            await self._store.mark_used(pair_id)
        except Unavailable:
            return False
        return True

    async def refresh(self, token: str) -> TokenAnswer:
        """
        Spend a refresh token for a new pair.

        @raise Unidentified: it is unknown, spent, or expired.
        """
        claims = self._tokens.read("refresh", token)
        if claims is None:
            raise NotGood("This refresh token is not good. Sign in again.")
        until = self._after(self._lifetimes.refresh) * 1000
        bought = await self._store.refresh(claims.pair_id, self._mint(), until)
        if bought.pair_id is None:
            raise NotGood(
                "This refresh token was used before. The session is ended; sign in again."
            )
        return self._answer(bought.user_id, bought.session_id, bought.pair_id)

    async def log_out(self, actor: Actor, refresh_token: str) -> None:
        """
        End the session of this refresh token, if it is the actor's own.
        """
        claims = self._tokens.read("refresh", refresh_token)
        if claims is not None:
            await self._store.end_by_pair(actor.id, claims.pair_id)
            log.info("User {user} signed out", user=actor.id)

    async def of(self, actor: Actor) -> list[Session]:
        return await self._store.of_user(actor.id, self._now())

    async def end_all(self, actor: Actor, keep_current: bool = False) -> None:
        await self._store.end_all(actor.id, actor.session_id if keep_current else None)
        which = "all their other sessions" if keep_current else "all their sessions"
        log.info("User {user} has ended {which}", user=actor.id, which=which)

    async def end_one(self, actor: Actor, session_id: str) -> None:
        """
        @raise NoSuchSession: it is none of the actor's.
        """
        if not await self._store.end_one(actor.id, session_id):
            raise NoSuchSession()
        log.info("User {user} has ended their session {id}", user=actor.id, id=session_id)

    async def end_expired(self) -> None:
        """
        A stream ends with its session, also when that just runs out.
        """
        await self._store.end_expired()

    def look_again(self) -> None:
        """
        Some sessions may have ended of which nothing was heard.
        """
        self._known.forget_all()

    def notice(self, entry: Entry) -> None:
        """
        Hear what is addressed to the daemons: a session that has ended opens
        nothing any more, here and at once; and who administrates may do so at once.
        """
        if not isinstance(entry.audience, Daemons) or entry.text is None:
            return
        said = orjson.loads(entry.text)
        if said["type"] == SESSIONS_ENDED:
            user_id, session_ids = said["payload"]["userId"], said["payload"]["sessionIds"]
            self._known.forget(user_id)
            self._ended(user_id, session_ids)
        elif said["type"] == ROLE_CHANGED:
            self._known.forget(said["payload"]["userId"])

    def _now(self) -> int:
        return int(self._clock.seconds() * 1000)

    def _after(self, seconds: int) -> int:
        return int(self._clock.seconds()) + seconds
