"""
Signing in through others, as rows: who is under way, and who has arrived.
"""

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Unidentified
from teamchatd.store import identities, sessions, users
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.identities import Subject
from teamchatd.store.sessions import Opening
from teamchatd.store.users import NewUser


class StateNotGood(Unidentified):
    """
    Unknown, used, expired, another provider's or another browser's: nobody is
    told which.
    """

    def __init__(self) -> None:
        super().__init__(
            "This sign-in is too old, is finished, or was begun in another browser. Begin again."
        )


class NoUser(Unidentified):
    """Nobody can be found by what the provider says."""


class BoundToAnother(Unidentified):
    """The address belongs to a user whose account at this provider is another one."""


@frozen
class State:
    """
    A sign-in under way.

    @ivar verifier: of PKCE (RFC 7636, section 4.1).
    @ivar nonce: of OpenID Connect Core, section 3.1.2.1.
    @ivar expires_at: in milliseconds.
    """

    hash: str
    browser_hash: str
    provider_id: str
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    expires_at: int


@frozen
class Arrival:
    """
    Somebody whom a provider has identified.

    @ivar email: an address of theirs, which the provider has verified.
    @ivar no_email: why there is none, for whoever needs one.
    @ivar new_id: of the user that may have to be made.
    @ivar opening: for whoever it turns out to be; its C{user_id} is not yet known.
    """

    subject: Subject
    email: str | None
    no_email: str
    new_id: str
    is_invite_required: bool
    opening: Opening


def _begin(change: Change, state: State) -> None:
    change.cursor.execute(
        "INSERT INTO oauth_states"
        " (state_hash, browser_hash, provider_id, verifier, nonce, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            state.hash,
            state.browser_hash,
            state.provider_id,
            state.verifier,
            state.nonce,
            state.expires_at,
        ),
    )


def _use(change: Change, state_hash: str, browser_hash: str, provider_id: str) -> State:
    """
    @raise StateNotGood: nothing was changed; the right browser may still come.
    """
    row = change.cursor.execute(
        "DELETE FROM oauth_states"
        " WHERE state_hash = ? AND browser_hash = ? AND provider_id = ? AND expires_at > ?"
        " RETURNING state_hash, browser_hash, provider_id, verifier, nonce, expires_at",
        (state_hash, browser_hash, provider_id, change.at),
    ).fetchone()
    if row is None:
        raise StateNotGood()
    return State(*row)


def _forget_expired(change: Change) -> None:
    change.cursor.execute("DELETE FROM oauth_states WHERE expires_at <= ?", (change.at,))


def _admit(change: Change, arrival: Arrival) -> Opening:
    """
    @return: the session, of whoever it turned out to be.
    @raise Unidentified: nothing was made and nothing bound.
    """
    user_id = identities.user_of(change.cursor, arrival.subject)
    if user_id is None:
        user_id = _user_by_address(change, arrival)
        identities.bind(change, arrival.subject, user_id)
    return sessions.open_session(change, arrival.opening.of(user_id))


def _user_by_address(change: Change, arrival: Arrival) -> str:
    if arrival.email is None:
        raise NoUser(arrival.no_email)
    user = users.by_email(change.cursor, arrival.email)
    if user is None:
        if arrival.is_invite_required:
            raise NoUser("Nobody with this e-mail address has been invited.")
        user = users.add(change, NewUser(arrival.new_id, arrival.email))
    # Who has the address now need not be who had it when the account was bound.
    if identities.is_bound(change.cursor, user.id, arrival.subject.issuer):
        raise BoundToAnother(
            "The user with this e-mail address signs in with another account of this provider."
        )
    users.take_from_squatter(change, user.id)
    return user.id


@define
class OAuthStore:
    _database: Database

    def begin(self, state: State) -> "Deferred[None]":
        return self._database.change(_begin, state)

    def use(self, state_hash: str, browser_hash: str, provider_id: str) -> "Deferred[State]":
        """
        Use up a state, once.

        @raise StateNotGood: it is not good, or not for this browser.
        """
        return self._database.change(_use, state_hash, browser_hash, provider_id)

    def forget_expired(self) -> "Deferred[None]":
        return self._database.change(_forget_expired)

    def admit(self, arrival: Arrival) -> "Deferred[Opening]":
        """
        Find the user, or make them; bind the account; open a session: all of it
        or nothing.

        @return: the session that is open now.
        @raise Unidentified: they may not come in.
        """
        return self._database.change(_admit, arrival)
