"""
Users, as rows.

The row of a removed user stays, so that their messages keep an author.  Here,
as everywhere, a user is one who was not removed.
"""

from itertools import count

from attrs import define, evolve, frozen
from twisted.internet.defer import Deferred

from teamchatd.errors import Forbidden, Invalid, NotFound, Unidentified
from teamchatd.model import Everyone, User
from teamchatd.store import identities, pointers, sessions
from teamchatd.store.change import Change
from teamchatd.store.database import Database
from teamchatd.store.engine import Cursor
from teamchatd.store.sessions import Opening

LONGEST_NAME = 64
"""Code points."""

COLUMNS = "id, user_name, email, is_admin, created_at, password_hash"


ROLE_CHANGED = "ROLE_CHANGED"
"""What the daemons are told: C{{"userId": …}}."""


class AddressTaken(Invalid):
    """Another user already has this address."""


class NameTaken(Invalid):
    """Another user already has this name."""


class LastAdmin(Invalid):
    """Without this user nobody could administrate the server."""


class NoSuchUser(NotFound):
    """Also said of a user who was removed."""

    def __init__(self) -> None:
        super().__init__("There is no such user.")


class WasRemoved(Unidentified):
    """Whoever acts was a user when they asked."""

    def __init__(self) -> None:
        super().__init__("This account was removed.")


class AdminsOnly(Forbidden):
    """What is asked is for administrators."""

    def __init__(self) -> None:
        super().__init__("Only an administrator may do this.")


@frozen
class NewUser:
    """
    What is known of a user before there is one.  The name follows from the
    address, unless the configuration gives one.

    @ivar added_by: the administrator who adds them, if anybody does.
    """

    id: str
    email: str
    is_admin: bool = False
    password_hash: str | None = None
    user_name: str | None = None
    added_by: str | None = None

    def as_admin(self) -> "NewUser":
        return evolve(self, is_admin=True)


def key(text: str) -> str:
    """
    What two names or addresses that count as the same have in common.
    """
    return text.casefold()


def user_of(row: tuple[str, str, str, int, int, str | None]) -> User:
    user_id, user_name, email, is_admin, created_at, password_hash = row
    return User(user_id, user_name, email, bool(is_admin), created_at, password_hash)


def all_of(cursor: Cursor) -> list[User]:
    rows = cursor.execute(
        f"SELECT {COLUMNS} FROM users WHERE removed_at IS NULL ORDER BY created_at, rowid"
    )
    return [user_of(row) for row in rows]


def find(cursor: Cursor, user_id: str) -> User | None:
    row = cursor.execute(
        f"SELECT {COLUMNS} FROM users WHERE id = ? AND removed_at IS NULL", (user_id,)
    ).fetchone()
    return row and user_of(row)


def acting(cursor: Cursor, user_id: str) -> User:
    """
    The one who changes something.  Every change asks this again: between the look
    whether they may and the change itself they may have been removed.

    @raise WasRemoved: they were.
    """
    user = find(cursor, user_id)
    if user is None:
        raise WasRemoved()
    return user


def administrating(cursor: Cursor, user_id: str) -> User:
    """
    The same, of what is for administrators.
    """
    user = acting(cursor, user_id)
    if not user.is_admin:
        raise AdminsOnly()
    return user


def by_email(cursor: Cursor, email: str) -> User | None:
    """
    The one user who has this address, in whatever case it is written.
    """
    row = cursor.execute(
        f"SELECT {COLUMNS} FROM users WHERE email_key = ? AND removed_at IS NULL", (key(email),)
    ).fetchone()
    return row and user_of(row)


def named(cursor: Cursor, who: str) -> User | None:
    """
    The user whom the operator means: by address, else by id, else by name.  A name is what
    somebody likes to be called, and that may be the id of another, or an address that nobody
    has; what looks like one is one, or nobody.
    """
    found = by_email(cursor, who) or find(cursor, who)
    return found if found or "@" in who else _by_name(cursor, who)


def _by_name(cursor: Cursor, name: str) -> User | None:
    row = cursor.execute(
        f"SELECT {COLUMNS} FROM users WHERE name_key = ? AND removed_at IS NULL", (key(name),)
    ).fetchone()
    return row and user_of(row)


def has_admin(cursor: Cursor) -> bool:
    """
    Whether there is anybody who administrates this server.
    """
    [(admins,)] = cursor.execute(
        "SELECT count(*) FROM users WHERE is_admin = 1 AND removed_at IS NULL"
    )
    return bool(admins)


def add(change: Change, new: NewUser) -> User:
    """
    @raise AddressTaken: somebody has this address already.
    """
    if new.added_by is not None:
        administrating(change.cursor, new.added_by)
    if by_email(change.cursor, new.email) is not None:
        raise AddressTaken("There is already a user with this e-mail address.")
    name = _free_name(change.cursor, new.user_name or new.email.partition("@")[0])
    user = User(new.id, name, new.email, new.is_admin, change.at, new.password_hash)
    change.cursor.execute(
        "INSERT INTO users (id, user_name, name_key, email, email_key, password_hash, is_admin,"
        " created_at, reads_from) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            user.id,
            user.user_name,
            key(user.user_name),
            user.email,
            key(user.email),
            user.password_hash,
            user.is_admin,
            user.created_at,
            change.position,
        ),
    )
    told = {"id": user.id, "userName": user.user_name, "email": user.email}
    change.tell(Everyone(), "NEW_USER", told, subject=f"user:{user.id}")
    return user


def _admit(change: Change, new: NewUser) -> User:
    """
    Whoever has this address already, or C{new}: an admin, if there is none yet.
    """
    user = by_email(change.cursor, new.email)
    if user is not None:
        return user
    return add(change, new if has_admin(change.cursor) else new.as_admin())


def _free_name(cursor: Cursor, wish: str) -> str:
    """
    C{wish}, or the first of C{wish2}, C{wish3}, … that nobody has.
    """
    name = wish[:LONGEST_NAME]
    for number in count(2):
        if not _name_is_taken(cursor, name):
            break
        ending = str(number)
        name = wish[: LONGEST_NAME - len(ending)] + ending
    return name


def _name_is_taken(cursor: Cursor, name: str, by_other_than: str = "") -> bool:
    return bool(
        cursor.execute(
            "SELECT 1 FROM users WHERE name_key = ? AND removed_at IS NULL AND id <> ?",
            (key(name), by_other_than),
        ).fetchone()
    )


def _rename(change: Change, user_id: str, name: str) -> User:
    acting(change.cursor, user_id)
    if _name_is_taken(change.cursor, name, by_other_than=user_id):
        raise NameTaken("Another user has this name.")
    change.cursor.execute(
        "UPDATE users SET user_name = ?, name_key = ? WHERE id = ?",
        (name, key(name), user_id),
    )
    user = acting(change.cursor, user_id)
    told = {"id": user.id, "userName": user.user_name}
    change.tell(Everyone(), "UPDATE_USER", told, subject=f"user:{user.id}")
    return user


def rehash(change: Change, user_id: str, before: str, after: str) -> None:
    """
    Keep the same password under another hash, unless it was changed meanwhile.
    """
    change.cursor.execute(
        "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
        (after, user_id, before),
    )


def register(change: Change, new: NewUser, opening: Opening) -> Opening:
    """
    Make a user who signs in at once.

    Nobody has seen yet whether they read the mail of that address.

    @raise AddressTaken: nothing was changed.
    """
    user = add(change, new)
    change.cursor.execute("UPDATE users SET is_unproved = 1 WHERE id = ?", (user.id,))
    return sessions.open_session(change, opening.of(user.id))


def prove(change: Change, user_id: str) -> bool:
    """
    Whoever reads the mail of this user's address has come.

    @return: whether nobody had proved that before.
    """
    proved = change.cursor.execute(
        "UPDATE users SET is_unproved = 0 WHERE id = ? AND is_unproved = 1", (user_id,)
    )
    return bool(proved.rowcount)


def take_from_squatter(change: Change, user_id: str) -> None:
    """
    The owner of an address has come in by another way than its password.  If it
    was registered by somebody who never proved it to be theirs, that one is out:
    they may have waited for this (account pre-hijacking).
    """
    if prove(change, user_id):
        change.cursor.execute("UPDATE users SET password_hash = NULL WHERE id = ?", (user_id,))
        sessions.end_all(change, user_id)


def set_password(change: Change, user_id: str, password_hash: str) -> None:
    """
    A new password ends every session: who had the old one is out.

    @raise NoSuchUser: there is nobody to give it to.
    """
    changed = change.cursor.execute(
        "UPDATE users SET password_hash = ? WHERE id = ? AND removed_at IS NULL",
        (password_hash, user_id),
    )
    if not changed.rowcount:
        raise NoSuchUser()
    sessions.end_all(change, user_id)


def _reset_password(change: Change, actor_id: str, user_id: str, password_hash: str) -> None:
    administrating(change.cursor, actor_id)
    set_password(change, user_id, password_hash)


def make_admin(change: Change, user_id: str) -> User:
    """
    Only the operator does this, who needs nobody's leave.  The daemons are told: they
    remember who is asking, and what they may.

    @raise NoSuchUser: they were removed meanwhile.
    """
    change.cursor.execute(
        "UPDATE users SET is_admin = 1 WHERE id = ? AND removed_at IS NULL", (user_id,)
    )
    user = find(change.cursor, user_id)
    if user is None:
        raise NoSuchUser()
    change.notify_daemons(ROLE_CHANGED, {"userId": user_id})
    return user


def _remove(change: Change, actor_id: str, user_id: str) -> None:
    administrating(change.cursor, actor_id)
    remove(change, user_id)


def remove(change: Change, user_id: str) -> None:
    """
    @raise NoSuchUser: there is nobody to remove.
    @raise LastAdmin: somebody has to administrate the server.
    """
    user = find(change.cursor, user_id)
    if user is None:
        raise NoSuchUser()
    # The name, because what told of it is forgotten now, and messages still show it.
    told = {"id": user.id, "userName": user.user_name, "email": user.email}
    _take_out(change, user, "REMOVE_USER", told)


def _exit(change: Change, user_id: str) -> None:
    user = acting(change.cursor, user_id)
    _take_out(change, user, "USER_EXIT", {"id": user.id, "userName": user.user_name})


def _take_out(change: Change, user: User, kind: str, told: dict[str, str]) -> None:
    """
    @param kind: what everybody is told: C{REMOVE_USER} or C{USER_EXIT}.
    """
    change.cursor.execute(
        "UPDATE users SET removed_at = ?, email = NULL, email_key = NULL, password_hash = NULL,"
        " is_admin = 0 WHERE id = ?",
        (change.at, user.id),
    )
    identities.forget(change, user.id)
    pointers.forget(change, user.id)
    if user.is_admin and not has_admin(change.cursor):
        raise LastAdmin("The last administrator cannot go.")
    # Their streams hear this, and are then cut by what the end of their sessions tells.
    change.tell(Everyone(), kind, told, subject=f"user:{user.id}", erases=True)
    sessions.end_all(change, user.id)


@define
class UserStore:
    _database: Database

    def all(self) -> "Deferred[list[User]]":
        return self._database.read(all_of)

    def find(self, user_id: str) -> "Deferred[User | None]":
        return self._database.read(find, user_id)

    def by_email(self, email: str) -> "Deferred[User | None]":
        return self._database.read(by_email, email)

    def add(self, new: NewUser) -> "Deferred[User]":
        return self._database.change(add, new)

    def admit(self, new: NewUser) -> "Deferred[User]":
        return self._database.change(_admit, new)

    def rename(self, user_id: str, name: str) -> "Deferred[User]":
        return self._database.change(_rename, user_id, name)

    def register(self, new: NewUser, opening: Opening) -> "Deferred[Opening]":
        return self._database.change(register, new, opening)

    def rehash(self, user_id: str, before: str, after: str) -> "Deferred[None]":
        return self._database.change(rehash, user_id, before, after)

    def reset_password(self, actor_id: str, user_id: str, password_hash: str) -> "Deferred[None]":
        return self._database.change(_reset_password, actor_id, user_id, password_hash)

    def remove(self, actor_id: str, user_id: str) -> "Deferred[None]":
        return self._database.change(_remove, actor_id, user_id)

    def exit(self, user_id: str) -> "Deferred[None]":
        return self._database.change(_exit, user_id)
