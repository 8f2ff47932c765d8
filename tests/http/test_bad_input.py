"""
Whatever a client sends, it is never our fault: no 500, and what is refused has
changed nothing and is told to nobody.

The calls and their fields come from the API description, so that a new one is
tested as soon as it is described.
"""

import inspect
import json
import os
import re
from importlib import import_module
from itertools import count
from pkgutil import walk_packages
from urllib.parse import quote

import pytest
from attrs import fields, frozen
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from klein import Klein

import teamchatd.http
from teamchatd.http.request import LARGEST_BODY
from tests.answers import CONTRACT, EventReader
from tests.contract import METHODS, described, spelled_out
from tests.daemon import Daemon, read_answer, request_bytes, unchunked
from tests.dot import DOT, PNG
from tests.oauth import PLAIN
from tests.record import Record

SHARE = 15 if "QUICK" in os.environ else 2
"""C{make quick}, which runs in workers, tries far fewer than C{make test}."""

MODES = ("dev", "password", "magic-link", "oauth")
"""Of signing in; with providers beside it, C{dev} is called C{oauth}."""

LARGEST_UPLOAD = 30 << 20

POSTING = re.compile("/webhooks/[^/]*/messages")
"""What is for programs, who show another token."""

ALSO = {
    "/auth/oauth/{providerId}/callback": {302},
    "/webhooks/{webhookId}/messages": {403},
}
"""
What is said of a path that names nothing, besides 400 and 404.  Whatever is wrong with a browser
that a provider sends back, it is told on the page; and a webhook is only told that it is another.
"""

MAIL = {"host": "mail.example", "from_": "chat@example.org"}

PASSWORD = "correct horse"


def tried(strategy, times, *always):
    """
    Calls what it decorates at once: with C{always}, and with so many values of
    C{strategy}, the same ones every time.  (pytest-twisted takes tests with
    both C{given} and C{parametrize} apart.)
    """

    def decorate(test):
        every = given(strategy)(test)
        for value in always:
            every = example(value)(every)
        return settings(
            max_examples=max(times // SHARE, 4),
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )(every)()

    return decorate


# What the description says


@frozen
class Call:
    """
    @ivar fields: of the body, each with its schema.
    @ivar queries: the names of its query parameters.
    @ivar headers: those of the headers that mean something to it alone.
    """

    method: str
    path: str
    mode: str
    fields: dict
    has_body: bool
    queries: tuple
    headers: tuple

    def __str__(self):
        return f"{self.mode}: {self.method} {self.path}"

    @property
    def largest_body(self):
        return LARGEST_UPLOAD if self.path.endswith("/image") else LARGEST_BODY


def schema_of(given):
    """
    A schema with everything it refers to in one place.
    """
    whole = spelled_out(given, described())
    return {key: said for part in (*whole.get("allOf", ()), whole) for key, said in part.items()}


def calls():
    for path, item in described()["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            said = item[method]
            content = said.get("requestBody", {"content": {"application/json": {"schema": {}}}})
            body = schema_of(content["content"]["application/json"]["schema"])
            parameters = [
                schema_of(each)
                for each in (*item.get("parameters", ()), *said.get("parameters", ()))
            ]
            # With a password in it, it is another call in each mode.
            properties = body.get("properties", {})
            modes = MODES[:2] if "password" in properties else MODES[:1]
            for mode in [item["x-auth-mode"]] if "x-auth-mode" in item else modes:
                yield Call(
                    method.upper(),
                    path,
                    mode,
                    {name: schema_of(each) for name, each in properties.items()},
                    "requestBody" in said,
                    tuple(each["name"] for each in parameters if each["in"] == "query"),
                    tuple(each["name"] for each in parameters if each["in"] == "header"),
                )


CALLS = list(calls())
WITH_BODY = [call for call in CALLS if call.has_body]
FIELDS = [(call, name) for call in WITH_BODY for name in call.fields]
TEXTS = [(call, name) for call, name in FIELDS if call.fields[name]["type"] == "string"]

each_call = pytest.mark.parametrize("call", CALLS, ids=str)
each_with_body = pytest.mark.parametrize("call", WITH_BODY, ids=str)
each_field = pytest.mark.parametrize(
    ("call", "name"), FIELDS, ids=[f"{call} {name}" for call, name in FIELDS]
)
each_image = pytest.mark.parametrize(
    "call", [call for call in CALLS if "size" in call.queries], ids=str
)
each_text = pytest.mark.parametrize(
    ("call", "name"), TEXTS, ids=[f"{call} {name}" for call, name in TEXTS]
)


# Who asks


class World:
    """
    A daemon, its administrator, and one thing of each kind that a path can name.
    """

    def __init__(self, directory, mode):
        self.mode = mode
        more = {"email": MAIL} if mode == "magic-link" else {}
        if mode == "oauth":
            more = {"oauth": {"custom": (PLAIN,)}}
        chosen = "dev" if mode == "oauth" else mode
        self.daemon = Daemon(directory, auth={"auth_mode": chosen}, **more)
        self.numbers = count(10_000)  # all of one length: Hypothesis wants the same each time
        if mode == "password":
            new = {"email": "ada@example.org", "password": PASSWORD, "token": self.setup_token}
            self.daemon.done(self.daemon.post("/auth/setup-password", given=new))
        self.sign_in()
        self.parts, self.private_parts, self.posting_parts = self.furnish()
        self.record = Record(self.daemon)

    @property
    def setup_token(self):
        return self.daemon.setup_token

    def sign_in(self):
        if self.daemon.mode == "dev":
            self.ada = self.daemon.token("ada")
        elif self.mode == "magic-link":
            known = {"email": "ada@example.org"}
            answer = self.daemon.post("/auth/verify", self.setup_token, known)
            self.ada = self.daemon.done(answer)["accessToken"]
        else:
            known = {"email": "ada@example.org", "password": PASSWORD}
            answer = self.daemon.done(self.daemon.post("/auth/password-login", given=known))
            self.ada = answer["accessToken"]
        self.daemon.done(self.daemon.get("/auth/me", self.ada))

    def furnish(self):
        ask, ada = self.daemon, self.ada
        bob = ask.done(ask.post("/users/add", ada, {"email": "bob@example.org"}))["userId"]
        channel = ask.done(ask.post("/channels", ada, {"name": "garden"}))["channel"]["id"]
        said = f"/channels/{channel}/messages"
        message = ask.say(ada, "hello", channel)["id"]
        reply = ask.done(ask.post(f"/messages/{message}/thread", ada, {"content": "you"}))["reply"]
        opened = ask.done(ask.post("/conversations", ada, {"targetUserId": bob}))["conversation"]
        whispered = f"/conversations/{opened['id']}/messages"
        direct = ask.done(ask.post(whispered, ada, {"content": "psst"}))["message"]["id"]
        webhook, posting = (self.webhook(name, channel) for name in ("idle", "busy"))
        self.webhook_token = posting["token"]
        parts = {
            "userId": bob,
            "channelId": channel,
            "messageId": message,
            "replyId": reply["id"],
            "filename": self.uploaded(said),
            "conversationId": opened["id"],
            "webhookId": webhook["id"],
            "providerId": PLAIN.id,
            "digest": ask.done(ask.get("/config.json"))["assets"],
            "file": "vendor/preact.js",
        }
        private = parts | {"messageId": direct, "filename": self.uploaded(whispered)}
        return parts, private, parts | {"webhookId": posting["id"]}

    def webhook(self, name, channel):
        given = {"name": name, "channelId": channel}
        return self.daemon.done(self.daemon.post("/webhooks", self.ada, given))["webhook"]

    def uploaded(self, place):
        given = {"filename": "garden.png", "image": DOT}
        return self.daemon.done(self.daemon.post(f"{place}/image", self.ada, given))["filename"]

    def path(self, template):
        """
        C{template} with ids in it.  In a conversation, messages and images are
        others; and the webhook that posts is not the one that is deleted.
        """
        if template.startswith("/conversations/"):
            return template.format(**self.private_parts)
        return template.format(**(self.posting_parts if POSTING.match(template) else self.parts))

    def stop(self):
        self.record.close()
        self.daemon.stop()

    # Asking

    def body(self, call):
        """
        Fields that are all right, as far as their types go.
        """
        return {name: self._usual(schema) for name, schema in call.fields.items()}

    def _usual(self, schema):
        if "enum" in schema:
            return schema["enum"][0]
        if "contentEncoding" in schema:
            return DOT
        if "examples" in schema:
            return schema["examples"][0]
        if schema["type"] == "string":
            is_address = "@" in schema.get("pattern", "")
            new = f"something-new-{next(self.numbers)}"
            return f"{new}@example.org" if is_address else new
        return {"array": [], "boolean": True}[schema["type"]]

    def refuses(self, call, body, **headers):
        """
        Ask; whatever the answer is, it is ours.

        @return: its status.
        """
        return self.ask(call.method, self.path(call.path), body, **headers)

    def ask(self, method, path, body=None, **headers):
        before = self.record.read()
        who = self.webhook_token if POSTING.match(path) else self.ada
        answer = self.daemon.ask(method, path, who, body, **headers)
        is_departure = answer.status == 302 and not path.partition("?")[0].endswith("/callback")
        self._judge(200 if is_departure else answer.status, before)
        return answer.status

    def _judge(self, status, before):
        assert status < 500
        if status not in (200, 206):
            assert self.record.read() == before
        elif self.daemon.get("/auth/me", self.ada).status == 401:
            self.sign_in()

    def listen(self, path, headers):
        """
        Ask for events, and go.

        @return: the status, and the types of the events.
        """
        before = self.record.read()
        transport = self.daemon.connect()
        transport.dataReceived(request_bytes("GET", path, headers, b""))
        data, reader = transport.value(), EventReader()
        if data.startswith(b"HTTP/1.1 200 "):
            reader.feed(unchunked(data.partition(b"\r\n\r\n")[2]))
            status = 200
        else:
            answer = read_answer("GET", data)
            CONTRACT.check_answer("GET", path, answer.status, answer.headers, answer.body)
            status = answer.status
        transport.leave()
        assert status < 500
        assert self.record.read() == before
        return status, [event.type for event in reader.events]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    made = {mode: World(tmp_path_factory.mktemp(mode), mode) for mode in MODES}
    yield made
    for world in made.values():
        world.stop()


@pytest.fixture
def world(worlds, call):
    return worlds[call.mode]


# Nothing is left out

FIELD = re.compile(r'\bfields(?:, |\.get\(|\[)"(\w+)"')


def readers(area, route):
    """
    A route, and all that it gives the request to: functions, and parts of its area.
    """
    parts = {each.name: each.type for each in fields(area)}
    found, left = set(), {route}
    while left:
        reader = left.pop()
        found.add(reader)
        known = vars(inspect.getmodule(reader)) | parts
        known["self"] = reader if isinstance(reader, type) else area
        given_to = re.findall(r"(\w+)(?:\.\w+)?\(request\b(?!\.)", inspect.getsource(reader))
        left |= {known[name] for name in given_to} - found
    return found


def read_by_routes():
    """
    (method, path) of every route, and the names of the fields that it reads.
    """
    for module in walk_packages(teamchatd.http.__path__, "teamchatd.http."):
        for area in vars(import_module(module.name)).values():
            app = getattr(area, "app", None)
            if not isinstance(area, type) or not isinstance(app, Klein):
                continue
            for rule in app.url_map.iter_rules():
                route = app.endpoints[rule.endpoint].__original__.__wrapped__
                source = "".join(map(inspect.getsource, readers(area, route)))
                for method in rule.methods - {"HEAD"}:
                    path = re.sub("<[a-z_]+>", "{}", rule.rule)
                    yield (method, path), set(FIELD.findall(source))


def test_every_field_is_described():
    """
    What the routes read is what the description names, and so what is tested here.
    """
    read = {route: names for route, names in read_by_routes() if names}
    said = {
        (call.method, re.sub("{[^}]+}", "{}", call.path)): set(call.fields) for call in WITH_BODY
    }
    assert read == said


def test_every_parameter_is_tested():
    """
    A new parameter would have to be sent something strange, too.
    """
    assert {name for call in CALLS for name in call.queries} == {
        *("limit", "before", "size"),
        *("token", "lastEventId"),
        *("code", "state", "error", "iss"),
    }
    assert {name for call in CALLS for name in call.headers} == {
        *("Last-Event-ID", "Range", "If-Range", "If-None-Match"),
    }
    assert {part for call in CALLS for part in re.findall("{([^}]+)}", call.path)} == {
        *("userId", "channelId", "messageId", "replyId", "filename"),
        *("conversationId", "webhookId", "providerId"),
        *("digest", "file"),
    }


@each_with_body
def test_usual(world, call):
    """
    The refusals below are for what is wrong, and not for what is sent beside it.
    """
    strangers = {
        *("/auth/setup-password", "/auth/refresh", "/auth/password-login"),
        "/auth/verify",
    }
    right = {401, 400} if call.path in strangers else {200, 404}
    if (call.method, call.path) == ("DELETE", "/auth/sessions"):
        right = {400}  # its two fields exclude each other
    assert world.refuses(call, world.body(call)) in right


# Fields

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def nested(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return value


def has_type(value, schema):
    """
    Whether a field may hold this, as far as types go.
    """
    if schema["type"] == "array":
        return isinstance(value, list) and all(isinstance(item, str) for item in value)
    return isinstance(value, {"string": str, "boolean": bool}[schema["type"]])


@each_field
def test_wrong_type(world, call, name):
    """
    A field of the wrong type is 400, whatever else is sent.
    """

    @tried(
        anything,
        10,
        None,
        True,
        0,
        1,
        -0.5,
        10**400,
        "true",
        [],
        [None],
        ["x", 1],
        [["x"]],
        {},
        {"toString": "x", "__proto__": {}},
        nested(50),
    )
    def refused(value):
        status = world.refuses(call, world.body(call) | {name: value})
        if not has_type(value, call.fields[name]):
            assert status == 400


@each_text
def test_strange_text(world, call, name):
    """
    Text that cannot be kept as it came is 400: one with NUL or a lone surrogate in it.
    """

    @tried(
        st.text(st.characters(exclude_categories=()), max_size=80),
        10,
        "",
        " \t\n ",
        "\0",
        "before\0after",
        "\ud800",
        "before \udfff after",
        "\ude00\ud83d",  # a pair, the wrong way round
        "\x01\x1b[31m\x7f\x85",
        "\u202e\u200b\ufeff\u2028\u2029\uffff\U0010ffff",
        "e\u0301\u1e9e\u0130\ufb03",  # longer or shorter once they are folded
        "👩‍👩‍👧‍👦" * 100,
        "'; DROP TABLE users; --",
        "../../etc/passwd",
        "{user}%s%n$(id)`id`<script>alert(1)</script>",
        "@",
        "a@b\r\nBcc: c@example.org",
        "a" * 300 + "@example.org",
        "x" * 16_385,
        "ß" * 200_000,
        "x" * 1_000_000,
        "x" * 2_000_000,
    )
    def refused(value):
        body = json.dumps(world.body(call) | {name: value})  # surrogates as \\ud800
        status = world.refuses(call, body.encode())
        if "\0" in value or not is_unicode(json.loads(body)[name]):
            assert status == 400
        if len(body) > call.largest_body:
            assert status == 413


def is_unicode(text):
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@each_with_body
@pytest.mark.parametrize("value", ["\0", "\ud800"])
def test_strange_items(world, call, value):
    """
    What goes for a text goes for the texts in a list, and for unknown fields' surrogates.
    """
    lists = {name: [value] for name, schema in call.fields.items() if schema["type"] == "array"}
    if lists:
        assert world.refuses(call, world.body(call) | lists) == 400
    if value == "\ud800":
        assert world.refuses(call, world.body(call) | {"unknown": value}) == 400


# Bodies

BROKEN = {
    "half": b'{"content": "x"',
    "brace": b"{",
    "two": b"{}{}",
    "trailing": b'{"content": "x"} x',
    "comma": b'{"content": "x",}',
    "quotes": b"{'content': 'x'}",
    "comment": b'{"content": "x" /* y */}',
    "space": b" ",
    "NUL": b"\0",
    "not UTF-8": b'{"content": "\xff"}',
    "a key that is not UTF-8": b'{"\xc3\x28": "x"}',
    "overlong": b'{"content": "\xc0\xaf"}',
    "surrogate": b'{"content": "\xed\xa0\x80"}',
    "escaped surrogate": b'{"content": "\\ud800"}',
    "surrogate in a key": b'{"\\udc00": "x"}',
    "Latin-1": '{"content": "\xe4"}'.encode("latin-1"),
    "UTF-16": '{"content": "x"}'.encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf{}",
    "raw line end": b'{"content": "a\nb"}',
    "NaN": b'{"content": NaN}',
    "Infinity": b'{"content": -Infinity}',
    "beyond floats": b'{"content": 1e999}',
    "leading zero": b'{"content": 007}',
    "brackets": b"[" * 100_000,
    "closed brackets": b"[" * 100_000 + b"]" * 100_000,
    "braces": b'{"content":' * 50_000 + b"1" + b"}" * 50_000,
    "null": b"null",
    "true": b"true",
    "number": b"12",
    "long number": b"1" * 5000,
    "string": b'"content"',
    "list": b"[]",
    "list of objects": b'[{"content": "x"}]',
    "form": b"content=x",
}


@each_with_body
def test_no_object(world, call):
    """
    A body that is no JSON object is 400.
    """
    for what, body in BROKEN.items():
        assert world.refuses(call, body) == 400, what


@each_call
def test_unneeded(world, call):
    """
    So it is where nobody needs one.
    """
    assert world.refuses(call, b"{") == 400


@each_with_body
def test_damaged(world, call):
    """
    A body that was damaged on its way is refused, or is another body.
    """

    @tried(
        st.data(),
        15,
    )
    def refused(data):
        body = json.dumps(world.body(call)).encode()
        start = data.draw(st.integers(0, len(body)))
        end = data.draw(st.integers(start, len(body)))
        world.refuses(call, body[:start] + data.draw(st.binary(max_size=8)) + body[end:])


@each_with_body
def test_twice(world, call):
    """
    Of a field that stands twice the last counts, as in browsers: a good one in
    front does not let a bad one in.
    """
    good = json.dumps(world.body(call)).encode()
    for name in call.fields:
        twice = good[:-1] + b', "%s": {}}' % name.encode()
        assert world.refuses(call, twice) == 400


OTHER_TYPES = [
    *("", ";" * 5000, "\xff\xfe", "json", "application/", "application/json-patch+json"),
    *(
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
    ),
    *("text/plain", "text/plain; application/json", "x, application/json"),
]


@each_call
def test_other_type(world, call):
    """
    A body that is not said to be JSON is 415, also where no body is needed.
    """
    for content_type in OTHER_TYPES:
        assert world.refuses(call, b"{}", content_type=content_type) == 415, content_type


@each_with_body
def test_parameters_of_type(world, call):
    """
    The parameters of the type are ignored, and so is its case.
    """
    for content_type in (
        "APPLICATION/JSON",
        "application/json;charset=latin-1",
        "application/json ;;",
    ):
        assert world.refuses(call, b"{", content_type=content_type) == 400, content_type


# Queries

strange_bytes = st.binary(max_size=40) | st.text(max_size=20).map(str.encode)


@pytest.fixture
def messages(worlds):
    return f"/channels/{worlds['dev'].parts['channelId']}/messages"


def test_limit(worlds, messages):
    """
    A limit is a number that somebody could mean; all else is 400.
    """

    @tried(
        strange_bytes,
        150,
        b"0",
        b"-1",
        b"-0",
        b"+5",
        b"1.0",
        b"1e3",
        b"0x10",
        b"1_000",
        b" 1",
        b"nan",
        b"-",
        b"9" * 18 + b"9",
        b"9" * 5000,
        "٣".encode(),  # a digit, in Arabic
        "²".encode(),
        b"\xff",
        b"\0",
        b"1\0",
    )
    def refused(value):
        status = worlds["dev"].ask("GET", f"{messages}?limit={quote(value)}")
        is_usable = not value or re.fullmatch(rb"0*[1-9][0-9]*", value)
        assert status == (200 if is_usable else 400)


def test_before(worlds, messages):
    """
    No message has such an id.
    """

    @tried(
        strange_bytes.filter(bool),
        100,
        b"\xff",
        b"\0",
        b"' OR 1=1 --",
        b"x" * 5000,
    )
    def refused(value):
        assert worlds["dev"].ask("GET", f"{messages}?before={quote(value)}") in (400, 404)


@pytest.mark.parametrize(
    "query",
    [
        "limit",
        "limit=",
        "limit=1&limit=",
        "limit=x&limit=1",
        "before=&before",
        "&&&",
        "=",
        "before=;limit=1",
        "%",
        "%zz=%zz",
        "%00=%00",
        "limit[]=1",
        "x=" + "y" * 10_000,
        "&".join(f"x{number}=" for number in range(1000)),
        "?limit=1",
    ],
)
def test_strange_query(worlds, messages, query):
    """
    Of a parameter that stands twice the last counts; unknown ones are ignored.
    """
    assert worlds["dev"].ask("GET", f"{messages}?{query}") == 200


@each_image
def test_size(world, call):
    """
    An image is shown small or whole, and in no other size.
    """

    @tried(strange_bytes, 40, b"", b"thumb", b"THUMB", b" thumb", b"thumb\0", b"\xff", b"400")
    def refused(value):
        status = world.ask("GET", f"{world.path(call.path)}?size={quote(value)}")
        assert status == (200 if value in (b"", b"thumb") else 400)


def test_token_in_query(worlds):
    """
    A token that is none opens no stream.
    """

    @tried(
        strange_bytes,
        60,
        b"",
        b"\xff",
        b"\0",
        b"..",
        b"x" * 10_000,
    )
    def refused(value):
        status, _ = worlds["dev"].listen(f"/events?token={quote(value)}", {})
        assert status in (400, 401)


event_ids = st.sampled_from(["{era}.", "{era}", ".", "{era}.{head}", ""])


def test_last_event_id(worlds):
    """
    A stream begins with CONNECTED, whatever the client says it has heard.
    """

    @tried(
        st.tuples(event_ids, strange_bytes),
        100,
        ("{era}.", b"-1"),
        ("{era}.", b"1.5"),
        ("{era}.", b"9" * 18),
        ("{era}.", b"9" * 5000),
        ("{era}.", "٣".encode()),
        ("", b"\xff"),
        ("", b"\0"),
    )
    def refused(event_id):
        world = worlds["dev"]
        head = world.daemon.database.head()
        known, rest = event_id[0].format(era=head.era, head=head.number).encode(), event_id[1]
        in_query = f"/events?token={world.ada}&lastEventId={quote(known + rest)}"
        header = (known + rest).translate(None, b"\0\r\n").decode("latin-1")
        seen = [
            world.listen(in_query, {}),
            world.listen(f"/events?token={world.ada}", {"last-event-id": header}),
        ]
        for status, types in seen:
            assert (status, types[:1]) in [(200, ["CONNECTED"]), (400, [])]
            assert "RESET" not in types[2:]


# Paths

SEGMENTS = [
    *("%2F", "%2f..%2f", "%00", "x%00", ".", "..", "%2e%2e", "%2E%2E%2F", "%", "%zz", "%f", "%ff"),
    *("%ed%a0%80", "%c0%af", "%25", "%252F", "%3F", "%23", ";x=y", "a;b", "*", "~", "+", "a+b%20"),
    *("%0d%0aSet-Cookie:%20x=y", "<id>", "{id}", "'--", '"', "\\", "|", "%F0%9F%98%80"),
    *("null", "undefined", "0", "-1", "dm:x", "webhook:x", "x" * 10_000, "%41" * 3000),
]

PATHS = [call for call in CALLS if "{" in call.path]

each_path = pytest.mark.parametrize("call", PATHS, ids=str)


def replaced(world, call, segment):
    """
    The path of C{call} with one part that names nothing, as often as it has parts.
    """
    for part in re.findall("{[^}]+}", call.path):
        yield world.path(call.path.replace(part, segment.replace("{", "{{").replace("}", "}}")))


@each_path
def test_no_such_thing(world, call):
    """
    A path that names nothing is refused in the way of this call.
    """
    for segment in SEGMENTS:
        for path in replaced(world, call, segment):
            status = world.ask(call.method, path, world.body(call) or None)
            assert status in {400, 404} | ALSO.get(call.path, set()), segment


@each_path
def test_any_bytes(world, call):
    """
    Whatever is percent-encoded: it is no id.
    """

    @tried(
        st.binary(min_size=1, max_size=30),
        40,
    )
    def refused(segment):
        for path in replaced(world, call, quote(segment, safe="")):
            status = world.ask(call.method, path, world.body(call) or None)
            assert status in {400, 404, 405} | ALSO.get(call.path, set())


def test_any_path(worlds):
    """
    Paths made of pieces of ours, in every order, are there or not there.
    """
    pieces = ["users", "channels", "messages", "auth", "me", "add", "", *SEGMENTS[:20]]
    methods = st.sampled_from(["GET", "POST", "PUT", "DELETE"])

    @tried(st.tuples(methods, st.lists(st.sampled_from(pieces), max_size=5)), 150)
    def refused(asked):
        method, segments = asked
        worlds["dev"].ask(method, "/" + "/".join(segments))


# Authorization

header_text = st.text(st.characters(max_codepoint=255, exclude_characters="\0\r\n"), max_size=60)


def test_authorization(worlds):
    """
    A header that holds no token of ours is 401, and a call that needs none does not mind.
    """

    @tried(
        header_text | header_text.map("Bearer {}".format),
        80,
        "Bearer",
        "Bearer  ",
        "Bearer .",
        "Bearer ..",
        "Bearer " + "." * 5000,
        "Bearer e30.e30.e30",  # {}.{}.{}
        "Bearer bnVsbA.bnVsbA.bnVsbA",  # null
        "Bearer W10.W10.W10",  # []
        "Bearer eyJhbGciOltdfQ.e30.",  # {"alg": []}
        "Bearer eyJhbGciOnt9fQ.e30.",  # {"alg": {}}
        "Bearer eyJhbGciOiJIUzI1NiIsImtpZCI6MX0.e30.x",  # {"alg": "HS256", "kid": 1}
        "Bearer eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2V9.e30.x",  # {…, "b64": false}
        "Bearer eyJhbGciOiJIUzI1NiIsImNyaXQiOjF9.e30.x",  # {…, "crit": 1}
        "Bearer " + "W" * 4000,
        "Bearer " + "W" * 12_000,
        "Bearer \xff\xfe.\xff.\xff",
        "Basic YWRhOng=",
        "Bearer,Bearer x",
    )
    def refused(value):
        world = worlds["dev"]
        assert world.ask("GET", "/auth/me", authorization=value) == 401
        assert world.ask("GET", "/health", authorization=value) == 200
        status, _ = world.listen("/events", {"authorization": value})
        assert status == 401


@pytest.mark.parametrize("name", ["user-agent", "x-forwarded-for", "cookie", "origin", "referer"])
def test_other_headers(worlds, name):
    """
    What a client says of itself can be anything.
    """

    @tried(
        header_text,
        30,
        "\xff\xfe",
        "," * 5000,
        "=;" * 2000,
        "x" * 15_000,
    )
    def refused(value):
        world = worlds["dev"]
        assert world.ask("GET", "/channels", **{name: value}) == 200
        new = {"email": "bob@example.org"}
        assert world.ask("POST", "/auth/dev-login", new, **{name: value}) == 200


ranges = st.from_regex(r"(bytes|items) ?= ?[0-9]{0,20}-[0-9]{0,2}(, ?-[0-9])?", fullmatch=True)


@each_image
def test_range(world, call):
    """
    What is no range of ours is ignored, and then the whole image comes.
    """

    @tried(
        header_text | ranges,
        60,
        "bytes=0-0",
        "bytes=0-",
        "bytes=-1",
        "bytes=-",
        "bytes=-0",
        "bytes=1-0",
        f"bytes={len(PNG)}-",
        "bytes=0-1,2-3",
        "bytes=" + "9" * 5000 + "-",
        "bytes=-" + "9" * 5000,
        "bytes=\xb2-",  # a digit, superscript
        "BYTES=0-1",
    )
    def refused(value):
        found = re.fullmatch(r"bytes=([0-9]{0,18})-([0-9]{0,18})", value.strip(), re.ASCII)
        status = world.ask("GET", world.path(call.path), range=value)
        assert status in ({200, 206, 416} if found else {200})


@each_image
def test_if_range(world, call):
    """
    A part comes only to those who have the rest of this very image.
    """
    path = world.path(call.path)
    etag = world.daemon.get(path, world.ada).headers["etag"]

    @tried(header_text, 20, "", "*", etag[:-1], etag[1:-1], f"W/{etag}", f'{etag}, "x"', "\xff")
    def refused(value):
        assert world.ask("GET", path, range="bytes=0-0", if_range=value) == 200

    assert world.ask("GET", path, range="bytes=0-0", if_range=etag) == 206


@each_image
def test_if_none_match(world, call):
    """
    What nobody can have comes whole.
    """
    path = world.path(call.path)
    etag = world.daemon.get(path, world.ada).headers["etag"]

    @tried(
        header_text.filter(lambda value: value.strip() != "*"),
        20,
        "",
        "**",
        etag[:-1],
        etag[1:-1],
        '"' * 5000,
        f'"x {etag}',
        "\xff",
    )
    def refused(value):
        assert world.ask("GET", path, if_none_match=value) == 200

    for known in (etag, f"W/{etag}", f'"x",{etag} , "y"', "*"):
        assert world.ask("GET", path, if_none_match=known) == 304
