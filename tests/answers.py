"""
What a daemon answers, the same whether it runs in memory or as a process.
"""

import json
from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

from tests.contract import Contract

CONTRACT = Contract()
"""One for all tests: every answer and every event that any of them sees is held against it."""


@frozen
class Answer:
    """
    @ivar headers: by lower-case name.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> str:
        return self.json["error"]


@frozen
class Event:
    """
    One block of an event stream.
    """

    id: str | None
    type: str
    payload: Any


class EventReader:
    """
    Takes an event stream apart, the way a browser does, and checks it.
    """

    def __init__(self, is_checking=True):
        """
        @param is_checking: whether each event is held against the contract.  For a crowd
            that hears the same, it is enough that some do.
        """
        self._is_checking = is_checking
        self._rest = b""
        self.comments = 0
        self.retry = None
        self.events: list[Event] = []

    def feed(self, data: bytes) -> None:
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            self._read(block.decode())

    def check(self, data: dict) -> None:
        if self._is_checking:
            CONTRACT.check_event(data)

    def _read(self, block: str) -> None:
        event_id, data = None, None
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            value = value.removeprefix(" ")
            match name:
                case "":
                    self.comments += 1
                case "id":
                    event_id = value
                case "data":
                    assert data is None, f"two data lines: {block!r}"
                    data = json.loads(value)
                case "retry":
                    self.retry = int(value)
                case _:
                    raise AssertionError(f"no line of ours: {line!r}")
        if data is not None:
            self.check(data)
            self.events.append(Event(event_id, data["type"], data["payload"]))


def encoded(given: Any) -> bytes:
    return given if isinstance(given, bytes) else json.dumps(given).encode()


class People:
    """
    What the tests ask of a daemon, however it is run.  A subclass brings
    C{exchange}: one request, one answer.
    """

    mode = "dev"

    def ask(self, method: str, path: str, who: str | None = None, given: Any = None, **headers):
        """
        One request, its answer held against the contract.

        @param who: an access token.
        @param given: what goes into the body, as JSON; bytes as they are.
        """
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        self.remember_secrets(who, given)
        if who is not None:
            headers.setdefault("authorization", f"Bearer {who}")
        body = b""
        if given is not None:
            body = encoded(given)
            headers.setdefault("content-type", "application/json")
        answer = self.exchange(method, path, headers, body)
        CONTRACT.check_answer(method, path, answer.status, answer.headers, answer.body)
        return answer

    def remember_secrets(self, who: str | None, given: Any) -> None:
        """
        What no log may hold, for those who have one to look at.
        """

    def get(self, path: str, who: str | None = None, **headers):
        return self.ask("GET", path, who, **headers)

    def post(self, path: str, who: str | None = None, given: Any = None, **headers):
        return self.ask("POST", path, who, given, **headers)

    def put(self, path: str, who: str | None = None, given: Any = None, **headers):
        return self.ask("PUT", path, who, given, **headers)

    def delete(self, path: str, who: str | None = None, given: Any = None, **headers):
        return self.ask("DELETE", path, who, given, **headers)

    def done(self, answer: Answer) -> Any:
        """
        What came of something that has to succeed.
        """
        assert answer.status == 200, (answer, answer.body)
        return answer.json

    def token(self, name: str) -> str:
        """
        An access token for C{<name>@example.org}, who is made if need be.  The
        first to come administrates the server.
        """
        return self.done(self.post("/auth/dev-login", given={"email": f"{name}@example.org"}))[
            "token"
        ]

    def general(self, who: str) -> str:
        return self.done(self.get("/channels", who))["channels"][0]["id"]

    def say(self, who: str, content: str, channel: str | None = None, **more) -> Any:
        channel = channel or self.general(who)
        given = {"content": content, **more}
        return self.done(self.post(f"/channels/{channel}/messages", who, given))["message"]

    def read(self, who: str, channel: str | None = None) -> list[str]:
        channel = channel or self.general(who)
        page = self.done(self.get(f"/channels/{channel}/messages?limit=200", who))
        return [message["content"] for message in page["messages"]]
