"""
The description of the API, and the judge that holds the daemon to it.
"""

import gzip
import json
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

from teamchatd import __version__
from teamchatd.http import assets
from tests.contract import DESCRIPTION, IMAGES, METHODS, Contract, at, described

DOCUMENT = described()

CALLS = {
    "GET /",
    "GET /assets/{digest}/{file}",
    "GET /favicon.ico",
    "GET /robots.txt",
    "GET /service-worker.js",
    "GET /manifest.webmanifest",
    "GET /config.json",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
    "POST /auth/dev-login",
    "POST /auth/password-login",
    "POST /auth/setup-password",
    "POST /auth/login",
    "POST /auth/verify",
    "POST /auth/request-password-reset",
    "POST /auth/register",
    "GET /auth/oauth/providers",
    "GET /auth/oauth/{providerId}",
    "GET /auth/oauth/{providerId}/callback",
    "POST /auth/refresh",
    "POST /auth/logout",
    "GET /auth/me",
    "GET /auth/address",
    "GET /auth/sessions",
    "DELETE /auth/sessions",
    "GET /users",
    "POST /users/add",
    "POST /users/{userId}/reset-password",
    "DELETE /users/{userId}",
    "POST /users/exit",
    "PUT /users/me",
    "GET /channels",
    "POST /channels",
    "PUT /channels/{channelId}",
    "DELETE /channels/{channelId}",
    "GET /channels/{channelId}/messages",
    "POST /channels/{channelId}/messages",
    "POST /channels/{channelId}/messages/image",
    "GET /channels/{channelId}/messages/image/{filename}",
    "PUT /messages/{messageId}",
    "DELETE /messages/{messageId}",
    "POST /messages/{messageId}/reactions",
    "DELETE /messages/{messageId}/reactions",
    "GET /messages/{messageId}/thread",
    "POST /messages/{messageId}/thread",
    "POST /messages/{messageId}/thread/image",
    "PUT /messages/{messageId}/thread/{replyId}",
    "DELETE /messages/{messageId}/thread/{replyId}",
    "GET /conversations",
    "POST /conversations",
    "GET /conversations/{conversationId}/messages",
    "POST /conversations/{conversationId}/messages",
    "POST /conversations/{conversationId}/messages/image",
    "GET /conversations/{conversationId}/messages/image/{filename}",
    "PUT /conversations/{conversationId}/messages/{messageId}",
    "DELETE /conversations/{conversationId}/messages/{messageId}",
    "GET /reads",
    "PUT /reads/{channelId}",
    "GET /webhooks",
    "POST /webhooks",
    "DELETE /webhooks/{webhookId}",
    "POST /webhooks/{webhookId}/messages",
    "GET /server/settings",
    "PUT /server/settings",
    "GET /events",
}

OPEN = {
    "GET /",
    "GET /assets/{digest}/{file}",
    "GET /favicon.ico",
    "GET /robots.txt",
    "GET /service-worker.js",
    "GET /manifest.webmanifest",
    "GET /config.json",
    "GET /health",
    "GET /health/live",
    "GET /health/ready",
    "GET /openapi.json",
    "POST /auth/dev-login",
    "POST /auth/password-login",
    "POST /auth/setup-password",
    "POST /auth/login",
    "POST /auth/verify",
    "POST /auth/request-password-reset",
    "POST /auth/register",
    "POST /auth/refresh",
} | {call for call in CALLS if "/auth/oauth/" in call}

REDIRECTS = {"GET /auth/oauth/{providerId}", "GET /auth/oauth/{providerId}/callback"}
"""These answer with 302, and tell there what went wrong, if they can."""

PICTURES = {call for call in CALLS if call.endswith("/{filename}")}
"""These answer with bytes, in parts, or not at all if they are known already."""

FILES = {"GET /assets/{digest}/{file}", "GET /favicon.ico", "GET /service-worker.js"}
"""These answer with what lies in a folder, or not at all if it is known already."""

TAKES_NOTHING = {"GET /", "GET /health", "GET /health/live", "GET /openapi.json"} | FILES
TAKES_NOTHING |= {"GET /robots.txt", "GET /health/ready"}
"""These ask nobody, and store nothing."""

FOR_SOME = {
    "POST /users/add",
    "POST /users/{userId}/reset-password",
    "DELETE /users/{userId}",
    "POST /channels",
    "PUT /channels/{channelId}",
    "DELETE /channels/{channelId}",
    "PUT /messages/{messageId}",
    "DELETE /messages/{messageId}",
    "PUT /messages/{messageId}/thread/{replyId}",
    "DELETE /messages/{messageId}/thread/{replyId}",
    "PUT /reads/{channelId}",
    "GET /webhooks",
    "POST /webhooks",
    "DELETE /webhooks/{webhookId}",
    "POST /webhooks/{webhookId}/messages",
    "PUT /server/settings",
} | {call for call in CALLS if "/{conversationId}/" in call}
"""For admins, for the author, for the participants, or for the webhook itself."""

STATUSES = {"200", "302", "400", "401", "403", "404", "413", "415", "429", "500", "503"}

STATUSES_OF_PICTURES = {"206", "304", "416"}

EVENTS = {
    "CONNECTED",
    "RESET",
    "REPLACED",
    "NEW_MESSAGE",
    "UPDATE_MESSAGE",
    "DELETE_MESSAGE",
    "NEW_CHANNEL",
    "UPDATE_CHANNEL",
    "DELETE_CHANNEL",
    "NEW_REACTION",
    "DELETE_REACTION",
    "NEW_THREAD_REPLY",
    "UPDATE_THREAD_REPLY",
    "DELETE_THREAD_REPLY",
    "NEW_USER",
    "REMOVE_USER",
    "USER_EXIT",
    "UPDATE_USER",
    "NEW_CONVERSATION",
    "NEW_DM_MESSAGE",
    "UPDATE_DM_MESSAGE",
    "DELETE_DM_MESSAGE",
    "UPDATE_READ",
    "NEW_WEBHOOK",
    "DELETE_WEBHOOK",
    "UPDATE_SERVER_SETTINGS",
}

MAY_BE_ABSENT = {
    "Channel": {"createdBy", "updatedAt"},
    "Author": {"isBot"},
    "Message": {"threadId", "threadMeta"},
    "Conversation": {"lastMessageAt"},
}

NOT_OURS = {"ApiDescription"}
"""What is in it, OpenAPI says."""

OPERATIONS = {
    f"{method.upper()} {path}": item[method]
    for path, item in DOCUMENT["paths"].items()
    for method in METHODS
    if method in item
}

each_operation = pytest.mark.parametrize("call", sorted(OPERATIONS))


def response_of(call: str, status: str) -> dict[str, Any]:
    response = OPERATIONS[call]["responses"][status]
    return at(response["$ref"], DOCUMENT) if "$ref" in response else response


def references(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def reached_from(part: Any) -> set[str]:
    """
    All that a part of the document refers to, also in passing.
    """
    reached: set[str] = set()
    waiting = list(references(part))
    while waiting:
        reference = waiting.pop()
        if reference not in reached:
            reached.add(reference)
            waiting += references(at(reference, DOCUMENT))
    return reached


def told() -> dict[str, Any]:
    """
    The schemas of all that the daemon says, by name or by where they stand.
    """
    schemas = DOCUMENT["components"]["schemas"]
    responses = [
        response for item in OPERATIONS.values() for response in item["responses"].values()
    ]
    spoken = [*responses, DOCUMENT["components"]["responses"], schemas["Event"]]
    named = {
        reference.rpartition("/")[2]: at(reference, DOCUMENT)
        for reference in reached_from(spoken)
        if reference.startswith("#/components/schemas/")
    }
    unnamed = {
        f"{call} {status} {kind}": content["schema"]
        for call, operation in OPERATIONS.items()
        for status, response in operation["responses"].items()
        for kind, content in response.get("content", {}).items()
        if "schema" in content
    }
    return named | unnamed


def narrowed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """
    What a schema refers to in the end.
    """
    while "$ref" in schema:
        schema = at(schema["$ref"], DOCUMENT)
    return schema


def schemas_in(name: str, schema: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """
    A schema and all within it, each with its name.
    """
    yield name, schema
    for key, each in schema.get("properties", {}).items():
        yield from schemas_in(f"{name}.{key}", each)
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from schemas_in(f"{name}.{key}", schema[key])
    for key in ("oneOf", "anyOf", "allOf"):
        for number, each in enumerate(schema.get(key, [])):
            yield from schemas_in(f"{name}.{key}[{number}]", each)


TOLD = {name: schema for name, schema in told().items() if name not in NOT_OURS}


class TestDescription:
    def test_valid(self) -> None:
        """
        It is OpenAPI 3.1, and all its references lead somewhere.
        """
        OpenAPIV31SpecValidator(DOCUMENT).validate()
        for reference in references(DOCUMENT):
            assert at(reference, DOCUMENT)

    def test_nothing_twice(self) -> None:
        """
        No key hides another of the same name, which YAML would not mention.
        """

        class Wary(yaml.SafeLoader):
            def construct_mapping(
                self, node: yaml.MappingNode, deep: bool = False
            ) -> dict[Hashable, Any]:
                keys = [key.value for key, _ in node.value]
                assert len(keys) == len(set(keys)), f"line {node.start_mark.line + 1}: {keys}"
                return super().construct_mapping(node, deep)

        assert yaml.load(DESCRIPTION.read_bytes(), Wary) == DOCUMENT

    def test_version(self) -> None:
        """
        It describes this very teamchat.
        """
        assert DOCUMENT["info"]["title"] == "teamchat"
        assert DOCUMENT["info"]["version"] == __version__

    def test_calls(self) -> None:
        """
        It describes the calls there are, and no other.
        """
        assert OPERATIONS.keys() == CALLS

    def test_events(self) -> None:
        """
        It describes the events there are, each once and by its name.
        """
        schemas = DOCUMENT["components"]["schemas"]
        event = schemas["Event"]
        mapping = {kind: f"#/components/schemas/Event_{kind}" for kind in EVENTS}
        assert event["discriminator"] == {"propertyName": "type", "mapping": mapping}
        assert sorted(each["$ref"] for each in event["oneOf"]) == sorted(mapping.values())
        assert {name for name in schemas if name.startswith("Event_")} == {
            f"Event_{kind}" for kind in EVENTS
        }
        for kind in EVENTS:
            assert schemas[f"Event_{kind}"]["properties"]["type"] == {"const": kind}

    def test_nothing_idle(self) -> None:
        """
        What stands under components is used.  Nothing refers to
        MethodNotAllowed, because it is possible everywhere.
        """
        components = DOCUMENT["components"]
        here = {
            f"#/components/{kind}/{name}"
            for kind in ("schemas", "responses", "parameters", "headers")
            for name in components[kind]
        }
        idle = here - reached_from(DOCUMENT["paths"])
        assert idle == {"#/components/responses/MethodNotAllowed"}

    def test_operation_ids(self) -> None:
        """
        Programs that are made from the description name their functions so.
        """
        names = [operation["operationId"] for operation in OPERATIONS.values()]
        assert len(names) == len(set(names))
        assert all(name.isidentifier() for name in names)

    @each_operation
    def test_words(self, call: str) -> None:
        """
        Every call says in words what it is for.
        """
        operation = OPERATIONS[call]
        assert operation["summary"].strip()
        assert operation["description"].strip()
        assert set(operation["tags"]) <= {tag["name"] for tag in DOCUMENT["tags"]}

    @each_operation
    def test_parameters(self, call: str) -> None:
        """
        What is templated in a path is described, and nothing else is.
        """
        path = call.partition(" ")[2]
        given = [
            at(each["$ref"], DOCUMENT) for each in DOCUMENT["paths"][path].get("parameters", [])
        ]
        templated = {part[1:-1] for part in path.split("/") if part.startswith("{")}
        assert {each["name"] for each in given if each["in"] == "path"} == templated

    @each_operation
    def test_request(self, call: str) -> None:
        """
        A request is a JSON object in which unknown fields are ignored.
        """
        request = OPERATIONS[call].get("requestBody")
        if request is None:
            return
        (media_type,) = request["content"]
        schema = request["content"][media_type]["schema"]
        schema = at(schema["$ref"], DOCUMENT) if "$ref" in schema else schema
        assert media_type == "application/json"
        assert schema["type"] == "object"
        assert "additionalProperties" not in schema

    @each_operation
    def test_who_may(self, call: str) -> None:
        """
        A call that needs a token can say 401, one that is not for everyone 403.
        """
        operation = OPERATIONS[call]
        assert (operation.get("security") == []) == (call in OPEN)
        assert call in OPEN or "401" in operation["responses"]
        assert ("403" in operation["responses"]) == (call in FOR_SOME)

    @each_operation
    def test_other_tokens(self, call: str) -> None:
        """
        A session's token opens all calls but one, and is in the query of one only.
        """
        bearer: list[dict[str, list[str]]] = [{"bearer": []}]
        others = {
            "GET /events": [*bearer, {"tokenInQuery": []}],
            "POST /webhooks/{webhookId}/messages": [{"webhookToken": []}],
        }
        wanted = OPERATIONS[call].get("security", DOCUMENT["security"])
        assert wanted == ([] if call in OPEN else others.get(call, bearer))

    @each_operation
    def test_refusals(self, call: str) -> None:
        """
        No call has an answer for "everything else".  Each names the refusals
        that come from around it, and those that come from what it does.
        """
        statuses = set(OPERATIONS[call]["responses"])
        kept = {"304"} if call in FILES | {"GET /", "GET /manifest.webmanifest"} else set()
        assert statuses - STATUSES == (STATUSES_OF_PICTURES if call in PICTURES else kept)
        assert statuses >= {"413", "500"}
        assert ("302" if call in REDIRECTS else "200") in statuses
        if call not in TAKES_NOTHING:
            assert statuses >= {"400", "415"}
            assert call == "GET /auth/oauth/{providerId}/callback" or "429" in statuses
            assert call.startswith("GET /auth/oauth/") or "503" in statuses
        assert call != "GET /health/ready" or "503" in statuses

    @each_operation
    def test_modes(self, call: str) -> None:
        """
        A call of one sign-in mode is 404 in the others.
        """
        if "x-auth-mode" in DOCUMENT["paths"][call.partition(" ")[2]]:
            assert "404" in OPERATIONS[call]["responses"]

    @each_operation
    def test_errors(self, call: str) -> None:
        """
        Every refusal is an object with a sentence; only a 500 has an incident.
        """
        for status in OPERATIONS[call]["responses"]:
            response = response_of(call, status)
            if status == "302":
                assert response["headers"]["Location"]["required"]
                continue
            if status == "304":
                assert "content" not in response
                continue
            if call in PICTURES and status in ("200", "206"):
                # Bytes, which OpenAPI describes by no schema.
                assert response["content"] == {media_type: {} for media_type in IMAGES}
                continue
            if call in FILES and status == "200":
                served = {each.partition(";")[0] for each in assets.TYPES.values()}
                assert response["content"].keys() <= served
                assert not any(response["content"].values())
                continue
            (media_type,) = response["content"]
            name = response["content"][media_type]["schema"].get("$ref", "").rpartition("/")[2]
            if status == "200":
                assert "Error" not in name
            else:
                assert media_type == "application/json"
                assert name == ("IncidentError" if status == "500" else "Error")

    def test_headers_of_refusals(self) -> None:
        """
        Who is refused for now learns for how long, who used a method that is
        not there which ones are.
        """
        responses = DOCUMENT["components"]["responses"]
        assert responses["TooMany"]["headers"]["Retry-After"]["required"]
        assert responses["MethodNotAllowed"]["headers"]["Allow"]["required"]
        assert responses["NoSuchRange"]["headers"]["Content-Range"]["required"]

    def test_headers_of_pictures(self) -> None:
        """
        Whatever a browser gets of a picture, it learns how to keep it.
        """
        for name in ("Image", "PartOfImage", "NotModified"):
            headers = DOCUMENT["components"]["responses"][name]["headers"]
            assert {"ETag", "Cache-Control"} <= headers.keys()
        assert all(header["required"] for header in DOCUMENT["components"]["headers"].values())

    @pytest.mark.parametrize("name", sorted(TOLD))
    def test_tight(self, name: str) -> None:
        """
        Every object that is told is closed and complete, and no schema is so
        loose that it takes anything.  What narrows another is closed by that one.
        """
        for where, schema in schemas_in(name, TOLD[name]):
            assert schema.keys() & {"$ref", "type", "const", "oneOf"}, where
            if schema.get("type") == "array":
                assert "items" in schema, where
            if "$ref" in schema:
                known = narrowed(schema).get("properties", {}).keys()
                assert set(schema.get("required", ())) <= known, where
                assert schema.get("properties", {}).keys() <= known, where
            elif "properties" in schema:
                absent = schema["properties"].keys() ^ set(schema["required"])
                assert schema["additionalProperties"] is False, where
                assert absent == MAY_BE_ABSENT.get(where, set()), where
            elif schema.get("type") == "object":
                assert isinstance(schema["additionalProperties"], dict), where


ADA = {
    "id": "u1",
    "userName": "ada",
    "email": "ada@example.org",
    "isAdmin": True,
    "createdAt": 1_700_000_000_000,
}

ADA_NOW = {"id": "u1", "userName": "ada"}

BOT = {"id": "webhook:w1", "userName": "builds", "isBot": True}

MESSAGE = {
    "id": "m1",
    "channelId": "c1",
    "author": ADA_NOW,
    "content": "Good morning.",
    "images": [],
    "createdAt": 1_700_000_000_000,
    "updatedAt": None,
    "reactions": {"👍": ["u1"]},
}

IMAGE = "1700000000000-0123456789ab.png"

PICTURE = f"/channels/c1/messages/image/{IMAGE}?size=thumb"

PNG = b"\x89PNG\r\n\x1a\n and so on"

META = {
    "replyCount": 1,
    "lastReplyAt": 1_700_000_000_000,
    "lastReplyBy": ADA_NOW,
    "participants": ["u1"],
}

REPLY = MESSAGE | {"id": "m2", "threadId": "m1"}

DIRECT = MESSAGE | {"id": "m3", "channelId": "dm:1"}

CONVERSATION = {
    "id": "dm:1",
    "participants": ["u1", "u2"],
    "createdAt": 1_700_000_000_000,
    "otherUser": {"id": "u2", "userName": "bob"},
}

READ = {"channelId": "c1", "lastReadId": "m1", "unread": 100}

WEBHOOK = {
    "id": "w1",
    "name": "builds",
    "channelId": "c1",
    "createdAt": 1_700_000_000_000,
    "createdBy": "u1",
}

LATER = 1_700_000_000_001

GENERAL = {"id": "c1", "name": "General", "createdAt": 1_700_000_000_000}

REFUSAL = {"error": "There is no such thing."}


def without(thing: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in thing.items() if name != key}


class Daemon:
    """
    One that says whatever a test wants it to say.
    """

    def __init__(self) -> None:
        self.contract = Contract()

    def answers(
        self,
        call: str,
        status: int,
        body: Any,
        content_type: str | None = "application/json",
        **headers: str | None,
    ) -> None:
        """
        Have an answer checked.  A header that is None is left out.
        """
        method, _, path = call.partition(" ")
        encoded = body if isinstance(body, bytes) else json.dumps(body).encode()
        usual: dict[str, str | None] = {
            "content-type": content_type,
            "content-length": str(len(encoded)),
            "x-content-type-options": "nosniff",
            "referrer-policy": "no-referrer",
            "cache-control": "no-store",
        }
        if status == 401:
            usual["www-authenticate"] = 'Bearer realm="teamchat"'
        given = usual | {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in given.items() if value is not None}
        self.contract.check_answer(method, path, status, sent, encoded)

    def streams(self, body: bytes, **headers: str | None) -> None:
        usual = {"content_length": None, "cache_control": "no-cache", "x_accel_buffering": "no"}
        self.answers("GET /events?token=x", 200, body, "text/event-stream", **(usual | headers))

    def shows(self, status: int, body: Any, content_type: str, **headers: str | None) -> None:
        usual = {
            "etag": '"a1"',
            "cache_control": "private, no-cache",
            "accept_ranges": "bytes",
            "content_security_policy": "sandbox; default-src 'none'",
        }
        self.answers(f"GET {PICTURE}", status, body, content_type, **(usual | headers))

    def tells(self, kind: Any, payload: Any) -> None:
        self.contract.check_event({"type": kind, "payload": payload})


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


class TestAnswers:
    @pytest.mark.parametrize(
        ("call", "status", "body"),
        [
            ("GET /auth/me", 200, {"user": ADA}),
            ("GET /users", 200, {"users": []}),
            ("GET /channels", 200, {"channels": [GENERAL]}),
            ("GET /channels/c1/messages?limit=1&before=m2", 200, {"messages": [MESSAGE]}),
            ("POST /channels/c%201/messages", 200, {"message": MESSAGE}),
            ("GET /channels/c1/messages", 200, {"messages": [MESSAGE | {"threadMeta": META}]}),
            ("GET /channels/c1/messages", 404, REFUSAL),
            ("PUT /messages/m1", 200, {"message": MESSAGE | {"images": [IMAGE]}}),
            ("PUT /messages/m2", 200, {"message": REPLY}),
            ("GET /messages/m1/thread?limit=1", 200, {"replies": [REPLY]}),
            ("POST /messages/m1/thread", 200, {"reply": REPLY, "threadMeta": META}),
            ("POST /messages/m1/thread", 400, REFUSAL),
            ("PUT /messages/m1/thread/m2", 200, {"message": REPLY}),
            ("DELETE /messages/m1/thread/m2", 200, {"success": True}),
            ("POST /channels/c1/messages/image", 200, {"success": True, "filename": IMAGE}),
            ("POST /messages/m1/thread/image", 200, {"success": True, "filename": IMAGE}),
            ("POST /messages/m1/thread/image", 413, REFUSAL),
            ("PUT /messages/m3", 200, {"message": DIRECT}),
            ("GET /conversations", 200, {"conversations": []}),
            ("GET /conversations", 200, {"conversations": [CONVERSATION | {"otherUser": None}]}),
            ("GET /conversations", 200, {"conversations": [CONVERSATION | {"lastMessageAt": 1}]}),
            ("POST /conversations", 200, {"conversation": CONVERSATION, "isNew": True}),
            ("GET /conversations/dm:1/messages", 200, {"messages": [DIRECT]}),
            ("GET /conversations/dm:1/messages", 403, REFUSAL),
            ("POST /conversations/dm%3A1/messages", 200, {"message": DIRECT}),
            ("PUT /conversations/dm:1/messages/m3", 200, {"message": DIRECT}),
            ("DELETE /conversations/dm:1/messages/m3", 200, {"success": True}),
            (
                "POST /conversations/dm:1/messages/image",
                200,
                {"success": True, "filename": IMAGE},
            ),
            (f"GET /conversations/dm:1/messages/image/{IMAGE}", 403, REFUSAL),
            ("GET /reads", 200, {"reads": [READ, READ | {"channelId": "dm:1", "unread": 0}]}),
            ("PUT /reads/c1", 200, {"read": READ}),
            ("PUT /reads/dm:1", 200, {"read": READ | {"channelId": "dm:1", "lastReadId": None}}),
            ("PUT /reads/dm:1", 403, REFUSAL),
            ("PUT /reads/c1", 404, REFUSAL),
            ("GET /webhooks", 200, {"webhooks": [WEBHOOK]}),
            ("POST /webhooks", 200, {"webhook": WEBHOOK | {"token": "0a" * 32}}),
            ("DELETE /webhooks/w1", 404, REFUSAL),
            ("POST /webhooks/w1/messages", 200, {"message": MESSAGE | {"author": BOT}}),
            ("POST /webhooks/w1/messages", 401, REFUSAL),
            ("POST /webhooks/w1/messages", 403, REFUSAL),
            ("POST /users/exit", 200, {"success": True, "message": "You have exited the server"}),
            ("DELETE /users/u1", 200, {"success": True}),
            ("DELETE /users/me", 404, REFUSAL),
            ("PUT /users/me", 200, {"user": ADA}),
            ("GET /users", 500, {"error": "That went wrong.", "incident": "a1"}),
            ("GET /%75sers", 200, {"users": [ADA]}),
        ],
    )
    def test_right(self, daemon: Daemon, call: str, status: int, body: Any) -> None:
        """
        What the description promises is not complained about.
        """
        daemon.answers(call, status, body)

    @pytest.mark.parametrize(
        ("call", "body", "complaint"),
        [
            ("GET /auth/me", {}, "'user' is a required property"),
            ("GET /auth/me", {"user": without(ADA, "email")}, "'email' is a required property"),
            ("GET /auth/me", {"user": ADA | {"hash": "x"}}, "'hash' was unexpected"),
            ("GET /auth/me", {"user": ADA, "more": 1}, "'more' was unexpected"),
            ("GET /auth/me", {"user": ADA | {"isAdmin": 1}}, "user.isAdmin: 1 is not of type"),
            ("GET /auth/me", {"user": ADA | {"createdAt": 1.0}}, "user.createdAt: 1.0 is not of"),
            ("GET /auth/me", {"user": ADA | {"createdAt": True}}, "user.createdAt: True is not"),
            ("GET /auth/me", {"user": ADA | {"id": "u 1"}}, "user.id: 'u 1' does not match"),
            ("GET /auth/me", {"user": ADA | {"userName": "a" * 65}}, "is too long"),
            ("GET /auth/me", {"user": ADA | {"userName": "a\nb"}}, "does not match"),
            ("GET /auth/me", [], "is not of type 'object'"),
            ("GET /auth/me", b"{", "not JSON"),
            ("GET /auth/me", b'{"user": 1, "user": 2}', "a key stands twice"),
            ("GET /auth/me", b'{"user": NaN}', "NaN is no JSON"),
            ("GET /auth/me", b'"\xff"', "can't decode"),
            ("GET /channels", {"channels": [GENERAL | {"createdBy": None}]}, "[0].createdBy: None"),
            ("POST /channels", {"channel": GENERAL}, "'createdBy' is a required"),
            ("PUT /channels/c2", {"channel": GENERAL | {"createdBy": "u1"}}, "'updatedAt' is a"),
            ("PUT /messages/m1", {"message": without(MESSAGE, "updatedAt")}, "'updatedAt' is a"),
            ("PUT /messages/m1", {"message": MESSAGE | {"reactions": {"👍": []}}}, "non-empty"),
            (
                "PUT /messages/m1",
                {"message": MESSAGE | {"images": ["a.png"]}},
                "images[0]: 'a.png'",
            ),
            ("PUT /messages/m1", {"message": REPLY | {"threadMeta": META}}, "not be valid"),
            ("PUT /messages/m1", {"message": MESSAGE | {"threadMeta": None}}, "threadMeta: None"),
            ("GET /channels/c1/messages", {"messages": [REPLY]}, "messages[0]: "),
            ("POST /channels/c1/messages", {"message": REPLY}, "should not be valid"),
            ("GET /messages/m1/thread", {"replies": [MESSAGE]}, "'threadId' is a required"),
            ("POST /messages/m1/thread", {"reply": REPLY}, "'threadMeta' is a required"),
            ("POST /messages/m1/thread", {"reply": REPLY, "threadMeta": None}, "threadMeta: None"),
            ("PUT /messages/m1/thread/m2", {"message": MESSAGE}, "'threadId' is a required"),
            ("PUT /messages/m1/thread/m2", {"reply": REPLY}, "'reply' was unexpected"),
            ("POST /channels/c1/messages/image", {"filename": IMAGE}, "'success' is a required"),
            (
                "POST /messages/m1/thread/image",
                {"success": True, "filename": "1700000000000-0123456789AB.png"},
                "filename: '1700000000000-0123456789AB.png' does not match",
            ),
            (
                "GET /channels/c1/messages",
                {"messages": [DIRECT]},
                "channelId: 'dm:1' should not be",
            ),
            ("PUT /messages/m3", {"message": DIRECT | {"participants": ["u1"]}}, "was unexpected"),
            (
                "GET /conversations",
                {"conversations": [without(CONVERSATION, "otherUser")]},
                "'otherUser' is a required",
            ),
            (
                "GET /conversations",
                {"conversations": [CONVERSATION | {"lastMessageAt": None}]},
                "lastMessageAt: None is not",
            ),
            (
                "GET /conversations",
                {"conversations": [CONVERSATION | {"participants": ["u1"]}]},
                "participants: ['u1'] is too short",
            ),
            (
                "GET /conversations",
                {"conversations": [CONVERSATION | {"participants": ["u1", "u1"]}]},
                "non-unique",
            ),
            (
                "GET /conversations",
                {"conversations": [CONVERSATION | {"id": "c1"}]},
                "id: 'c1' does not match",
            ),
            ("POST /conversations", {"conversation": CONVERSATION}, "'isNew' is a required"),
            (
                "GET /conversations/dm:1/messages",
                {"messages": [MESSAGE]},
                "channelId: 'c1' does not match",
            ),
            (
                "GET /conversations/dm:1/messages",
                {"messages": [DIRECT | {"threadMeta": META}]},
                "should not be valid",
            ),
            (
                "POST /conversations/dm:1/messages",
                {"message": DIRECT | {"author": BOT}},
                "author: Additional properties",
            ),
            ("GET /webhooks", {"webhooks": [WEBHOOK | {"token": "0a" * 32}]}, "'token' was unexp"),
            ("POST /webhooks", {"webhook": WEBHOOK}, "'token' is a required"),
            ("POST /webhooks", {"webhook": WEBHOOK | {"token": "0A" * 32}}, "webhook.token: "),
            ("POST /webhooks/w1/messages", {"message": MESSAGE}, "author: 'isBot' is a required"),
            ("POST /webhooks/w1/messages", {"message": REPLY | {"author": BOT}}, "not be valid"),
            ("DELETE /messages/m1", {"success": False}, "True was expected"),
        ],
    )
    def test_wrong_body(self, daemon: Daemon, call: str, body: Any, complaint: str) -> None:
        """
        A body that is not as described is caught, and the complaint says where.
        """
        with pytest.raises(AssertionError) as caught:
            daemon.answers(call, 200, body)
        assert str(caught.value).startswith(f"{call} 200: ")
        assert complaint in str(caught.value)
        assert daemon.contract.seen == set()

    @pytest.mark.parametrize(
        ("call", "status", "body"),
        [
            ("GET /users", 201, {"users": []}),
            ("GET /users", 404, REFUSAL),
            ("POST /users/u1/reset-password", 404, REFUSAL),
            ("GET /health", 401, REFUSAL),
            ("POST /channels", 409, REFUSAL),
            ("POST /webhooks/w1/messages", 404, REFUSAL),
        ],
    )
    def test_wrong_status(self, daemon: Daemon, call: str, status: int, body: Any) -> None:
        """
        An answer that the call is not said to give is caught.
        """
        with pytest.raises(AssertionError, match="no such status"):
            daemon.answers(call, status, body)

    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (401, {}),
            (401, {"error": ""}),
            (401, {"error": " "}),
            (401, {"error": 401}),
            (401, {"error": "Who are you?", "incident": "a1"}),
            (401, b""),
            (500, {"error": "That went wrong."}),
        ],
    )
    def test_wrong_refusal(self, daemon: Daemon, status: int, body: Any) -> None:
        """
        A refusal without its sentence is caught.
        """
        with pytest.raises(AssertionError, match=f"GET /users {status}: "):
            daemon.answers("GET /users", status, body)

    @pytest.mark.parametrize(
        "header",
        [
            "content-type",
            "content-length",
            "x-content-type-options",
            "referrer-policy",
            "cache-control",
        ],
    )
    @pytest.mark.parametrize("status", [200, 401])
    def test_wrong_header(self, daemon: Daemon, status: int, header: str) -> None:
        """
        A promised header that is missing or another is caught, on refusals too.
        """
        body = {"users": []} if status == 200 else REFUSAL
        for value in (None, "7"):
            with pytest.raises(AssertionError, match=f"GET /users {status}: .*{header}"):
                daemon.answers("GET /users", status, body, **{header: value})

    def test_content_type(self, daemon: Daemon) -> None:
        """
        Its parameters do not matter.
        """
        daemon.answers("GET /users", 200, {"users": []}, "application/json; charset=utf-8")
        with pytest.raises(AssertionError, match="content-type is text/html, not application/json"):
            daemon.answers("GET /users", 401, b"<h1>Unauthorized</h1>", "text/html")

    @pytest.mark.parametrize("value", [None, "", "0", "soon", "1.5"])
    def test_retry_after(self, daemon: Daemon, value: str | None) -> None:
        """
        Who is told to wait is told how long.
        """
        daemon.answers("GET /users", 429, REFUSAL, retry_after="7")
        with pytest.raises(AssertionError, match="retry-after"):
            daemon.answers("GET /users", 429, REFUSAL, retry_after=value)

    def test_text(self, daemon: Daemon) -> None:
        """
        What is no JSON is checked as well.
        """
        daemon.answers("GET /health", 200, b"OK", "text/plain; charset=utf-8")
        with pytest.raises(AssertionError, match="'OK' was expected"):
            daemon.answers("GET /health", 200, b"FINE", "text/plain")

    def test_page(self, daemon: Daemon) -> None:
        """
        A page may be kept, but says what it may load.
        """
        page = {"content_security_policy": "default-src 'none'; script-src 'self'"}
        page |= {"cache_control": "no-cache", "etag": '"5ab887f76126453e"'}
        daemon.answers("GET /", 200, b"<p>teamchat", "text/html", **page)
        for name in page:
            with pytest.raises(AssertionError, match=name.replace("_", "-")):
                daemon.answers("GET /", 200, b"<p>teamchat", "text/html", **page | {name: None})

    def test_file(self, daemon: Daemon) -> None:
        """
        A file of the page may lie in a folder, and may be compressed.
        """
        file = {"content_security_policy": "default-src 'none'; script-src 'self'"}
        file |= {"cache_control": "public, max-age=31536000, immutable", "etag": '"x"'}
        zipped = file | {"content_encoding": "gzip"}
        svg, javascript = "image/svg+xml", "text/javascript; charset=utf-8"
        daemon.answers("GET /assets/x/a.js", 200, b"let a", javascript, **file)
        daemon.answers("GET /assets/x/y/z/a.js", 200, b"let a", javascript, **file)
        daemon.answers("GET /assets/x/a.svg", 200, gzip.compress(b"<svg>"), svg, **zipped)
        with pytest.raises(AssertionError, match="no image/svg"):
            daemon.answers("GET /assets/x/a.svg", 200, gzip.compress(b"<p>"), svg, **zipped)
        with pytest.raises(AssertionError, match="there is no such path"):
            daemon.answers("GET /assets/x", 200, b"let a", javascript, **file)
        for name in file:
            with pytest.raises(AssertionError, match=name.replace("_", "-")):
                daemon.answers(
                    "GET /assets/x/a.js", 200, b"let a", javascript, **file | {name: None}
                )

    def test_redirect(self, daemon: Daemon) -> None:
        """
        It leads somewhere, says nothing itself, and is not kept.
        """
        call, to = "GET /auth/oauth/x/callback", "https://chat.example"
        tokens = "access_token=a.b.c&refresh_token=d.e.f&expires_in=900"
        daemon.answers(call, 302, b"", location=f"{to}?{tokens}")
        daemon.answers(call, 302, b"", location=f"{to}?oauth_error=No.")
        for location in (None, to, f"{to}?access_token=a", f"{to}?{tokens}&more=1"):
            with pytest.raises(AssertionError, match="location"):
                daemon.answers(call, 302, b"", location=location)
        with pytest.raises(AssertionError, match="has a body"):
            daemon.answers(call, 302, b"Found", location=f"{to}?{tokens}")
        with pytest.raises(AssertionError, match="cache-control"):
            daemon.answers(call, 302, b"", location=f"{to}?{tokens}", cache_control=None)

    def test_description(self, daemon: Daemon) -> None:
        """
        The description describes itself.
        """
        daemon.answers("GET /openapi.json", 200, DOCUMENT)
        with pytest.raises(AssertionError, match="'paths' is a required property"):
            daemon.answers("GET /openapi.json", 200, without(DOCUMENT, "paths"))


class TestPictures:
    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("image/jpeg", b"\xff\xd8\xff\xe0 and so on"),
            ("image/png", PNG),
            ("image/webp", b"RIFF\x0a\x00\x00\x00WEBPVP8 "),
            ("image/svg+xml", b'<?xml version="1.0"?>\n<svg xmlns="x"/>'),
            ("image/svg+xml; charset=utf-8", b"<svg/>"),
        ],
    )
    def test_right(self, daemon: Daemon, content_type: str, body: bytes) -> None:
        """
        Each kind, with its own type.
        """
        daemon.shows(200, body, content_type)
        with pytest.raises(AssertionError, match="no image/"):
            daemon.shows(200, b"<html>", content_type)

    @pytest.mark.parametrize(
        ("headers", "complaint"),
        [
            ({"etag": None}, "there is no etag"),
            ({"etag": "a1"}, "etag: 'a1' does not match"),
            ({"etag": 'W/"a1"'}, "etag: .* does not match"),
            ({"cache_control": None}, "there is no cache-control"),
            ({"cache_control": "no-store"}, "'private, no-cache' was expected"),
            ({"cache_control": "public, no-cache"}, "'private, no-cache' was expected"),
            ({"accept_ranges": None}, "there is no accept-ranges"),
            ({"content_security_policy": None}, "there is no content-security-policy"),
            ({"content_security_policy": "sandbox allow-scripts"}, "content-security-policy: "),
            ({"x_content_type_options": None}, "there is no x-content-type-options"),
            ({"referrer_policy": None}, "there is no referrer-policy"),
            ({"content_length": "7"}, "content-length is 7"),
        ],
    )
    def test_wrong_header(
        self, daemon: Daemon, headers: dict[str, str | None], complaint: str
    ) -> None:
        """
        A picture that others may keep, or that may run, is caught; a part of it too.
        """
        for status, more in ((200, {}), (206, {"content_range": f"bytes 0-{len(PNG) - 1}/50"})):
            with pytest.raises(AssertionError, match=complaint):
                daemon.shows(status, PNG, "image/png", **(more | headers))

    @pytest.mark.parametrize("content_type", ["image/gif", "text/html", "application/json"])
    def test_wrong_type(self, daemon: Daemon, content_type: str) -> None:
        """
        What is no picture of ours is caught.
        """
        with pytest.raises(AssertionError, match=f"content-type is {content_type}, not image/jpeg"):
            daemon.shows(200, PNG, content_type)

    def test_part(self, daemon: Daemon) -> None:
        """
        A part is as long as it says, and lies within the whole.
        """
        daemon.shows(206, b"abc", "image/png", content_range="bytes 7-9/10")
        daemon.shows(206, PNG, "image/png", content_range=f"bytes 0-{len(PNG) - 1}/{len(PNG)}")
        for wrong in (
            None,
            "",
            "bytes 7-9",
            "bytes 7-9/*",
            "bytes */10",
            "bytes 7-9/9",
            "bytes 9-7/10",
            "bytes 7-8/10",
            "bytes 0-2/3",
        ):
            with pytest.raises(AssertionError, match=r"content-range|no image/png"):
                daemon.shows(206, b"abc", "image/png", content_range=wrong)

    def test_known_already(self, daemon: Daemon) -> None:
        """
        Who has it gets nothing, and learns nothing new of it.
        """
        usual = {
            "content_length": None,
            "etag": '"a1"',
            "cache_control": "private, no-cache",
        }
        for call in (f"GET {PICTURE}", f"HEAD {PICTURE}"):
            daemon.answers(call, 304, b"", None, **usual)
            for name, value, complaint in (
                ("etag", None, "there is no etag"),
                ("cache_control", "no-store", "cache-control: "),
                ("referrer_policy", None, "there is no referrer-policy"),
                ("content_length", "0", "304 has a content-length"),
            ):
                with pytest.raises(AssertionError, match=complaint):
                    daemon.answers(call, 304, b"", None, **(usual | {name: value}))
            with pytest.raises(AssertionError, match="304 has a content-type"):
                daemon.answers(call, 304, b"", "text/html", **usual)
            with pytest.raises(AssertionError, match="304 has a body"):
                daemon.answers(call, 304, PNG, None, **usual)

    def test_no_such_part(self, daemon: Daemon) -> None:
        """
        Who asks for what is not there learns how much there is.
        """
        daemon.answers(f"GET {PICTURE}", 416, REFUSAL, content_range="bytes */10")
        for wrong in (None, "bytes 0-9/10", "bytes */*", "10"):
            with pytest.raises(AssertionError, match="content-range"):
                daemon.answers(f"GET {PICTURE}", 416, REFUSAL, content_range=wrong)
        with pytest.raises(AssertionError, match="cache-control is private, not no-store"):
            daemon.shows(
                416, REFUSAL, "application/json", cache_control="private", content_range="bytes */1"
            )

    def test_only_pictures(self, daemon: Daemon) -> None:
        """
        Nothing else comes in parts, or not at all.
        """
        for status in (206, 304, 416):
            with pytest.raises(AssertionError, match="no such status"):
                daemon.answers("GET /users", status, {"users": []})

    def test_head(self, daemon: Daemon) -> None:
        """
        HEAD says all that GET does.
        """
        usual = {
            "content_length": "812",
            "etag": '"a1"',
            "cache_control": "private, no-cache",
            "accept_ranges": "bytes",
            "content_security_policy": "sandbox; default-src 'none'",
        }
        daemon.answers(f"HEAD {PICTURE}", 200, b"", "image/png", **usual)
        for name in usual:
            with pytest.raises(AssertionError, match=name.replace("_", "-")):
                daemon.answers(f"HEAD {PICTURE}", 200, b"", "image/png", **(usual | {name: None}))


class TestStream:
    @pytest.mark.parametrize("body", [b"", b":", b":\n\n", b":\n\nid: e.1\n"])
    def test_right(self, daemon: Daemon, body: bytes) -> None:
        """
        However much has arrived by now.
        """
        daemon.streams(body)

    @pytest.mark.parametrize(
        ("body", "headers", "complaint"),
        [
            (b"id: e.1\n", {}, "the stream begins with"),
            (b":\n\n", {"content_length": "3"}, "a stream has no length"),
            (b":\n\n", {"cache_control": "no-store"}, "cache-control: 'no-cache' was expected"),
            (b":\n\n", {"x_accel_buffering": None}, "there is no x-accel-buffering"),
        ],
    )
    def test_wrong(
        self, daemon: Daemon, body: bytes, headers: dict[str, str | None], complaint: str
    ) -> None:
        """
        A stream that a proxy would hold back or a client misread is caught.
        """
        with pytest.raises(AssertionError, match=complaint):
            daemon.streams(body, **headers)

    def test_refused(self, daemon: Daemon) -> None:
        """
        The refusal of a stream is no stream.
        """
        daemon.answers("GET /events", 401, REFUSAL)


class TestNotThere:
    @pytest.mark.parametrize(
        "call", ["GET /nowhere", "GET /channels/", "PUT /channels//messages", "OPTIONS /nowhere"]
    )
    def test_path(self, daemon: Daemon, call: str) -> None:
        """
        A path that is not described is 404 and nothing else.
        """
        daemon.answers(call, 404, REFUSAL)
        for status in (200, 401, 405):
            with pytest.raises(AssertionError, match="there is no such path"):
                daemon.answers(call, status, REFUSAL, allow="GET")
        assert daemon.contract.seen == set()

    def test_method(self, daemon: Daemon) -> None:
        """
        A method that is not described is 405 and nothing else.
        """
        daemon.answers("PATCH /users", 405, REFUSAL, allow="GET, HEAD, OPTIONS")
        for status in (200, 401, 404):
            with pytest.raises(AssertionError, match="the path has no such method"):
                daemon.answers("PATCH /users", status, REFUSAL)
        with pytest.raises(AssertionError, match="'error' is a required property"):
            daemon.answers("PATCH /users", 405, {}, allow="GET")

    @pytest.mark.parametrize(
        ("allow", "complaint"),
        [
            (None, "there is no allow"),
            ("HEAD", r"allow does not name \['GET'\]"),
            ("GET, PUT", r"allow names \['PUT'\]"),
            ("GET, get", r"allow names \['get'\]"),
        ],
    )
    def test_allow(self, daemon: Daemon, allow: str | None, complaint: str) -> None:
        """
        Who used a wrong method is told the right ones.
        """
        with pytest.raises(AssertionError, match=complaint):
            daemon.answers("POST /users", 405, REFUSAL, allow=allow)

    def test_two_meanings(self, daemon: Daemon) -> None:
        """
        /users/me could be the path of a user with the id "me".  So its DELETE
        is that of a user who is not there, or one that /users/me has not.
        """
        daemon.answers("DELETE /users/me", 404, REFUSAL)
        daemon.answers("DELETE /users/me", 405, REFUSAL, allow="PUT")
        daemon.answers("PUT /messages/m1/thread/image", 404, REFUSAL)
        daemon.answers("GET /messages/m1/thread/image", 405, REFUSAL, allow="POST, PUT, DELETE")
        daemon.answers("PUT /conversations/dm:1/messages/image", 404, REFUSAL)
        daemon.answers("GET /users/me", 405, REFUSAL, allow="PUT, DELETE, OPTIONS")
        with pytest.raises(AssertionError, match="no such status"):
            daemon.answers("DELETE /users/u1", 405, REFUSAL, allow="DELETE")

    def test_other_mode(self, daemon: Daemon) -> None:
        """
        Where a call is hidden, so is what methods it has.
        """
        daemon.answers("GET /auth/dev-login", 404, REFUSAL)
        daemon.answers("OPTIONS /auth/dev-login", 404, REFUSAL)
        daemon.answers("GET /auth/dev-login", 405, REFUSAL, allow="POST, OPTIONS")
        with pytest.raises(AssertionError, match="the path has no such method"):
            daemon.answers("GET /auth/refresh", 404, REFUSAL)

    @pytest.mark.parametrize("call", ["POST /nowhere", "PATCH /users", "OPTIONS /users"])
    def test_before_the_path(self, daemon: Daemon, call: str) -> None:
        """
        What is too much is refused before anyone looks where it leads.
        """
        daemon.answers(call, 400, REFUSAL)
        daemon.answers(call, 413, REFUSAL)
        daemon.answers(call, 429, REFUSAL, retry_after="1")


class TestHead:
    def test_right(self, daemon: Daemon) -> None:
        """
        HEAD is GET without the body.
        """
        daemon.answers("HEAD /users", 200, b"", content_length="812")
        daemon.answers("HEAD /users", 401, b"", content_length="30")
        daemon.answers("HEAD /users/exit", 405, b"", content_length="30", allow="POST, OPTIONS")
        daemon.answers("HEAD /nowhere", 404, b"", content_length="30")
        assert ("GET", "/users", 200) not in daemon.contract.seen

    def test_wrong(self, daemon: Daemon) -> None:
        """
        What GET would not say, HEAD does not.
        """
        with pytest.raises(AssertionError, match="the answer to HEAD has a body"):
            daemon.answers("HEAD /users", 200, {"users": []})
        with pytest.raises(AssertionError, match="no such status"):
            daemon.answers("HEAD /users", 404, b"")
        with pytest.raises(AssertionError, match="there is no content-length"):
            daemon.answers("HEAD /users", 200, b"", content_length=None)


class TestOptions:
    def test_right(self, daemon: Daemon) -> None:
        """
        OPTIONS says which methods a path has, and nothing else.
        """
        allow = "GET, HEAD, OPTIONS, POST"
        daemon.answers("OPTIONS /channels", 204, b"", content_length=None, allow=allow)

    @pytest.mark.parametrize(
        ("status", "body", "headers", "complaint"),
        [
            (204, b"", {}, "there is no allow"),
            (204, b"", {"allow": "GET"}, "does not name"),
            (204, b"", {"allow": "GET, POST", "content_length": "0"}, "has a content-length"),
            (204, b"{}", {"allow": "GET, POST"}, "has a body"),
            (200, b"", {"allow": "GET, POST"}, "no such method"),
            (401, REFUSAL, {}, "no such method"),
            (405, REFUSAL, {"allow": "GET, POST"}, "no such method"),
        ],
    )
    def test_wrong(
        self,
        daemon: Daemon,
        status: int,
        body: Any,
        headers: dict[str, str | None],
        complaint: str,
    ) -> None:
        """
        Every other answer to OPTIONS is caught.
        """
        with pytest.raises(AssertionError, match=complaint):
            daemon.answers(
                "OPTIONS /channels", status, body, **({"content_length": None} | headers)
            )


class TestEvents:
    @pytest.mark.parametrize(
        ("kind", "payload"),
        [
            (
                "CONNECTED",
                {
                    "message": "SSE connection established",
                    "timestamp": "2023-11-14T22:13:20.000Z",
                    "userId": "u1",
                    "connectionId": "n1",
                    "cursor": "e.7",
                    "version": "0.1.0",
                    "assets": "5ab887f76126453e",
                },
            ),
            ("RESET", {"reason": "That is too long ago."}),
            ("REPLACED", {}),
            ("NEW_MESSAGE", MESSAGE),
            ("NEW_MESSAGE", MESSAGE | {"author": BOT}),
            ("UPDATE_MESSAGE", MESSAGE | {"updatedAt": LATER}),
            ("DELETE_MESSAGE", {"id": "m1", "channelId": "c1"}),
            ("NEW_CHANNEL", GENERAL | {"createdBy": "u1"}),
            ("UPDATE_CHANNEL", GENERAL | {"createdBy": "u1", "updatedAt": LATER}),
            ("DELETE_CHANNEL", {"id": "c2", "name": "random"}),
            ("NEW_REACTION", {"messageId": "m1", "userId": "u1", "reaction": "👍"}),
            ("DELETE_REACTION", {"messageId": "m1", "userId": "u1", "reaction": "👍"}),
            (
                "NEW_THREAD_REPLY",
                {"parentMessageId": "m1", "channelId": "c1", "reply": REPLY, "threadMeta": META},
            ),
            ("UPDATE_THREAD_REPLY", REPLY | {"updatedAt": LATER}),
            (
                "DELETE_THREAD_REPLY",
                {"id": "m2", "threadId": "m1", "channelId": "c1", "threadMeta": META},
            ),
            (
                "DELETE_THREAD_REPLY",
                {"id": "m2", "threadId": "m1", "channelId": "c1", "threadMeta": None},
            ),
            ("NEW_USER", {"id": "u1", "userName": "ada", "email": "ada@example.org"}),
            ("REMOVE_USER", {"id": "u1", "userName": "ada", "email": "ada@example.org"}),
            ("USER_EXIT", {"id": "u1", "userName": "ada"}),
            ("UPDATE_USER", {"id": "u1", "userName": "ada"}),
            (
                "NEW_CONVERSATION",
                {"id": "dm:1", "participants": ["u1", "u2"], "createdAt": 1_700_000_000_000},
            ),
            ("NEW_DM_MESSAGE", DIRECT | {"participants": ["u1", "u2"]}),
            (
                "UPDATE_DM_MESSAGE",
                DIRECT | {"participants": ["u1", "u2"], "updatedAt": LATER},
            ),
            (
                "DELETE_DM_MESSAGE",
                {"id": "m3", "conversationId": "dm:1", "participants": ["u1", "u2"]},
            ),
            ("UPDATE_READ", READ),
            ("UPDATE_READ", READ | {"channelId": "dm:1", "lastReadId": None}),
            ("NEW_WEBHOOK", {"id": "w1", "name": "builds", "channelId": "c1"}),
            ("DELETE_WEBHOOK", {"id": "w1", "channelId": "c1"}),
            ("UPDATE_SERVER_SETTINGS", {"name": "teamchat"}),
        ],
    )
    def test_every(self, daemon: Daemon, kind: str, payload: dict[str, Any]) -> None:
        """
        Each is right as it is, and wrong with anything less or more.
        """
        for name in payload:
            with pytest.raises(AssertionError, match=f"event {kind}: .*'{name}' is a required"):
                daemon.tells(kind, without(payload, name))
        with pytest.raises(AssertionError, match=f"event {kind}: .*'more' was unexpected"):
            daemon.tells(kind, payload | {"more": 1})
        assert daemon.contract.seen_events == set()
        daemon.tells(kind, payload)
        assert daemon.contract.seen_events == {kind}

    @pytest.mark.parametrize(
        ("kind", "payload", "complaint"),
        [
            ("NEW_DAY", {}, "no such type"),
            (None, {}, "no such type"),
            ("NEW_MESSAGE", None, "is not of type 'object'"),
            ("NEW_MESSAGE", {"id": "m1", "channelId": "c1"}, "is a required property"),
            ("NEW_MESSAGE", MESSAGE | {"author": ADA}, r"payload.author: .* unexpected"),
            ("NEW_MESSAGE", REPLY, r"payload: .* should not be valid"),
            ("NEW_MESSAGE", DIRECT, r"channelId: 'dm:1' should not be valid"),
            ("DELETE_MESSAGE", {"id": "m3", "channelId": "dm:1"}, "channelId: 'dm:1' should not"),
            (
                "NEW_DM_MESSAGE",
                MESSAGE | {"participants": ["u1", "u2"]},
                "channelId: 'c1' does not",
            ),
            ("NEW_DM_MESSAGE", DIRECT | {"participants": ["u1"]}, "participants: .* too short"),
            ("NEW_MESSAGE", MESSAGE | {"author": ADA_NOW | {"isBot": False}}, "isBot: True was"),
            (
                "NEW_MESSAGE",
                MESSAGE | {"author": ADA_NOW | {"isBot": True}},
                "author.id: 'u1' does",
            ),
            (
                "NEW_MESSAGE",
                MESSAGE | {"author": without(BOT, "isBot")},
                "author.id: .* not be valid",
            ),
            ("NEW_CHANNEL", GENERAL, "'createdBy' is a required property"),
            ("UPDATE_READ", READ | {"unread": 101}, "unread: 101 is greater"),
            ("UPDATE_READ", READ | {"unread": -1}, "unread: -1 is less"),
            ("UPDATE_READ", READ | {"lastReadId": ""}, "lastReadId: '' does not"),
        ],
    )
    def test_wrong(self, daemon: Daemon, kind: Any, payload: Any, complaint: str) -> None:
        """
        An event is held against what its type says, not against any other.
        """
        with pytest.raises(AssertionError, match=complaint):
            daemon.tells(kind, payload)

    def test_more_than_an_event(self, daemon: Daemon) -> None:
        """
        Nothing stands beside type and payload.
        """
        event = {"type": "REPLACED", "payload": {}}
        for wrong in (event | {"id": "e.1"}, without(event, "payload"), without(event, "type")):
            with pytest.raises(AssertionError, match="event"):
                daemon.contract.check_event(wrong)


class TestMemory:
    def test_answers(self, daemon: Daemon) -> None:
        """
        What was right is remembered, by the path's template.
        """
        before = set(daemon.contract.never_seen())
        daemon.answers("GET /channels/c1/messages?limit=2", 200, {"messages": []})
        daemon.answers("PATCH /channels/c1", 405, REFUSAL, allow="PUT, DELETE")
        listed = ("GET", "/channels/{channelId}/messages", 200)
        assert daemon.contract.seen == {listed, ("PATCH", "/channels/{channelId}", 405)}
        assert before - set(daemon.contract.never_seen()) == {listed}
        assert {f"{method} {path}" for method, path, _ in before} == CALLS

    def test_events(self, daemon: Daemon) -> None:
        """
        So are the types of events.
        """
        daemon.tells("REPLACED", {})
        assert set(daemon.contract.never_seen_events()) == EVENTS - {"REPLACED"}
