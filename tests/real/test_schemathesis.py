"""
What the API description promises, asked of the daemon by somebody who has read
nothing else: requests that fit the description, and requests that do not, and
every answer is one that is described.
"""

import base64
import io
from contextlib import suppress
from itertools import count

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from PIL import Image

from tests.contract import METHODS, described
from tests.real.daemon import RealDaemon

pytestmark = pytest.mark.real

FITTING, WRONG = 6, 4
"""Requests of each call: each of them makes, on the way, what its path names."""

CALLS = [
    f"{method.upper()} {path}"
    for path, item in described()["paths"].items()
    for method in METHODS
    if method in item and path != "/events"  # it has no end
]

OTHER_MODES = {
    f"{method.upper()} {path}"
    for path, item in described()["paths"].items()
    for method in METHODS
    if method in item and item.get("x-auth-mode", "dev") != "dev"
}

NEEDS_A_REFRESH_TOKEN = {"POST /auth/refresh"}
"""Which nobody is given in the mode C{dev}."""

ENDS_SESSIONS = {"POST /auth/logout", "DELETE /auth/sessions", "POST /users/exit"}


def png():
    picture = io.BytesIO()
    Image.new("RGB", (2, 2), "green").save(picture, "PNG")
    return base64.b64encode(picture.getvalue()).decode()


class World:
    """
    A daemon, and how to make what a path or a body can name.
    """

    def __init__(self, daemon):
        self.daemon = daemon
        self.url = f"http://127.0.0.1:{daemon.port}"
        self.session = requests.Session()
        self.names = count()
        self.ada = daemon.token("ada")
        self.png = png()

    def stop(self):
        self.session.close()

    def made(self, path, given):
        return self.daemon.done(self.daemon.post(path, self.ada, given))

    def fresh(self):
        return f"fresh-{next(self.names)}"

    def user(self):
        return self.made("/users/add", {"email": f"{self.fresh()}@example.org"})["userId"]

    def caller(self, call):
        """
        The token of who asks.  Who leaves by it is somebody else each time.
        """
        return self.daemon.token(self.fresh()) if call in ENDS_SESSIONS else self.ada

    def names_in(self, path):
        """
        Everything that C{path} names, made just now, so that it can be deleted.

        @return: its parameters, and the token of the webhook that posts there, if
            one does.
        """
        names, token = {}, None
        if "{userId}" in path:
            names["userId"] = self.user()
        if "{channelId}" in path:
            channel = self.made("/channels", {"name": self.fresh()})["channel"]
            names["channelId"] = channel["id"]
            where = f"/channels/{channel['id']}/messages"
        elif "{conversationId}" in path:
            given = {"targetUserId": self.user()}
            conversation = self.made("/conversations", given)["conversation"]
            names["conversationId"] = conversation["id"]
            where = f"/conversations/{conversation['id']}/messages"
        else:
            general = self.daemon.general(self.ada)
            where = f"/channels/{general}/messages"
        if "{messageId}" in path:
            names["messageId"] = self.made(where, {"content": "hello"})["message"]["id"]
        if "{replyId}" in path:
            where = f"/messages/{names['messageId']}/thread"
            names["replyId"] = self.made(where, {"content": "hello"})["reply"]["id"]
        if "{filename}" in path:
            upload = {"filename": "x.png", "image": self.png}
            names["filename"] = self.made(f"{where}/image", upload)["filename"]
        if "{digest}" in path:
            known = self.daemon.done(self.daemon.get("/config.json"))
            names |= {"digest": known["assets"], "file": "main.js"}
        if "{webhookId}" in path:
            hook = {"name": "hook", "channelId": self.daemon.general(self.ada)}
            webhook = self.made("/webhooks", hook)["webhook"]
            names["webhookId"] = webhook["id"]
            if path.endswith("/messages"):
                token = webhook["token"]
        return names, token

    def body(self, fields, names):
        """
        The same, of what a body names: no schema can say what is there.

        @param names: what the path names.
        """
        known = {}
        if "email" in fields:
            known["email"] = f"{self.fresh()}@example.org"
        if "targetUserId" in fields:
            known["targetUserId"] = self.user()
        if "channelId" in fields:
            known["channelId"] = self.daemon.general(self.ada)
        if "messageId" in fields:
            where = f"/channels/{names['channelId']}/messages"
            known["messageId"] = self.made(where, {"content": "hello"})["message"]["id"]
        if "image" in fields:
            known = {"filename": "x.png", "image": self.png, "thumbnail": self.png}
        if "images" in fields:
            known["images"] = []
        return fields | known


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    daemon = RealDaemon(tmp_path_factory.mktemp("described"))
    world = World(daemon)
    yield world
    world.stop()
    daemon.stop()
    daemon.assert_untroubled()


@pytest.fixture(scope="module")
def operations():
    """
    The calls, as Schemathesis understands them.  Importing it takes a while, which
    those who do not run this should not have to wait for.
    """
    import schemathesis

    schema = schemathesis.openapi.from_dict(described())
    found = [operation.ok() for operation in schema.get_all_operations()]
    return {operation.label: operation for operation in found}


def tried(operation, mode, times):
    """
    Calls what it decorates with so many requests, the same ones every time, and
    with whether what they name is left as it is, which nobody has ever heard of.
    """

    def decorate(test):
        chosen = settings(
            max_examples=times,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        with suppress(Unsatisfiable):  # of a call that takes nothing, nothing can be wrong
            chosen(given(operation.as_strategy(generation_mode=mode), st.booleans())(test))()

    return decorate


@pytest.mark.parametrize("call", CALLS)
def test_as_described(world, operations, call):
    """
    Whatever is asked, the answer is one that is described; and what fits, and names
    what is there, succeeds.
    """
    from schemathesis import GenerationMode
    from schemathesis import checks as every
    from schemathesis.specs.openapi import checks

    operation, seen = operations[call], set()
    judges = [
        every.not_a_server_error,
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]

    def ask(case, token):
        headers = {"Authorization": f"Bearer {token}"}
        answer = case.call(base_url=world.url, session=world.session, headers=headers)
        seen.add(answer.status_code)
        case.validate_response(answer, checks=judges)

    @tried(operation, GenerationMode.POSITIVE, FITTING)
    def fitting(case, is_strange):
        names, token = world.names_in(case.path)
        case.path_parameters |= names
        if not is_strange:
            case.query.pop("before", None)
            if isinstance(case.body, dict):
                case.body = world.body(case.body, names)
        ask(case, token or world.caller(call))

    @tried(operation, GenerationMode.NEGATIVE, WRONG)
    def wrong(case, is_strange):
        token = None
        if not is_strange:
            names, token = world.names_in(case.path)
            case.path_parameters |= names
        ask(case, token or world.caller(call))

    assert 200 in seen or call in OTHER_MODES | NEEDS_A_REFRESH_TOKEN, seen
