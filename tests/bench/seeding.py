"""
A data directory that looks as if a server had been used for a while.

Written by the stores of the daemon, before it starts: through HTTP, a thousand
passwords would take minutes, and a million messages would take longer.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen
from twisted.internet import reactor

from teamchatd.auth import secret
from teamchatd.auth.tokens import Claims, Tokens
from teamchatd.model import Client
from teamchatd.store.change import Change
from teamchatd.store.channels import make_general
from teamchatd.store.conversations import ConversationStore
from teamchatd.store.database import Database
from teamchatd.store.engine import Engine
from teamchatd.store.messages import Draft, MessageStore
from teamchatd.store.sessions import Opening, SessionStore
from teamchatd.store.sqlite import SQLite
from teamchatd.store.users import NewUser, UserStore

T = TypeVar("T")

CHANNEL = "general"

CONVERSATION = "dm:u0-u1"
"""What the first two users say to each other."""

AT_ONCE = 5000
"""Rows in one transaction.  A transaction each would wait for the disk a million times."""

SENTENCE = "the quick brown fox jumps over the lazy dog, and says so in message"

DAY = 24 * 60 * 60


@frozen
class Seed:
    """
    @ivar directory: what the daemon is to find as its data.
    @ivar tokens: an access token of every user.
    @ivar messages: how many there are, C{m0} first.
    @ivar era: with C{head}, makes the id of the last event so far.
    """

    directory: Path
    tokens: list[str]
    messages: int
    era: str
    head: int


@frozen
class InOneChange:
    """
    What a store takes for its database, while a change is under way: all it
    does becomes part of that change.
    """

    _change: Change

    def change(self, work: Callable[..., T], *args: Any) -> T:
        return work(self._change, *args)


def seed(directory: Path, users: int, messages: int) -> Seed:
    """
    Users C{u0}, C{u1} … with one session each, and messages C{m0}, C{m1} …
    """
    return sown(SQLite(directory), directory, users, messages)


def sown(engine: Engine, directory: Path, users: int, messages: int) -> Seed:
    """
    The same in a database of any kind.
    """
    database = Database(engine, reactor)
    database.startService()
    try:
        until = int(time.time()) + DAY
        database.change_at_once(make_general, CHANNEL)
        for numbers in _batches(users):
            database.change_at_once(_add_users, numbers, until)
        database.change_at_once(_converse)
        for numbers in _batches(messages):
            database.change_at_once(_add_messages, numbers, users)
        head = database.head()
    finally:
        database.stopService()
    tokens = Tokens(secret.kept_in(directory), reactor)
    signed = [
        tokens.sign("access", Claims(f"u{number}", f"s{number}", f"p{number}", until))
        for number in range(users)
    ]
    return Seed(directory, signed, messages, head.era, head.number)


def _batches(count: int) -> Iterator[range]:
    for begin in range(0, count, AT_ONCE):
        yield range(begin, min(begin + AT_ONCE, count))


def _add_users(change: Change, numbers: range, until: int) -> None:
    database: Any = InOneChange(change)
    users, sessions = UserStore(database), SessionStore(database)
    client = Client("127.0.0.1", "bench")
    for number in numbers:
        user_id, session_id, pair_id = f"u{number}", f"s{number}", f"p{number}"
        users.add(NewUser(user_id, f"user{number}@example.org", is_admin=number == 0))
        sessions.open(Opening(session_id, pair_id, user_id, client, until * 1000, 1))
        sessions.mark_used(pair_id)  # else the first request of each would also write


def _converse(change: Change) -> None:
    database: Any = InOneChange(change)
    ConversationStore(database).open(CONVERSATION, "u0", "u1")


def _add_messages(change: Change, numbers: range, users: int) -> None:
    database: Any = InOneChange(change)
    messages = MessageStore(database)
    for number in numbers:
        author_id = f"u{number % users}"
        messages.add(Draft(f"m{number}", CHANNEL, author_id, f"{SENTENCE} {number}"))
