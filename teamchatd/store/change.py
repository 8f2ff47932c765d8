"""
What a piece of work holds while it changes the record.
"""

from typing import Any

import orjson
from attrs import define, field

from teamchatd.model import Audience, Daemons, Entry
from teamchatd.store import audiences
from teamchatd.store.engine import Cursor


@define
class Change:
    """
    One change, inside the transaction that it may share with others.

    It is good for as long as the work runs, in the writer's thread.  The work
    touches nothing else but its own arguments: a batch may have to run again.

    @ivar at: when the change was asked for, in milliseconds since the epoch.
    @ivar number: of the newest entry in the journal.
    """

    cursor: Cursor
    at: int
    number: int
    entries: list[Entry] = field(factory=list)

    @property
    def position(self) -> int:
        """
        The place of what this change makes, in the order of all that was ever
        made: the number of the entry that will tell of it.
        """
        return self.number + 1

    def tell(
        self,
        audience: Audience,
        kind: str,
        payload: dict[str, Any],
        subject: str | None = None,
        erases: bool = False,
    ) -> None:
        """
        Write into the journal what happened.  Its audience hears of it after the
        commit, and never if there is none.

        @param erases: what was told earlier about C{subject}, and about all
            below it, is deleted and loses its text.
        """
        if erases and subject is not None:
            self.forget(subject)
        self.number += 1
        text = orjson.dumps({"type": kind, "payload": payload}).decode()
        self.cursor.execute(
            "INSERT INTO journal (number, at, audience, subject, erases, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (self.number, self.at, audiences.written(audience), subject, erases, text),
        )
        self.entries.append(Entry(self.number, audience, text, subject, erases))

    def forget(self, subject: str) -> None:
        """
        What was told about C{subject}, and about all below it, loses its text.
        """
        self.cursor.execute(
            "UPDATE journal SET text = NULL WHERE subject = ? OR (subject >= ? AND subject < ?)",
            (subject, subject + "/", subject + "0"),  # "0" is what follows "/"
        )

    def notify_daemons(self, kind: str, payload: dict[str, Any]) -> None:
        """
        Tell the daemons something that concerns their streams and caches.
        """
        self.tell(Daemons(), kind, payload)
